-- What programs say at this schema; see tests/it/store/releases.rs.

-- ACCOUNT: postgres and sqlite
SELECT c.id AS case_id, c.repo_id, r.slug, r.installation_id, c.number,
                s.token_hash, s.token_until_ms,
                CAST(CASE WHEN a.state = 'running' AND c.attempt_id = a.id THEN 1 ELSE 0 END
                    AS BIGINT) AS live
         FROM attempts a
         JOIN cases c ON c.id = a.case_id
         JOIN repos r ON r.id = c.repo_id
         LEFT JOIN runner_reports s ON s.attempt_id = a.id
         WHERE a.id = $1

-- ADD_TRIAL: postgres and sqlite
INSERT INTO flake_trials AS known (
             repo_id, fingerprint, head, number, test, title, gone, again, last_at_ms
         )
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (repo_id, fingerprint, head) DO UPDATE SET
             gone = known.gone + excluded.gone,
             again = known.again + excluded.again,
             last_at_ms = excluded.last_at_ms

-- ADMIT: postgres and sqlite
INSERT INTO runner_reports (
             attempt_id, run_id, admitted_at_ms, heard_at_ms, token_hash, token_until_ms
         )
         VALUES ($1, $2, $3, $3, $4, $5)
         ON CONFLICT (attempt_id) DO UPDATE
         SET run_id = COALESCE(excluded.run_id, runner_reports.run_id),
             admitted_at_ms = excluded.admitted_at_ms,
             heard_at_ms = excluded.heard_at_ms,
             token_hash = excluded.token_hash,
             token_until_ms = excluded.token_until_ms

-- ANSWER_ASK: postgres and sqlite
UPDATE asks
         SET answered_at_ms = $2,
             heeded = $3
         WHERE ask_key = $1
           AND answered_at_ms IS NULL

-- ASKS: sqlite
SELECT a.ask_key, a.kind, a.body, a.actor_id, a.actor_login, a.comment_id,
                a.comment_place, a.asked_at_ms, a.answered_at_ms, a.repo_id, a.number
         FROM (SELECT value ->> 'repo_id' AS repo_id, value ->> 'number' AS number FROM json_each($1)) AS given
         JOIN asks a ON a.repo_id = given.repo_id AND a.number = given.number
         WHERE a.answered_at_ms IS NULL OR a.heeded = 1

-- ASKS: postgres
SELECT a.ask_key, a.kind, a.body, a.actor_id, a.actor_login, a.comment_id,
                a.comment_place, a.asked_at_ms, a.answered_at_ms, a.repo_id, a.number
         FROM json_to_recordset($1::json) AS given (repo_id BIGINT, number BIGINT)
         JOIN asks a ON a.repo_id = given.repo_id AND a.number = given.number
         WHERE a.answered_at_ms IS NULL OR a.heeded = 1

-- ATTEMPTS: sqlite
SELECT a.id, a.case_id, a.number, a.head, a.planned_at_ms, a.dispatches,
                a.dispatched_at_ms, a.state, a.end_reason, a.end_detail, a.note, a.feedback,
                a.verdict, s.run_id, s.admitted_at_ms, s.heard_at_ms, s.stage, s.round, s.outcome
         FROM (SELECT value ->> 'case_id' AS case_id FROM json_each($1)) AS given
         JOIN attempts a ON a.case_id = given.case_id
         LEFT JOIN runner_reports s ON s.attempt_id = a.id
         ORDER BY a.case_id, a.number

-- ATTEMPTS: postgres
SELECT a.id, a.case_id, a.number, a.head, a.planned_at_ms, a.dispatches,
                a.dispatched_at_ms, a.state, a.end_reason, a.end_detail, a.note, a.feedback,
                a.verdict, s.run_id, s.admitted_at_ms, s.heard_at_ms, s.stage, s.round, s.outcome
         FROM json_to_recordset($1::json) AS given (case_id TEXT)
         JOIN attempts a ON a.case_id = given.case_id
         LEFT JOIN runner_reports s ON s.attempt_id = a.id
         ORDER BY a.case_id, a.number

-- ATTEMPTS_OF: sqlite
SELECT a.id, a.end_detail
         FROM (SELECT value ->> 'repo_id' AS repo_id, value ->> 'sha' AS sha FROM json_each($1)) AS given
         JOIN attempts a ON a.end_detail = given.sha
         JOIN cases c ON c.id = a.case_id AND c.repo_id = given.repo_id

-- ATTEMPTS_OF: postgres
SELECT a.id, a.end_detail
         FROM json_to_recordset($1::json) AS given (repo_id BIGINT, sha TEXT)
         JOIN attempts a ON a.end_detail = given.sha
         JOIN cases c ON c.id = a.case_id AND c.repo_id = given.repo_id

-- BACKLOG: postgres and sqlite
SELECT
             (SELECT COUNT(*) FROM deliveries WHERE state = 'pending') AS deliveries,
             (SELECT COUNT(*) FROM pulls WHERE wake_at_ms IS NOT NULL)
                 + (SELECT COUNT(*) FROM pulls WHERE lease_until_ms > 0 AND wake_at_ms IS NULL)
                 AS pulls,
             (SELECT COUNT(*) FROM effects WHERE state = 'pending') AS effects,
             (SELECT COUNT(*) FROM deliveries WHERE state = 'parked')
                 + (SELECT COUNT(*) FROM effects WHERE state = 'parked') AS parked

-- BEGIN_EVENTS: postgres and sqlite
INSERT INTO event_streams (attempt_id, next_seq, bytes, packed_bytes, kept_at_ms)
         SELECT id, 1, 0, 0, CAST($2 AS BIGINT)
         FROM attempts
         WHERE id = $1
         ON CONFLICT (attempt_id) DO NOTHING

-- CALLS_HELD_BEFORE: postgres and sqlite
SELECT id
         FROM model_calls
         WHERE state = 'held'
           AND held_at_ms < $1
         ORDER BY held_at_ms, id
         LIMIT $2 + 0

-- CALL_FALSE: sqlite
INSERT INTO false_fixes (attempt_id, sign, at_ms, evidence)
         SELECT a.id, given.sign, given.at_ms, given.evidence
         FROM (SELECT value ->> 'attempt_id' AS attempt_id, value ->> 'sign' AS sign, value ->> 'at_ms' AS at_ms, value ->> 'evidence' AS evidence FROM json_each($1)) AS given
         JOIN attempts a ON a.id = given.attempt_id
         WHERE TRUE
         ON CONFLICT (attempt_id, sign) DO NOTHING

-- CALL_FALSE: postgres
INSERT INTO false_fixes (attempt_id, sign, at_ms, evidence)
         SELECT a.id, given.sign, given.at_ms, given.evidence
         FROM json_to_recordset($1::json) AS given (attempt_id TEXT, sign TEXT, at_ms BIGINT, evidence TEXT)
         JOIN attempts a ON a.id = given.attempt_id
         WHERE TRUE
         ON CONFLICT (attempt_id, sign) DO NOTHING

-- CAME: postgres and sqlite
UPDATE remedy_offers
         SET came = $3, at_ms = $4
         WHERE attempt_id = $1 AND remedy_id = $2 AND came IS NULL

-- CASE: postgres and sqlite
SELECT c.id, c.repo_id, r.slug, r.installation_id, c.number, c.opened_head, c.head,
                c.opened_at_ms, c.since_ms, c.state, c.attempt_id, c.reason, c.note, c.attempts,
                c.reruns, c.asked, c.labels, c.auto_merge
         FROM cases c
         JOIN repos r ON r.id = c.repo_id
         WHERE c.id = $1

-- CASES_SINCE: postgres and sqlite
SELECT c.id, r.slug, c.opened_at_ms, c.state, c.reason, k.class,
                (SELECT COUNT(*) FROM attempts a WHERE a.case_id = c.id) AS attempts,
                COALESCE((
                    SELECT m.settled_nanos + m.held_nanos
                    FROM model_accounts m
                    WHERE m.scope = 'case'
                      AND m.holder = c.id
                      AND m.hour = 0
                ), 0) AS cost_nanos
         FROM cases c
         JOIN repos r ON r.id = c.repo_id
         LEFT JOIN case_classes k ON k.case_id = c.id
         WHERE c.opened_at_ms >= $1
           AND ($2 = '' OR r.slug = $2)
         ORDER BY c.opened_at_ms DESC, c.id DESC
         LIMIT $3 + 0

-- CASE_OF_ATTEMPT: postgres and sqlite
SELECT case_id
         FROM attempts
         WHERE id = $1

-- CHANGE: sqlite
INSERT INTO autonomy_changes (
             repo_id, class, at_ms, level_from, level_to, because, case_id
         )
         SELECT given.repo_id, given.class, given.at_ms, given.level_from, given.level_to,
                given.because, given.case_id
         FROM (SELECT value ->> 'repo_id' AS repo_id, value ->> 'class' AS class, value ->> 'at_ms' AS at_ms, value ->> 'level_from' AS level_from, value ->> 'level_to' AS level_to, value ->> 'because' AS because, value ->> 'case_id' AS case_id FROM json_each($1)) AS given
         WHERE TRUE
         ON CONFLICT (repo_id, class, at_ms) DO NOTHING

-- CHANGE: postgres
INSERT INTO autonomy_changes (
             repo_id, class, at_ms, level_from, level_to, because, case_id
         )
         SELECT given.repo_id, given.class, given.at_ms, given.level_from, given.level_to,
                given.because, given.case_id
         FROM json_to_recordset($1::json) AS given (repo_id BIGINT, class TEXT, at_ms BIGINT, level_from TEXT, level_to TEXT, because TEXT, case_id TEXT)
         WHERE TRUE
         ON CONFLICT (repo_id, class, at_ms) DO NOTHING

-- CHANGES_SINCE: postgres and sqlite
SELECT r.slug, h.class, h.at_ms, h.level_from, h.level_to, h.because
         FROM autonomy_changes h
         JOIN repos r ON r.id = h.repo_id
         WHERE h.at_ms >= $1
           AND ($2 = '' OR r.slug = $2)
         ORDER BY h.at_ms DESC, h.class
         LIMIT $3 + 0

-- CHECKPOINT: postgres and sqlite
SELECT packed, length
         FROM checkpoints
         WHERE attempt_id = $1

-- CHECKS: sqlite
SELECT c.repo_id, c.number, c.head, c.check_run_id, c.annotations_sent
         FROM (SELECT value ->> 'repo_id' AS repo_id, value ->> 'number' AS number, value ->> 'head' AS head FROM json_each($1)) AS given
         JOIN checks c
           ON c.repo_id = given.repo_id
          AND c.number = given.number
          AND c.head = given.head

-- CHECKS: postgres
SELECT c.repo_id, c.number, c.head, c.check_run_id, c.annotations_sent
         FROM json_to_recordset($1::json) AS given (repo_id BIGINT, number BIGINT, head TEXT)
         JOIN checks c
           ON c.repo_id = given.repo_id
          AND c.number = given.number
          AND c.head = given.head

