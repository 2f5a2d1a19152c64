-- Figures: what cases and attempts went through and when, and signs that fixes were wrong
-- (src/domain/figures.rs, src/domain/false_fix.rs). Cases of older releases have no rows here.
-- The same tables, columns and constraints as the other engine's file of this name.

-- A state that a case has entered.
CREATE TABLE case_moves (
    case_id TEXT NOT NULL REFERENCES cases (id),
    position BIGINT NOT NULL,                    -- orders them; there may be gaps
    at_ms BIGINT NOT NULL,
    state TEXT NOT NULL,                         -- as in cases
    reason TEXT,                                 -- as in cases
    PRIMARY KEY (case_id, position)
);

-- What failed in a case when it was first read.
CREATE TABLE case_classes (
    case_id TEXT NOT NULL PRIMARY KEY REFERENCES cases (id),
    class TEXT NOT NULL
);

-- What a runner was heard of, as far as times are taken from it.
CREATE TABLE attempt_marks (
    attempt_id TEXT NOT NULL REFERENCES attempts (id),
    position BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    mark TEXT NOT NULL
        CHECK (mark IN ('admitted', 'proves_from', 'proves_to', 'ended')),
    PRIMARY KEY (attempt_id, position)
);

-- Failures that an attempt has fixed: CI was green on its commit.
CREATE TABLE fixes (
    attempt_id TEXT NOT NULL REFERENCES attempts (id),
    fingerprint TEXT NOT NULL,
    repo_id BIGINT NOT NULL,
    number BIGINT NOT NULL,                      -- the pull request
    at_ms BIGINT NOT NULL,                       -- when CI was green
    PRIMARY KEY (attempt_id, fingerprint)
);
CREATE INDEX fixes_print ON fixes (repo_id, number, fingerprint);

-- Signs that a fix was wrong.
CREATE TABLE false_fixes (
    attempt_id TEXT NOT NULL REFERENCES attempts (id),
    sign TEXT NOT NULL,                          -- undone, reverted, red_again, …
    at_ms BIGINT NOT NULL,                       -- when it was heard of
    evidence TEXT NOT NULL,                      -- what shows it, in words
    PRIMARY KEY (attempt_id, sign)
);

CREATE INDEX cases_opened ON cases (opened_at_ms);
-- Whose commit it is; other details of ends are never asked for.
CREATE INDEX attempts_commit ON attempts (end_detail) WHERE end_detail IS NOT NULL;
