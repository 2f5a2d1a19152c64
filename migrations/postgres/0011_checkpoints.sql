-- Checkpoints: how far a fixer is in the middle of its turn (src/store/checkpoints.rs). One an attempt.
-- The same tables, columns and constraints as the other engine's file of this name.

CREATE TABLE checkpoints (
    attempt_id TEXT NOT NULL PRIMARY KEY REFERENCES attempts (id),
    round BIGINT NOT NULL CHECK (round > 0),     -- the round of execute that it belongs to
    length BIGINT,                               -- how long it was; NULL: it is not packed
    saved_at_ms BIGINT NOT NULL,
    packed BYTEA NOT NULL                        -- a Checkpoint as JSON, by zstd
);
CREATE INDEX checkpoints_old ON checkpoints (saved_at_ms);
