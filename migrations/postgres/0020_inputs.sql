-- Inputs of attempts, which their receipts name: what runners were given, what fixers were told
-- (src/store/inputs.rs). The same tables, columns and constraints as the other engine's file of this name.

-- What runners were given; the same once more is one row.
CREATE TABLE inputs_given (
    attempt_id TEXT NOT NULL REFERENCES attempts (id),
    position BIGINT NOT NULL CHECK (position > 0),
    sha256 TEXT NOT NULL,                        -- of the next column
    given TEXT NOT NULL,                         -- a Given as JSON
    given_at_ms BIGINT NOT NULL,                 -- when that was given first
    PRIMARY KEY (attempt_id, position),
    UNIQUE (attempt_id, sha256)
);

-- What fixers were told; the same once more is one row.
CREATE TABLE inputs_prompts (
    attempt_id TEXT NOT NULL REFERENCES attempts (id),
    position BIGINT NOT NULL CHECK (position > 0),
    sha256 TEXT NOT NULL,                        -- of the prompt's text
    round BIGINT NOT NULL,                       -- of execute and verify
    fixer TEXT NOT NULL,                         -- who was told
    length BIGINT,                               -- how long the text was; NULL: it is not packed
    packed BYTEA NOT NULL,                        -- the text, by zstd
    told_at_ms BIGINT NOT NULL,                  -- when the server heard of it
    PRIMARY KEY (attempt_id, position),
    UNIQUE (attempt_id, sha256)
);
