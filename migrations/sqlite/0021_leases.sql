-- No index of effects knows of leases any more (src/store/sql/effects.rs).
-- The same tables, columns and constraints as the other engine's file of this name.

DROP INDEX effects_leased;