-- CLAIM_ABANDONED_PULLS: sqlite
WITH due AS (
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

         )
         UPDATE pulls
         SET lease_epoch = lease_epoch + 1,
             lease_until_ms = $2,
             wake_at_ms = NULL
         WHERE (repo_id, number) IN (SELECT repo_id, number FROM due)
         RETURNING repo_id, number, lease_epoch, tries

-- CLAIM_ABANDONED_PULLS: postgres
WITH due AS (
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
FOR UPDATE OF p SKIP LOCKED
         )
         UPDATE pulls
         SET lease_epoch = lease_epoch + 1,
             lease_until_ms = $2,
             wake_at_ms = NULL
         WHERE (repo_id, number) IN (SELECT repo_id, number FROM due)
         RETURNING repo_id, number, lease_epoch, tries

-- CLAIM_DELIVERIES: sqlite
WITH due AS (
             SELECT id
             FROM deliveries
             WHERE state = 'pending'
               AND repo_id > $3
               AND due_at_ms <= $1
               AND lease_until_ms <= $1
             ORDER BY repo_id, due_at_ms
             LIMIT $4 + 0

         )
         UPDATE deliveries
         SET lease_epoch = lease_epoch + 1,
             lease_until_ms = $2,
             claims = claims + 1
         WHERE id IN (SELECT id FROM due)
         RETURNING id, event, body, body_bytes, received_at_ms, tries, claims, lease_epoch, repo_id

-- CLAIM_DELIVERIES: postgres
WITH due AS (
             SELECT id
             FROM deliveries
             WHERE state = 'pending'
               AND repo_id > $3
               AND due_at_ms <= $1
               AND lease_until_ms <= $1
             ORDER BY repo_id, due_at_ms
             LIMIT $4 + 0
FOR UPDATE SKIP LOCKED
         )
         UPDATE deliveries
         SET lease_epoch = lease_epoch + 1,
             lease_until_ms = $2,
             claims = claims + 1
         WHERE id IN (SELECT id FROM due)
         RETURNING id, event, body, body_bytes, received_at_ms, tries, claims, lease_epoch, repo_id

-- CLAIM_EFFECTS: sqlite
WITH due AS (
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

         )
         UPDATE effects
         SET lease_epoch = lease_epoch + 1,
             lease_until_ms = $2,
             claimed_revision = revision
         WHERE id IN (SELECT id FROM due)
         RETURNING id, payload, revision, tries, wanted_at_ms, lease_epoch, repo_id

-- CLAIM_EFFECTS: postgres
WITH due AS (
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
FOR UPDATE OF e SKIP LOCKED
         )
         UPDATE effects
         SET lease_epoch = lease_epoch + 1,
             lease_until_ms = $2,
             claimed_revision = revision
         WHERE id IN (SELECT id FROM due)
         RETURNING id, payload, revision, tries, wanted_at_ms, lease_epoch, repo_id

-- CLAIM_PULLS: sqlite
WITH due AS (
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

         )
         UPDATE pulls
         SET lease_epoch = lease_epoch + 1,
             lease_until_ms = $2,
             wake_at_ms = NULL
         WHERE (repo_id, number) IN (SELECT repo_id, number FROM due)
         RETURNING repo_id, number, lease_epoch, tries

-- CLAIM_PULLS: postgres
WITH due AS (
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
FOR UPDATE OF p SKIP LOCKED
         )
         UPDATE pulls
         SET lease_epoch = lease_epoch + 1,
             lease_until_ms = $2,
             wake_at_ms = NULL
         WHERE (repo_id, number) IN (SELECT repo_id, number FROM due)
         RETURNING repo_id, number, lease_epoch, tries

-- CLAIM_RECONCILE: postgres and sqlite
UPDATE reconciler
         SET lease_epoch = lease_epoch + 1,
             lease_until_ms = $2
         WHERE due_at_ms <= $1
           AND lease_until_ms <= $1
         RETURNING lease_epoch, mark_ms, pass_to_ms, pass_cursor

-- CLASSIFY: sqlite
INSERT INTO case_classes (case_id, class)
         SELECT given.case_id, given.class
         FROM (SELECT value ->> 'case_id' AS case_id, value ->> 'class' AS class FROM json_each($1)) AS given
         WHERE TRUE
         ON CONFLICT (case_id) DO NOTHING

-- CLASSIFY: postgres
INSERT INTO case_classes (case_id, class)
         SELECT given.case_id, given.class
         FROM json_to_recordset($1::json) AS given (case_id TEXT, class TEXT)
         WHERE TRUE
         ON CONFLICT (case_id) DO NOTHING

-- COMMENT: postgres and sqlite
SELECT comment_id
         FROM comments
         WHERE repo_id = $1
           AND number = $2

-- COUNT_WAITING: postgres and sqlite
SELECT COUNT(*) AS waiting
         FROM deliveries
         WHERE state = 'pending'

-- DELIVERIES: postgres and sqlite
SELECT id, event, received_at_ms, state, tries, due_at_ms,
                COALESCE(body_bytes, CAST(LENGTH(body) AS BIGINT)) AS bytes, error
         FROM deliveries
         WHERE state = $1
           AND tries >= $2
         ORDER BY received_at_ms DESC, id
         LIMIT $3 + 0

-- DELIVERY: postgres and sqlite
SELECT id, event, received_at_ms, state, tries, due_at_ms,
                COALESCE(body_bytes, CAST(LENGTH(body) AS BIGINT)) AS bytes, error
         FROM deliveries
         WHERE id = $1

-- DELIVERY_BODY: postgres and sqlite
SELECT body, body_bytes
         FROM deliveries
         WHERE id = $1

-- DOCUMENTS: postgres and sqlite
SELECT name, round, body
         FROM documents
         WHERE attempt_id = $1
         ORDER BY position

-- EFFECT_RESULTS: sqlite
SELECT e.effect_key, e.result
         FROM (SELECT value ->> 'effect_key' AS effect_key FROM json_each($1)) AS given
         JOIN effects e ON e.effect_key = given.effect_key
         WHERE e.state = 'done'
           AND e.result IS NOT NULL

-- EFFECT_RESULTS: postgres
SELECT e.effect_key, e.result
         FROM json_to_recordset($1::json) AS given (effect_key TEXT)
         JOIN effects e ON e.effect_key = given.effect_key
         WHERE e.state = 'done'
           AND e.result IS NOT NULL

-- EFFECT_TARGET: postgres and sqlite
SELECT kind, repo_id, number
         FROM effects
         WHERE id = $1

-- EMPTY_EVENT_STREAM: postgres and sqlite
UPDATE event_streams
         SET packed_bytes = 0
         WHERE attempt_id = $1

-- END_RECONCILE: postgres and sqlite
UPDATE reconciler
         SET due_at_ms = $2,
             mark_ms = $3,
             pass_to_ms = $4,
             pass_cursor = $5,
             lease_until_ms = 0
         WHERE lease_epoch = $1
           AND lease_until_ms > 0

-- ENTER: sqlite
INSERT INTO case_moves (case_id, position, at_ms, state, reason)
         SELECT given.case_id,
                COALESCE(
                    (SELECT MAX(m.position) FROM case_moves m WHERE m.case_id = given.case_id), 0
                ) + given.nth,
                given.at_ms, given.state, given.reason
         FROM (SELECT value ->> 'case_id' AS case_id, value ->> 'nth' AS nth, value ->> 'at_ms' AS at_ms, value ->> 'state' AS state, value ->> 'reason' AS reason FROM json_each($1)) AS given
         WHERE TRUE
         ORDER BY given.nth

-- ENTER: postgres
INSERT INTO case_moves (case_id, position, at_ms, state, reason)
         SELECT given.case_id,
                COALESCE(
                    (SELECT MAX(m.position) FROM case_moves m WHERE m.case_id = given.case_id), 0
                ) + given.nth,
                given.at_ms, given.state, given.reason
         FROM json_to_recordset($1::json) AS given (case_id TEXT, nth BIGINT, at_ms BIGINT, state TEXT, reason TEXT)
         WHERE TRUE
         ORDER BY given.nth

-- EVENTS: postgres and sqlite
SELECT first_seq, count, bytes, kept_at_ms, packed
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
         ORDER BY first_seq

-- EVENTS_KEPT: postgres and sqlite
UPDATE event_streams
         SET next_seq = $2,
             bytes = bytes + $3,
             packed_bytes = packed_bytes + $4,
             kept_at_ms = $5
         WHERE attempt_id = $1

-- EVENT_STREAM: sqlite
SELECT e.next_seq, e.bytes
         FROM event_streams e
         JOIN runner_reports s ON s.attempt_id = e.attempt_id
         WHERE e.attempt_id = $1
           AND s.token_hash = $2

-- EVENT_STREAM: postgres
SELECT e.next_seq, e.bytes
         FROM event_streams e
         JOIN runner_reports s ON s.attempt_id = e.attempt_id
         WHERE e.attempt_id = $1
           AND s.token_hash = $2
         FOR UPDATE OF e
         FOR SHARE OF s

-- EVIDENCE: postgres and sqlite
SELECT body
         FROM evidence
         WHERE case_id = $1
           AND head = $2

-- FILE: sqlite
INSERT INTO remedies (
             attempt_id, installation_id, repo_id, number, commit_sha, shared, body, filed_at_ms
         )
         SELECT given.attempt_id, given.installation_id, given.repo_id, given.number,
                given.commit_sha, given.shared, given.body, given.filed_at_ms
         FROM (SELECT value ->> 'attempt_id' AS attempt_id, value ->> 'installation_id' AS installation_id, value ->> 'repo_id' AS repo_id, value ->> 'number' AS number, value ->> 'commit_sha' AS commit_sha, value ->> 'shared' AS shared, value ->> 'body' AS body, value ->> 'filed_at_ms' AS filed_at_ms FROM json_each($1)) AS given
         WHERE TRUE
         ON CONFLICT (attempt_id) DO NOTHING

-- FILE: postgres
INSERT INTO remedies (
             attempt_id, installation_id, repo_id, number, commit_sha, shared, body, filed_at_ms
         )
         SELECT given.attempt_id, given.installation_id, given.repo_id, given.number,
                given.commit_sha, given.shared, given.body, given.filed_at_ms
         FROM json_to_recordset($1::json) AS given (attempt_id TEXT, installation_id BIGINT, repo_id BIGINT, number BIGINT, commit_sha TEXT, shared BIGINT, body TEXT, filed_at_ms BIGINT)
         WHERE TRUE
         ON CONFLICT (attempt_id) DO NOTHING

