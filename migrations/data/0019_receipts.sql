-- A verdict and forgotten calls, as the nineteenth schema holds them; for both engines.

UPDATE attempts
SET verdict = '{"answer":"hold","findings":[{"rule":"mode","weight":"hold","place":"a.sh:1","message":"a mode"}]}'
WHERE id = (SELECT MIN(id) FROM attempts);

INSERT INTO spent_before (
    attempt_id, provider, model, calls, unsettled, input, cache_read, cache_write, cache_write_1h, output,
    charged_nanos, charged_tokens
)
SELECT MIN(id), 'anthropic', 'claude-haiku-4-5', 2, 1, 100, 20, 30, 0, 40, 5000, 190
FROM attempts;
