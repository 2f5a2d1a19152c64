-- Autonomy: changes of how much is done without a person, by repository and class of failure
-- (src/domain/autonomy.rs). The same tables, columns and constraints as the other engine's file of this
-- name.

CREATE TABLE autonomy_changes (
    repo_id BIGINT NOT NULL REFERENCES repos (id),
    class TEXT NOT NULL,                         -- as in case_classes
    at_ms BIGINT NOT NULL,                       -- when what made it happened
    level_from TEXT NOT NULL CHECK (level_from IN ('observe', 'suggest', 'commit')),
    level_to TEXT NOT NULL CHECK (level_to IN ('observe', 'suggest', 'commit')),
    because TEXT NOT NULL,                       -- what made it, in words
    case_id TEXT NOT NULL REFERENCES cases (id), -- the case in which it was first told
    PRIMARY KEY (repo_id, class, at_ms)
);
CREATE INDEX autonomy_changes_at ON autonomy_changes (at_ms);
CREATE INDEX autonomy_changes_case ON autonomy_changes (case_id);
