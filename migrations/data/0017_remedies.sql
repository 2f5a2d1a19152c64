-- A remedy and what came of it, as the seventeenth schema holds them; for both engines.

INSERT INTO remedies (
    attempt_id, installation_id, repo_id, number, commit_sha, shared, body, filed_at_ms
)
SELECT MIN(a.id), 1, MIN(c.repo_id), 1, 'cccccccccccccccccccccccccccccccccccccccc', 0,
       '{"cures":[],"edits":[]}', 540
FROM attempts a
JOIN cases c ON c.id = a.case_id;

INSERT INTO remedy_shapes (shape, attempt_id)
SELECT '0123456789abcdef01234567', MIN(attempt_id)
FROM remedies;

INSERT INTO remedy_offers (attempt_id, remedy_id, at_ms, came)
SELECT MAX(a.id), MIN(r.attempt_id), 550, 'in_vain'
FROM attempts a, remedies r;
