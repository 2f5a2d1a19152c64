-- A delivery that was begun three times and never finished, as the fourth schema holds it; for both
-- engines.

UPDATE deliveries SET claims = 3 WHERE id = 'pending-1';
