-- Live events of attempts (src/store/events.rs): shown to people, forgotten after a while.
-- The same tables, columns and constraints as the other engine's file of this name.

-- How far the events of an attempt are; whoever keeps events of it waits for this row.
CREATE TABLE event_streams (
    attempt_id TEXT NOT NULL PRIMARY KEY REFERENCES attempts (id),
    next_seq BIGINT NOT NULL CHECK (next_seq >= 1),          -- the number of the next event
    bytes BIGINT NOT NULL CHECK (bytes >= 0),                -- of all its events, as lines
    packed_bytes BIGINT NOT NULL CHECK (packed_bytes >= 0),  -- as they are kept; 0: they are forgotten
    kept_at_ms BIGINT NOT NULL                               -- when the last one came
);
CREATE INDEX event_streams_old ON event_streams (kept_at_ms) WHERE packed_bytes > 0;

-- Events that came together: lines of JSON, packed by zstd.
CREATE TABLE event_runs (
    attempt_id TEXT NOT NULL REFERENCES event_streams (attempt_id),
    first_seq BIGINT NOT NULL CHECK (first_seq >= 1),        -- the number of the first one
    count BIGINT NOT NULL CHECK (count >= 1),                -- how many
    bytes BIGINT NOT NULL CHECK (bytes >= 0),                -- unpacked
    kept_at_ms BIGINT NOT NULL,
    packed BYTEA NOT NULL,
    PRIMARY KEY (attempt_id, first_seq)
);