-- FILE_SHAPES: sqlite
INSERT INTO remedy_shapes (shape, attempt_id)
         SELECT given.shape, r.attempt_id
         FROM (SELECT value ->> 'attempt_id' AS attempt_id, value ->> 'shape' AS shape FROM json_each($1)) AS given
         JOIN remedies r ON r.attempt_id = given.attempt_id
         WHERE TRUE
         ON CONFLICT (shape, attempt_id) DO NOTHING

-- FILE_SHAPES: postgres
INSERT INTO remedy_shapes (shape, attempt_id)
         SELECT given.shape, r.attempt_id
         FROM json_to_recordset($1::json) AS given (attempt_id TEXT, shape TEXT)
         JOIN remedies r ON r.attempt_id = given.attempt_id
         WHERE TRUE
         ON CONFLICT (shape, attempt_id) DO NOTHING

-- FINISH_DELIVERIES: sqlite
UPDATE deliveries
         SET state = given.state,
             due_at_ms = given.due_at_ms,
             tries = deliveries.tries + given.failures,
             error = given.error,
             done_at_ms = CASE WHEN given.state = 'done' THEN given.now_ms ELSE NULL END,
             lease_until_ms = 0,
             claims = 0
         FROM (SELECT value ->> 'id' AS id, value ->> 'epoch' AS epoch, value ->> 'state' AS state, value ->> 'due_at_ms' AS due_at_ms, value ->> 'failures' AS failures, value ->> 'error' AS error, value ->> 'now_ms' AS now_ms FROM json_each($1)) AS given
         WHERE deliveries.id = given.id
           AND deliveries.lease_epoch = given.epoch
           AND deliveries.lease_until_ms > 0

-- FINISH_DELIVERIES: postgres
UPDATE deliveries
         SET state = given.state,
             due_at_ms = given.due_at_ms,
             tries = deliveries.tries + given.failures,
             error = given.error,
             done_at_ms = CASE WHEN given.state = 'done' THEN given.now_ms ELSE NULL END,
             lease_until_ms = 0,
             claims = 0
         FROM json_to_recordset($1::json) AS given (id TEXT, epoch BIGINT, state TEXT, due_at_ms BIGINT, failures BIGINT, error TEXT, now_ms BIGINT)
         WHERE deliveries.id = given.id
           AND deliveries.lease_epoch = given.epoch
           AND deliveries.lease_until_ms > 0

-- FINISH_DELIVERY: postgres and sqlite
UPDATE deliveries
         SET state = $3,
             due_at_ms = $4,
             tries = tries + $5,
             error = $6,
             done_at_ms = CASE WHEN $3 = 'done' THEN CAST($7 AS BIGINT) ELSE NULL END,
             lease_until_ms = 0,
             claims = 0
         WHERE id = $1
           AND lease_epoch = $2
           AND lease_until_ms > 0

-- FINISH_EFFECT: postgres and sqlite
UPDATE effects
         SET state = CASE WHEN revision = claimed_revision THEN $3 ELSE 'pending' END,
             due_at_ms = CASE WHEN revision = claimed_revision THEN $4 ELSE due_at_ms END,
             tries = CASE WHEN revision = claimed_revision THEN tries + $5 ELSE 0 END,
             error = $6,
             result = CASE WHEN revision = claimed_revision THEN $7 ELSE NULL END,
             done_at_ms = CASE WHEN $3 = 'pending' THEN NULL ELSE CAST($8 AS BIGINT) END,
             lease_until_ms = 0
         WHERE id = $1
           AND lease_epoch = $2
           AND lease_until_ms > 0

-- FINISH_EFFECTS: sqlite
UPDATE effects
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
         FROM (SELECT value ->> 'id' AS id, value ->> 'epoch' AS epoch, value ->> 'state' AS state, value ->> 'due_at_ms' AS due_at_ms, value ->> 'failures' AS failures, value ->> 'error' AS error, value ->> 'result' AS result, value ->> 'now_ms' AS now_ms FROM json_each($1)) AS given
         WHERE effects.id = given.id
           AND effects.lease_epoch = given.epoch
           AND effects.lease_until_ms > 0
         RETURNING effects.id AS id, effects.kind AS kind, effects.repo_id AS repo_id,
                   effects.number AS number

-- FINISH_EFFECTS: postgres
UPDATE effects
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
         FROM json_to_recordset($1::json) AS given (id TEXT, epoch BIGINT, state TEXT, due_at_ms BIGINT, failures BIGINT, error TEXT, result TEXT, now_ms BIGINT)
         WHERE effects.id = given.id
           AND effects.lease_epoch = given.epoch
           AND effects.lease_until_ms > 0
         RETURNING effects.id AS id, effects.kind AS kind, effects.repo_id AS repo_id,
                   effects.number AS number

-- FINISH_PULL: postgres and sqlite
UPDATE pulls
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
           AND lease_until_ms > 0

-- FINISH_PULLS: sqlite
UPDATE pulls
         SET wake_at_ms = CASE
                 WHEN given.wake_at_ms IS NULL THEN pulls.wake_at_ms
                 WHEN pulls.wake_at_ms IS NULL OR pulls.wake_at_ms > given.wake_at_ms
                     THEN given.wake_at_ms
                 ELSE pulls.wake_at_ms
             END,
             tries = CASE WHEN given.failures = 0 THEN 0 ELSE pulls.tries + 1 END,
             error = given.error,
             lease_until_ms = 0
         FROM (SELECT value ->> 'repo_id' AS repo_id, value ->> 'number' AS number, value ->> 'epoch' AS epoch, value ->> 'wake_at_ms' AS wake_at_ms, value ->> 'failures' AS failures, value ->> 'error' AS error FROM json_each($1)) AS given
         WHERE pulls.repo_id = given.repo_id
           AND pulls.number = given.number
           AND pulls.lease_epoch = given.epoch
           AND pulls.lease_until_ms > 0

-- FINISH_PULLS: postgres
UPDATE pulls
         SET wake_at_ms = CASE
                 WHEN given.wake_at_ms IS NULL THEN pulls.wake_at_ms
                 WHEN pulls.wake_at_ms IS NULL OR pulls.wake_at_ms > given.wake_at_ms
                     THEN given.wake_at_ms
                 ELSE pulls.wake_at_ms
             END,
             tries = CASE WHEN given.failures = 0 THEN 0 ELSE pulls.tries + 1 END,
             error = given.error,
             lease_until_ms = 0
         FROM json_to_recordset($1::json) AS given (repo_id BIGINT, number BIGINT, epoch BIGINT, wake_at_ms BIGINT, failures BIGINT, error TEXT)
         WHERE pulls.repo_id = given.repo_id
           AND pulls.number = given.number
           AND pulls.lease_epoch = given.epoch
           AND pulls.lease_until_ms > 0

-- FIXES: sqlite
SELECT f.repo_id, f.attempt_id, f.number, f.fingerprint, f.at_ms,
                CAST(CASE WHEN EXISTS (
                    SELECT 1
                    FROM false_fixes x
                    WHERE x.attempt_id = f.attempt_id
                      AND x.sign IN ('undone', 'reverted')
                ) THEN 1 ELSE 0 END AS BIGINT) AS taken_back
         FROM (SELECT value ->> 'repo_id' AS repo_id, value ->> 'number' AS number, value ->> 'fingerprint' AS fingerprint, value ->> 'since_ms' AS since_ms FROM json_each($1)) AS given
         JOIN fixes f ON f.repo_id = given.repo_id
             AND f.number = given.number
             AND f.fingerprint = given.fingerprint
         WHERE f.at_ms >= given.since_ms

-- FIXES: postgres
SELECT f.repo_id, f.attempt_id, f.number, f.fingerprint, f.at_ms,
                CAST(CASE WHEN EXISTS (
                    SELECT 1
                    FROM false_fixes x
                    WHERE x.attempt_id = f.attempt_id
                      AND x.sign IN ('undone', 'reverted')
                ) THEN 1 ELSE 0 END AS BIGINT) AS taken_back
         FROM json_to_recordset($1::json) AS given (repo_id BIGINT, number BIGINT, fingerprint TEXT, since_ms BIGINT)
         JOIN fixes f ON f.repo_id = given.repo_id
             AND f.number = given.number
             AND f.fingerprint = given.fingerprint
         WHERE f.at_ms >= given.since_ms

-- FORGET_CALLS: postgres and sqlite
DELETE FROM model_calls
         WHERE id IN (
             SELECT id
             FROM model_calls
             WHERE state <> 'held'
               AND held_at_ms < $1
             ORDER BY held_at_ms, id
             LIMIT $2 + 0
         )

-- FORGET_CHECKPOINT: postgres and sqlite
DELETE FROM checkpoints
         WHERE attempt_id = $1

-- FORGET_CHECKS: postgres and sqlite
DELETE FROM checks

-- FORGET_COMMENTS: postgres and sqlite
DELETE FROM comments

-- FORGET_EVENTS: postgres and sqlite
DELETE FROM event_runs
         WHERE attempt_id = $1

-- FORGET_HOURS: postgres and sqlite
DELETE FROM model_accounts
         WHERE hour > 0
           AND hour < $1
           AND held_nanos = 0
           AND held_tokens = 0

-- FORGET_MANY_LOGS: postgres and sqlite
DELETE FROM logs
         WHERE (repo_id, number, job_id) IN (
             SELECT repo_id, number, job_id
             FROM (
                 SELECT repo_id, number, job_id,
                        SUM(packed_bytes) OVER (
                            ORDER BY kept_at_ms DESC, job_id DESC, number DESC, repo_id DESC
                        ) AS together
                 FROM logs
             ) AS summed
             WHERE together > CAST($1 AS BIGINT)
         )

-- FORGET_OFFERS: postgres and sqlite
DELETE FROM remedy_offers
         WHERE NOT EXISTS (
             SELECT 1 FROM remedy_shapes s WHERE s.attempt_id = remedy_offers.remedy_id
         )

-- FORGET_OLD_LOGS: postgres and sqlite
DELETE FROM logs
         WHERE kept_at_ms < $1

-- FORGET_REMEDIES: postgres and sqlite
DELETE FROM remedies
         WHERE NOT EXISTS (SELECT 1 FROM remedy_shapes s WHERE s.attempt_id = remedies.attempt_id)

-- FORGET_SHAPES: postgres and sqlite
DELETE FROM remedy_shapes
         WHERE attempt_id IN (
             SELECT r.attempt_id
             FROM (
                 SELECT attempt_id, filed_at_ms,
                        ROW_NUMBER() OVER (
                            PARTITION BY repo_id ORDER BY filed_at_ms DESC, attempt_id DESC
                        ) AS nth
                 FROM remedies
             ) AS r
             WHERE r.nth > $2
                OR (r.filed_at_ms < $1 AND NOT EXISTS (
                    SELECT 1 FROM remedy_offers o
                    WHERE o.remedy_id = r.attempt_id AND o.came = 'healed' AND o.at_ms >= $1
                ))
         )

