//! Kept logs of failed jobs.

use super::{Statement, family, given};

family! {
    /// Keeps logs, each in the place of an older one of its job: $1 a JSON list of what is known of
    /// each, $2 what they are packed to, one behind the other.
    KEEP_LOGS = given!(
        "INSERT INTO logs (
             repo_id, number, job_id, name, run_id, run_attempt, bytes, packed_bytes, kept_at_ms,
             packed
         )
         SELECT given.repo_id, given.number, given.job_id, given.name, given.run_id,
                given.run_attempt, given.bytes, given.packed_bytes, given.kept_at_ms,
                SUBSTR($2, CAST(given.begins AS INTEGER), CAST(given.packed_bytes AS INTEGER))
         FROM ",
        "INSERT INTO logs (
             repo_id, number, job_id, name, run_id, run_attempt, bytes, packed_bytes, kept_at_ms,
             packed
         )
         SELECT given.repo_id, given.number, given.job_id, given.name, given.run_id,
                given.run_attempt, given.bytes, given.packed_bytes, given.kept_at_ms,
                SUBSTR(CAST($2 AS BYTEA), CAST(given.begins AS INTEGER), CAST(given.packed_bytes AS INTEGER))
         FROM ",
        (repo_id BIGINT, number BIGINT, job_id BIGINT, name TEXT, run_id BIGINT,
         run_attempt BIGINT, bytes BIGINT, packed_bytes BIGINT, kept_at_ms BIGINT, begins BIGINT),
        "
         WHERE TRUE
         ORDER BY given.repo_id, given.number, given.job_id
         ON CONFLICT (repo_id, number, job_id) DO UPDATE
         SET name = excluded.name,
             bytes = excluded.bytes,
             packed_bytes = excluded.packed_bytes,
             kept_at_ms = excluded.kept_at_ms,
             packed = excluded.packed
         RETURNING job_id"
    );

    /// The logs of a pull request, the newest first.
    LOGS = Statement::both(
        "SELECT l.job_id, l.name, l.run_id, l.run_attempt, l.bytes, l.kept_at_ms
         FROM logs l
         JOIN repos r ON r.id = l.repo_id
         WHERE r.slug = $1
           AND l.number = $2
         ORDER BY l.kept_at_ms DESC, l.job_id DESC",
    );

    /// The log of a job.
    LOG = Statement::both(
        "SELECT l.bytes, l.packed
         FROM logs l
         JOIN repos r ON r.id = l.repo_id
         WHERE r.slug = $1
           AND l.number = $2
           AND l.job_id = $3",
    );

    /// Forgets logs that were kept long ago.
    FORGET_OLD_LOGS = Statement::both(
        "DELETE FROM logs
         WHERE kept_at_ms < $1",
    );

    /// Forgets the oldest logs, until what is left takes no more than $1 bytes together.
    FORGET_MANY_LOGS = Statement::both(
        "DELETE FROM logs
         WHERE (repo_id, number, job_id) IN (
             SELECT repo_id, number, job_id
             FROM (
                 SELECT repo_id, number, job_id,
                        SUM(packed_bytes) OVER (
                            ORDER BY kept_at_ms DESC, job_id DESC, number DESC, repo_id DESC
                        ) AS together
                 FROM logs
             ) AS summed
             WHERE together > CAST($1 AS BIGINT)
         )",
    );
}
