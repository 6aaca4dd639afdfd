-- The to-do application, release 2: UUIDs.

CREATE TABLE users (
  id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  email         text NOT NULL UNIQUE,
  name          text NOT NULL,
  password_hash text NOT NULL
);

CREATE TABLE recurrences (
  id       uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  rule     text NOT NULL,
  timezone text NOT NULL
);

CREATE TABLE tags (
  id     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name   text NOT NULL UNIQUE,
  colour text NOT NULL
);

CREATE TABLE tasks (
  id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id       uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  title         text NOT NULL,
  status        text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'doing', 'done')),
  priority      smallint NOT NULL DEFAULT 2 CHECK (priority BETWEEN 1 AND 3),
  due           date,
  recurrence_id uuid REFERENCES recurrences (id) ON DELETE SET NULL,
  updated_at    timestamp with time zone NOT NULL DEFAULT now(),
  search        text NOT NULL DEFAULT ''
);

CREATE TABLE task_tags (
  task_id uuid NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
  tag_id  uuid NOT NULL REFERENCES tags (id) ON DELETE CASCADE,
  PRIMARY KEY (task_id, tag_id)
);

-- The integer key that a row had in release 1, so that old links and papers still lead to it.
CREATE TABLE legacy_ids (
  kind text NOT NULL,
  old  integer NOT NULL,
  new  uuid NOT NULL,
  PRIMARY KEY (kind, old)
);

CREATE INDEX tasks_by_user ON tasks (user_id, status);
CREATE INDEX tasks_by_due ON tasks (due) WHERE due IS NOT NULL;
CREATE INDEX task_tags_by_tag ON task_tags (tag_id);

CREATE VIEW open_tasks AS
  SELECT tasks.id, tasks.title, tasks.due, users.name AS owner
  FROM tasks JOIN users ON users.id = tasks.user_id
  WHERE tasks.status <> 'done';

CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at = now();
  RETURN NEW;
END
$$;

CREATE TRIGGER tasks_touched BEFORE UPDATE OF title, status, priority, due ON tasks
  FOR EACH ROW EXECUTE FUNCTION touched();
