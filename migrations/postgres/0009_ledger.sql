-- The ledger of model calls: what each may take, what it took, and the sums that caps are held against
-- (src/store/ledger.rs). Money is in billionths of a dollar.
-- The same tables, columns and constraints as the other engine's file of this name.

-- A call of a model.
CREATE TABLE model_calls (
    id TEXT NOT NULL PRIMARY KEY,
    attempt_id TEXT NOT NULL REFERENCES attempts (id),
    case_id TEXT NOT NULL REFERENCES cases (id),
    repo_id BIGINT NOT NULL,
    number BIGINT NOT NULL,                      -- the pull request
    provider TEXT NOT NULL CHECK (provider IN ('anthropic', 'openai', 'gemini')),
    model TEXT NOT NULL,                         -- as its provider writes it
    prices TEXT NOT NULL,                        -- the version of the price list
    state TEXT NOT NULL DEFAULT 'held'           -- held: under way, or its server ended
        CHECK (state IN ('held', 'settled', 'nothing', 'unknown')),
    hour BIGINT NOT NULL,                        -- hours since 1970: where it counts for a day's caps
    held_nanos BIGINT NOT NULL CHECK (held_nanos >= 0),
    held_tokens BIGINT NOT NULL CHECK (held_tokens >= 0),
    cost_nanos BIGINT,                           -- NULL: not settled; else what is charged
    input_tokens BIGINT NOT NULL DEFAULT 0,      -- the provider's figures, where it gave any
    cache_read_tokens BIGINT NOT NULL DEFAULT 0,
    cache_write_tokens BIGINT NOT NULL DEFAULT 0,
    cache_write_1h_tokens BIGINT NOT NULL DEFAULT 0,
    output_tokens BIGINT NOT NULL DEFAULT 0,     -- thoughts included
    held_at_ms BIGINT NOT NULL,
    settled_at_ms BIGINT,
    CHECK ((cost_nanos IS NULL) = (state = 'held')),
    CHECK ((settled_at_ms IS NULL) = (state = 'held'))
);
CREATE INDEX model_calls_attempt ON model_calls (attempt_id);
CREATE INDEX model_calls_held ON model_calls (held_at_ms) WHERE state = 'held';
CREATE INDEX model_calls_old ON model_calls (held_at_ms) WHERE state <> 'held';

-- What was taken of each cap. Calls are forgotten, these are not, but for hours that are over.
CREATE TABLE model_accounts (
    scope TEXT NOT NULL                          -- all: everything ever, and what reservations wait for
        CHECK (scope IN ('attempt', 'case', 'pull', 'repository', 'day', 'all')),
    holder TEXT NOT NULL,                        -- the attempt, case, pull request or repository; '': all
    hour BIGINT NOT NULL,                        -- of a repository and a day; else 0
    settled_nanos BIGINT NOT NULL CHECK (settled_nanos >= 0),
    settled_tokens BIGINT NOT NULL CHECK (settled_tokens >= 0),
    held_nanos BIGINT NOT NULL CHECK (held_nanos >= 0),
    held_tokens BIGINT NOT NULL CHECK (held_tokens >= 0),
    PRIMARY KEY (scope, holder, hour)
);
CREATE INDEX model_accounts_hours ON model_accounts (hour) WHERE hour > 0;
INSERT INTO model_accounts (
    scope, holder, hour, settled_nanos, settled_tokens, held_nanos, held_tokens
)
VALUES ('all', '', 0, 0, 0, 0, 0);
