//! The ledger of model calls.
//!
//! The row of the scope `all` is what reservations and settlements wait for: whoever has it alone
//! adds up and writes. So sums are never read while another changes them, and rows are never locked
//! in two orders.

use super::{Statement, family};

family! {
    /// Whose calls an attempt's are, and whether it is at work.
    ACCOUNT = Statement::both(
        "SELECT c.id AS case_id, c.repo_id, r.slug, r.installation_id, c.number,
                s.token_hash, s.token_until_ms,
                CAST(CASE WHEN a.state = 'running' AND c.attempt_id = a.id THEN 1 ELSE 0 END
                    AS BIGINT) AS live
         FROM attempts a
         JOIN cases c ON c.id = a.case_id
         JOIN repos r ON r.id = c.repo_id
         LEFT JOIN runner_reports s ON s.attempt_id = a.id
         WHERE a.id = $1",
    );

    /// Waits until nobody else reserves or settles.
    LOCK_ACCOUNTS = Statement {
        sqlite: "SELECT held_nanos
         FROM model_accounts
         WHERE scope = 'all'
           AND holder = ''
           AND hour = 0",
        postgres: "SELECT held_nanos
         FROM model_accounts
         WHERE scope = 'all'
           AND holder = ''
           AND hour = 0
         FOR UPDATE",
    };

    /// What was taken of each cap: $1 attempt, $2 case, $3 pull request, $4 repository, $5 the first
    /// hour that counts for a day.
    USAGE_OF_CAPS = Statement::both(
        "SELECT scope,
                CAST(SUM(settled_nanos) AS BIGINT) AS settled_nanos,
                CAST(SUM(settled_tokens) AS BIGINT) AS settled_tokens,
                CAST(SUM(held_nanos) AS BIGINT) AS held_nanos,
                CAST(SUM(held_tokens) AS BIGINT) AS held_tokens
         FROM model_accounts
         WHERE (scope = 'attempt' AND holder = $1 AND hour = 0)
            OR (scope = 'case' AND holder = $2 AND hour = 0)
            OR (scope = 'pull' AND holder = $3 AND hour = 0)
            OR (scope = 'repository' AND holder = $4 AND hour >= $5)
            OR (scope = 'day' AND holder = '' AND hour >= $5)
         GROUP BY scope",
    );

    /// A call that may be made.
    HOLD_CALL = Statement::both(
        "INSERT INTO model_calls (
             id, attempt_id, case_id, repo_id, number, provider, model, prices, hour, held_nanos,
             held_tokens, held_at_ms
         )
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    );

    /// Adds to what is held: $1 attempt, $2 case, $3 pull request, $4 repository, $5 hour, $6 money,
    /// $7 tokens.
    HOLD = Statement::both(
        "INSERT INTO model_accounts (
             scope, holder, hour, settled_nanos, settled_tokens, held_nanos, held_tokens
         )
         VALUES ('attempt', $1, 0, 0, 0, $6, $7),
                ('case', $2, 0, 0, 0, $6, $7),
                ('pull', $3, 0, 0, 0, $6, $7),
                ('repository', $4, $5, 0, 0, $6, $7),
                ('day', '', $5, 0, 0, $6, $7),
                ('all', '', 0, 0, 0, $6, $7)
         ON CONFLICT (scope, holder, hour) DO UPDATE
         SET held_nanos = model_accounts.held_nanos + excluded.held_nanos,
             held_tokens = model_accounts.held_tokens + excluded.held_tokens",
    );

    /// A call that was held.
    HELD_CALL = Statement::both(
        "SELECT attempt_id, case_id, repo_id, number, hour, held_nanos, held_tokens
         FROM model_calls
         WHERE id = $1
           AND state = 'held'",
    );

    /// What came of a call: $2 its state, $3 what is charged, then the tokens, $9 when.
    SETTLE_CALL = Statement::both(
        "UPDATE model_calls
         SET state = $2,
             cost_nanos = $3,
             input_tokens = $4,
             cache_read_tokens = $5,
             cache_write_tokens = $6,
             cache_write_1h_tokens = $7,
             output_tokens = $8,
             settled_at_ms = $9
         WHERE id = $1
           AND state = 'held'",
    );

    /// Gives back what was held and adds what was taken: $1 to $5 as in HOLD, $6 and $7 what was held,
    /// $8 and $9 what was taken.
    SETTLE = Statement::both(
        "UPDATE model_accounts
         SET held_nanos = held_nanos - $6,
             held_tokens = held_tokens - $7,
             settled_nanos = settled_nanos + $8,
             settled_tokens = settled_tokens + $9
         WHERE (scope = 'attempt' AND holder = $1 AND hour = 0)
            OR (scope = 'case' AND holder = $2 AND hour = 0)
            OR (scope = 'pull' AND holder = $3 AND hour = 0)
            OR (scope = 'repository' AND holder = $4 AND hour = $5)
            OR (scope = 'day' AND holder = '' AND hour = $5)
            OR (scope = 'all' AND holder = '' AND hour = 0)",
    );

    /// What the calls of an attempt took, by model.
    SPENT = Statement::both(
        "SELECT provider, model,
                CAST(SUM(calls) AS BIGINT) AS calls,
                CAST(SUM(unsettled) AS BIGINT) AS unsettled,
                CAST(SUM(input) AS BIGINT) AS input,
                CAST(SUM(cache_read) AS BIGINT) AS cache_read,
                CAST(SUM(cache_write) AS BIGINT) AS cache_write,
                CAST(SUM(cache_write_1h) AS BIGINT) AS cache_write_1h,
                CAST(SUM(output) AS BIGINT) AS output,
                CAST(SUM(charged_nanos) AS BIGINT) AS charged_nanos,
                CAST(SUM(charged_tokens) AS BIGINT) AS charged_tokens
         FROM (
             SELECT provider, model,
                    1 AS calls,
                    CASE WHEN state IN ('held', 'unknown') THEN 1 ELSE 0 END AS unsettled,
                    input_tokens AS input,
                    cache_read_tokens AS cache_read,
                    cache_write_tokens AS cache_write,
                    cache_write_1h_tokens AS cache_write_1h,
                    output_tokens AS output,
                    COALESCE(cost_nanos, held_nanos) AS charged_nanos,
                    CASE
                        WHEN state IN ('held', 'unknown') THEN held_tokens
                        ELSE input_tokens + cache_read_tokens + cache_write_tokens
                            + cache_write_1h_tokens + output_tokens
                    END AS charged_tokens
             FROM model_calls
             WHERE attempt_id = $1
             UNION ALL
             SELECT provider, model, calls, unsettled, input, cache_read, cache_write,
                    cache_write_1h, output, charged_nanos, charged_tokens
             FROM spent_before
             WHERE attempt_id = $1
         ) AS spent
         GROUP BY provider, model
         ORDER BY provider, model",
    );

    /// Calls that took more than they had held: money, or tokens.
    OVERRUNS = Statement::both(
        "SELECT COUNT(*)
         FROM model_calls
         WHERE state <> 'held'
           AND held_at_ms >= $1
           AND (cost_nanos > held_nanos
                OR input_tokens + cache_read_tokens + cache_write_tokens
                    + cache_write_1h_tokens + output_tokens > held_tokens)",
    );

    /// Calls that were never settled, the oldest first.
    CALLS_HELD_BEFORE = Statement::both(
        "SELECT id
         FROM model_calls
         WHERE state = 'held'
           AND held_at_ms < $1
         ORDER BY held_at_ms, id
         LIMIT $2 + 0",
    );

    /// Keeps the sums of the calls that [`FORGET_CALLS`] forgets.
    SUM_UP_CALLS = Statement::both(
        "INSERT INTO spent_before (
             attempt_id, provider, model, calls, unsettled, input, cache_read, cache_write,
             cache_write_1h, output, charged_nanos, charged_tokens
         )
         SELECT attempt_id, provider, model,
                COUNT(*),
                SUM(CASE WHEN state = 'unknown' THEN 1 ELSE 0 END),
                SUM(input_tokens),
                SUM(cache_read_tokens),
                SUM(cache_write_tokens),
                SUM(cache_write_1h_tokens),
                SUM(output_tokens),
                SUM(COALESCE(cost_nanos, held_nanos)),
                SUM(CASE
                    WHEN state = 'unknown' THEN held_tokens
                    ELSE input_tokens + cache_read_tokens + cache_write_tokens
                        + cache_write_1h_tokens + output_tokens
                END)
         FROM model_calls
         WHERE id IN (
             SELECT id
             FROM model_calls
             WHERE state <> 'held'
               AND held_at_ms < $1
             ORDER BY held_at_ms, id
             LIMIT $2 + 0
         )
         GROUP BY attempt_id, provider, model
         ON CONFLICT (attempt_id, provider, model) DO UPDATE
         SET calls = spent_before.calls + excluded.calls,
             unsettled = spent_before.unsettled + excluded.unsettled,
             input = spent_before.input + excluded.input,
             cache_read = spent_before.cache_read + excluded.cache_read,
             cache_write = spent_before.cache_write + excluded.cache_write,
             cache_write_1h = spent_before.cache_write_1h + excluded.cache_write_1h,
             output = spent_before.output + excluded.output,
             charged_nanos = spent_before.charged_nanos + excluded.charged_nanos,
             charged_tokens = spent_before.charged_tokens + excluded.charged_tokens",
    );

    /// Forgets calls that were settled, the oldest first, at most $2.
    FORGET_CALLS = Statement::both(
        "DELETE FROM model_calls
         WHERE id IN (
             SELECT id
             FROM model_calls
             WHERE state <> 'held'
               AND held_at_ms < $1
             ORDER BY held_at_ms, id
             LIMIT $2 + 0
         )",
    );

    /// Forgets hours that count for no day any more, and in which nothing is held.
    FORGET_HOURS = Statement::both(
        "DELETE FROM model_accounts
         WHERE hour > 0
           AND hour < $1
           AND held_nanos = 0
           AND held_tokens = 0",
    );
}
