-- The to-do application, release 2: UUIDs as text.

CREATE TABLE users (
  id            TEXT NOT NULL PRIMARY KEY,
  email         TEXT NOT NULL UNIQUE,
  name          TEXT NOT NULL,
  password_hash TEXT NOT NULL
);

CREATE TABLE recurrences (
  id       TEXT NOT NULL PRIMARY KEY,
  rule     TEXT NOT NULL,
  timezone TEXT NOT NULL
);

CREATE TABLE tags (
  id     TEXT NOT NULL PRIMARY KEY,
  name   TEXT NOT NULL UNIQUE,
  colour TEXT NOT NULL
);

CREATE TABLE tasks (
  id            TEXT NOT NULL PRIMARY KEY,
  user_id       TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  title         TEXT NOT NULL,
  status        TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'doing', 'done')),
  priority      INTEGER NOT NULL DEFAULT 2 CHECK (priority BETWEEN 1 AND 3),
  due           TEXT,
  recurrence_id TEXT REFERENCES recurrences (id) ON DELETE SET NULL,
  updated_at    TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  search        TEXT NOT NULL DEFAULT ''
);

CREATE TABLE task_tags (
  task_id TEXT NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
  tag_id  TEXT NOT NULL REFERENCES tags (id) ON DELETE CASCADE,
  PRIMARY KEY (task_id, tag_id)
) WITHOUT ROWID;

-- The integer key that a row had in release 1, so that old links and papers still lead to it.
CREATE TABLE legacy_ids (
  kind TEXT NOT NULL,
  old  INTEGER NOT NULL,
  new  TEXT NOT NULL,
  PRIMARY KEY (kind, old)
) WITHOUT ROWID;

CREATE INDEX tasks_by_user ON tasks (user_id, status);
CREATE INDEX tasks_by_due ON tasks (due) WHERE due IS NOT NULL;
CREATE INDEX task_tags_by_tag ON task_tags (tag_id);

CREATE VIEW open_tasks AS
  SELECT tasks.id, tasks.title, tasks.due, users.name AS owner
  FROM tasks JOIN users ON users.id = tasks.user_id
  WHERE tasks.status <> 'done';

CREATE TRIGGER tasks_touched AFTER UPDATE OF title, status, priority, due ON tasks
BEGIN
  UPDATE tasks SET updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE id = NEW.id;
END;

PRAGMA user_version = 2;
