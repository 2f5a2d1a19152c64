-- A call under way and one that was settled, with what they took, as the ninth schema holds them; for
-- both engines.

INSERT INTO model_calls (
    id, attempt_id, case_id, repo_id, number, provider, model, prices, state, hour, held_nanos,
    held_tokens, cost_nanos, input_tokens, output_tokens, held_at_ms, settled_at_ms
)
VALUES
    ('call_00000000000000000000000000000001', 'att_00000000000000000000000000000001',
     'case_00000000000000000000000000000001', 7, 1, 'anthropic', 'claude-opus-5-5', '2026-11-21',
     'held', 0, 500, 50, NULL, 0, 0, 440, NULL),
    ('call_00000000000000000000000000000002', 'att_00000000000000000000000000000001',
     'case_00000000000000000000000000000001', 7, 1, 'anthropic', 'claude-opus-5-5', '2026-11-21',
     'settled', 0, 900, 90, 70, 5, 2, 441, 442);

INSERT INTO model_accounts (
    scope, holder, hour, settled_nanos, settled_tokens, held_nanos, held_tokens
)
VALUES
    ('attempt', 'att_00000000000000000000000000000001', 0, 70, 7, 500, 50),
    ('case', 'case_00000000000000000000000000000001', 0, 70, 7, 500, 50),
    ('pull', '7/1', 0, 70, 7, 500, 50),
    ('repository', '7', 1, 70, 7, 500, 50),
    ('day', '', 1, 70, 7, 500, 50);

UPDATE model_accounts
SET settled_nanos = 70, settled_tokens = 7, held_nanos = 500, held_tokens = 50
WHERE scope = 'all';

UPDATE model_calls SET hour = 1;
