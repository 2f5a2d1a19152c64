-- What is true of the database as a whole: who may run on it, and whether it was put back from a backup
-- (src/store/schema.rs, src/store/restored.rs).
-- The same tables, columns and constraints as the other engine's file of this name.

CREATE TABLE instance (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    needs_version BIGINT NOT NULL,               -- who does not know this migration must not run here
    restored_at_ms BIGINT                        -- when it was last put back from a backup
);
INSERT INTO instance (id, needs_version) VALUES (1, 1);
