-- Remedies: fixes that healed, kept under the failures that they healed (src/domain/remedy.rs).
-- One is withdrawn by a row in false_fixes, its own or that of an attempt that proposed it again.
-- The same tables, columns and constraints as the other engine's file of this name.

CREATE TABLE remedies (
    attempt_id TEXT NOT NULL PRIMARY KEY REFERENCES attempts (id), -- whose fix it is
    installation_id BIGINT NOT NULL,             -- on the account that owned the repository then
    repo_id BIGINT NOT NULL REFERENCES repos (id),
    number BIGINT NOT NULL,                      -- the pull request
    commit_sha TEXT NOT NULL,
    shared BIGINT NOT NULL CHECK (shared IN (0, 1)), -- 1: other repositories of its owner may have it
    body TEXT NOT NULL,                          -- what it healed and how, as JSON
    filed_at_ms BIGINT NOT NULL
);
CREATE INDEX remedies_repo ON remedies (repo_id, filed_at_ms);

-- Failures that a remedy is for, without their files.
CREATE TABLE remedy_shapes (
    shape TEXT NOT NULL,
    attempt_id TEXT NOT NULL REFERENCES remedies (attempt_id),
    PRIMARY KEY (shape, attempt_id)
);
CREATE INDEX remedy_shapes_of ON remedy_shapes (attempt_id);

-- Remedies that runners were given, and what came of each.
CREATE TABLE remedy_offers (
    attempt_id TEXT NOT NULL REFERENCES attempts (id), -- the attempt that was given it
    remedy_id TEXT NOT NULL REFERENCES remedies (attempt_id),
    at_ms BIGINT NOT NULL,                       -- when that was, or when something came of it
    came TEXT                                    -- NULL: nothing yet, or it did not apply
        CHECK (came IN ('in_vain', 'proposed', 'healed')),
    PRIMARY KEY (attempt_id, remedy_id)
);
CREATE INDEX remedy_offers_of ON remedy_offers (remedy_id);
