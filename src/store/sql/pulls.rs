//! Installations, repositories, pull requests and asks.

use super::{Statement, claim, family, given};

family! {
    /// What is known of an installation. One that is gone never comes back: installed again it
    /// has another number.
    SET_INSTALLATION = Statement::both(
        "INSERT INTO installations (id, state)
         VALUES ($1, $2)
         ON CONFLICT (id) DO UPDATE
         SET state = excluded.state
         WHERE installations.state <> 'deleted'",
    );

    /// An installation that was heard of for the first time can be used.
    SEE_INSTALLATION = Statement::both(
        "INSERT INTO installations (id, state)
         VALUES ($1, 'active')
         ON CONFLICT (id) DO NOTHING",
    );

    /// A repository's name and installation as last seen. Whatever tells of it proves that it can
    /// be reached, unless it tells so late that its installation is gone.
    SET_REPO = Statement::both(
        "INSERT INTO repos (id, slug, installation_id)
         VALUES ($1, $2, $3)
         ON CONFLICT (id) DO UPDATE
         SET slug = excluded.slug,
             installation_id = excluded.installation_id,
             reachable = 1
         WHERE EXISTS (
             SELECT 1
             FROM installations i
             WHERE i.id = excluded.installation_id
               AND i.state <> 'deleted'
         )",
    );

    /// A repository was taken away from an installation, unless it is in another one already.
    TAKE_REPO = Statement::both(
        "UPDATE repos
         SET reachable = 0
         WHERE id = $1
           AND installation_id = $2",
    );

    /// Facts about a pull request; older facts never replace newer ones.
    SET_PULL = Statement::both(
        "INSERT INTO pulls (
             repo_id, number, head_sha, head_branch, head_repo_id, base, state, updated_at_ms
         )
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (repo_id, number) DO UPDATE
         SET head_sha = excluded.head_sha,
             head_branch = excluded.head_branch,
             head_repo_id = excluded.head_repo_id,
             base = excluded.base,
             state = excluded.state,
             updated_at_ms = excluded.updated_at_ms
         WHERE pulls.updated_at_ms <= excluded.updated_at_ms",
    );

    /// Wakes a pull request at that time, or earlier if it is to be woken earlier anyway.
    WAKE_PULL = Statement::both(
        "UPDATE pulls
         SET wake_at_ms = CASE
                 WHEN wake_at_ms IS NULL OR wake_at_ms > $3 THEN $3
                 ELSE wake_at_ms
             END
         WHERE repo_id = $1
           AND number = $2",
    );

    /// Claims at most $4 pull requests: the longest due ones of the next repositories after $3 that
    /// have one: $1 now, $2 the lease's end.
    ///
    /// A claim clears the wake, so that one that comes meanwhile is seen. Whether the repository can be
    /// used is asked of each row alone: from a join PostgreSQL would begin with the repositories, and
    /// look at everything that is due for the sake of the first.
    CLAIM_PULLS = claim!(
        "WITH due AS (
             SELECT p.repo_id, p.number
             FROM pulls p
             WHERE p.lease_until_ms <= $1
               AND p.repo_id > $3
               AND p.wake_at_ms <= $1
               AND (
                   SELECT i.state
                   FROM repos r
                   JOIN installations i ON i.id = r.installation_id
                   WHERE r.id = p.repo_id
                     AND r.reachable = 1
               ) = 'active'
             ORDER BY p.repo_id, p.wake_at_ms
             LIMIT $4 + 0
",
        "FOR UPDATE OF p SKIP LOCKED",
        "
         )
         UPDATE pulls
         SET lease_epoch = lease_epoch + 1,
             lease_until_ms = $2,
             wake_at_ms = NULL
         WHERE (repo_id, number) IN (SELECT repo_id, number FROM due)
         RETURNING repo_id, number, lease_epoch, tries",
    );

    /// Claims at most $3 pull requests whose lease has run out with its holder.
    CLAIM_ABANDONED_PULLS = claim!(
        "WITH due AS (
             SELECT p.repo_id, p.number
             FROM pulls p
             JOIN repos r ON r.id = p.repo_id
             JOIN installations i ON i.id = r.installation_id
             WHERE i.state = 'active'
               AND r.reachable = 1
               AND p.lease_until_ms <= $1
               AND p.lease_until_ms > 0
             ORDER BY p.lease_until_ms
             LIMIT $3 + 0
",
        "FOR UPDATE OF p SKIP LOCKED",
        "
         )
         UPDATE pulls
         SET lease_epoch = lease_epoch + 1,
             lease_until_ms = $2,
             wake_at_ms = NULL
         WHERE (repo_id, number) IN (SELECT repo_id, number FROM due)
         RETURNING repo_id, number, lease_epoch, tries",
    );

    /// Ends a pull request's lease, if the epoch is still ours: $3 when to look again (NULL: when
    /// woken), $4 one more failure or 0 and $5 whether failures are forgotten.
    FINISH_PULL = Statement::both(
        "UPDATE pulls
         SET wake_at_ms = CASE
                 WHEN CAST($3 AS BIGINT) IS NULL THEN wake_at_ms
                 WHEN wake_at_ms IS NULL OR wake_at_ms > $3 THEN $3
                 ELSE wake_at_ms
             END,
             tries = CASE WHEN $4 = 0 THEN 0 ELSE tries + 1 END,
             error = $5,
             lease_until_ms = 0
         WHERE repo_id = $1
           AND number = $2
           AND lease_epoch = $6
           AND lease_until_ms > 0",
    );

    /// The facts of pull requests.
    PULLS = given!(
        "SELECT p.repo_id, r.slug, r.installation_id, p.number, p.head_sha, p.head_branch,
                p.head_repo_id, p.base, p.state, p.updated_at_ms
         FROM ",
        (repo_id BIGINT, number BIGINT),
        "
         JOIN pulls p ON p.repo_id = given.repo_id AND p.number = given.number
         JOIN repos r ON r.id = p.repo_id"
    );

    /// Pull requests by head commit.
    PULLS_AT = given!(
        "SELECT p.repo_id, r.slug, r.installation_id, p.number, p.head_sha, p.head_branch,
                p.head_repo_id, p.base, p.state, p.updated_at_ms
         FROM ",
        (repo_id BIGINT, sha TEXT),
        "
         JOIN pulls p ON p.repo_id = given.repo_id AND p.head_sha = given.sha
         JOIN repos r ON r.id = p.repo_id"
    );

    /// Open pull requests by base branch.
    PULLS_ONTO = Statement::both(
        "SELECT p.repo_id, r.slug, r.installation_id, p.number, p.head_sha, p.head_branch,
                p.head_repo_id, p.base, p.state, p.updated_at_ms
         FROM pulls p
         JOIN repos r ON r.id = p.repo_id
         WHERE p.repo_id = $1
           AND p.base = $2
           AND p.state = 'open'
         ORDER BY p.number",
    );

    /// Open pull requests whose case waits until their base branch is mended.
    WAITING_FOR_BASE = Statement::both(
        "SELECT p.repo_id, r.slug, r.installation_id, p.number, p.head_sha, p.head_branch,
                p.head_repo_id, p.base, p.state, p.updated_at_ms
         FROM cases c
         JOIN pulls p ON p.repo_id = c.repo_id AND p.number = c.number
         JOIN repos r ON r.id = p.repo_id
         WHERE c.repo_id = $1
           AND c.state NOT IN ('superseded', 'closed')
           AND c.state = 'excused'
           AND c.reason = 'base_broken'
           AND p.base = $2
           AND p.state = 'open'
         ORDER BY p.number",
    );

    /// Records what somebody wants; a known key changes nothing.
    INSERT_ASK = Statement::both(
        "INSERT INTO asks (
             ask_key, repo_id, number, kind, body, actor_id, actor_login, comment_id,
             comment_place, asked_at_ms
         )
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
         WHERE EXISTS (SELECT 1 FROM pulls WHERE repo_id = $2 AND number = $3)
         ON CONFLICT (ask_key) DO NOTHING",
    );

    /// What nobody has answered, and what was heeded.
    ASKS = given!(
        "SELECT a.ask_key, a.kind, a.body, a.actor_id, a.actor_login, a.comment_id,
                a.comment_place, a.asked_at_ms, a.answered_at_ms, a.repo_id, a.number
         FROM ",
        (repo_id BIGINT, number BIGINT),
        "
         JOIN asks a ON a.repo_id = given.repo_id AND a.number = given.number
         WHERE a.answered_at_ms IS NULL OR a.heeded = 1"
    );

    /// An ask is answered, and heeded from now on or not.
    ANSWER_ASK = Statement::both(
        "UPDATE asks
         SET answered_at_ms = $2,
             heeded = $3
         WHERE ask_key = $1
           AND answered_at_ms IS NULL",
    );

    /// Forgets asks that were answered long ago.
    PURGE_ASKS = Statement::both(
        "DELETE FROM asks
         WHERE answered_at_ms < $1",
    );

    /// How much waits.
    BACKLOG = Statement::both(
        "SELECT
             (SELECT COUNT(*) FROM deliveries WHERE state = 'pending') AS deliveries,
             (SELECT COUNT(*) FROM pulls WHERE wake_at_ms IS NOT NULL)
                 + (SELECT COUNT(*) FROM pulls WHERE lease_until_ms > 0 AND wake_at_ms IS NULL)
                 AS pulls,
             (SELECT COUNT(*) FROM effects WHERE state = 'pending') AS effects,
             (SELECT COUNT(*) FROM deliveries WHERE state = 'parked')
                 + (SELECT COUNT(*) FROM effects WHERE state = 'parked') AS parked",
    );

    /// When the next piece of work is due that can be claimed then.
    NEXT_DUE = Statement::both(
        "SELECT MIN(due) AS due
         FROM (
             SELECT MIN(CASE WHEN lease_until_ms > due_at_ms THEN lease_until_ms ELSE due_at_ms END)
                 AS due
             FROM deliveries
             WHERE state = 'pending'
             UNION ALL
             SELECT MIN(CASE WHEN lease_until_ms > due_at_ms THEN lease_until_ms ELSE due_at_ms END)
                 AS due
             FROM effects e
             LEFT JOIN repos r ON r.id = e.repo_id
             LEFT JOIN installations i ON i.id = r.installation_id
             WHERE e.state = 'pending'
               AND COALESCE(i.state, 'active') = 'active'
               AND COALESCE(r.reachable, 1) = 1
             UNION ALL
             SELECT MIN(CASE WHEN p.lease_until_ms > 0 THEN p.lease_until_ms ELSE p.wake_at_ms END)
                 AS due
             FROM pulls p
             JOIN repos r ON r.id = p.repo_id
             JOIN installations i ON i.id = r.installation_id
             WHERE (p.wake_at_ms IS NOT NULL OR p.lease_until_ms > 0)
               AND i.state = 'active'
               AND r.reachable = 1
         ) AS times",
    );
}