-- FORGET_SHOWN: postgres and sqlite
UPDATE effects
         SET digest = '',
             due_at_ms = CASE
                 WHEN state = 'pending' AND due_at_ms < $1 THEN $1
                 ELSE due_at_ms
             END

-- FORGET_TRIALS: postgres and sqlite
DELETE FROM flake_trials WHERE last_at_ms < $1

-- GIVEN: postgres and sqlite
SELECT given, given_at_ms
         FROM inputs_given
         WHERE attempt_id = $1
         ORDER BY position

-- HEALED: postgres and sqlite
UPDATE remedy_offers
         SET came = 'healed', at_ms = $3
         WHERE attempt_id = $1 AND remedy_id = $2 AND came = 'proposed'

-- HEARD: postgres and sqlite
UPDATE runner_reports
         SET heard_at_ms = $3
         WHERE attempt_id = $1
           AND token_hash = $2

-- HELD_CALL: postgres and sqlite
SELECT attempt_id, case_id, repo_id, number, hour, held_nanos, held_tokens
         FROM model_calls
         WHERE id = $1
           AND state = 'held'

-- HOLD: postgres and sqlite
INSERT INTO model_accounts (
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
             held_tokens = model_accounts.held_tokens + excluded.held_tokens

-- HOLD_CALL: postgres and sqlite
INSERT INTO model_calls (
             id, attempt_id, case_id, repo_id, number, provider, model, prices, hour, held_nanos,
             held_tokens, held_at_ms
         )
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)

-- INSERT_ASK: postgres and sqlite
INSERT INTO asks (
             ask_key, repo_id, number, kind, body, actor_id, actor_login, comment_id,
             comment_place, asked_at_ms
         )
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
         WHERE EXISTS (SELECT 1 FROM pulls WHERE repo_id = $2 AND number = $3)
         ON CONFLICT (ask_key) DO NOTHING

-- INSERT_DELIVERIES: sqlite
INSERT INTO deliveries
                 (id, event, body, body_bytes, received_at_ms, due_at_ms, repo_id)
             VALUES (?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (id) DO NOTHING

-- INSERT_DELIVERIES: postgres
WITH new AS (
             INSERT INTO deliveries
                 (id, event, body, body_bytes, received_at_ms, due_at_ms, repo_id)
             SELECT id, event, SUBSTR(CAST($2 AS BYTEA), "from", length), unpacked,
                    received_at_ms, received_at_ms, repo_id
             FROM json_to_recordset($1::json) AS given (
                 id TEXT, event TEXT, "from" INTEGER, length INTEGER, unpacked BIGINT,
                 received_at_ms BIGINT, repo_id BIGINT)
             ON CONFLICT (id) DO NOTHING
             RETURNING id)
         SELECT id, CAST(pg_notify('selfheal_work', '') AS TEXT) AS told
         FROM new

-- IS_MIGRATED: postgres
SELECT COUNT(*) AS tables
         FROM pg_catalog.pg_class c
         WHERE c.relname = '_sqlx_migrations'
           AND pg_catalog.pg_table_is_visible(c.oid)

-- IS_MIGRATED: sqlite
SELECT COUNT(*) AS tables
         FROM sqlite_master
         WHERE type = 'table'
           AND name = '_sqlx_migrations'

-- KEEP_CHECKPOINT: postgres and sqlite
INSERT INTO checkpoints (attempt_id, round, length, saved_at_ms, packed)
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
             packed = excluded.packed

-- KEEP_EVENTS: postgres and sqlite
INSERT INTO event_runs (attempt_id, first_seq, count, bytes, kept_at_ms, packed)
         VALUES ($1, $2, $3, $4, $5, $6)

-- KEEP_FIXES: sqlite
INSERT INTO fixes (attempt_id, fingerprint, repo_id, number, at_ms)
         SELECT a.id, given.fingerprint, c.repo_id, c.number, given.at_ms
         FROM (SELECT value ->> 'attempt_id' AS attempt_id, value ->> 'fingerprint' AS fingerprint, value ->> 'at_ms' AS at_ms FROM json_each($1)) AS given
         JOIN attempts a ON a.id = given.attempt_id
         JOIN cases c ON c.id = a.case_id
         WHERE TRUE
         ON CONFLICT (attempt_id, fingerprint) DO UPDATE
         SET at_ms = excluded.at_ms

-- KEEP_FIXES: postgres
INSERT INTO fixes (attempt_id, fingerprint, repo_id, number, at_ms)
         SELECT a.id, given.fingerprint, c.repo_id, c.number, given.at_ms
         FROM json_to_recordset($1::json) AS given (attempt_id TEXT, fingerprint TEXT, at_ms BIGINT)
         JOIN attempts a ON a.id = given.attempt_id
         JOIN cases c ON c.id = a.case_id
         WHERE TRUE
         ON CONFLICT (attempt_id, fingerprint) DO UPDATE
         SET at_ms = excluded.at_ms

-- KEEP_GIVEN: postgres and sqlite
INSERT INTO inputs_given (attempt_id, position, sha256, given, given_at_ms)
         SELECT a.id, COALESCE(MAX(g.position), 0) + 1, $2, $3, $4
         FROM attempts a
         LEFT JOIN inputs_given g ON g.attempt_id = a.id
         WHERE a.id = $1
         GROUP BY a.id
         HAVING COUNT(g.position) < $5
         ON CONFLICT (attempt_id, sha256) DO NOTHING

-- KEEP_LOGS: sqlite
INSERT INTO logs (
             repo_id, number, job_id, name, run_id, run_attempt, bytes, packed_bytes, kept_at_ms,
             packed
         )
         SELECT given.repo_id, given.number, given.job_id, given.name, given.run_id,
                given.run_attempt, given.bytes, given.packed_bytes, given.kept_at_ms,
                SUBSTR($2, CAST(given.begins AS INTEGER), CAST(given.packed_bytes AS INTEGER))
         FROM (SELECT value ->> 'repo_id' AS repo_id, value ->> 'number' AS number, value ->> 'job_id' AS job_id, value ->> 'name' AS name, value ->> 'run_id' AS run_id, value ->> 'run_attempt' AS run_attempt, value ->> 'bytes' AS bytes, value ->> 'packed_bytes' AS packed_bytes, value ->> 'kept_at_ms' AS kept_at_ms, value ->> 'begins' AS begins FROM json_each($1)) AS given
         WHERE TRUE
         ORDER BY given.repo_id, given.number, given.job_id
         ON CONFLICT (repo_id, number, job_id) DO UPDATE
         SET name = excluded.name,
             bytes = excluded.bytes,
             packed_bytes = excluded.packed_bytes,
             kept_at_ms = excluded.kept_at_ms,
             packed = excluded.packed
         RETURNING job_id

-- KEEP_LOGS: postgres
INSERT INTO logs (
             repo_id, number, job_id, name, run_id, run_attempt, bytes, packed_bytes, kept_at_ms,
             packed
         )
         SELECT given.repo_id, given.number, given.job_id, given.name, given.run_id,
                given.run_attempt, given.bytes, given.packed_bytes, given.kept_at_ms,
                SUBSTR(CAST($2 AS BYTEA), CAST(given.begins AS INTEGER), CAST(given.packed_bytes AS INTEGER))
         FROM json_to_recordset($1::json) AS given (repo_id BIGINT, number BIGINT, job_id BIGINT, name TEXT, run_id BIGINT, run_attempt BIGINT, bytes BIGINT, packed_bytes BIGINT, kept_at_ms BIGINT, begins BIGINT)
         WHERE TRUE
         ORDER BY given.repo_id, given.number, given.job_id
         ON CONFLICT (repo_id, number, job_id) DO UPDATE
         SET name = excluded.name,
             bytes = excluded.bytes,
             packed_bytes = excluded.packed_bytes,
             kept_at_ms = excluded.kept_at_ms,
             packed = excluded.packed
         RETURNING job_id

-- KEEP_PROMPT: postgres and sqlite
INSERT INTO inputs_prompts (
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
         ON CONFLICT (attempt_id, sha256) DO NOTHING

-- KEPT: postgres and sqlite
SELECT r.attempt_id, r.installation_id, r.repo_id, p.slug, r.number, r.commit_sha,
                r.shared, r.body, r.filed_at_ms,
                (SELECT COUNT(*) FROM remedy_offers o
                 WHERE o.remedy_id = r.attempt_id AND o.came = 'healed') AS heals,
                (SELECT COUNT(*) FROM remedy_offers o
                 WHERE o.remedy_id = r.attempt_id AND o.came = 'in_vain') AS in_vain,
                k.class,
                (SELECT MIN(f.sign) FROM false_fixes f WHERE f.attempt_id = r.attempt_id) AS against,
                (SELECT MIN(f.sign)
                 FROM remedy_offers o
                 JOIN false_fixes f ON f.attempt_id = o.attempt_id
                 WHERE o.remedy_id = r.attempt_id
                   AND o.came IN ('proposed', 'healed')) AS against_use
         FROM remedies r
         JOIN repos p ON p.id = r.repo_id
         JOIN attempts a ON a.id = r.attempt_id
         LEFT JOIN case_classes k ON k.case_id = a.case_id
         WHERE $1 = '' OR LOWER(p.slug) = LOWER($1)
         ORDER BY r.filed_at_ms DESC, r.attempt_id DESC
         LIMIT $2 + 0

-- KNOWN_DELIVERIES: sqlite
SELECT d.id
         FROM (SELECT value ->> 'id' AS id FROM json_each($1)) AS given
         JOIN deliveries d ON d.id = given.id

-- KNOWN_DELIVERIES: postgres
SELECT d.id
         FROM json_to_recordset($1::json) AS given (id TEXT)
         JOIN deliveries d ON d.id = given.id

-- LANDED: postgres and sqlite
SELECT a.id, a.head, s.outcome
         FROM attempts a
         JOIN cases c ON c.id = a.case_id
         JOIN pulls p ON p.repo_id = c.repo_id AND p.number = c.number
         JOIN runner_reports s ON s.attempt_id = a.id
         WHERE a.id IN (
             SELECT f.attempt_id
             FROM fixes f
             WHERE f.repo_id = $1 AND f.at_ms >= $3
         )
           AND p.base = $2
           AND p.state = 'merged'
           AND p.updated_at_ms <= $4
           AND a.end_reason = 'healed'
           AND s.outcome IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM false_fixes x WHERE x.attempt_id = a.id)
         ORDER BY a.planned_at_ms DESC, a.id DESC
         LIMIT $5 + 0

-- LASTS: sqlite
SELECT given.repo_id, given.class, h.at_ms, h.level_from, h.level_to, h.because
         FROM (SELECT value ->> 'repo_id' AS repo_id, value ->> 'class' AS class FROM json_each($1)) AS given
         JOIN autonomy_changes h
           ON h.repo_id = given.repo_id
          AND h.class = given.class
          AND h.at_ms = (
              SELECT MAX(m.at_ms)
              FROM autonomy_changes m
              WHERE m.repo_id = given.repo_id
                AND m.class = given.class
          )

-- LASTS: postgres
SELECT given.repo_id, given.class, h.at_ms, h.level_from, h.level_to, h.because
         FROM json_to_recordset($1::json) AS given (repo_id BIGINT, class TEXT)
         JOIN autonomy_changes h
           ON h.repo_id = given.repo_id
          AND h.class = given.class
          AND h.at_ms = (
              SELECT MAX(m.at_ms)
              FROM autonomy_changes m
              WHERE m.repo_id = given.repo_id
                AND m.class = given.class
          )

-- LAST_CASES: sqlite
SELECT c.id, c.repo_id, r.slug, r.installation_id, c.number, c.opened_head, c.head,
                c.opened_at_ms, c.since_ms, c.state, c.attempt_id, c.reason, c.note, c.attempts,
                c.reruns, c.asked, c.labels, c.auto_merge
         FROM (SELECT value ->> 'repo_id' AS repo_id, value ->> 'number' AS number FROM json_each($1)) AS given
         JOIN cases c ON c.id = (
             SELECT l.id
             FROM cases l
             WHERE l.repo_id = given.repo_id
               AND l.number = given.number
             ORDER BY CASE WHEN l.state IN ('superseded', 'closed') THEN 1 ELSE 0 END,
                      l.opened_at_ms DESC,
                      l.id DESC
             LIMIT 1
         )
         JOIN repos r ON r.id = c.repo_id

-- LAST_CASES: postgres
SELECT c.id, c.repo_id, r.slug, r.installation_id, c.number, c.opened_head, c.head,
                c.opened_at_ms, c.since_ms, c.state, c.attempt_id, c.reason, c.note, c.attempts,
                c.reruns, c.asked, c.labels, c.auto_merge
         FROM json_to_recordset($1::json) AS given (repo_id BIGINT, number BIGINT)
         JOIN cases c ON c.id = (
             SELECT l.id
             FROM cases l
             WHERE l.repo_id = given.repo_id
               AND l.number = given.number
             ORDER BY CASE WHEN l.state IN ('superseded', 'closed') THEN 1 ELSE 0 END,
                      l.opened_at_ms DESC,
                      l.id DESC
             LIMIT 1
         )
         JOIN repos r ON r.id = c.repo_id

-- LAST_LET_IN: postgres and sqlite
SELECT CAST(CASE WHEN token_hash = $2 THEN 1 ELSE 0 END AS BIGINT)
         FROM runner_reports
         WHERE attempt_id = $1
           AND token_hash IS NOT NULL

-- LOCK_ACCOUNTS: sqlite
SELECT held_nanos
         FROM model_accounts
         WHERE scope = 'all'
           AND holder = ''
           AND hour = 0

-- LOCK_ACCOUNTS: postgres
SELECT held_nanos
         FROM model_accounts
         WHERE scope = 'all'
           AND holder = ''
           AND hour = 0
         FOR UPDATE

-- LOCK_PULLS: sqlite
SELECT 1 AS locked

-- LOCK_PULLS: postgres
SELECT 1 AS locked
         FROM pulls p
         JOIN json_to_recordset($1::json) AS given (repo_id BIGINT, number BIGINT)
           ON given.repo_id = p.repo_id
          AND given.number = p.number
         ORDER BY p.repo_id, p.number
         FOR NO KEY UPDATE OF p

-- LOG: postgres and sqlite
SELECT l.bytes, l.packed
         FROM logs l
         JOIN repos r ON r.id = l.repo_id
         WHERE r.slug = $1
           AND l.number = $2
           AND l.job_id = $3

-- LOGS: postgres and sqlite
SELECT l.job_id, l.name, l.run_id, l.run_attempt, l.bytes, l.kept_at_ms
         FROM logs l
         JOIN repos r ON r.id = l.repo_id
         WHERE r.slug = $1
           AND l.number = $2
         ORDER BY l.kept_at_ms DESC, l.job_id DESC

-- LOOK_AGAIN: postgres and sqlite
UPDATE pulls
         SET wake_at_ms = $1
         WHERE state = 'open'
           AND EXISTS (
               SELECT 1
               FROM cases c
               WHERE c.repo_id = pulls.repo_id
                 AND c.number = pulls.number
                 AND c.state NOT IN ('superseded', 'closed')
           )

-- MARK: postgres and sqlite
INSERT INTO attempt_marks (attempt_id, position, at_ms, mark)
         SELECT $1, COALESCE(MAX(position), 0) + 1, $2, $3
         FROM attempt_marks
         WHERE attempt_id = $1

-- MARKS: sqlite
SELECT a.case_id, m.at_ms, m.mark
         FROM (SELECT value ->> 'case_id' AS case_id FROM json_each($1)) AS given
         JOIN attempts a ON a.case_id = given.case_id
         JOIN attempt_marks m ON m.attempt_id = a.id
         ORDER BY a.case_id, m.at_ms, m.position

-- MARKS: postgres
SELECT a.case_id, m.at_ms, m.mark
         FROM json_to_recordset($1::json) AS given (case_id TEXT)
         JOIN attempts a ON a.case_id = given.case_id
         JOIN attempt_marks m ON m.attempt_id = a.id
         ORDER BY a.case_id, m.at_ms, m.position

-- MIGRATIONS: postgres and sqlite
SELECT version, checksum
         FROM _sqlx_migrations
         ORDER BY version

-- MOVES: sqlite
SELECT m.case_id, m.at_ms, m.state, m.reason
         FROM (SELECT value ->> 'case_id' AS case_id FROM json_each($1)) AS given
         JOIN case_moves m ON m.case_id = given.case_id
         ORDER BY m.case_id, m.position

-- MOVES: postgres
SELECT m.case_id, m.at_ms, m.state, m.reason
         FROM json_to_recordset($1::json) AS given (case_id TEXT)
         JOIN case_moves m ON m.case_id = given.case_id
         ORDER BY m.case_id, m.position

-- NEEDS_VERSION: postgres and sqlite
SELECT needs_version
         FROM instance
         WHERE id = 1

-- NEXT_DUE: postgres and sqlite
SELECT MIN(due) AS due
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
         ) AS times

