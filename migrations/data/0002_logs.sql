-- A kept log, as the second schema holds it; for both engines.

INSERT INTO logs (
    repo_id, number, job_id, name, run_id, run_attempt, bytes, packed_bytes, kept_at_ms, packed
)
VALUES (7, 1, 31, 'ci / test', 99, 1, 4, 4, 360, 'text');
