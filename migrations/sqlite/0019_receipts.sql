-- What receipts say for as long as there is an attempt: the gate's verdict on its patch, and what its calls
-- of models took after they themselves were forgotten (src/service/receipts.rs). The same tables, columns
-- and constraints as the other engine's file of this name.

ALTER TABLE attempts ADD COLUMN verdict TEXT;    -- the gate's, as JSON; NULL: it was not asked

-- Sums of calls that were forgotten.
CREATE TABLE spent_before (
    attempt_id TEXT NOT NULL REFERENCES attempts (id),
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    calls BIGINT NOT NULL,
    unsettled BIGINT NOT NULL,                   -- calls whose bill nobody heard
    input BIGINT NOT NULL,                       -- tokens
    cache_read BIGINT NOT NULL,
    cache_write BIGINT NOT NULL,
    cache_write_1h BIGINT NOT NULL,
    output BIGINT NOT NULL,
    charged_nanos BIGINT NOT NULL,               -- of a US dollar
    charged_tokens BIGINT NOT NULL,
    PRIMARY KEY (attempt_id, provider, model)
);