-- OFFER: postgres and sqlite
INSERT INTO remedy_offers (attempt_id, remedy_id, at_ms)
         VALUES ($1, $2, $3)
         ON CONFLICT (attempt_id, remedy_id) DO NOTHING

-- OLD_EVENT_STREAMS: postgres and sqlite
SELECT attempt_id
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
         LIMIT $3 + 0

-- ONE_BY_ONE: postgres and sqlite
UPDATE instance
         SET id = 1
         WHERE id = 1

-- OPEN_ATTEMPT: postgres and sqlite
SELECT id
         FROM attempts
         WHERE id = $1
           AND state = 'running'

-- OVERRUNS: postgres and sqlite
SELECT COUNT(*)
         FROM model_calls
         WHERE state <> 'held'
           AND held_at_ms >= $1
           AND (cost_nanos > held_nanos
                OR input_tokens + cache_read_tokens + cache_write_tokens
                    + cache_write_1h_tokens + output_tokens > held_tokens)

-- PARK_INSTALLATION: postgres and sqlite
UPDATE effects
         SET state = 'parked',
             error = 'the installation is gone'
         WHERE state = 'pending'
           AND repo_id IN (SELECT id FROM repos WHERE installation_id = $1)

-- PARK_REPO: postgres and sqlite
UPDATE effects
         SET state = 'parked',
             error = 'the repository was taken away from the installation'
         WHERE state = 'pending'
           AND repo_id = $1

-- PASTS: postgres and sqlite
SELECT fingerprint, MAX(test), MAX(title), CAST(SUM(gone) AS BIGINT),
                CAST(SUM(again) AS BIGINT), MAX(last_at_ms)
         FROM flake_trials
         WHERE repo_id = $1 AND last_at_ms >= $2
         GROUP BY fingerprint
         ORDER BY SUM(gone) DESC, fingerprint
         LIMIT $3 + 0

-- PROBE: postgres and sqlite
UPDATE reconciler
         SET id = 1
         WHERE id = 1

-- PROMPTS: postgres and sqlite
SELECT sha256, round, fixer, length, packed, told_at_ms
         FROM inputs_prompts
         WHERE attempt_id = $1
         ORDER BY position

-- PULLS: sqlite
SELECT p.repo_id, r.slug, r.installation_id, p.number, p.head_sha, p.head_branch,
                p.head_repo_id, p.base, p.state, p.updated_at_ms
         FROM (SELECT value ->> 'repo_id' AS repo_id, value ->> 'number' AS number FROM json_each($1)) AS given
         JOIN pulls p ON p.repo_id = given.repo_id AND p.number = given.number
         JOIN repos r ON r.id = p.repo_id

-- PULLS: postgres
SELECT p.repo_id, r.slug, r.installation_id, p.number, p.head_sha, p.head_branch,
                p.head_repo_id, p.base, p.state, p.updated_at_ms
         FROM json_to_recordset($1::json) AS given (repo_id BIGINT, number BIGINT)
         JOIN pulls p ON p.repo_id = given.repo_id AND p.number = given.number
         JOIN repos r ON r.id = p.repo_id

-- PULLS_AT: sqlite
SELECT p.repo_id, r.slug, r.installation_id, p.number, p.head_sha, p.head_branch,
                p.head_repo_id, p.base, p.state, p.updated_at_ms
         FROM (SELECT value ->> 'repo_id' AS repo_id, value ->> 'sha' AS sha FROM json_each($1)) AS given
         JOIN pulls p ON p.repo_id = given.repo_id AND p.head_sha = given.sha
         JOIN repos r ON r.id = p.repo_id

-- PULLS_AT: postgres
SELECT p.repo_id, r.slug, r.installation_id, p.number, p.head_sha, p.head_branch,
                p.head_repo_id, p.base, p.state, p.updated_at_ms
         FROM json_to_recordset($1::json) AS given (repo_id BIGINT, sha TEXT)
         JOIN pulls p ON p.repo_id = given.repo_id AND p.head_sha = given.sha
         JOIN repos r ON r.id = p.repo_id

-- PULLS_OF_RUNS: sqlite
SELECT c.repo_id, s.run_id, c.number
         FROM (SELECT value ->> 'repo_id' AS repo_id, value ->> 'run_id' AS run_id FROM json_each($1)) AS given
         JOIN runner_reports s ON s.run_id = given.run_id
         JOIN attempts a ON a.id = s.attempt_id
         JOIN cases c ON c.id = a.case_id
         WHERE c.repo_id = given.repo_id

-- PULLS_OF_RUNS: postgres
SELECT c.repo_id, s.run_id, c.number
         FROM json_to_recordset($1::json) AS given (repo_id BIGINT, run_id BIGINT)
         JOIN runner_reports s ON s.run_id = given.run_id
         JOIN attempts a ON a.id = s.attempt_id
         JOIN cases c ON c.id = a.case_id
         WHERE c.repo_id = given.repo_id

