-- A database that was put back once, as the sixth schema holds it; for both engines.

UPDATE instance SET restored_at_ms = 600 WHERE id = 1;
