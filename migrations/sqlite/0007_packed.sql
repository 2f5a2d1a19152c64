-- Packed bodies: a tenth of a webhook's bytes are written and kept (src/store/packing.rs).
-- The same tables, columns and constraints as the other engine's file of this name.

-- How long the body was before it was packed; NULL: it is not packed, as older releases wrote it.
ALTER TABLE deliveries ADD COLUMN body_bytes BIGINT;
