-- A checkpoint that was not packed, as the eleventh schema holds it; for both engines.

INSERT INTO checkpoints (attempt_id, round, length, saved_at_ms, packed)
VALUES (
    'att_00000000000000000000000000000001', 1, NULL, 430,
    '{"round":1,"fixer":"agent:codex","state":{"name":"state","round":1,"body":""},"work_in_progress":[],"session":{"id":"a","files":["eA=="]}}'
);