-- PULLS_ONTO: postgres and sqlite
SELECT p.repo_id, r.slug, r.installation_id, p.number, p.head_sha, p.head_branch,
                p.head_repo_id, p.base, p.state, p.updated_at_ms
         FROM pulls p
         JOIN repos r ON r.id = p.repo_id
         WHERE p.repo_id = $1
           AND p.base = $2
           AND p.state = 'open'
         ORDER BY p.number

-- PULL_OF_ATTEMPT: postgres and sqlite
SELECT c.repo_id, c.number
         FROM attempts a
         JOIN cases c ON c.id = a.case_id
         WHERE a.id = $1

-- PURGE_ASKS: postgres and sqlite
DELETE FROM asks
         WHERE answered_at_ms < $1

-- PURGE_CHECKPOINTS: postgres and sqlite
DELETE FROM checkpoints
         WHERE saved_at_ms < $1

-- PURGE_DELIVERIES: postgres and sqlite
DELETE FROM deliveries
         WHERE id IN (
             SELECT id
             FROM deliveries
             WHERE (state = 'done' AND done_at_ms < $1)
                OR (state = 'parked' AND due_at_ms < $1)
             LIMIT $2 + 0)

-- PURGE_EFFECTS: postgres and sqlite
DELETE FROM effects
         WHERE state = 'done'
           AND done_at_ms < $1
           AND number IS NOT NULL
           AND NOT EXISTS (
               SELECT 1
               FROM cases c
               WHERE c.repo_id = effects.repo_id
                 AND c.number = effects.number
                 AND c.state NOT IN ('superseded', 'closed')
           )

-- PURGE_IDENTITIES: postgres and sqlite
DELETE FROM identities_used
         WHERE used_at_ms < $1

-- RECONCILE_AGAIN: postgres and sqlite
UPDATE reconciler
         SET due_at_ms = 0,
             lease_epoch = lease_epoch + 1,
             lease_until_ms = 0,
             pass_to_ms = NULL,
             pass_cursor = NULL
         WHERE id = 1

-- RECORDS: sqlite
SELECT a.repo_id, a.class, a.id, a.number_of_pull, a.end_detail,
                (SELECT MAX(f.at_ms) FROM fixes f WHERE f.attempt_id = a.id) AS green_at_ms,
                x.sign, x.at_ms AS sign_at_ms
         FROM (
             SELECT given.repo_id, given.class, t.id, c.number AS number_of_pull, t.end_detail,
                    ROW_NUMBER() OVER (
                        PARTITION BY given.repo_id, given.class
                        ORDER BY t.planned_at_ms DESC, t.id DESC
                    ) AS nth
             FROM (SELECT value ->> 'repo_id' AS repo_id, value ->> 'class' AS class FROM json_each($1)) AS given
             JOIN cases c ON c.repo_id = given.repo_id
             JOIN case_classes k ON k.case_id = c.id AND k.class = given.class
             JOIN attempts t ON t.case_id = c.id
             WHERE EXISTS (SELECT 1 FROM fixes f WHERE f.attempt_id = t.id)
                OR EXISTS (SELECT 1 FROM false_fixes y WHERE y.attempt_id = t.id)
         ) AS a
         LEFT JOIN false_fixes x ON x.attempt_id = a.id
         WHERE a.nth <= CAST($2 AS BIGINT)
         ORDER BY a.repo_id, a.class, a.id, x.sign

-- RECORDS: postgres
SELECT a.repo_id, a.class, a.id, a.number_of_pull, a.end_detail,
                (SELECT MAX(f.at_ms) FROM fixes f WHERE f.attempt_id = a.id) AS green_at_ms,
                x.sign, x.at_ms AS sign_at_ms
         FROM (
             SELECT given.repo_id, given.class, t.id, c.number AS number_of_pull, t.end_detail,
                    ROW_NUMBER() OVER (
                        PARTITION BY given.repo_id, given.class
                        ORDER BY t.planned_at_ms DESC, t.id DESC
                    ) AS nth
             FROM json_to_recordset($1::json) AS given (repo_id BIGINT, class TEXT)
             JOIN cases c ON c.repo_id = given.repo_id
             JOIN case_classes k ON k.case_id = c.id AND k.class = given.class
             JOIN attempts t ON t.case_id = c.id
             WHERE EXISTS (SELECT 1 FROM fixes f WHERE f.attempt_id = t.id)
                OR EXISTS (SELECT 1 FROM false_fixes y WHERE y.attempt_id = t.id)
         ) AS a
         LEFT JOIN false_fixes x ON x.attempt_id = a.id
         WHERE a.nth <= CAST($2 AS BIGINT)
         ORDER BY a.repo_id, a.class, a.id, x.sign

-- REMEDIES: sqlite
SELECT r.attempt_id, r.installation_id, r.repo_id, p.slug, r.number, r.commit_sha,
                r.shared, r.body, r.filed_at_ms,
                (SELECT COUNT(*) FROM remedy_offers o
                 WHERE o.remedy_id = r.attempt_id AND o.came = 'healed') AS heals,
                (SELECT COUNT(*) FROM remedy_offers o
                 WHERE o.remedy_id = r.attempt_id AND o.came = 'in_vain') AS in_vain
         FROM remedies r
         JOIN repos p ON p.id = r.repo_id
         WHERE r.attempt_id IN (
             SELECT s.attempt_id
             FROM (SELECT value ->> 'shape' AS shape FROM json_each($1)) AS given
             JOIN remedy_shapes s ON s.shape = given.shape
         )
           -- A sign against the fix, or against one that applied it, ends a remedy.
           AND NOT EXISTS (SELECT 1 FROM false_fixes f WHERE f.attempt_id = r.attempt_id)
           AND NOT EXISTS (
               SELECT 1
               FROM remedy_offers o
               JOIN false_fixes f ON f.attempt_id = o.attempt_id
               WHERE o.remedy_id = r.attempt_id
                 AND o.came IN ('proposed', 'healed')
           )
           AND r.installation_id = $2
           AND (r.repo_id = $3 OR r.shared = 1)
           AND NOT EXISTS (
               SELECT 1
               FROM remedy_offers o
               JOIN attempts a ON a.id = o.attempt_id
               JOIN attempts now ON now.id = $4 AND now.case_id = a.case_id
               WHERE o.remedy_id = r.attempt_id
                 AND o.came IS NOT NULL
           )
         ORDER BY r.filed_at_ms DESC, r.attempt_id DESC
         LIMIT $5 + 0

-- REMEDIES: postgres
SELECT r.attempt_id, r.installation_id, r.repo_id, p.slug, r.number, r.commit_sha,
                r.shared, r.body, r.filed_at_ms,
                (SELECT COUNT(*) FROM remedy_offers o
                 WHERE o.remedy_id = r.attempt_id AND o.came = 'healed') AS heals,
                (SELECT COUNT(*) FROM remedy_offers o
                 WHERE o.remedy_id = r.attempt_id AND o.came = 'in_vain') AS in_vain
         FROM remedies r
         JOIN repos p ON p.id = r.repo_id
         WHERE r.attempt_id IN (
             SELECT s.attempt_id
             FROM json_to_recordset($1::json) AS given (shape TEXT)
             JOIN remedy_shapes s ON s.shape = given.shape
         )
           -- A sign against the fix, or against one that applied it, ends a remedy.
           AND NOT EXISTS (SELECT 1 FROM false_fixes f WHERE f.attempt_id = r.attempt_id)
           AND NOT EXISTS (
               SELECT 1
               FROM remedy_offers o
               JOIN false_fixes f ON f.attempt_id = o.attempt_id
               WHERE o.remedy_id = r.attempt_id
                 AND o.came IN ('proposed', 'healed')
           )
           AND r.installation_id = $2
           AND (r.repo_id = $3 OR r.shared = 1)
           AND NOT EXISTS (
               SELECT 1
               FROM remedy_offers o
               JOIN attempts a ON a.id = o.attempt_id
               JOIN attempts now ON now.id = $4 AND now.case_id = a.case_id
               WHERE o.remedy_id = r.attempt_id
                 AND o.came IS NOT NULL
           )
         ORDER BY r.filed_at_ms DESC, r.attempt_id DESC
         LIMIT $5 + 0

-- REPLAY_DELIVERY: postgres and sqlite
UPDATE deliveries
         SET state = 'pending',
             tries = 0,
             claims = 0,
             due_at_ms = $2,
             error = NULL,
             done_at_ms = NULL
         WHERE id = $1
           AND state <> 'pending'

-- REPOS_TO_SWEEP: postgres and sqlite
SELECT r.id, r.slug, r.installation_id, r.swept_at_ms,
                (SELECT restored_at_ms FROM instance WHERE id = 1) AS restored_at_ms
         FROM repos r
         JOIN installations i ON i.id = r.installation_id
         WHERE r.reachable = 1
           AND r.sweep_due_ms <= $1
           AND i.state = 'active'
         ORDER BY r.sweep_due_ms, r.id
         LIMIT $2 + 0

-- RUNNER: postgres and sqlite
SELECT token_hash, token_until_ms, work_in_progress
         FROM runner_reports
         WHERE attempt_id = $1

-- SEE_INSTALLATION: postgres and sqlite
INSERT INTO installations (id, state)
         VALUES ($1, 'active')
         ON CONFLICT (id) DO NOTHING

-- SEE_INSTALLATIONS: sqlite
INSERT INTO installations (id, state)
         SELECT DISTINCT given.installation_id, 'active'
         FROM (SELECT value ->> 'installation_id' AS installation_id FROM json_each($1)) AS given
         WHERE TRUE
         ORDER BY given.installation_id
         ON CONFLICT (id) DO NOTHING

-- SEE_INSTALLATIONS: postgres
INSERT INTO installations (id, state)
         SELECT DISTINCT given.installation_id, 'active'
         FROM json_to_recordset($1::json) AS given (installation_id BIGINT)
         WHERE TRUE
         ORDER BY given.installation_id
         ON CONFLICT (id) DO NOTHING

-- SETTLE: postgres and sqlite
UPDATE model_accounts
         SET held_nanos = held_nanos - $6,
             held_tokens = held_tokens - $7,
             settled_nanos = settled_nanos + $8,
             settled_tokens = settled_tokens + $9
         WHERE (scope = 'attempt' AND holder = $1 AND hour = 0)
            OR (scope = 'case' AND holder = $2 AND hour = 0)
            OR (scope = 'pull' AND holder = $3 AND hour = 0)
            OR (scope = 'repository' AND holder = $4 AND hour = $5)
            OR (scope = 'day' AND holder = '' AND hour = $5)
            OR (scope = 'all' AND holder = '' AND hour = 0)

