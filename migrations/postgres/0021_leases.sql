-- Claims within a page: no index of effects knows of leases any more (src/store/sql/effects.rs), and pages
-- have room for the row that a claim writes, so that it needs no entry in any index. What the release
-- before claims is found without the index as well, only not as fast.
-- The same tables, columns and constraints as the other engine's file of this name.

DROP INDEX effects_leased;
ALTER TABLE effects SET (fillfactor = 60);
ALTER TABLE deliveries SET (fillfactor = 70);
