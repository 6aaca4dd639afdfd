-- Makes room for schema 2: what depends on the tables goes, the tables step aside.

DROP VIEW open_tasks;
DROP TRIGGER tasks_touched;
DROP INDEX tasks_by_user;
DROP INDEX tasks_by_due;
DROP INDEX task_tags_by_tag;

ALTER TABLE users RENAME TO old_users;
ALTER TABLE recurrences RENAME TO old_recurrences;
ALTER TABLE tags RENAME TO old_tags;
ALTER TABLE tasks RENAME TO old_tasks;
ALTER TABLE task_tags RENAME TO old_task_tags;
