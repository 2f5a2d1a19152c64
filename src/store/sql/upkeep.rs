//! Upkeep: the reconciler's row, and which repositories are swept.

use super::{Statement, family};

family! {
    /// Claims the next turn of reconciling: $1 now, $2 the lease's end.
    CLAIM_RECONCILE = Statement::both(
        "UPDATE reconciler
         SET lease_epoch = lease_epoch + 1,
             lease_until_ms = $2
         WHERE due_at_ms <= $1
           AND lease_until_ms <= $1
         RETURNING lease_epoch, mark_ms, pass_to_ms, pass_cursor",
    );

    /// Ends a turn, if the epoch is still ours.
    END_RECONCILE = Statement::both(
        "UPDATE reconciler
         SET due_at_ms = $2,
             mark_ms = $3,
             pass_to_ms = $4,
             pass_cursor = $5,
             lease_until_ms = 0
         WHERE lease_epoch = $1
           AND lease_until_ms > 0",
    );

    /// Writes and changes nothing.
    PROBE = Statement::both(
        "UPDATE reconciler
         SET id = 1
         WHERE id = 1",
    );

    /// Those ids of a JSON list that the inbox does not know. The engines take lists apart each in
    /// its own words.
    UNKNOWN_DELIVERIES = Statement {
        sqlite: "SELECT DISTINCT listed.value AS id
         FROM json_each($1) AS listed
         WHERE NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.id = listed.value)",
        postgres: "SELECT DISTINCT listed.value AS id
         FROM jsonb_array_elements_text(CAST($1 AS TEXT)::jsonb) AS listed (value)
         WHERE NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.id = listed.value)",
    };

    /// Repositories that can be reached and are due to be swept.
    REPOS_TO_SWEEP = Statement::both(
        "SELECT r.id, r.slug, r.installation_id, r.swept_at_ms,
                (SELECT restored_at_ms FROM instance WHERE id = 1) AS restored_at_ms
         FROM repos r
         JOIN installations i ON i.id = r.installation_id
         WHERE r.reachable = 1
           AND r.sweep_due_ms <= $1
           AND i.state = 'active'
         ORDER BY r.sweep_due_ms, r.id
         LIMIT $2 + 0",
    );

    /// A repository was swept: $2 up to when (NULL: it could not be), $3 when it is due again.
    SWEPT = Statement::both(
        "UPDATE repos
         SET swept_at_ms = COALESCE(CAST($2 AS BIGINT), swept_at_ms),
             sweep_due_ms = $3
         WHERE id = $1",
    );
}
