//! Live events of attempts.

use super::{Statement, family};

family! {
    /// How far the events of an attempt are, for the runner that was let in last; PostgreSQL lets nobody
    /// else keep any, nor another runner in, until the end.
    EVENT_STREAM = Statement {
        sqlite: "SELECT e.next_seq, e.bytes
         FROM event_streams e
         JOIN runner_reports s ON s.attempt_id = e.attempt_id
         WHERE e.attempt_id = $1
           AND s.token_hash = $2",
        postgres: "SELECT e.next_seq, e.bytes
         FROM event_streams e
         JOIN runner_reports s ON s.attempt_id = e.attempt_id
         WHERE e.attempt_id = $1
           AND s.token_hash = $2
         FOR UPDATE OF e
         FOR SHARE OF s",
    };

    /// Begins the events of an attempt, if there is such an attempt and they have not begun.
    BEGIN_EVENTS = Statement::both(
        "INSERT INTO event_streams (attempt_id, next_seq, bytes, packed_bytes, kept_at_ms)
         SELECT id, 1, 0, 0, CAST($2 AS BIGINT)
         FROM attempts
         WHERE id = $1
         ON CONFLICT (attempt_id) DO NOTHING",
    );

    /// Events that came together.
    KEEP_EVENTS = Statement::both(
        "INSERT INTO event_runs (attempt_id, first_seq, count, bytes, kept_at_ms, packed)
         VALUES ($1, $2, $3, $4, $5, $6)",
    );

    /// The same, for how far they are: $2 the next number, $3 bytes more, $4 packed bytes more.
    EVENTS_KEPT = Statement::both(
        "UPDATE event_streams
         SET next_seq = $2,
             bytes = bytes + $3,
             packed_bytes = packed_bytes + $4,
             kept_at_ms = $5
         WHERE attempt_id = $1",
    );

    /// Events from number $2 on: the run that it stands in, and those of the next $4 before which fewer
    /// than $3 bytes lie.
    EVENTS = Statement::both(
        "SELECT first_seq, count, bytes, kept_at_ms, packed
         FROM (
             SELECT first_seq, count, bytes, kept_at_ms, packed,
                    CAST(SUM(bytes) OVER (ORDER BY first_seq) AS BIGINT) - bytes AS bytes_before
             FROM (
                 SELECT first_seq, count, bytes, kept_at_ms, packed
                 FROM event_runs
                 WHERE attempt_id = $1
                   AND first_seq >= COALESCE(
                       (
                           SELECT MAX(first_seq)
                           FROM event_runs
                           WHERE attempt_id = $1
                             AND first_seq <= $2
                       ),
                       0
                   )
                 ORDER BY first_seq
                 LIMIT $4 + 0
             ) AS next_runs
         ) AS counted
         WHERE bytes_before < CAST($3 AS BIGINT)
         ORDER BY first_seq",
    );

    /// How far attempts are; $1 a JSON list of their ids.
    STANDINGS = Statement {
        sqlite: "SELECT a.id, COALESCE(s.next_seq, 1),
                CAST(CASE WHEN a.state = 'running' AND c.attempt_id = a.id THEN 0 ELSE 1 END
                    AS BIGINT)
         FROM json_each($1) AS listed
         JOIN attempts a ON a.id = listed.value
         JOIN cases c ON c.id = a.case_id
         LEFT JOIN event_streams s ON s.attempt_id = a.id",
        postgres: "SELECT a.id, COALESCE(s.next_seq, 1),
                CAST(CASE WHEN a.state = 'running' AND c.attempt_id = a.id THEN 0 ELSE 1 END
                    AS BIGINT)
         FROM jsonb_array_elements_text(CAST($1 AS TEXT)::jsonb) AS listed (value)
         JOIN attempts a ON a.id = listed.value
         JOIN cases c ON c.id = a.case_id
         LEFT JOIN event_streams s ON s.attempt_id = a.id",
    };

    /// Attempts whose events can go, those of the longest silence first: none came since $1, or those
    /// of the others take more than $2 bytes with them. At most $3.
    OLD_EVENT_STREAMS = Statement::both(
        "SELECT attempt_id
         FROM (
             SELECT attempt_id, kept_at_ms,
                    SUM(packed_bytes) OVER (
                        ORDER BY kept_at_ms DESC, attempt_id DESC
                    ) AS together
             FROM event_streams
             WHERE packed_bytes > 0
         ) AS summed
         WHERE kept_at_ms < $1
            OR together > CAST($2 AS BIGINT)
         ORDER BY kept_at_ms, attempt_id
         LIMIT $3 + 0",
    );

    /// Nothing is left of the events of an attempt; how far they were stays, because numbers are never
    /// given again.
    EMPTY_EVENT_STREAM = Statement::both(
        "UPDATE event_streams
         SET packed_bytes = 0
         WHERE attempt_id = $1",
    );

    /// Forgets the events of an attempt.
    FORGET_EVENTS = Statement::both(
        "DELETE FROM event_runs
         WHERE attempt_id = $1",
    );
}
