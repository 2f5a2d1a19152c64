-- Deliveries that make us fail: how often one was begun and nothing came of it, and the parked ones
-- by age for operators (src/service/worker.rs).
-- The same tables, columns and constraints as the other engine's file of this name.

-- Claims in a row after which nothing was written: the process, or its step, ended.
ALTER TABLE deliveries ADD COLUMN claims BIGINT NOT NULL DEFAULT 0;
CREATE INDEX deliveries_parked ON deliveries (received_at_ms) WHERE state = 'parked';
CREATE INDEX effects_parked ON effects (wanted_at_ms) WHERE state = 'parked';
