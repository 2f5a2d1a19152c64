-- A pass that was interrupted and a repository that was swept, as the third schema holds them; for
-- both engines.

UPDATE reconciler
SET due_at_ms = 900, lease_epoch = 4, mark_ms = 800, pass_to_ms = 890, pass_cursor = 'v1_17'
WHERE id = 1;

UPDATE repos SET swept_at_ms = 700, sweep_due_ms = 1700 WHERE id = 7;
