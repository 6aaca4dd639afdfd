//! What is really there: looks that trust no report.

use crate::{database, digest, http, people};
use anyhow::{Context, Result};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// How many rows of each sort there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// People who can log in.
    pub users: i64,
    /// Tasks of all users.
    pub tasks: i64,
    /// Tags.
    pub tags: i64,
    /// Rules by which tasks recur.
    pub recurrences: i64,
    /// Relations between a task and a tag.
    pub task_tags: i64,
    /// Tasks that recur.
    pub recurring_tasks: i64,
}

impl Counts {
    pub(crate) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let sql = "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM tasks),
                     (SELECT count(*) FROM tags), (SELECT count(*) FROM recurrences),
                     (SELECT count(*) FROM task_tags JOIN tasks ON tasks.id = task_id
                                                     JOIN tags ON tags.id = tag_id),
                     (SELECT count(*) FROM tasks JOIN recurrences ON recurrences.id = recurrence_id)";
        connection.query_row(sql, [], |row| {
            Ok(Self {
                users: row.get(0)?,
                tasks: row.get(1)?,
                tags: row.get(2)?,
                recurrences: row.get(3)?,
                task_tags: row.get(4)?,
                recurring_tasks: row.get(5)?,
            })
        })
    }
}

/// Counts the rows of a database; relations count only where both ends exist.
///
/// # Errors
/// The database cannot be opened or read.
pub fn counts(database: &Path) -> Result<Counts> {
    let connection = database::open_to_read(database)?;
    Counts::read(&connection).with_context(|| format!("count the rows of {}", database.display()))
}

/// What SQLite finds wrong with the file and its foreign keys; empty means nothing.
///
/// # Errors
/// The database cannot be opened or read.
pub fn damage(database: &Path) -> Result<Vec<String>> {
    let connection = database::open_to_read(database)?;
    let look = || -> rusqlite::Result<_> {
        let mut pages = connection.prepare("PRAGMA integrity_check")?;
        let found: rusqlite::Result<Vec<String>> = pages.query_map([], |row| row.get(0))?.collect();
        let mut found = found?;
        found.retain(|line| line != "ok");
        found.extend(broken_references(&connection)?);
        Ok(found)
    };
    look().with_context(|| format!("check {}", database.display()))
}

/// The foreign keys that point at nothing, a line each.
pub(crate) fn broken_references(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut check = connection.prepare("PRAGMA foreign_key_check")?;
    let lines = check.query_map([], |row| {
        let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
        Ok(format!("{table} refers to a missing row of {parent}"))
    })?;
    lines.collect()
}

/// A digest of [`content`].
///
/// # Errors
/// The database cannot be opened or read.
pub fn content_digest(database: &Path) -> Result<String> {
    Ok(digest::hexadecimal(content(database)?.join("\n")))
}

/// All that users care about (who owns which tasks, in which state, with which tags, recurring how, and the password
/// hashes), a line each, sorted, whatever the keys are made of: equal before and after the migration.
///
/// # Errors
/// The database cannot be opened or read.
pub fn content(database: &Path) -> Result<Vec<String>> {
    let connection = database::open_to_read(database)?;
    let sql = "
        SELECT json_array('user', email, name, password_hash) FROM users
        UNION ALL
        SELECT json_array('tag', name, colour) FROM tags
        UNION ALL
        SELECT json_array('recurrence', rule, timezone) FROM recurrences
        UNION ALL
        SELECT json_array('task', email, title, status, priority, due, rule, timezone,
            (SELECT json_group_array(name) FROM (SELECT name FROM task_tags JOIN tags ON tags.id = tag_id
                                                 WHERE task_id = tasks.id ORDER BY name)))
        FROM tasks JOIN users ON users.id = user_id LEFT JOIN recurrences ON recurrences.id = recurrence_id
        ORDER BY 1";
    let read = || -> rusqlite::Result<Vec<String>> {
        let mut lines = connection.prepare(sql)?;
        lines.query_map([], |row| row.get(0))?.collect()
    };
    read().with_context(|| format!("read all of {}", database.display()))
}

/// The number of the release that answers, if its health is good: neither down nor in maintenance.
///
/// # Errors
/// The service does not answer.
pub fn release_in_service(base_url: &str) -> Result<Option<String>> {
    let health = http::Service::health(base_url)?;
    let text = |field: &str| health.body.get(field).and_then(serde_json::Value::as_str);
    Ok(text("version").filter(|_| text("status") == Some("up")).map(str::to_owned))
}

/// Who could log in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogIns {
    /// How many users the service let in.
    pub accepted: usize,
    /// The email addresses of those it did not.
    pub refused: Vec<&'static str>,
}

/// Logs everybody in with the password that they had when the estate was created.
///
/// # Errors
/// The service does not answer.
pub fn log_ins(base_url: &str) -> Result<LogIns> {
    let service = http::Service::find(base_url)?;
    let mut report = LogIns::default();
    for person in people::everybody() {
        let answer = service.log_in(person)?;
        match answer.status {
            200 => report.accepted += 1,
            _ => report.refused.push(person.email),
        }
    }
    Ok(report)
}
