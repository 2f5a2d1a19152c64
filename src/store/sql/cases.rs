//! Cases, attempts and evidence.

use super::{Statement, family, given};

family! {
    /// A case, new or changed. Its pull request and what opened it never change.
    SET_CASE = Statement::both(
        "INSERT INTO cases (
             id, repo_id, number, opened_head, head, opened_at_ms, since_ms, state, attempt_id,
             reason, note, attempts, reruns, asked, labels, auto_merge
         )
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
         ON CONFLICT (id) DO UPDATE
         SET opened_head = excluded.opened_head,
             head = excluded.head,
             since_ms = excluded.since_ms,
             state = excluded.state,
             attempt_id = excluded.attempt_id,
             reason = excluded.reason,
             note = excluded.note,
             attempts = excluded.attempts,
             reruns = excluded.reruns,
             asked = excluded.asked,
             labels = excluded.labels,
             auto_merge = excluded.auto_merge",
    );

    /// The live cases of pull requests, or their last ones.
    LAST_CASES = given!(
        "SELECT c.id, c.repo_id, r.slug, r.installation_id, c.number, c.opened_head, c.head,
                c.opened_at_ms, c.since_ms, c.state, c.attempt_id, c.reason, c.note, c.attempts,
                c.reruns, c.asked, c.labels, c.auto_merge
         FROM ",
        (repo_id BIGINT, number BIGINT),
        "
         JOIN cases c ON c.id = (
             SELECT l.id
             FROM cases l
             WHERE l.repo_id = given.repo_id
               AND l.number = given.number
             ORDER BY CASE WHEN l.state IN ('superseded', 'closed') THEN 1 ELSE 0 END,
                      l.opened_at_ms DESC,
                      l.id DESC
             LIMIT 1
         )
         JOIN repos r ON r.id = c.repo_id"
    );

    /// A case by its id.
    CASE = Statement::both(
        "SELECT c.id, c.repo_id, r.slug, r.installation_id, c.number, c.opened_head, c.head,
                c.opened_at_ms, c.since_ms, c.state, c.attempt_id, c.reason, c.note, c.attempts,
                c.reruns, c.asked, c.labels, c.auto_merge
         FROM cases c
         JOIN repos r ON r.id = c.repo_id
         WHERE c.id = $1",
    );

    /// An attempt, new or changed.
    SET_ATTEMPT = Statement::both(
        "INSERT INTO attempts (
             id, case_id, number, head, planned_at_ms, dispatches, dispatched_at_ms, state,
             end_reason, end_detail, note, feedback, verdict
         )
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         ON CONFLICT (id) DO UPDATE
         SET dispatches = excluded.dispatches,
             dispatched_at_ms = excluded.dispatched_at_ms,
             state = excluded.state,
             end_reason = excluded.end_reason,
             end_detail = excluded.end_detail,
             note = excluded.note,
             feedback = excluded.feedback,
             verdict = excluded.verdict",
    );

    /// The attempts of cases with what their runners said, by number.
    ATTEMPTS = given!(
        "SELECT a.id, a.case_id, a.number, a.head, a.planned_at_ms, a.dispatches,
                a.dispatched_at_ms, a.state, a.end_reason, a.end_detail, a.note, a.feedback,
                a.verdict, s.run_id, s.admitted_at_ms, s.heard_at_ms, s.stage, s.round, s.outcome
         FROM ",
        (case_id TEXT),
        "
         JOIN attempts a ON a.case_id = given.case_id
         LEFT JOIN runner_reports s ON s.attempt_id = a.id
         ORDER BY a.case_id, a.number"
    );

    /// The case of an attempt.
    CASE_OF_ATTEMPT = Statement::both(
        "SELECT case_id
         FROM attempts
         WHERE id = $1",
    );

    /// What was read for a case at a head; reading again replaces it.
    SET_EVIDENCE = Statement::both(
        "INSERT INTO evidence (case_id, head, body, read_at_ms)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (case_id, head) DO UPDATE
         SET body = excluded.body,
             read_at_ms = excluded.read_at_ms",
    );

    /// What was read for a case at a head.
    EVIDENCE = Statement::both(
        "SELECT body
         FROM evidence
         WHERE case_id = $1
           AND head = $2",
    );

    /// Attempts begin one after the other, so that each sees those that have begun before it.
    ONE_BY_ONE = Statement::both(
        "UPDATE instance
         SET id = 1
         WHERE id = 1",
    );

    /// What repositories use: attempts planned since then, at work now, at work for the installation and
    /// for all, and cases that go on by themselves. The case of an attempt is asked for by itself:
    /// from a join PostgreSQL would begin with all cases that there ever were.
    USAGE = given!(
        "SELECT
             (SELECT COUNT(*)
              FROM attempts a
              WHERE a.planned_at_ms > given.since_ms
                AND (SELECT c.repo_id FROM cases c WHERE c.id = a.case_id) = given.repo_id)
                 AS today,
             (SELECT COUNT(*)
              FROM attempts a
              WHERE a.state = 'running'
                AND (SELECT c.repo_id FROM cases c WHERE c.id = a.case_id) = given.repo_id)
                 AS running,
             (SELECT COUNT(*)
              FROM attempts a
              JOIN cases c ON c.id = a.case_id
              JOIN repos r ON r.id = c.repo_id
              WHERE a.state = 'running'
                AND r.installation_id = (
                    SELECT own.installation_id
                    FROM repos own
                    WHERE own.id = given.repo_id
                )) AS installation_running,
             (SELECT COUNT(*)
              FROM attempts a
              WHERE a.state = 'running') AS all_running,
             (SELECT COUNT(*)
              FROM cases c
              WHERE c.repo_id = given.repo_id
                AND c.state NOT IN ('superseded', 'closed')
                AND c.state IN ('watching', 'diagnosing', 'rerunning', 'healing', 'proving'))
                 AS cases_open,
             given.repo_id AS repo_id
         FROM ",
        (repo_id BIGINT, since_ms BIGINT),
        ""
    );
}
