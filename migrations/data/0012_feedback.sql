-- An attempt that was answered, as the twelfth schema holds it; for both engines.

UPDATE attempts
SET feedback = '[{"time":1,"number":1,"question":"Which?","answer":"The first.","by":"mona"}]'
WHERE id = (SELECT MIN(id) FROM attempts);
