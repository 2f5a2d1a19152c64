-- Reconciling: how far the forge's own delivery log was compared with the inbox, and when the open
-- pull requests of each repository were last listed (src/service/reconcile.rs).
-- The same tables, columns and constraints as the other engine's file of this name.

-- The one row of whoever reconciles; its lease lets one replica do it at a time.
CREATE TABLE reconciler (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    due_at_ms BIGINT NOT NULL,                   -- when the next turn is due
    lease_epoch BIGINT NOT NULL DEFAULT 0,       -- raised with every claim
    lease_until_ms BIGINT NOT NULL DEFAULT 0,    -- 0: nobody has it
    mark_ms BIGINT,                              -- all that was delivered up to then was compared
    pass_to_ms BIGINT,                           -- what the mark becomes when the pass is through
    pass_cursor TEXT,                            -- where a pass goes on that took too long for a turn
    CHECK ((pass_to_ms IS NULL) = (pass_cursor IS NULL))
);
INSERT INTO reconciler (id, due_at_ms) VALUES (1, 0);

-- Up to when its open pull requests are known to have been looked through; NULL: never.
ALTER TABLE repos ADD COLUMN swept_at_ms BIGINT;
-- When they are listed again.
ALTER TABLE repos ADD COLUMN sweep_due_ms BIGINT NOT NULL DEFAULT 0;
CREATE INDEX repos_sweep ON repos (sweep_due_ms) WHERE reachable = 1;
