-- An effect that was leased when its holder ended, as the twenty-first schema holds it; for both engines.

UPDATE effects
SET lease_epoch = 1, lease_until_ms = 500, claimed_revision = revision
WHERE state = 'pending';
