-- Sequences whose next value is a key that somebody has already. For schema 1: UUIDs are not counted up.

SELECT 'the next key of ' || name || ' is taken already'
FROM (
  SELECT 'users' AS name, max(id) AS last FROM users
  UNION ALL SELECT 'tasks', max(id) FROM tasks
  UNION ALL SELECT 'tags', max(id) FROM tags
  UNION ALL SELECT 'recurrences', max(id) FROM recurrences
) AS keys
WHERE last > coalesce(pg_sequence_last_value(pg_get_serial_sequence(name, 'id')::regclass), 0)
