//! What is really there: looks that trust no report.

use crate::database::{Connection, Database, Engine};
use crate::identifier::IdType;
use crate::{digest, http, people};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

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
    pub(crate) fn read(connection: &mut Connection) -> Result<Self> {
        let sql = "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM tasks),
                     (SELECT count(*) FROM tags), (SELECT count(*) FROM recurrences),
                     (SELECT count(*) FROM task_tags JOIN tasks ON tasks.id = task_id
                                                     JOIN tags ON tags.id = tag_id),
                     (SELECT count(*) FROM tasks JOIN recurrences ON recurrences.id = recurrence_id)";
        let mut row = connection.row(sql, &[])?.context("find the one row of a count")?;
        Ok(Self {
            users: row.take(0)?,
            tasks: row.take(1)?,
            tags: row.take(2)?,
            recurrences: row.take(3)?,
            task_tags: row.take(4)?,
            recurring_tasks: row.take(5)?,
        })
    }
}

/// Counts the rows of a database; relations count only where both ends exist.
///
/// # Errors
/// The database cannot be opened or read.
pub fn counts(database: &Database) -> Result<Counts> {
    Counts::read(&mut database.open_to_read()?).with_context(|| format!("count the rows of {database}"))
}

/// What is wrong with the database: foreign keys that lead nowhere, what SQLite finds in its file, and of PostgreSQL's
/// what its own looks do not tell: the next key of a table is taken already, an index or a constraint is not valid.
/// Empty means nothing.
///
/// # Errors
/// The database cannot be opened or read.
pub fn damage(database: &Database) -> Result<Vec<String>> {
    let mut connection = database.open_to_read()?;
    let mut look = || -> Result<_> {
        let mut found = match database.engine() {
            Engine::Sqlite => lines(&mut connection, "PRAGMA integrity_check")?,
            Engine::Postgres => lines(&mut connection, include_str!("checks/invalid.sql"))?,
        };
        found.retain(|line| line != "ok");
        if database.engine() == Engine::Postgres && connection.id_type()? == IdType::Integer {
            found.extend(lines(&mut connection, include_str!("checks/behind.sql"))?);
        }
        found.extend(broken_references(&mut connection)?);
        Ok(found)
    };
    look().with_context(|| format!("check {database}"))
}

/// The foreign keys that point at nothing, a line each. No constraint is believed.
pub(crate) fn broken_references(connection: &mut Connection) -> Result<Vec<String>> {
    lines(connection, include_str!("checks/references.sql"))
}

fn lines(connection: &mut Connection, sql: &str) -> Result<Vec<String>> {
    connection.rows(sql, &[])?.iter_mut().map(|row| row.take(0)).collect()
}

/// A digest of [`content`].
///
/// # Errors
/// The database cannot be opened or read.
pub fn content_digest(database: &Database) -> Result<String> {
    Ok(digest::hexadecimal(content(database)?.join("\n")))
}

/// All that users care about (who owns which tasks, in which state, with which tags, recurring how, and the password
/// hashes), a line each, sorted, whatever the keys are made of: equal before and after the migration.
///
/// # Errors
/// The database cannot be opened or read.
pub fn content(database: &Database) -> Result<Vec<String>> {
    let mut connection = database.open_to_read()?;
    let mut content = Vec::new();
    let mut read = |sort: &str, cells: usize, sql: &str| -> Result<()> {
        for mut row in connection.rows(sql, &[])? {
            let mut line = vec![Some(sort.to_owned())];
            for cell in 0..cells {
                line.push(row.take(cell)?);
            }
            content.push(serde_json::to_string(&line)?);
        }
        Ok(())
    };
    let mut read_all = || -> Result<()> {
        read("user", 3, "SELECT email, name, password_hash FROM users")?;
        read("tag", 2, "SELECT name, colour FROM tags")?;
        read("recurrence", 2, "SELECT rule, timezone FROM recurrences")?;
        read("task", 8, include_str!("checks/tasks.sql"))
    };
    read_all().with_context(|| format!("read all of {database}"))?;
    content.sort();
    Ok(content)
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
