//! Checkpoints of attempts.

use super::{Statement, family};

family! {
    /// Keeps a checkpoint ($4 is its length before it was packed, $6 what it was packed to) in the place
    /// of the one before: from the runner that was let in last, while the attempt is at work, and for the
    /// round that is worked on. Round 1 follows triage, every later one the end of the round before.
    KEEP_CHECKPOINT = Statement::both(
        "INSERT INTO checkpoints (attempt_id, round, length, saved_at_ms, packed)
         SELECT s.attempt_id, $3, $4, $5, $6
         FROM runner_reports s
         JOIN attempts a ON a.id = s.attempt_id
         WHERE s.attempt_id = $1
           AND s.token_hash = $2
           AND a.state = 'running'
           AND (s.stage = 'triage' AND s.round = $3
                OR s.stage IN ('verify', 'devils-advocate') AND s.round + 1 = $3)
         ON CONFLICT (attempt_id) DO UPDATE
         SET round = excluded.round,
             length = excluded.length,
             saved_at_ms = excluded.saved_at_ms,
             packed = excluded.packed",
    );

    /// The checkpoint of an attempt.
    CHECKPOINT = Statement::both(
        "SELECT packed, length
         FROM checkpoints
         WHERE attempt_id = $1",
    );

    /// Forgets the checkpoint of an attempt.
    FORGET_CHECKPOINT = Statement::both(
        "DELETE FROM checkpoints
         WHERE attempt_id = $1",
    );

    /// Forgets checkpoints that were left behind.
    PURGE_CHECKPOINTS = Statement::both(
        "DELETE FROM checkpoints
         WHERE saved_at_ms < $1",
    );
}
