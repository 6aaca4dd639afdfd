//! What people are told in files: conflicts with both versions, and writes that have no place. What an earlier call told
//! stays told.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use backout_contract::DriverError;
use backout_core::writes::Conflict;
use backout_kit::paper::{Paper, csv_line, file_name};
use rusqlite::Connection;
use serde_json::{Map, Value, json};

use super::cell::{Cell, Row};
use super::scratch::Record;
use super::settle::Found;
use super::table::Table;
use crate::database::safe;
use crate::fault::{Fault, bad_data, on_paper};

/// Longer keys are cut where a journal holds them.
const LONGEST_KEY: usize = 80;

/// A sort of things to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    Conflicts,
    Unmapped,
}

impl Topic {
    fn file(self) -> &'static str {
        match self {
            Self::Conflicts => "conflicts.jsonl",
            Self::Unmapped => "unmapped.jsonl",
        }
    }
}

/// What is to be told, sorted by the identity of a write.
pub(super) struct Told<'c> {
    connection: &'c Connection,
}

impl<'c> Told<'c> {
    pub(super) fn new(connection: &'c Connection) -> Result<Self, Fault> {
        connection.execute_batch(
            "CREATE TEMP TABLE IF NOT EXISTS backout_told (topic TEXT, id INTEGER, line TEXT,
             PRIMARY KEY (topic, id)) WITHOUT ROWID;
             DELETE FROM temp.backout_told",
        )?;
        Ok(Self { connection })
    }

    pub(super) fn tell(&self, topic: Topic, id: i64, line: &Value) -> Result<(), Fault> {
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO temp.backout_told (topic, id, line) VALUES (?1, ?2, ?3)")?
            .execute((topic.file(), id, line.to_string()))?;
        Ok(())
    }

    /// Writes the files; where they are.
    pub(super) fn write(&self, folder: &Path) -> Result<Vec<String>, Fault> {
        let mut files = Vec::new();
        for topic in [Topic::Conflicts, Topic::Unmapped] {
            self.keep_earlier(folder, topic)?;
            let mut lines = Lines { connection: self.connection, topic };
            if lines.is_empty()? {
                continue;
            }
            let mut paper = Paper::new(folder, topic.file()).map_err(on_paper)?;
            lines.each(&mut |line| Ok(paper.write(&format!("{line}\n")).map_err(on_paper)?))?;
            files.push(paper.finish().map_err(on_paper)?);
            if topic == Topic::Conflicts {
                let mut paper = Paper::new(folder, "conflicts.md").map_err(on_paper)?;
                paper.write("# Rows that were changed on both sides\n").map_err(on_paper)?;
                lines.each(&mut |line| Ok(paper.write(&in_words(line)).map_err(on_paper)?))?;
                files.push(paper.finish().map_err(on_paper)?);
            }
        }
        Ok(files)
    }

    fn keep_earlier(&self, folder: &Path, topic: Topic) -> Result<(), Fault> {
        let path = folder.join(topic.file());
        let Ok(file) = File::open(&path) else { return Ok(()) };
        let mut keep = self.connection.prepare_cached(
            "INSERT OR IGNORE INTO temp.backout_told (topic, id, line) VALUES (?1, ?2, ?3)",
        )?;
        for line in BufReader::new(file).lines() {
            let line = line.map_err(|error| crate::fault::of_io("read", &path, error).nothing_happened())?;
            let Ok(mut told) = serde_json::from_str::<Value>(&line) else { continue };
            let Some(id) = told.get("write").and_then(Value::as_i64) else { continue };
            if told.get("stands").and_then(Value::as_str) == Some(OPEN)
                && let Some(told) = told.as_object_mut()
            {
                told.insert("stands".to_owned(), Value::from("settled since"));
            }
            keep.execute((topic.file(), id, told.to_string()))?;
        }
        Ok(())
    }
}

/// What is said of a conflict that nobody settled.
const OPEN: &str = "restored, until a person chooses";

struct Lines<'c> {
    connection: &'c Connection,
    topic: Topic,
}

impl Lines<'_> {
    fn is_empty(&self) -> Result<bool, Fault> {
        let query = "SELECT NOT EXISTS (SELECT 1 FROM temp.backout_told WHERE topic = ?1)";
        Ok(self.connection.query_row(query, [self.topic.file()], |row| row.get(0))?)
    }

    fn each(&mut self, then: &mut dyn FnMut(&str) -> Result<(), Fault>) -> Result<(), Fault> {
        let mut query =
            self.connection.prepare("SELECT line FROM temp.backout_told WHERE topic = ?1 ORDER BY id")?;
        let mut rows = query.query([self.topic.file()])?;
        while let Some(row) = rows.next()? {
            then(row.get_ref(0)?.as_str().map_err(|_| bad_data("read what is to be told"))?)?;
        }
        Ok(())
    }
}

