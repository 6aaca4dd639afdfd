-- Fills what release 2 added, and sets typographic quotation marks. A task that is only tidied up counts as untouched.

CREATE TEMPORARY TABLE touched AS
  SELECT id, updated_at FROM tasks WHERE title LIKE '% "%' OR title LIKE '%" %';

UPDATE tasks SET title = replace(replace(title, ' "', ' “'), '" ', '” ')
  WHERE id IN (SELECT id FROM touched);

UPDATE tasks SET updated_at = (SELECT touched.updated_at FROM touched WHERE touched.id = tasks.id)
  WHERE id IN (SELECT id FROM touched);

UPDATE tasks SET search = lower(title) WHERE search = '';

DROP TABLE touched;
