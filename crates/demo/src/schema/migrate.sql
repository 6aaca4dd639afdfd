-- From integer keys to UUIDs. legacy_ids holds the new key of every row; schema 2 has just been created under
-- the final names, beside the old tables, which are called old_*. The column search is filled later.

INSERT INTO users
  SELECT key.new, email, name, password_hash
  FROM old_users AS old JOIN legacy_ids AS key ON key.kind = 'users' AND key.old = old.id;

INSERT INTO recurrences
  SELECT key.new, rule, timezone
  FROM old_recurrences AS old JOIN legacy_ids AS key ON key.kind = 'recurrences' AND key.old = old.id;

INSERT INTO tags
  SELECT key.new, name, colour
  FROM old_tags AS old JOIN legacy_ids AS key ON key.kind = 'tags' AND key.old = old.id;

INSERT INTO tasks
  SELECT key.new, owner.new, title, status, priority, due, rhythm.new, updated_at, ''
  FROM old_tasks AS old
  JOIN legacy_ids AS key ON key.kind = 'tasks' AND key.old = old.id
  JOIN legacy_ids AS owner ON owner.kind = 'users' AND owner.old = old.user_id
  LEFT JOIN legacy_ids AS rhythm ON rhythm.kind = 'recurrences' AND rhythm.old = old.recurrence_id;

INSERT INTO task_tags
  SELECT task.new, tag.new
  FROM old_task_tags AS old
  JOIN legacy_ids AS task ON task.kind = 'tasks' AND task.old = old.task_id
  JOIN legacy_ids AS tag ON tag.kind = 'tags' AND tag.old = old.tag_id;

DROP TABLE old_task_tags;
DROP TABLE old_tasks;
DROP TABLE old_tags;
DROP TABLE old_recurrences;
DROP TABLE old_users;
