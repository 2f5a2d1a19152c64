-- Asks that are heeded after their answer: an older one that comes late and says the contrary changes
-- nothing (src/domain/decide/asks.rs).
-- The same tables, columns and constraints as the other engine's file of this name.

-- 1: somebody who may has said stop or go on; what older releases have answered counts for nothing.
ALTER TABLE asks ADD COLUMN heeded BIGINT NOT NULL DEFAULT 0 CHECK (heeded IN (0, 1));

-- What a look reads: open ones, and heeded ones.
CREATE INDEX asks_live ON asks (repo_id, number) WHERE answered_at_ms IS NULL OR heeded = 1;
DROP INDEX asks_open;
