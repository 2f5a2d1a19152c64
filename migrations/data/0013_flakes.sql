-- A failure that came and went, as the thirteenth schema holds it; for both engines.

INSERT INTO flake_trials (
    repo_id, fingerprint, head, number, test, title, gone, again, last_at_ms
)
VALUES (
    1, '000000000000000000000001', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 7, 'clock::ticks',
    'cargo test: it ticked twice', 1, 0, 440
);
