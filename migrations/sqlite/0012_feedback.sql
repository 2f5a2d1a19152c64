-- Questions that an attempt has asked, and what people answered (src/domain/feedback.rs).
-- The same tables, columns and constraints as the other engine's file of this name.

-- JSON list; attempts of older releases have asked nothing.
ALTER TABLE attempts ADD COLUMN feedback TEXT NOT NULL DEFAULT '[]';
