-- The to-do application, release 1: integer keys.

CREATE TABLE users (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  email         TEXT NOT NULL UNIQUE,
  name          TEXT NOT NULL,
  password_hash TEXT NOT NULL
);

CREATE TABLE recurrences (
  id       INTEGER PRIMARY KEY AUTOINCREMENT,
  rule     TEXT NOT NULL,
  timezone TEXT NOT NULL
);

CREATE TABLE tags (
  id     INTEGER PRIMARY KEY AUTOINCREMENT,
  name   TEXT NOT NULL UNIQUE,
  colour TEXT NOT NULL
);

CREATE TABLE tasks (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  user_id       INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  title         TEXT NOT NULL,
  status        TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'doing', 'done')),
  priority      INTEGER NOT NULL DEFAULT 2 CHECK (priority BETWEEN 1 AND 3),
  due           TEXT,
  recurrence_id INTEGER REFERENCES recurrences (id) ON DELETE SET NULL,
  updated_at    TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);

CREATE TABLE task_tags (
  task_id INTEGER NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
  tag_id  INTEGER NOT NULL REFERENCES tags (id) ON DELETE CASCADE,
  PRIMARY KEY (task_id, tag_id)
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

PRAGMA user_version = 1;
