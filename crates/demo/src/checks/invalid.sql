-- What a restore may leave behind half done: indexes and constraints that PostgreSQL does not rely on.

SELECT 'index ' || class.relname || ' is not valid'
  FROM pg_index JOIN pg_class AS class ON class.oid = indexrelid
  JOIN pg_namespace AS space ON space.oid = class.relnamespace
  WHERE space.nspname = 'public' AND NOT (indisvalid AND indisready)
UNION ALL
SELECT 'constraint ' || conname || ' is not valid'
  FROM pg_constraint JOIN pg_namespace AS space ON space.oid = connamespace
  WHERE space.nspname = 'public' AND NOT convalidated
UNION ALL
SELECT 'trigger ' || tgname || ' is off'
  FROM pg_trigger JOIN pg_class AS class ON class.oid = tgrelid
  JOIN pg_namespace AS space ON space.oid = class.relnamespace
  WHERE space.nspname = 'public' AND tgenabled = 'D'
