-- Who gets how much: whose a delivery is, so that repositories take turns, and what is counted against
-- the limits of attempts (src/store/lanes.rs, src/domain/limits.rs).
-- The same tables, columns and constraints as the other engine's file of this name.

-- The repository that a delivery is about; 0: none, or recorded by an older release.
ALTER TABLE deliveries ADD COLUMN repo_id BIGINT NOT NULL DEFAULT 0;

-- What is claimed: one repository after the other, and of each the longest due. These take the place
-- of indexes by due time alone.
CREATE INDEX deliveries_turn ON deliveries (repo_id, due_at_ms) WHERE state = 'pending';
CREATE INDEX effects_turn ON effects (repo_id, due_at_ms) WHERE state = 'pending';
CREATE INDEX pulls_turn ON pulls (repo_id, wake_at_ms) WHERE wake_at_ms IS NOT NULL;
DROP INDEX deliveries_due;
DROP INDEX effects_due;

-- Which effect of a pull request comes first.
CREATE INDEX effects_waiting ON effects (repo_id, number, wanted_at_ms, id)
    WHERE state = 'pending';
CREATE INDEX attempts_running ON attempts (case_id) WHERE state = 'running';
