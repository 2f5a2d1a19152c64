-- Logs of failed jobs, kept for a while (src/service/retention.rs says how long).
-- The same tables, columns and constraints as the other engine's file of this name.

CREATE TABLE logs (
    repo_id BIGINT NOT NULL,
    number BIGINT NOT NULL,                      -- the pull request
    job_id BIGINT NOT NULL,                      -- the forge's number, another in each attempt
    name TEXT NOT NULL,                          -- workflow and job, for people
    run_id BIGINT NOT NULL,
    run_attempt BIGINT NOT NULL,
    bytes BIGINT NOT NULL CHECK (bytes >= 0),    -- unpacked
    packed_bytes BIGINT NOT NULL CHECK (packed_bytes >= 0),
    kept_at_ms BIGINT NOT NULL,
    packed BYTEA NOT NULL,                       -- zstd; known secrets are taken out before
    PRIMARY KEY (repo_id, number, job_id),
    FOREIGN KEY (repo_id, number) REFERENCES pulls (repo_id, number)
);
CREATE INDEX logs_kept ON logs (kept_at_ms);
