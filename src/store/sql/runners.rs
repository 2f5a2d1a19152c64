//! What runners say.

use super::{Statement, family, given};

family! {
    /// Marks an identity as used; one that was used before changes nothing.
    USE_IDENTITY = Statement::both(
        "INSERT INTO identities_used (identity, used_at_ms)
         VALUES ($1, $2)
         ON CONFLICT (identity) DO NOTHING",
    );

    /// Lets a runner in: a new one takes over from the one before.
    ADMIT = Statement::both(
        "INSERT INTO runner_reports (
             attempt_id, run_id, admitted_at_ms, heard_at_ms, token_hash, token_until_ms
         )
         VALUES ($1, $2, $3, $3, $4, $5)
         ON CONFLICT (attempt_id) DO UPDATE
         SET run_id = COALESCE(excluded.run_id, runner_reports.run_id),
             admitted_at_ms = excluded.admitted_at_ms,
             heard_at_ms = excluded.heard_at_ms,
             token_hash = excluded.token_hash,
             token_until_ms = excluded.token_until_ms",
    );

    /// The run that was started for an attempt.
    SET_RUN = Statement::both(
        "INSERT INTO runner_reports (attempt_id, run_id)
         VALUES ($1, $2)
         ON CONFLICT (attempt_id) DO UPDATE
         SET run_id = excluded.run_id",
    );

    /// The token that is valid for an attempt, and the change so far.
    RUNNER = Statement::both(
        "SELECT token_hash, token_until_ms, work_in_progress
         FROM runner_reports
         WHERE attempt_id = $1",
    );

    /// A runner was heard of, if it is the one that was let in last.
    HEARD = Statement::both(
        "UPDATE runner_reports
         SET heard_at_ms = $3
         WHERE attempt_id = $1
           AND token_hash = $2",
    );

    /// A finished stage and the change so far, from the runner that was let in last.
    SET_STAGE = Statement::both(
        "UPDATE runner_reports
         SET stage = $3,
             round = $4,
             work_in_progress = $5,
             heard_at_ms = $6
         WHERE attempt_id = $1
           AND token_hash = $2",
    );

    /// A document; written again in the same round it is replaced.
    SET_DOCUMENT = Statement::both(
        "INSERT INTO documents (attempt_id, position, name, round, body)
         SELECT $1, COALESCE(MAX(position), 0) + 1, $2, $3, $4
         FROM documents
         WHERE attempt_id = $1
         ON CONFLICT (attempt_id, name, round) DO UPDATE
         SET body = excluded.body",
    );

    /// The documents of an attempt, in the order in which they were written.
    DOCUMENTS = Statement::both(
        "SELECT name, round, body
         FROM documents
         WHERE attempt_id = $1
         ORDER BY position",
    );

    /// What the runner that was let in last reports at the end, once; that it waits or asks is no end.
    SET_OUTCOME = Statement::both(
        "UPDATE runner_reports
         SET outcome = $3,
             outcome_at_ms = $4,
             heard_at_ms = $4
         WHERE attempt_id = $1
           AND token_hash = $2
           AND (
               outcome IS NULL
               OR outcome LIKE '{\"outcome\":\"waits\"%'
               OR outcome LIKE '{\"outcome\":\"asks\"%'
           )",
    );

    /// Whether that token is the one of the runner that was let in last; nothing where none was ever.
    LAST_LET_IN = Statement::both(
        "SELECT CAST(CASE WHEN token_hash = $2 THEN 1 ELSE 0 END AS BIGINT)
         FROM runner_reports
         WHERE attempt_id = $1
           AND token_hash IS NOT NULL",
    );

    /// The attempt, if a runner may work on it.
    OPEN_ATTEMPT = Statement::both(
        "SELECT id
         FROM attempts
         WHERE id = $1
           AND state = 'running'",
    );

    /// The pull request of an attempt.
    PULL_OF_ATTEMPT = Statement::both(
        "SELECT c.repo_id, c.number
         FROM attempts a
         JOIN cases c ON c.id = a.case_id
         WHERE a.id = $1",
    );

    /// The pull requests whose attempts are run by workflow runs.
    PULLS_OF_RUNS = given!(
        "SELECT c.repo_id, s.run_id, c.number
         FROM ",
        (repo_id BIGINT, run_id BIGINT),
        "
         JOIN runner_reports s ON s.run_id = given.run_id
         JOIN attempts a ON a.id = s.attempt_id
         JOIN cases c ON c.id = a.case_id
         WHERE c.repo_id = given.repo_id"
    );

    /// Forgets identities whose tokens ended long ago.
    PURGE_IDENTITIES = Statement::both(
        "DELETE FROM identities_used
         WHERE used_at_ms < $1",
    );
}
