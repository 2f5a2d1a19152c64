-- One row of everything as the first schema holds it; loaded after 0001, then carried through every
-- later migration and read back. For both engines; a released file is never edited.

INSERT INTO installations (id, state) VALUES (1, 'active');

INSERT INTO repos (id, slug, installation_id) VALUES (7, 'acme/shop', 1);

INSERT INTO deliveries (id, event, body, received_at_ms, state, tries, due_at_ms, error)
VALUES
    ('pending-1', 'pull_request', '{"action":"opened"}', 10, 'pending', 0, 10, NULL),
    ('done-1', 'pull_request', '{}', 11, 'done', 0, 12, NULL),
    ('parked-1', 'pull_request', '{', 12, 'parked', 8, 13, 'not JSON');

INSERT INTO pulls (
    repo_id, number, head_sha, head_branch, head_repo_id, base, state, updated_at_ms, wake_at_ms
)
VALUES (7, 1, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'fix/it', 7, 'main', 'open', 100, 500);

INSERT INTO asks (
    ask_key, repo_id, number, kind, body, actor_id, actor_login, comment_id, comment_place,
    asked_at_ms, answered_at_ms
)
VALUES
    ('comment:17', 7, 1, 'fix', '/selfheal fix', 5, 'ada', 17, 'conversation', 200, NULL),
    ('button:2', 7, 1, 'status', '', 5, 'ada', NULL, NULL, 201, 202);

INSERT INTO cases (
    id, repo_id, number, opened_head, head, opened_at_ms, since_ms, state, attempt_id, reason, note,
    attempts, reruns, asked, labels, auto_merge
)
VALUES (
    'case_00000000000000000000000000000001', 7, 1,
    'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',
    200, 300, 'healing', 'att_00000000000000000000000000000001', NULL, NULL,
    1, 0, 1, '["selfheal"]', NULL
);

INSERT INTO attempts (
    id, case_id, number, head, planned_at_ms, dispatches, dispatched_at_ms, state
)
VALUES (
    'att_00000000000000000000000000000001', 'case_00000000000000000000000000000001', 1,
    'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', 400, 1, 401, 'running'
);

INSERT INTO runner_reports (
    attempt_id, run_id, admitted_at_ms, heard_at_ms, stage, round, token_hash, token_until_ms,
    outcome, outcome_at_ms, work_in_progress
)
VALUES (
    'att_00000000000000000000000000000001', 99, 410, 420, 'triage', 1, 'ab', 5000,
    '{"outcome": "gave_up", "why": "still_red", "note": "no", "runs": []}', 430, '[]'
);

INSERT INTO documents (attempt_id, position, name, round, body)
VALUES ('att_00000000000000000000000000000001', 1, 'triage-plan', 1, 'plan');

INSERT INTO identities_used (identity, used_at_ms) VALUES ('jti-1', 410);

INSERT INTO evidence (case_id, head, body, read_at_ms)
VALUES (
    'case_00000000000000000000000000000001', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',
    '{"head": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "failures": [], "excerpt": "error", "commands": ["cargo test"], "sources": [], "notes": [], "changed_files": []}',
    350
);

INSERT INTO effects (
    id, effect_key, kind, repo_id, number, payload, digest, state, wanted_at_ms, due_at_ms, error,
    result, done_at_ms
)
VALUES
    ('eff_00000000000000000000000000000001', 'comment:7:1', 'upsert_comment', 7, 1,
     '{"repo": {"id": 7, "slug": "acme/shop", "installation": 1}, "number": 1, "act": {"act": "upsert_comment", "view": {"body": "hello"}}}',
     'd1', 'pending', 600, 600, NULL, NULL, NULL),
    ('eff_00000000000000000000000000000002', 'dispatch:att_00000000000000000000000000000001:1', 'dispatch', 7, 1,
     '{"repo": {"id": 7, "slug": "acme/shop", "installation": 1}, "number": 1, "act": {"act": "dispatch", "attempt": "att_00000000000000000000000000000001", "dispatch": 1, "head": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}}',
     'd2', 'done', 401, 401, NULL, '{"result":"done","commit":null,"run":99}', 402);

INSERT INTO checks (repo_id, number, head, check_run_id, annotations_sent)
VALUES (7, 1, 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', 4, 50);

INSERT INTO comments (repo_id, number, comment_id) VALUES (7, 1, 5);
