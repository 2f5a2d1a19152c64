//! Statements about trials of flaky failures.

use super::{Statement, family};

family! {
    /// Counts a trial.
    ADD_TRIAL = Statement::both(
        "INSERT INTO flake_trials AS known (
             repo_id, fingerprint, head, number, test, title, gone, again, last_at_ms
         )
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (repo_id, fingerprint, head) DO UPDATE SET
             gone = known.gone + excluded.gone,
             again = known.again + excluded.again,
             last_at_ms = excluded.last_at_ms",
    );

    /// What trials of a repository showed since then, by failure; those that were gone most often
    /// first.
    PASTS = Statement::both(
        "SELECT fingerprint, MAX(test), MAX(title), CAST(SUM(gone) AS BIGINT),
                CAST(SUM(again) AS BIGINT), MAX(last_at_ms)
         FROM flake_trials
         WHERE repo_id = $1 AND last_at_ms >= $2
         GROUP BY fingerprint
         ORDER BY SUM(gone) DESC, fingerprint
         LIMIT $3 + 0",
    );

    /// Repositories with trials since then.
    TRIED_REPOS = Statement::both(
        "SELECT id, slug
         FROM repos
         WHERE id IN (SELECT repo_id FROM flake_trials WHERE last_at_ms >= $1)
         ORDER BY slug",
    );

    /// Forgets trials that are older.
    FORGET_TRIALS = Statement::both("DELETE FROM flake_trials WHERE last_at_ms < $1");
}