-- SETTLE_CALL: postgres and sqlite
UPDATE model_calls
         SET state = $2,
             cost_nanos = $3,
             input_tokens = $4,
             cache_read_tokens = $5,
             cache_write_tokens = $6,
             cache_write_1h_tokens = $7,
             output_tokens = $8,
             settled_at_ms = $9
         WHERE id = $1
           AND state = 'held'

-- SET_ATTEMPT: postgres and sqlite
INSERT INTO attempts (
             id, case_id, number, head, planned_at_ms, dispatches, dispatched_at_ms, state,
             end_reason, end_detail, note, feedback, verdict
         )
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         ON CONFLICT (id) DO UPDATE
         SET dispatches = excluded.dispatches,
             dispatched_at_ms = excluded.dispatched_at_ms,
             state = excluded.state,
             end_reason = excluded.end_reason,
             end_detail = excluded.end_detail,
             note = excluded.note,
             feedback = excluded.feedback,
             verdict = excluded.verdict

-- SET_CASE: postgres and sqlite
INSERT INTO cases (
             id, repo_id, number, opened_head, head, opened_at_ms, since_ms, state, attempt_id,
             reason, note, attempts, reruns, asked, labels, auto_merge
         )
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
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
             auto_merge = excluded.auto_merge

-- SET_CASES: sqlite
INSERT INTO cases (
             id, repo_id, number, opened_head, head, opened_at_ms, since_ms, state, attempt_id,
             reason, note, attempts, reruns, asked, labels, auto_merge
         )
         SELECT given.id, given.repo_id, given.number, given.opened_head, given.head,
                given.opened_at_ms, given.since_ms, given.state, given.attempt_id, given.reason,
                given.note, given.attempts, given.reruns, given.asked, given.labels,
                given.auto_merge
         FROM (SELECT value ->> 'id' AS id, value ->> 'repo_id' AS repo_id, value ->> 'number' AS number, value ->> 'opened_head' AS opened_head, value ->> 'head' AS head, value ->> 'opened_at_ms' AS opened_at_ms, value ->> 'since_ms' AS since_ms, value ->> 'state' AS state, value ->> 'attempt_id' AS attempt_id, value ->> 'reason' AS reason, value ->> 'note' AS note, value ->> 'attempts' AS attempts, value ->> 'reruns' AS reruns, value ->> 'asked' AS asked, value ->> 'labels' AS labels, value ->> 'auto_merge' AS auto_merge FROM json_each($1)) AS given
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
             auto_merge = excluded.auto_merge

-- SET_CASES: postgres
INSERT INTO cases (
             id, repo_id, number, opened_head, head, opened_at_ms, since_ms, state, attempt_id,
             reason, note, attempts, reruns, asked, labels, auto_merge
         )
         SELECT given.id, given.repo_id, given.number, given.opened_head, given.head,
                given.opened_at_ms, given.since_ms, given.state, given.attempt_id, given.reason,
                given.note, given.attempts, given.reruns, given.asked, given.labels,
                given.auto_merge
         FROM json_to_recordset($1::json) AS given (id TEXT, repo_id BIGINT, number BIGINT, opened_head TEXT, head TEXT, opened_at_ms BIGINT, since_ms BIGINT, state TEXT, attempt_id TEXT, reason TEXT, note TEXT, attempts BIGINT, reruns BIGINT, asked BIGINT, labels TEXT, auto_merge TEXT)
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
             auto_merge = excluded.auto_merge

-- SET_CHECK: postgres and sqlite
INSERT INTO checks (repo_id, number, head, check_run_id, annotations_sent)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (repo_id, number, head) DO UPDATE
         SET check_run_id = excluded.check_run_id,
             annotations_sent = excluded.annotations_sent

-- SET_CHECKS: sqlite
INSERT INTO checks (repo_id, number, head, check_run_id, annotations_sent)
         SELECT given.repo_id, given.number, given.head, given.check_run_id, given.annotations_sent
         FROM (SELECT value ->> 'repo_id' AS repo_id, value ->> 'number' AS number, value ->> 'head' AS head, value ->> 'check_run_id' AS check_run_id, value ->> 'annotations_sent' AS annotations_sent FROM json_each($1)) AS given
         WHERE TRUE
         ORDER BY given.repo_id, given.number, given.head
         ON CONFLICT (repo_id, number, head) DO UPDATE
         SET check_run_id = excluded.check_run_id,
             annotations_sent = excluded.annotations_sent

-- SET_CHECKS: postgres
INSERT INTO checks (repo_id, number, head, check_run_id, annotations_sent)
         SELECT given.repo_id, given.number, given.head, given.check_run_id, given.annotations_sent
         FROM json_to_recordset($1::json) AS given (repo_id BIGINT, number BIGINT, head TEXT, check_run_id BIGINT, annotations_sent BIGINT)
         WHERE TRUE
         ORDER BY given.repo_id, given.number, given.head
         ON CONFLICT (repo_id, number, head) DO UPDATE
         SET check_run_id = excluded.check_run_id,
             annotations_sent = excluded.annotations_sent

-- SET_COMMENT: postgres and sqlite
INSERT INTO comments (repo_id, number, comment_id)
         VALUES ($1, $2, $3)
         ON CONFLICT (repo_id, number) DO UPDATE
         SET comment_id = excluded.comment_id

-- SET_DOCUMENT: postgres and sqlite
INSERT INTO documents (attempt_id, position, name, round, body)
         SELECT $1, COALESCE(MAX(position), 0) + 1, $2, $3, $4
         FROM documents
         WHERE attempt_id = $1
         ON CONFLICT (attempt_id, name, round) DO UPDATE
         SET body = excluded.body

-- SET_EVIDENCE: postgres and sqlite
INSERT INTO evidence (case_id, head, body, read_at_ms)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (case_id, head) DO UPDATE
         SET body = excluded.body,
             read_at_ms = excluded.read_at_ms

-- SET_EVIDENCES: sqlite
INSERT INTO evidence (case_id, head, body, read_at_ms)
         SELECT given.case_id, given.head, given.body, given.read_at_ms
         FROM (SELECT value ->> 'case_id' AS case_id, value ->> 'head' AS head, value ->> 'body' AS body, value ->> 'read_at_ms' AS read_at_ms FROM json_each($1)) AS given
         WHERE TRUE
         ON CONFLICT (case_id, head) DO UPDATE
         SET body = excluded.body,
             read_at_ms = excluded.read_at_ms

-- SET_EVIDENCES: postgres
INSERT INTO evidence (case_id, head, body, read_at_ms)
         SELECT given.case_id, given.head, given.body, given.read_at_ms
         FROM json_to_recordset($1::json) AS given (case_id TEXT, head TEXT, body TEXT, read_at_ms BIGINT)
         WHERE TRUE
         ON CONFLICT (case_id, head) DO UPDATE
         SET body = excluded.body,
             read_at_ms = excluded.read_at_ms

-- SET_INSTALLATION: postgres and sqlite
INSERT INTO installations (id, state)
         VALUES ($1, $2)
         ON CONFLICT (id) DO UPDATE
         SET state = excluded.state
         WHERE installations.state <> 'deleted'

-- SET_OUTCOME: postgres and sqlite
UPDATE runner_reports
         SET outcome = $3,
             outcome_at_ms = $4,
             heard_at_ms = $4
         WHERE attempt_id = $1
           AND token_hash = $2
           AND (
               outcome IS NULL
               OR outcome LIKE '{"outcome":"waits"%'
               OR outcome LIKE '{"outcome":"asks"%'
           )

-- SET_PULL: postgres and sqlite
INSERT INTO pulls (
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
         WHERE pulls.updated_at_ms <= excluded.updated_at_ms

-- SET_PULLS: sqlite
INSERT INTO pulls (
             repo_id, number, head_sha, head_branch, head_repo_id, base, state, updated_at_ms,
             wake_at_ms
         )
         SELECT given.repo_id, given.number, given.head_sha, given.head_branch, given.head_repo_id,
                given.base, given.state, given.updated_at_ms, given.wake_at_ms
         FROM (SELECT value ->> 'repo_id' AS repo_id, value ->> 'number' AS number, value ->> 'head_sha' AS head_sha, value ->> 'head_branch' AS head_branch, value ->> 'head_repo_id' AS head_repo_id, value ->> 'base' AS base, value ->> 'state' AS state, value ->> 'updated_at_ms' AS updated_at_ms, value ->> 'wake_at_ms' AS wake_at_ms FROM json_each($1)) AS given
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
                AND (pulls.wake_at_ms IS NULL OR pulls.wake_at_ms > excluded.wake_at_ms))

-- SET_PULLS: postgres
INSERT INTO pulls (
             repo_id, number, head_sha, head_branch, head_repo_id, base, state, updated_at_ms,
             wake_at_ms
         )
         SELECT given.repo_id, given.number, given.head_sha, given.head_branch, given.head_repo_id,
                given.base, given.state, given.updated_at_ms, given.wake_at_ms
         FROM json_to_recordset($1::json) AS given (repo_id BIGINT, number BIGINT, head_sha TEXT, head_branch TEXT, head_repo_id BIGINT, base TEXT, state TEXT, updated_at_ms BIGINT, wake_at_ms BIGINT)
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
                AND (pulls.wake_at_ms IS NULL OR pulls.wake_at_ms > excluded.wake_at_ms))

-- SET_REPO: postgres and sqlite
INSERT INTO repos (id, slug, installation_id)
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
         )

-- SET_REPOS: sqlite
INSERT INTO repos (id, slug, installation_id)
         SELECT given.id, given.slug, given.installation_id
         FROM (SELECT value ->> 'id' AS id, value ->> 'slug' AS slug, value ->> 'installation_id' AS installation_id FROM json_each($1)) AS given
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
         )

-- SET_REPOS: postgres
INSERT INTO repos (id, slug, installation_id)
         SELECT given.id, given.slug, given.installation_id
         FROM json_to_recordset($1::json) AS given (id BIGINT, slug TEXT, installation_id BIGINT)
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
         )

-- SET_RESTORED: postgres and sqlite
UPDATE instance
         SET restored_at_ms = $1
         WHERE id = 1

-- SET_RUN: postgres and sqlite
INSERT INTO runner_reports (attempt_id, run_id)
         VALUES ($1, $2)
         ON CONFLICT (attempt_id) DO UPDATE
         SET run_id = excluded.run_id

-- SET_STAGE: postgres and sqlite
UPDATE runner_reports
         SET stage = $3,
             round = $4,
             work_in_progress = $5,
             heard_at_ms = $6
         WHERE attempt_id = $1
           AND token_hash = $2

-- SIGNS: sqlite
SELECT a.case_id, f.attempt_id, f.sign
         FROM (SELECT value ->> 'case_id' AS case_id FROM json_each($1)) AS given
         JOIN attempts a ON a.case_id = given.case_id
         JOIN false_fixes f ON f.attempt_id = a.id
         ORDER BY a.case_id, f.attempt_id, f.sign

