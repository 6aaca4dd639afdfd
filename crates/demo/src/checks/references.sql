-- Rows that refer to a row that is not there.

SELECT 'tasks refers to a missing row of users' FROM tasks
  WHERE NOT EXISTS (SELECT 1 FROM users WHERE users.id = user_id)
UNION ALL
SELECT 'tasks refers to a missing row of recurrences' FROM tasks
  WHERE recurrence_id IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM recurrences WHERE recurrences.id = recurrence_id)
UNION ALL
SELECT 'task_tags refers to a missing row of tasks' FROM task_tags
  WHERE NOT EXISTS (SELECT 1 FROM tasks WHERE tasks.id = task_id)
UNION ALL
SELECT 'task_tags refers to a missing row of tags' FROM task_tags
  WHERE NOT EXISTS (SELECT 1 FROM tags WHERE tags.id = tag_id)
