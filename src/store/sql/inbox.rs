//! The inbox.

use super::{Statement, claim, family, given};

/// How many rows [`INSERT_DELIVERIES`] writes on SQLite.
pub const ROWS: usize = 16;

/// The same text four times.
macro_rules! four {
    ($text:expr) => {
        concat!($text, ", ", $text, ", ", $text, ", ", $text)
    };
}

family! {
    /// Which of the deliveries in `$1` are known.
    KNOWN_DELIVERIES = given!(
        "SELECT d.id
         FROM ",
        (id TEXT),
        "
         JOIN deliveries d ON d.id = given.id"
    );

    /// Records deliveries. SQLite, which looked before what is known, takes the values of [`ROWS`] rows
    /// in the order of the columns; a row whose id is there already changes nothing. PostgreSQL, where
    /// others may write at the same time, names those that were not known and tells of them
    /// (`store::telling`): $1 a JSON list of what is known of each, $2 their bodies one behind the other.
    INSERT_DELIVERIES = Statement {
        sqlite: concat!(
            "INSERT INTO deliveries
                 (id, event, body, body_bytes, received_at_ms, due_at_ms, repo_id)
             VALUES ",
            four!(four!("(?, ?, ?, ?, ?, ?, ?)")),
            "
             ON CONFLICT (id) DO NOTHING"
        ),
        postgres: "WITH new AS (
             INSERT INTO deliveries
                 (id, event, body, body_bytes, received_at_ms, due_at_ms, repo_id)
             SELECT id, event, SUBSTR(CAST($2 AS BYTEA), \"from\", length), unpacked,
                    received_at_ms, received_at_ms, repo_id
             FROM json_to_recordset($1::json) AS given (
                 id TEXT, event TEXT, \"from\" INTEGER, length INTEGER, unpacked BIGINT,
                 received_at_ms BIGINT, repo_id BIGINT)
             ON CONFLICT (id) DO NOTHING
             RETURNING id)
         SELECT id, CAST(pg_notify('selfheal_work', '') AS TEXT) AS told
         FROM new",
    };

    /// How many wait to be read.
    COUNT_WAITING = Statement::both(
        "SELECT COUNT(*) AS waiting
         FROM deliveries
         WHERE state = 'pending'",
    );

    /// Claims at most $4 deliveries: the longest due ones of the next repositories after $3 that have
    /// one: $1 now, $2 the lease's end.
    CLAIM_DELIVERIES = claim!(
        "WITH due AS (
             SELECT id
             FROM deliveries
             WHERE state = 'pending'
               AND repo_id > $3
               AND due_at_ms <= $1
               AND lease_until_ms <= $1
             ORDER BY repo_id, due_at_ms
             LIMIT $4 + 0
",
        "FOR UPDATE SKIP LOCKED",
        "
         )
         UPDATE deliveries
         SET lease_epoch = lease_epoch + 1,
             lease_until_ms = $2,
             claims = claims + 1
         WHERE id IN (SELECT id FROM due)
         RETURNING id, event, body, body_bytes, received_at_ms, tries, claims, lease_epoch, repo_id",
    );

    /// Ends a delivery's lease, if the epoch is still ours.
    FINISH_DELIVERY = Statement::both(
        "UPDATE deliveries
         SET state = $3,
             due_at_ms = $4,
             tries = tries + $5,
             error = $6,
             done_at_ms = CASE WHEN $3 = 'done' THEN CAST($7 AS BIGINT) ELSE NULL END,
             lease_until_ms = 0,
             claims = 0
         WHERE id = $1
           AND lease_epoch = $2
           AND lease_until_ms > 0",
    );

    /// Forgets at most $2 deliveries that were read, or parked, long ago.
    PURGE_DELIVERIES = Statement::both(
        "DELETE FROM deliveries
         WHERE id IN (
             SELECT id
             FROM deliveries
             WHERE (state = 'done' AND done_at_ms < $1)
                OR (state = 'parked' AND due_at_ms < $1)
             LIMIT $2 + 0)",
    );

    /// Deliveries in a state that failed at least $2 times, newest first, without their bodies.
    DELIVERIES = Statement::both(
        "SELECT id, event, received_at_ms, state, tries, due_at_ms,
                COALESCE(body_bytes, CAST(LENGTH(body) AS BIGINT)) AS bytes, error
         FROM deliveries
         WHERE state = $1
           AND tries >= $2
         ORDER BY received_at_ms DESC, id
         LIMIT $3 + 0",
    );

    /// One delivery, without its body.
    DELIVERY = Statement::both(
        "SELECT id, event, received_at_ms, state, tries, due_at_ms,
                COALESCE(body_bytes, CAST(LENGTH(body) AS BIGINT)) AS bytes, error
         FROM deliveries
         WHERE id = $1",
    );

    /// The body of a delivery.
    DELIVERY_BODY = Statement::both(
        "SELECT body, body_bytes
         FROM deliveries
         WHERE id = $1",
    );

    /// A delivery that was parked or read is read as if it had just come.
    REPLAY_DELIVERY = Statement::both(
        "UPDATE deliveries
         SET state = 'pending',
             tries = 0,
             claims = 0,
             due_at_ms = $2,
             error = NULL,
             done_at_ms = NULL
         WHERE id = $1
           AND state <> 'pending'",
    );
}