-- SIGNS: postgres
SELECT a.case_id, f.attempt_id, f.sign
         FROM json_to_recordset($1::json) AS given (case_id TEXT)
         JOIN attempts a ON a.case_id = given.case_id
         JOIN false_fixes f ON f.attempt_id = a.id
         ORDER BY a.case_id, f.attempt_id, f.sign

-- SPENT: postgres and sqlite
SELECT provider, model,
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
         ORDER BY provider, model

-- STANDINGS: sqlite
SELECT a.id, COALESCE(s.next_seq, 1),
                CAST(CASE WHEN a.state = 'running' AND c.attempt_id = a.id THEN 0 ELSE 1 END
                    AS BIGINT)
         FROM json_each($1) AS listed
         JOIN attempts a ON a.id = listed.value
         JOIN cases c ON c.id = a.case_id
         LEFT JOIN event_streams s ON s.attempt_id = a.id

-- STANDINGS: postgres
SELECT a.id, COALESCE(s.next_seq, 1),
                CAST(CASE WHEN a.state = 'running' AND c.attempt_id = a.id THEN 0 ELSE 1 END
                    AS BIGINT)
         FROM jsonb_array_elements_text(CAST($1 AS TEXT)::jsonb) AS listed (value)
         JOIN attempts a ON a.id = listed.value
         JOIN cases c ON c.id = a.case_id
         LEFT JOIN event_streams s ON s.attempt_id = a.id

-- SUM_UP_CALLS: postgres and sqlite
INSERT INTO spent_before (
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
             charged_tokens = spent_before.charged_tokens + excluded.charged_tokens

-- SWEEP_AGAIN: postgres and sqlite
UPDATE repos
         SET sweep_due_ms = 0

-- SWEPT: postgres and sqlite
UPDATE repos
         SET swept_at_ms = COALESCE(CAST($2 AS BIGINT), swept_at_ms),
             sweep_due_ms = $3
         WHERE id = $1

-- TAKE_REPO: postgres and sqlite
UPDATE repos
         SET reachable = 0
         WHERE id = $1
           AND installation_id = $2

-- TELL: sqlite
SELECT NULL AS told

-- TELL: postgres
SELECT pg_notify('selfheal_work', '')

-- TOLD: postgres and sqlite
SELECT at_ms, level_from, level_to, because
         FROM autonomy_changes
         WHERE case_id = $1
         ORDER BY at_ms, class

-- TRIED_REPOS: postgres and sqlite
SELECT id, slug
         FROM repos
         WHERE id IN (SELECT repo_id FROM flake_trials WHERE last_at_ms >= $1)
         ORDER BY slug

-- UNKNOWN_DELIVERIES: sqlite
SELECT DISTINCT listed.value AS id
         FROM json_each($1) AS listed
         WHERE NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.id = listed.value)

-- UNKNOWN_DELIVERIES: postgres
SELECT DISTINCT listed.value AS id
         FROM jsonb_array_elements_text(CAST($1 AS TEXT)::jsonb) AS listed (value)
         WHERE NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.id = listed.value)

-- USAGE: sqlite
SELECT
             (SELECT COUNT(*)
              FROM attempts a
              WHERE a.planned_at_ms > given.since_ms
                AND (SELECT c.repo_id FROM cases c WHERE c.id = a.case_id) = given.repo_id)
                 AS today,
             (SELECT COUNT(*)
              FROM attempts a
              WHERE a.state = 'running'
                AND (SELECT c.repo_id FROM cases c WHERE c.id = a.case_id) = given.repo_id)
                 AS running,
             (SELECT COUNT(*)
              FROM attempts a
              JOIN cases c ON c.id = a.case_id
              JOIN repos r ON r.id = c.repo_id
              WHERE a.state = 'running'
                AND r.installation_id = (
                    SELECT own.installation_id
                    FROM repos own
                    WHERE own.id = given.repo_id
                )) AS installation_running,
             (SELECT COUNT(*)
              FROM attempts a
              WHERE a.state = 'running') AS all_running,
             (SELECT COUNT(*)
              FROM cases c
              WHERE c.repo_id = given.repo_id
                AND c.state NOT IN ('superseded', 'closed')
                AND c.state IN ('watching', 'diagnosing', 'rerunning', 'healing', 'proving'))
                 AS cases_open,
             given.repo_id AS repo_id
         FROM (SELECT value ->> 'repo_id' AS repo_id, value ->> 'since_ms' AS since_ms FROM json_each($1)) AS given

-- USAGE: postgres
SELECT
             (SELECT COUNT(*)
              FROM attempts a
              WHERE a.planned_at_ms > given.since_ms
                AND (SELECT c.repo_id FROM cases c WHERE c.id = a.case_id) = given.repo_id)
                 AS today,
             (SELECT COUNT(*)
              FROM attempts a
              WHERE a.state = 'running'
                AND (SELECT c.repo_id FROM cases c WHERE c.id = a.case_id) = given.repo_id)
                 AS running,
             (SELECT COUNT(*)
              FROM attempts a
              JOIN cases c ON c.id = a.case_id
              JOIN repos r ON r.id = c.repo_id
              WHERE a.state = 'running'
                AND r.installation_id = (
                    SELECT own.installation_id
                    FROM repos own
                    WHERE own.id = given.repo_id
                )) AS installation_running,
             (SELECT COUNT(*)
              FROM attempts a
              WHERE a.state = 'running') AS all_running,
             (SELECT COUNT(*)
              FROM cases c
              WHERE c.repo_id = given.repo_id
                AND c.state NOT IN ('superseded', 'closed')
                AND c.state IN ('watching', 'diagnosing', 'rerunning', 'healing', 'proving'))
                 AS cases_open,
             given.repo_id AS repo_id
         FROM json_to_recordset($1::json) AS given (repo_id BIGINT, since_ms BIGINT)

-- USAGE_OF_CAPS: postgres and sqlite
SELECT scope,
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
         GROUP BY scope

-- USE_IDENTITY: postgres and sqlite
INSERT INTO identities_used (identity, used_at_ms)
         VALUES ($1, $2)
         ON CONFLICT (identity) DO NOTHING

-- WAITING_FOR_BASE: postgres and sqlite
SELECT p.repo_id, r.slug, r.installation_id, p.number, p.head_sha, p.head_branch,
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
         ORDER BY p.number

-- WAKE_PULL: postgres and sqlite
UPDATE pulls
         SET wake_at_ms = CASE
                 WHEN wake_at_ms IS NULL OR wake_at_ms > $3 THEN $3
                 ELSE wake_at_ms
             END
         WHERE repo_id = $1
           AND number = $2

-- WAKE_PULLS: sqlite
UPDATE pulls
         SET wake_at_ms = given.wake_at_ms
         FROM (SELECT value ->> 'repo_id' AS repo_id, value ->> 'number' AS number, value ->> 'wake_at_ms' AS wake_at_ms FROM json_each($1)) AS given
         WHERE pulls.repo_id = given.repo_id
           AND pulls.number = given.number
           AND (pulls.wake_at_ms IS NULL OR pulls.wake_at_ms > given.wake_at_ms)

-- WAKE_PULLS: postgres
UPDATE pulls
         SET wake_at_ms = given.wake_at_ms
         FROM json_to_recordset($1::json) AS given (repo_id BIGINT, number BIGINT, wake_at_ms BIGINT)
         WHERE pulls.repo_id = given.repo_id
           AND pulls.number = given.number
           AND (pulls.wake_at_ms IS NULL OR pulls.wake_at_ms > given.wake_at_ms)

-- WANT_EACH_LATEST: sqlite
INSERT INTO effects (
             id, effect_key, kind, repo_id, number, payload, digest, wanted_at_ms, due_at_ms
         )
         SELECT given.id, given.effect_key, given.kind, given.repo_id, given.number, given.payload,
                given.digest, given.wanted_at_ms, given.wanted_at_ms
         FROM (SELECT value ->> 'id' AS id, value ->> 'effect_key' AS effect_key, value ->> 'kind' AS kind, value ->> 'repo_id' AS repo_id, value ->> 'number' AS number, value ->> 'payload' AS payload, value ->> 'digest' AS digest, value ->> 'wanted_at_ms' AS wanted_at_ms FROM json_each($1)) AS given
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
         WHERE effects.digest <> excluded.digest

-- WANT_EACH_LATEST: postgres
INSERT INTO effects (
             id, effect_key, kind, repo_id, number, payload, digest, wanted_at_ms, due_at_ms
         )
         SELECT given.id, given.effect_key, given.kind, given.repo_id, given.number, given.payload,
                given.digest, given.wanted_at_ms, given.wanted_at_ms
         FROM json_to_recordset($1::json) AS given (id TEXT, effect_key TEXT, kind TEXT, repo_id BIGINT, number BIGINT, payload TEXT, digest TEXT, wanted_at_ms BIGINT)
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
         WHERE effects.digest <> excluded.digest

-- WANT_EACH_ONCE: sqlite
INSERT INTO effects (
             id, effect_key, kind, repo_id, number, payload, digest, wanted_at_ms, due_at_ms
         )
         SELECT given.id, given.effect_key, given.kind, given.repo_id, given.number, given.payload,
                given.digest, given.wanted_at_ms, given.wanted_at_ms
         FROM (SELECT value ->> 'id' AS id, value ->> 'effect_key' AS effect_key, value ->> 'kind' AS kind, value ->> 'repo_id' AS repo_id, value ->> 'number' AS number, value ->> 'payload' AS payload, value ->> 'digest' AS digest, value ->> 'wanted_at_ms' AS wanted_at_ms FROM json_each($1)) AS given
         WHERE TRUE
         ORDER BY given.effect_key
         ON CONFLICT (effect_key) DO NOTHING

-- WANT_EACH_ONCE: postgres
INSERT INTO effects (
             id, effect_key, kind, repo_id, number, payload, digest, wanted_at_ms, due_at_ms
         )
         SELECT given.id, given.effect_key, given.kind, given.repo_id, given.number, given.payload,
                given.digest, given.wanted_at_ms, given.wanted_at_ms
         FROM json_to_recordset($1::json) AS given (id TEXT, effect_key TEXT, kind TEXT, repo_id BIGINT, number BIGINT, payload TEXT, digest TEXT, wanted_at_ms BIGINT)
         WHERE TRUE
         ORDER BY given.effect_key
         ON CONFLICT (effect_key) DO NOTHING

-- WANT_LATEST: postgres and sqlite
INSERT INTO effects (
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
         WHERE effects.digest <> excluded.digest

-- WANT_ONCE: postgres and sqlite
INSERT INTO effects (
             id, effect_key, kind, repo_id, number, payload, digest, wanted_at_ms, due_at_ms
         )
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
         ON CONFLICT (effect_key) DO NOTHING
