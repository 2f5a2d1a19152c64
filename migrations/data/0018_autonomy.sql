-- A change of autonomy, as the eighteenth schema holds it; for both engines.

INSERT INTO autonomy_changes (repo_id, class, at_ms, level_from, level_to, because, case_id)
SELECT MIN(repo_id), 'lint', 560, 'commit', 'suggest', 'the fix of pull request 1 was taken back', MIN(id)
FROM cases;