/// A conflict as it may be journaled: no value but the key.
pub(super) fn named(found: &Found, record: &Record, table: &Table) -> Conflict {
    let key: Vec<String> = record.key.iter().flatten().map(Cell::plain).collect();
    let key: String = safe(&key.join(", ")).chars().take(LONGEST_KEY).collect();
    let columns = found.columns.iter().filter_map(|place| table.columns.get(*place));
    Conflict {
        table: safe(&table.name),
        key,
        columns: columns.map(|column| safe(&column.name)).collect(),
        cause: found.cause,
        winner: found.winner,
    }
}

/// A conflict with all versions of the row.
pub(super) fn conflict(found: &Found, record: &Record, table: &Table, writes: &[i64], run: &str) -> Value {
    let version = |row: &Option<Row>| row.as_ref().map(|row| versioned(table, row));
    let columns: Vec<&str> = found
        .columns
        .iter()
        .filter_map(|place| table.columns.get(*place))
        .map(|column| column.name.as_str())
        .collect();
    let stands = match found.winner {
        None => Value::from(OPEN),
        Some(winner) => serde_json::to_value(winner).unwrap_or(Value::Null),
    };
    json!({
        "write": writes.first(),
        "writes": writes,
        "run": run,
        "table": table.name,
        "key": record.key.iter().flatten().map(Cell::to_json).collect::<Vec<_>>(),
        "cause": found.cause,
        "because": found.cause.because(),
        "said": found.said,
        "columns": columns,
        "stands": stands,
        "before": version(&record.folded.base),
        "recorded": version(&record.folded.last),
        "restored": version(&record.here),
    })
}

fn versioned(table: &Table, row: &Row) -> Value {
    let known = table.columns.iter().zip(row);
    let cells = known.filter_map(|(column, cell)| Some((column.name.clone(), cell.as_ref()?.to_json())));
    Value::Object(cells.collect::<Map<_, _>>())
}

/// One conflict for people.
fn in_words(line: &str) -> String {
    let Ok(told) = serde_json::from_str::<Value>(line) else { return String::new() };
    let text = |name: &str| told.get(name).map(plain).unwrap_or_default();
    let key = told
        .get("key")
        .and_then(Value::as_array)
        .map(|key| key.iter().map(plain).collect::<Vec<_>>().join(", "));
    let mut words = format!(
        "\n## {} {}\n\n{}{}. It stands as: {}.\n\n",
        in_one_line(&text("table")),
        in_one_line(&key.unwrap_or_default()),
        in_one_line(&text("because")),
        told.get("said")
            .and_then(Value::as_str)
            .map(|said| format!(" ({})", in_one_line(said)))
            .unwrap_or_default(),
        in_one_line(&text("stands")),
    );
    let versions = ["before", "recorded", "restored"];
    let mut names: Vec<&String> = Vec::new();
    for version in versions {
        let row = told.get(version).and_then(Value::as_object);
        for name in
            row.into_iter().flat_map(Map::keys).filter(|name| !names.contains(name)).collect::<Vec<_>>()
        {
            names.push(name);
        }
    }
    words.push_str("| column | before | recorded | restored |\n|---|---|---|---|\n");
    for name in names {
        let cell = |version: &str| match told.get(version).and_then(Value::as_object) {
            None => "*no row*".to_owned(),
            Some(row) => row.get(name).map(plain).map(|text| in_one_line(&text)).unwrap_or_default(),
        };
        let cells: Vec<String> = versions.iter().map(|version| cell(version)).collect();
        words.push_str(&format!("| {} | {} |\n", in_one_line(name), cells.join(" | ")));
    }
    words
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "NULL".to_owned(),
        other => other.to_string(),
    }
}

/// Fit for a cell of a table and for a terminal.
fn in_one_line(text: &str) -> String {
    let mut safe = safe(text);
    for sign in ["|", "<", "*", "_", "`", "["] {
        safe = safe.replace(sign, &format!("\\{sign}"));
    }
    safe
}

/// Writes the map of the keys of a table, from a caller that has them in order.
pub(super) fn keys(
    folder: &Path,
    table: &str,
    each: impl FnOnce(&mut dyn FnMut(&str, &str) -> Result<(), Fault>) -> Result<(), Fault>,
) -> Result<String, Fault> {
    let mut paper = Paper::new(folder, &format!("keys-{}.csv", file_name(table))).map_err(on_paper)?;
    paper.write(&csv_line(["key recorded", "key here"])).map_err(on_paper)?;
    each(&mut |there, here| {
        let plain = |list: &str| -> Result<String, DriverError> {
            Ok(super::cell::from_list(list)?.iter().flatten().map(Cell::plain).collect())
        };
        Ok(paper.write(&csv_line([plain(there)?, plain(here)?])).map_err(on_paper)?)
    })?;
    Ok(paper.finish().map_err(on_paper)?)
}
