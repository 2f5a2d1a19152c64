//! Figures: what cases went through, and signs that fixes were wrong.

use super::{Statement, family, given};

family! {
    /// States that cases have entered, after those that are known: `nth` counts them from 1.
    ENTER = given!(
        "INSERT INTO case_moves (case_id, position, at_ms, state, reason)
         SELECT given.case_id,
                COALESCE(
                    (SELECT MAX(m.position) FROM case_moves m WHERE m.case_id = given.case_id), 0
                ) + given.nth,
                given.at_ms, given.state, given.reason
         FROM ",
        (case_id TEXT, nth BIGINT, at_ms BIGINT, state TEXT, reason TEXT),
        "
         WHERE TRUE
         ORDER BY given.nth"
    );

    /// What failed in cases; what was read first counts.
    CLASSIFY = given!(
        "INSERT INTO case_classes (case_id, class)
         SELECT given.case_id, given.class
         FROM ",
        (case_id TEXT, class TEXT),
        "
         WHERE TRUE
         ON CONFLICT (case_id) DO NOTHING"
    );

    /// A runner was heard of.
    MARK = Statement::both(
        "INSERT INTO attempt_marks (attempt_id, position, at_ms, mark)
         SELECT $1, COALESCE(MAX(position), 0) + 1, $2, $3
         FROM attempt_marks
         WHERE attempt_id = $1",
    );

    /// Failures that attempts have fixed; when CI was last green on it counts.
    KEEP_FIXES = given!(
        "INSERT INTO fixes (attempt_id, fingerprint, repo_id, number, at_ms)
         SELECT a.id, given.fingerprint, c.repo_id, c.number, given.at_ms
         FROM ",
        (attempt_id TEXT, fingerprint TEXT, at_ms BIGINT),
        "
         JOIN attempts a ON a.id = given.attempt_id
         JOIN cases c ON c.id = a.case_id
         WHERE TRUE
         ON CONFLICT (attempt_id, fingerprint) DO UPDATE
         SET at_ms = excluded.at_ms"
    );

    /// Signs against fixes; a sign counts once, and an attempt that nobody knows has none.
    CALL_FALSE = given!(
        "INSERT INTO false_fixes (attempt_id, sign, at_ms, evidence)
         SELECT a.id, given.sign, given.at_ms, given.evidence
         FROM ",
        (attempt_id TEXT, sign TEXT, at_ms BIGINT, evidence TEXT),
        "
         JOIN attempts a ON a.id = given.attempt_id
         WHERE TRUE
         ON CONFLICT (attempt_id, sign) DO NOTHING"
    );

    /// Fixes of failures on a pull request, and whether they were taken back.
    FIXES = given!(
        "SELECT f.repo_id, f.attempt_id, f.number, f.fingerprint, f.at_ms,
                CAST(CASE WHEN EXISTS (
                    SELECT 1
                    FROM false_fixes x
                    WHERE x.attempt_id = f.attempt_id
                      AND x.sign IN ('undone', 'reverted')
                ) THEN 1 ELSE 0 END AS BIGINT) AS taken_back
         FROM ",
        (repo_id BIGINT, number BIGINT, fingerprint TEXT, since_ms BIGINT),
        "
         JOIN fixes f ON f.repo_id = given.repo_id
             AND f.number = given.number
             AND f.fingerprint = given.fingerprint
         WHERE f.at_ms >= given.since_ms"
    );

    /// The newest $5 fixes in repository $1, green since $3, whose pull request was merged into branch
    /// $2 before $4, and against which there is no sign.
    LANDED = Statement::both(
        "SELECT a.id, a.head, s.outcome
         FROM attempts a
         JOIN cases c ON c.id = a.case_id
         JOIN pulls p ON p.repo_id = c.repo_id AND p.number = c.number
         JOIN runner_reports s ON s.attempt_id = a.id
         WHERE a.id IN (
             SELECT f.attempt_id
             FROM fixes f
             WHERE f.repo_id = $1 AND f.at_ms >= $3
         )
           AND p.base = $2
           AND p.state = 'merged'
           AND p.updated_at_ms <= $4
           AND a.end_reason = 'healed'
           AND s.outcome IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM false_fixes x WHERE x.attempt_id = a.id)
         ORDER BY a.planned_at_ms DESC, a.id DESC
         LIMIT $5 + 0",
    );

    /// Attempts by the commits that they made.
    ATTEMPTS_OF = given!(
        "SELECT a.id, a.end_detail
         FROM ",
        (repo_id BIGINT, sha TEXT),
        "
         JOIN attempts a ON a.end_detail = given.sha
         JOIN cases c ON c.id = a.case_id AND c.repo_id = given.repo_id"
    );

    /// The newest cases that were opened since $1, of the repository $2 or ('') of all.
    CASES_SINCE = Statement::both(
        "SELECT c.id, r.slug, c.opened_at_ms, c.state, c.reason, k.class,
                (SELECT COUNT(*) FROM attempts a WHERE a.case_id = c.id) AS attempts,
                COALESCE((
                    SELECT m.settled_nanos + m.held_nanos
                    FROM model_accounts m
                    WHERE m.scope = 'case'
                      AND m.holder = c.id
                      AND m.hour = 0
                ), 0) AS cost_nanos
         FROM cases c
         JOIN repos r ON r.id = c.repo_id
         LEFT JOIN case_classes k ON k.case_id = c.id
         WHERE c.opened_at_ms >= $1
           AND ($2 = '' OR r.slug = $2)
         ORDER BY c.opened_at_ms DESC, c.id DESC
         LIMIT $3 + 0",
    );

    /// What cases have entered, in order.
    MOVES = given!(
        "SELECT m.case_id, m.at_ms, m.state, m.reason
         FROM ",
        (case_id TEXT),
        "
         JOIN case_moves m ON m.case_id = given.case_id
         ORDER BY m.case_id, m.position"
    );

    /// What their runners were heard of, in order.
    MARKS = given!(
        "SELECT a.case_id, m.at_ms, m.mark
         FROM ",
        (case_id TEXT),
        "
         JOIN attempts a ON a.case_id = given.case_id
         JOIN attempt_marks m ON m.attempt_id = a.id
         ORDER BY a.case_id, m.at_ms, m.position"
    );

    /// Signs against their fixes.
    SIGNS = given!(
        "SELECT a.case_id, f.attempt_id, f.sign
         FROM ",
        (case_id TEXT),
        "
         JOIN attempts a ON a.case_id = given.case_id
         JOIN false_fixes f ON f.attempt_id = a.id
         ORDER BY a.case_id, f.attempt_id, f.sign"
    );
}
