-- What a runner was given, and a prompt that was not packed, as the twentieth schema holds them; for both
-- engines.

INSERT INTO inputs_given (attempt_id, position, sha256, given, given_at_ms)
VALUES (
    'att_00000000000000000000000000000001', 1, 'ab',
    '{"release":"0.1.0","base":"main","base_sha":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","fork":null,"policy":{"commit":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","path":".github/selfheal.yml","sha256":null,"in_force":"defaults"},"prices":{"version":"1","sha256":"cd"}}',
    440
);

INSERT INTO inputs_prompts (attempt_id, position, sha256, round, fixer, length, packed, told_at_ms)
VALUES ('att_00000000000000000000000000000001', 1, 'ef', 1, 'agent:codex', NULL, 'Heal it.', 450);
