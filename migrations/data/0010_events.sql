-- An attempt's events, as the tenth schema holds them; for both engines.

INSERT INTO event_streams (attempt_id, next_seq, bytes, packed_bytes, kept_at_ms)
VALUES ('att_00000000000000000000000000000001', 2, 16, 16, 450);

INSERT INTO event_runs (attempt_id, first_seq, count, bytes, kept_at_ms, packed)
VALUES ('att_00000000000000000000000000000001', 1, 1, 16, 450, '{"kind":"muted"}');
