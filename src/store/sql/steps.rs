//! What several steps write at once: set by set, each by one statement.
//!
//! They say what the statements of a single step say (`pulls`, `inbox`, `effects`, `cases`), about many
//! rows. Within one list no row is named twice, and lists are in the order of their keys, so that
//! everybody takes locks in one order.

use super::{Statement, family, given};

family! {
    /// Installations that may be heard of for the first time.
    SEE_INSTALLATIONS = given!(
        "INSERT INTO installations (id, state)
         SELECT DISTINCT given.installation_id, 'active'
         FROM ",
        (installation_id BIGINT),
        "
         WHERE TRUE
         ORDER BY given.installation_id
         ON CONFLICT (id) DO NOTHING"
    );

    /// Repositories as last seen.
    SET_REPOS = given!(
        "INSERT INTO repos (id, slug, installation_id)
         SELECT given.id, given.slug, given.installation_id
         FROM ",
        (id BIGINT, slug TEXT, installation_id BIGINT),
        "
         WHERE TRUE
         ORDER BY given.id
         ON CONFLICT (id) DO UPDATE
         SET slug = excluded.slug,
             installation_id = excluded.installation_id,
             reachable = 1
         WHERE (repos.slug <> excluded.slug
                OR repos.installation_id <> excluded.installation_id
                OR repos.reachable = 0)
           AND EXISTS (
             SELECT 1
             FROM installations i
             WHERE i.id = excluded.installation_id
               AND i.state <> 'deleted'
         )"
    );

    /// Takes the locks of pull requests that are written to, in the order of their keys.
    LOCK_PULLS = Statement {
        sqlite: "SELECT 1 AS locked",
        postgres: "SELECT 1 AS locked
         FROM pulls p
         JOIN json_to_recordset($1::json) AS given (repo_id BIGINT, number BIGINT)
           ON given.repo_id = p.repo_id
          AND given.number = p.number
         ORDER BY p.repo_id, p.number
         FOR NO KEY UPDATE OF p",
    };

    /// Ends the leases of deliveries, as far as the epochs are still ours.
    FINISH_DELIVERIES = given!(
        "UPDATE deliveries
         SET state = given.state,
             due_at_ms = given.due_at_ms,
             tries = deliveries.tries + given.failures,
             error = given.error,
             done_at_ms = CASE WHEN given.state = 'done' THEN given.now_ms ELSE NULL END,
             lease_until_ms = 0,
             claims = 0
         FROM ",
        (id TEXT, epoch BIGINT, state TEXT, due_at_ms BIGINT, failures BIGINT, error TEXT,
         now_ms BIGINT),
        "
         WHERE deliveries.id = given.id
           AND deliveries.lease_epoch = given.epoch
           AND deliveries.lease_until_ms > 0"
    );

    /// Ends the leases of pull requests, as far as the epochs are still ours.
    FINISH_PULLS = given!(
        "UPDATE pulls
         SET wake_at_ms = CASE
                 WHEN given.wake_at_ms IS NULL THEN pulls.wake_at_ms
                 WHEN pulls.wake_at_ms IS NULL OR pulls.wake_at_ms > given.wake_at_ms
                     THEN given.wake_at_ms
                 ELSE pulls.wake_at_ms
             END,
             tries = CASE WHEN given.failures = 0 THEN 0 ELSE pulls.tries + 1 END,
             error = given.error,
             lease_until_ms = 0
         FROM ",
        (repo_id BIGINT, number BIGINT, epoch BIGINT, wake_at_ms BIGINT, failures BIGINT,
         error TEXT),
        "
         WHERE pulls.repo_id = given.repo_id
           AND pulls.number = given.number
           AND pulls.lease_epoch = given.epoch
           AND pulls.lease_until_ms > 0"
    );

    /// Ends the leases of effects, as far as the epochs are still ours, and says what they are about.
    FINISH_EFFECTS = given!(
        "UPDATE effects
         SET state = CASE WHEN effects.revision = effects.claimed_revision
                 THEN given.state ELSE 'pending' END,
             due_at_ms = CASE WHEN effects.revision = effects.claimed_revision
                 THEN given.due_at_ms ELSE effects.due_at_ms END,
             tries = CASE WHEN effects.revision = effects.claimed_revision
                 THEN effects.tries + given.failures ELSE 0 END,
             error = given.error,
             result = CASE WHEN effects.revision = effects.claimed_revision
                 THEN given.result ELSE NULL END,
             done_at_ms = CASE WHEN given.state = 'pending' THEN NULL ELSE given.now_ms END,
             lease_until_ms = 0
         FROM ",
        (id TEXT, epoch BIGINT, state TEXT, due_at_ms BIGINT, failures BIGINT, error TEXT,
         result TEXT, now_ms BIGINT),
        "
         WHERE effects.id = given.id
           AND effects.lease_epoch = given.epoch
           AND effects.lease_until_ms > 0
         RETURNING effects.id AS id, effects.kind AS kind, effects.repo_id AS repo_id,
                   effects.number AS number"
    );

    /// Facts about pull requests, and when each is to be looked at, which is NULL or its time or
    /// earlier; older facts never replace newer ones, and what is the same is not written.
    SET_PULLS = given!(
        "INSERT INTO pulls (
             repo_id, number, head_sha, head_branch, head_repo_id, base, state, updated_at_ms,
             wake_at_ms
         )
         SELECT given.repo_id, given.number, given.head_sha, given.head_branch, given.head_repo_id,
                given.base, given.state, given.updated_at_ms, given.wake_at_ms
         FROM ",
        (repo_id BIGINT, number BIGINT, head_sha TEXT, head_branch TEXT, head_repo_id BIGINT,
         base TEXT, state TEXT, updated_at_ms BIGINT, wake_at_ms BIGINT),
        "
         WHERE TRUE
         ORDER BY given.repo_id, given.number
         ON CONFLICT (repo_id, number) DO UPDATE
         SET head_sha = CASE WHEN pulls.updated_at_ms <= excluded.updated_at_ms
                 THEN excluded.head_sha ELSE pulls.head_sha END,
             head_branch = CASE WHEN pulls.updated_at_ms <= excluded.updated_at_ms
                 THEN excluded.head_branch ELSE pulls.head_branch END,
             head_repo_id = CASE WHEN pulls.updated_at_ms <= excluded.updated_at_ms
                 THEN excluded.head_repo_id ELSE pulls.head_repo_id END,
             base = CASE WHEN pulls.updated_at_ms <= excluded.updated_at_ms
                 THEN excluded.base ELSE pulls.base END,
             state = CASE WHEN pulls.updated_at_ms <= excluded.updated_at_ms
                 THEN excluded.state ELSE pulls.state END,
             updated_at_ms = CASE WHEN pulls.updated_at_ms <= excluded.updated_at_ms
                 THEN excluded.updated_at_ms ELSE pulls.updated_at_ms END,
             wake_at_ms = CASE WHEN pulls.wake_at_ms <= excluded.wake_at_ms
                 THEN pulls.wake_at_ms
                 ELSE COALESCE(excluded.wake_at_ms, pulls.wake_at_ms) END
         WHERE (pulls.updated_at_ms <= excluded.updated_at_ms
                AND (pulls.updated_at_ms <> excluded.updated_at_ms
                     OR pulls.head_sha <> excluded.head_sha
                     OR pulls.head_branch <> excluded.head_branch
                     OR pulls.head_repo_id IS DISTINCT FROM excluded.head_repo_id
                     OR pulls.base <> excluded.base
                     OR pulls.state <> excluded.state))
            OR (excluded.wake_at_ms IS NOT NULL
                AND (pulls.wake_at_ms IS NULL OR pulls.wake_at_ms > excluded.wake_at_ms))"
    );

    /// Wakes pull requests that are known, each at its time or earlier.
    WAKE_PULLS = given!(
        "UPDATE pulls
         SET wake_at_ms = given.wake_at_ms
         FROM ",
        (repo_id BIGINT, number BIGINT, wake_at_ms BIGINT),
        "
         WHERE pulls.repo_id = given.repo_id
           AND pulls.number = given.number
           AND (pulls.wake_at_ms IS NULL OR pulls.wake_at_ms > given.wake_at_ms)"
    );

    /// Cases, new or changed.
    SET_CASES = given!(
        "INSERT INTO cases (
             id, repo_id, number, opened_head, head, opened_at_ms, since_ms, state, attempt_id,
             reason, note, attempts, reruns, asked, labels, auto_merge
         )
         SELECT given.id, given.repo_id, given.number, given.opened_head, given.head,
                given.opened_at_ms, given.since_ms, given.state, given.attempt_id, given.reason,
                given.note, given.attempts, given.reruns, given.asked, given.labels,
                given.auto_merge
         FROM ",
        (id TEXT, repo_id BIGINT, number BIGINT, opened_head TEXT, head TEXT, opened_at_ms BIGINT,
         since_ms BIGINT, state TEXT, attempt_id TEXT, reason TEXT, note TEXT, attempts BIGINT,
         reruns BIGINT, asked BIGINT, labels TEXT, auto_merge TEXT),
        "
         WHERE TRUE
         ORDER BY given.id
         ON CONFLICT (id) DO UPDATE
         SET opened_head = excluded.opened_head,
             head = excluded.head,
             since_ms = excluded.since_ms,
             state = excluded.state,
             attempt_id = excluded.attempt_id,
             reason = excluded.reason,
             note = excluded.note,
             attempts = excluded.attempts,
             reruns = excluded.reruns,
             asked = excluded.asked,
             labels = excluded.labels,
             auto_merge = excluded.auto_merge"
    );

    /// What was read for cases; reading again replaces it.
    SET_EVIDENCES = given!(
        "INSERT INTO evidence (case_id, head, body, read_at_ms)
         SELECT given.case_id, given.head, given.body, given.read_at_ms
         FROM ",
        (case_id TEXT, head TEXT, body TEXT, read_at_ms BIGINT),
        "
         WHERE TRUE
         ON CONFLICT (case_id, head) DO UPDATE
         SET body = excluded.body,
             read_at_ms = excluded.read_at_ms"
    );

    /// Effects that happen once: a known key changes nothing.
    WANT_EACH_ONCE = given!(
        "INSERT INTO effects (
             id, effect_key, kind, repo_id, number, payload, digest, wanted_at_ms, due_at_ms
         )
         SELECT given.id, given.effect_key, given.kind, given.repo_id, given.number, given.payload,
                given.digest, given.wanted_at_ms, given.wanted_at_ms
         FROM ",
        (id TEXT, effect_key TEXT, kind TEXT, repo_id BIGINT, number BIGINT, payload TEXT,
         digest TEXT, wanted_at_ms BIGINT),
        "
         WHERE TRUE
         ORDER BY given.effect_key
         ON CONFLICT (effect_key) DO NOTHING"
    );

    /// Effects whose newest wish counts: a different one replaces what is known under its key.
    WANT_EACH_LATEST = given!(
        "INSERT INTO effects (
             id, effect_key, kind, repo_id, number, payload, digest, wanted_at_ms, due_at_ms
         )
         SELECT given.id, given.effect_key, given.kind, given.repo_id, given.number, given.payload,
                given.digest, given.wanted_at_ms, given.wanted_at_ms
         FROM ",
        (id TEXT, effect_key TEXT, kind TEXT, repo_id BIGINT, number BIGINT, payload TEXT,
         digest TEXT, wanted_at_ms BIGINT),
        "
         WHERE TRUE
         ORDER BY given.effect_key
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
         WHERE effects.digest <> excluded.digest"
    );

    /// Check runs that we made.
    SET_CHECKS = given!(
        "INSERT INTO checks (repo_id, number, head, check_run_id, annotations_sent)
         SELECT given.repo_id, given.number, given.head, given.check_run_id, given.annotations_sent
         FROM ",
        (repo_id BIGINT, number BIGINT, head TEXT, check_run_id BIGINT, annotations_sent BIGINT),
        "
         WHERE TRUE
         ORDER BY given.repo_id, given.number, given.head
         ON CONFLICT (repo_id, number, head) DO UPDATE
         SET check_run_id = excluded.check_run_id,
             annotations_sent = excluded.annotations_sent"
    );
}
