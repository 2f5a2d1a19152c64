//! Inputs of attempts.

use super::{Statement, family};

family! {
    /// Keeps what a runner is given ($2 is its digest) behind what was given before: once, and while
    /// there are fewer than $5.
    KEEP_GIVEN = Statement::both(
        "INSERT INTO inputs_given (attempt_id, position, sha256, given, given_at_ms)
         SELECT a.id, COALESCE(MAX(g.position), 0) + 1, $2, $3, $4
         FROM attempts a
         LEFT JOIN inputs_given g ON g.attempt_id = a.id
         WHERE a.id = $1
         GROUP BY a.id
         HAVING COUNT(g.position) < $5
         ON CONFLICT (attempt_id, sha256) DO NOTHING",
    );

    /// Keeps a prompt ($3 is its digest, $6 its length before it was packed) behind those before: once,
    /// from the runner that was let in last, while the attempt is at work and there are fewer than $9.
    KEEP_PROMPT = Statement::both(
        "INSERT INTO inputs_prompts (
             attempt_id, position, sha256, round, fixer, length, packed, told_at_ms
         )
         SELECT s.attempt_id, COALESCE(MAX(p.position), 0) + 1, $3, $4, $5, $6, $7, $8
         FROM runner_reports s
         JOIN attempts a ON a.id = s.attempt_id
         LEFT JOIN inputs_prompts p ON p.attempt_id = s.attempt_id
         WHERE s.attempt_id = $1
           AND s.token_hash = $2
           AND a.state = 'running'
         GROUP BY s.attempt_id
         HAVING COUNT(p.position) < $9
         ON CONFLICT (attempt_id, sha256) DO NOTHING",
    );

    /// What runners of an attempt were given, in that order.
    GIVEN = Statement::both(
        "SELECT given, given_at_ms
         FROM inputs_given
         WHERE attempt_id = $1
         ORDER BY position",
    );

    /// What fixers of an attempt were told, in that order.
    PROMPTS = Statement::both(
        "SELECT sha256, round, fixer, length, packed, told_at_ms
         FROM inputs_prompts
         WHERE attempt_id = $1
         ORDER BY position",
    );
}
