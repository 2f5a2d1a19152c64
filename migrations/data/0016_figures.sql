-- What a case went through and a sign against its fix, as the sixteenth schema holds it; for both engines.

INSERT INTO case_moves (case_id, position, at_ms, state, reason)
SELECT MIN(id), 1, 500, 'healed', 'by_us'
FROM cases;

INSERT INTO case_classes (case_id, class)
SELECT MIN(id), 'lint'
FROM cases;

INSERT INTO attempt_marks (attempt_id, position, at_ms, mark)
SELECT MIN(id), 1, 510, 'admitted'
FROM attempts;

INSERT INTO fixes (attempt_id, fingerprint, repo_id, number, at_ms)
SELECT MIN(id), '0123456789abcdef01234567', 1, 1, 520
FROM attempts;

INSERT INTO false_fixes (attempt_id, sign, at_ms, evidence)
SELECT MIN(id), 'undone', 530, 'by mona'
FROM attempts;
