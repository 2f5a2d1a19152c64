//! The outbox, and what its effects have learned.

use super::{Statement, claim, family, given};

family! {
    /// An effect that happens once: a known key changes nothing.
    WANT_ONCE = Statement::both(
        "INSERT INTO effects (
             id, effect_key, kind, repo_id, number, payload, digest, wanted_at_ms, due_at_ms
         )
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
         ON CONFLICT (effect_key) DO NOTHING",
    );

    /// An effect whose newest wish counts: a different one replaces what is known under its key.
    ///
    /// One that is being performed right now stays leased; its end will see the higher revision.
    WANT_LATEST = Statement::both(
        "INSERT INTO effects (
             id, effect_key, kind, repo_id, number, payload, digest, wanted_at_ms, due_at_ms
         )
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
         ON CONFLICT (effect_key) DO UPDATE
         SET payload = excluded.payload,
             digest = excluded.digest,
             revision = effects.revision + 1,
             state = 'pending',
             tries = 0,
             wanted_at_ms = excluded.wanted_at_ms,
             due_at_ms = excluded.due_at_ms,
             error = NULL,
             result = NULL,
             done_at_ms = NULL
         WHERE effects.digest <> excluded.digest",
    );

    /// Claims at most $4 effects: the longest due ones of the next repositories after $3 that have one;
    /// of one pull request the first that was wanted, and one at a time. Installations that cannot be
    /// used are passed over. What is leased is pending, and that is said for the sake of the index of
    /// those that wait: no index knows of leases, so PostgreSQL can claim a row within its page. The
    /// first other one is asked for, not whether there is any, because then it takes that index even
    /// while it has no statistics: one that goes by repository alone reads all effects of each.
    CLAIM_EFFECTS = claim!(
        "WITH due AS (
             SELECT e.id
             FROM effects e
             LEFT JOIN repos r ON r.id = e.repo_id
             LEFT JOIN installations i ON i.id = r.installation_id
             WHERE e.state = 'pending'
               AND e.repo_id > $3
               AND e.due_at_ms <= $1
               AND e.lease_until_ms <= $1
               AND COALESCE(i.state, 'active') = 'active'
               AND COALESCE(r.reachable, 1) = 1
               AND (
                   SELECT other.id
                   FROM effects other
                   WHERE other.state = 'pending'
                     AND other.repo_id = e.repo_id
                     AND other.number = e.number
                     AND other.id <> e.id
                     AND other.lease_until_ms > $1
                   ORDER BY other.wanted_at_ms
                   LIMIT 1
               ) IS NULL
               AND (
                   SELECT earlier.id
                   FROM effects earlier
                   WHERE earlier.state = 'pending'
                     AND earlier.repo_id = e.repo_id
                     AND earlier.number = e.number
                     AND earlier.due_at_ms <= $1
                     AND (earlier.wanted_at_ms, earlier.id) < (e.wanted_at_ms, e.id)
                   ORDER BY earlier.wanted_at_ms
                   LIMIT 1
               ) IS NULL
             ORDER BY e.repo_id, e.due_at_ms
             LIMIT $4 + 0
",
        "FOR UPDATE OF e SKIP LOCKED",
        "
         )
         UPDATE effects
         SET lease_epoch = lease_epoch + 1,
             lease_until_ms = $2,
             claimed_revision = revision
         WHERE id IN (SELECT id FROM due)
         RETURNING id, payload, revision, tries, wanted_at_ms, lease_epoch, repo_id",
    );

    /// Ends an effect's lease, if the epoch is still ours: $3 its state, which holds only when no
    /// newer wish has come meanwhile; else it stays pending and is due at once.
    FINISH_EFFECT = Statement::both(
        "UPDATE effects
         SET state = CASE WHEN revision = claimed_revision THEN $3 ELSE 'pending' END,
             due_at_ms = CASE WHEN revision = claimed_revision THEN $4 ELSE due_at_ms END,
             tries = CASE WHEN revision = claimed_revision THEN tries + $5 ELSE 0 END,
             error = $6,
             result = CASE WHEN revision = claimed_revision THEN $7 ELSE NULL END,
             done_at_ms = CASE WHEN $3 = 'pending' THEN NULL ELSE CAST($8 AS BIGINT) END,
             lease_until_ms = 0
         WHERE id = $1
           AND lease_epoch = $2
           AND lease_until_ms > 0",
    );

    /// What an effect is about, for waking its pull request.
    EFFECT_TARGET = Statement::both(
        "SELECT kind, repo_id, number
         FROM effects
         WHERE id = $1",
    );

    /// What came of the effects under keys.
    EFFECT_RESULTS = given!(
        "SELECT e.effect_key, e.result
         FROM ",
        (effect_key TEXT),
        "
         JOIN effects e ON e.effect_key = given.effect_key
         WHERE e.state = 'done'
           AND e.result IS NOT NULL"
    );

    /// Nothing more is done through an installation that is gone.
    PARK_INSTALLATION = Statement::both(
        "UPDATE effects
         SET state = 'parked',
             error = 'the installation is gone'
         WHERE state = 'pending'
           AND repo_id IN (SELECT id FROM repos WHERE installation_id = $1)",
    );

    /// Nothing more is done on a repository that was taken away.
    PARK_REPO = Statement::both(
        "UPDATE effects
         SET state = 'parked',
             error = 'the repository was taken away from the installation'
         WHERE state = 'pending'
           AND repo_id = $1",
    );

    /// A check run that we made.
    SET_CHECK = Statement::both(
        "INSERT INTO checks (repo_id, number, head, check_run_id, annotations_sent)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (repo_id, number, head) DO UPDATE
         SET check_run_id = excluded.check_run_id,
             annotations_sent = excluded.annotations_sent",
    );

    /// The check runs that we made on heads.
    CHECKS = given!(
        "SELECT c.repo_id, c.number, c.head, c.check_run_id, c.annotations_sent
         FROM ",
        (repo_id BIGINT, number BIGINT, head TEXT),
        "
         JOIN checks c
           ON c.repo_id = given.repo_id
          AND c.number = given.number
          AND c.head = given.head"
    );

    /// A sticky comment that we made.
    SET_COMMENT = Statement::both(
        "INSERT INTO comments (repo_id, number, comment_id)
         VALUES ($1, $2, $3)
         ON CONFLICT (repo_id, number) DO UPDATE
         SET comment_id = excluded.comment_id",
    );

    /// The sticky comment that we made on a pull request.
    COMMENT = Statement::both(
        "SELECT comment_id
         FROM comments
         WHERE repo_id = $1
           AND number = $2",
    );

    /// Forgets effects that were performed long ago and whose answer no live case waits for. What
    /// is about a repository as a whole is remembered for good.
    PURGE_EFFECTS = Statement::both(
        "DELETE FROM effects
         WHERE state = 'done'
           AND done_at_ms < $1
           AND number IS NOT NULL
           AND NOT EXISTS (
               SELECT 1
               FROM cases c
               WHERE c.repo_id = effects.repo_id
                 AND c.number = effects.number
                 AND c.state NOT IN ('superseded', 'closed')
           )",
    );
}
