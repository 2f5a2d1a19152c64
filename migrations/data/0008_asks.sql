-- A stop that is heeded, as the eighth schema holds it; for both engines.

INSERT INTO asks (
    ask_key, repo_id, number, kind, body, actor_id, actor_login, comment_id, comment_place,
    asked_at_ms, answered_at_ms, heeded
)
VALUES ('comment:18', 7, 1, 'stop', '/selfheal stop', 5, 'ada', 18, 'conversation', 190, 191, 1);
