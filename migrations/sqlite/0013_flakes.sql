-- Trials of failures that may be flaky (src/store/flakes.rs): what running the same commit again showed.
-- The same tables, columns and constraints as the other engine's file of this name.

CREATE TABLE flake_trials (
    repo_id BIGINT NOT NULL,
    fingerprint TEXT NOT NULL,                   -- of the failure
    head TEXT NOT NULL,                          -- the commit
    number BIGINT NOT NULL,                      -- the pull request
    test TEXT,                                   -- the test's name, where it is one
    title TEXT NOT NULL,                         -- what people know it by
    gone BIGINT NOT NULL CHECK (gone >= 0),      -- times that it was gone
    again BIGINT NOT NULL CHECK (again >= 0),    -- times that it was there again
    last_at_ms BIGINT NOT NULL,                  -- the last trial
    PRIMARY KEY (repo_id, fingerprint, head)
);
CREATE INDEX flake_trials_old ON flake_trials (last_at_ms);
