-- Every task, by what users see of it.

SELECT email, title, status, CAST(priority AS TEXT), CAST(due AS TEXT), rule, timezone,
       (SELECT string_agg(name, ', ' ORDER BY name) FROM task_tags JOIN tags ON tags.id = tag_id
        WHERE task_id = tasks.id)
FROM tasks JOIN users ON users.id = user_id LEFT JOIN recurrences ON recurrences.id = recurrence_id
