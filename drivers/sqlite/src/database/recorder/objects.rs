//! What the recorder is made of, besides the triggers of the tables.

use rusqlite::Connection;

use super::is_ours;
use crate::fault::Fault;

/// The version of what is kept.
pub(super) const FORMAT: i64 = 1;

/// Type, name and statement of each, in the order in which they are made.
pub(super) const OBJECTS: [(&str, &str, &str); 7] = [
    (
        "table",
        "_backout_recorder",
        "CREATE TABLE _backout_recorder (one INTEGER PRIMARY KEY CHECK (one = 1), nonce TEXT NOT NULL, \
         cap INTEGER NOT NULL, held INTEGER NOT NULL DEFAULT 0, missed INTEGER NOT NULL DEFAULT 0, \
         format INTEGER NOT NULL DEFAULT 1)",
    ),
    ("table", "_backout_writer", "CREATE TABLE _backout_writer (origin TEXT NOT NULL, source INTEGER)"),
    (
        "table",
        "_backout_era",
        "CREATE TABLE _backout_era (era INTEGER PRIMARY KEY, occasion TEXT NOT NULL, at TEXT NOT NULL, \
         tables TEXT NOT NULL, interrupted TEXT NOT NULL DEFAULT '[]')",
    ),
    (
        "table",
        "_backout_log",
        "CREATE TABLE _backout_log (seq INTEGER PRIMARY KEY AUTOINCREMENT, era INTEGER NOT NULL, \
         tab TEXT NOT NULL, op TEXT NOT NULL, origin TEXT NOT NULL, source INTEGER, before TEXT, after TEXT, \
         at TEXT NOT NULL)",
    ),
    (
        "table",
        "_backout_keys",
        "CREATE TABLE _backout_keys (tab TEXT NOT NULL, new TEXT NOT NULL, old TEXT NOT NULL, \
         PRIMARY KEY (tab, new)) WITHOUT ROWID",
    ),
    (
        "view",
        "_backout_write",
        "CREATE VIEW _backout_write (era, tab, op, usual, before, after) AS \
         SELECT NULL, NULL, NULL, NULL, NULL, NULL",
    ),
    ("trigger", "_backout_record", RECORD),
];

/// What every trigger of a table hands its write to. Values of `NEW` are worked out once, so that an image is too.
///
/// Who writes is asked in every place: a subquery with a name for it would be a table that SQLite makes for each row.
///
/// An image may be missing because the row is too long; then the write is missed like one beyond the cap. What the
/// migration writes is counted, without images and whatever the cap, and never missed.
const RECORD: &str = "CREATE TRIGGER _backout_record INSTEAD OF INSERT ON _backout_write \
WHEN NEW.before IS NOT NEW.after OR NEW.before IS NULL OR EXISTS (SELECT 1 FROM _backout_writer WHERE origin = 'probe') \
BEGIN
INSERT INTO _backout_log (era, tab, op, origin, source, before, after, at)
SELECT NEW.era, NEW.tab, NEW.op,
coalesce((SELECT origin FROM _backout_writer), NEW.usual), (SELECT source FROM _backout_writer),
CASE WHEN coalesce((SELECT origin FROM _backout_writer), NEW.usual) <> 'migration' THEN NEW.before END,
CASE WHEN coalesce((SELECT origin FROM _backout_writer), NEW.usual) <> 'migration' THEN NEW.after END,
strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
FROM _backout_recorder
WHERE coalesce((SELECT origin FROM _backout_writer), NEW.usual) IN ('migration', 'probe')
OR held < cap AND (NEW.op = 'i' OR NEW.before IS NOT NULL) AND (NEW.op = 'd' OR NEW.after IS NOT NULL);
UPDATE _backout_recorder SET
missed = missed + NOT (held < cap AND (NEW.op = 'i' OR NEW.before IS NOT NULL) AND (NEW.op = 'd' OR NEW.after IS NOT NULL)),
held = held + CASE
WHEN held < cap AND (NEW.op = 'i' OR NEW.before IS NOT NULL) AND (NEW.op = 'd' OR NEW.after IS NOT NULL)
THEN coalesce(length(CAST(NEW.before AS BLOB)), 0) + coalesce(length(CAST(NEW.after AS BLOB)), 0) ELSE 0 END
WHERE coalesce((SELECT origin FROM _backout_writer), NEW.usual) NOT IN ('migration', 'probe');
END";

/// The names of all objects of ours, with type and statement.
pub(super) fn present(connection: &Connection) -> Result<Vec<(String, String, String)>, Fault> {
    let mut statement =
        connection.prepare("SELECT type, name, coalesce(sql, '') FROM main.sqlite_schema ORDER BY name")?;
    let found = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<Vec<(String, String, String)>>>()?;
    Ok(found.into_iter().filter(|(_, name, _)| is_ours(name)).collect())
}

/// Whether the recorder is there: the one table without which there is none.
pub(super) fn is_there(connection: &Connection) -> Result<bool, Fault> {
    let (_, _, statement) = OBJECTS[0];
    let mut query = connection.prepare(
        "SELECT EXISTS (SELECT 1 FROM main.sqlite_schema WHERE name = '_backout_recorder' AND sql = ?1)",
    )?;
    Ok(query.query_row([statement], |row| row.get(0))?)
}
