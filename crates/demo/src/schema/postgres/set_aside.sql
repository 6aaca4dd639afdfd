-- Makes room for schema 2: what depends on the tables goes, the tables step aside. The names of indexes are free only
-- when the old ones are gone.

DROP VIEW open_tasks;
DROP TRIGGER tasks_touched ON tasks;
DROP FUNCTION touched();
DROP INDEX tasks_by_user;
DROP INDEX tasks_by_due;
DROP INDEX task_tags_by_tag;

ALTER TABLE task_tags DROP CONSTRAINT task_tags_pkey;
ALTER TABLE tasks DROP CONSTRAINT tasks_pkey CASCADE;
ALTER TABLE tags DROP CONSTRAINT tags_pkey CASCADE, DROP CONSTRAINT tags_name_key;
ALTER TABLE recurrences DROP CONSTRAINT recurrences_pkey CASCADE;
ALTER TABLE users DROP CONSTRAINT users_pkey CASCADE, DROP CONSTRAINT users_email_key;

ALTER TABLE users RENAME TO old_users;
ALTER TABLE recurrences RENAME TO old_recurrences;
ALTER TABLE tags RENAME TO old_tags;
ALTER TABLE tasks RENAME TO old_tasks;
ALTER TABLE task_tags RENAME TO old_task_tags;
