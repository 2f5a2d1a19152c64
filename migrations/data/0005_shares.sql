-- A delivery that says whose it is, as the fifth schema holds it; for both engines.

UPDATE deliveries SET repo_id = 7 WHERE id = 'pending-1';
