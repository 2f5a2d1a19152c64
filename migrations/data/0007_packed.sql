-- A delivery whose body was packed, as the seventh schema holds it; for both engines.

UPDATE deliveries SET body_bytes = 2 WHERE id = 'done-1';
