//! What people are told in files: conflicts with all versions, and writes that have no place. What an earlier call told
//! stays told.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use backout_contract::DriverError;
use backout_core::writes::{Conflict, ConflictCause, Winner};
use backout_kit::paper::Paper;
use serde_json::{Map, Value, json};
use tokio_postgres::Row as Answer;

use super::rule::shown;
use super::side::SideTable;
use super::stage::Staged;
use crate::our_side::{of_file, on_paper};

/// Longer keys are cut where a journal holds them.
const LONGEST_KEY: usize = 80;

/// What is said of a conflict that nobody settled.
const OPEN: &str = "restored, until a person chooses";

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

/// What is to be told, by the numbers of changes.
pub(super) struct Told {
    folder: PathBuf,
    conflicts: Lines,
    unmapped: Lines,
}

#[derive(Default)]
struct Lines {
    paper: Option<Paper>,
    told: HashSet<u64>,
}

impl Told {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), conflicts: Lines::default(), unmapped: Lines::default() }
    }

    pub(super) fn tell(&mut self, topic: Topic, number: u64, line: &Value) -> Result<(), DriverError> {
        let lines = match topic {
            Topic::Conflicts => &mut self.conflicts,
            Topic::Unmapped => &mut self.unmapped,
        };
        let paper = match &mut lines.paper {
            Some(paper) => paper,
            none => {
                none.insert(Paper::new(&self.folder, &format!("{}.new", topic.file())).map_err(on_paper)?)
            }
        };
        paper.write(&format!("{line}\n")).map_err(on_paper)?;
        lines.told.insert(number);
        Ok(())
    }

    /// Writes the files; where they are.
    pub(super) fn write(mut self) -> Result<Vec<String>, DriverError> {
        let mut files = Vec::new();
        for topic in [Topic::Conflicts, Topic::Unmapped] {
            let lines = match topic {
                Topic::Conflicts => std::mem::take(&mut self.conflicts),
                Topic::Unmapped => std::mem::take(&mut self.unmapped),
            };
            let path = self.folder.join(topic.file());
            if lines.paper.is_none() && !path.exists() {
                continue;
            }
            let mut paper = Paper::new(&self.folder, topic.file()).map_err(on_paper)?;
            keep_earlier(&path, &lines.told, &mut paper)?;
            if let Some(told) = lines.paper {
                paper.swallow(told).map_err(on_paper)?;
            }
            files.push(paper.finish().map_err(on_paper)?);
            if topic == Topic::Conflicts {
                files.push(self.for_people(&path)?);
            }
        }
        Ok(files)
    }

    fn for_people(&self, path: &Path) -> Result<String, DriverError> {
        let mut paper = Paper::new(&self.folder, "conflicts.md").map_err(on_paper)?;
        paper.write("# Rows that were changed on both sides\n").map_err(on_paper)?;
        let failed = |error| of_file("read", path, error);
        for line in BufReader::new(File::open(path).map_err(failed)?).lines() {
            paper.write(&in_words(&line.map_err(failed)?)).map_err(on_paper)?;
        }
        paper.finish().map_err(on_paper)
    }
}

fn keep_earlier(path: &Path, told: &HashSet<u64>, paper: &mut Paper) -> Result<(), DriverError> {
    let Ok(file) = File::open(path) else { return Ok(()) };
    for line in BufReader::new(file).lines() {
        let line = line.map_err(|error| of_file("read", path, error))?;
        let Ok(mut before) = serde_json::from_str::<Value>(&line) else { continue };
        let Some(number) = before.get("write").and_then(Value::as_u64) else { continue };
        if told.contains(&number) {
            continue;
        }
        if before.get("stands").and_then(Value::as_str) == Some(OPEN)
            && let Some(before) = before.as_object_mut()
        {
            before.insert("stands".to_owned(), Value::from("settled since"));
        }
        paper.write(&format!("{before}\n")).map_err(on_paper)?;
    }
    Ok(())
}

/// What is asked for to tell of decided rows: see [`Telling::of`].
pub(super) fn query(staged: &Staged, table: &SideTable, which: &str) -> String {
    let list = |side: char| {
        let cells: Vec<String> = (0..staged.width)
            .map(|slot| match side {
                'b' => format!(
                    "CASE WHEN {} THEN d.b{slot} ELSE {} END",
                    staged.is_known_before("d", slot),
                    staged.after("d", slot)
                ),
                _ => staged.after("d", slot),
            })
            .collect();
        format!("ARRAY[{}]::text[]", cells.join(", "))
    };
    let key: Vec<String> = table.key.iter().map(|slot| format!("d.l{slot}")).collect();
    format!(
        "SELECT d.first, d.more, d.cause::text, d.fate::text, d.hurt, d.said, d.why, d.born, d.gone, {}, {}, d.here,
                ARRAY[{}]::text[], d.m::text
         FROM {} AS d WHERE {which} ORDER BY d.first, d.id",
        list('b'),
        list('l'),
        key.join(", "),
        staged.decided_table(),
    )
}

/// A decided row, as people are told of it.
pub(super) struct Telling {
    pub(super) numbers: Vec<u64>,
    cause: Option<ConflictCause>,
    fate: String,
    columns: Vec<String>,
    said: Option<String>,
    why: Option<String>,
    key: Vec<Option<String>>,
    before: Value,
    recorded: Value,
    restored: Value,
}

impl Telling {
    pub(super) fn of(row: &Answer, staged: &Staged, table: &SideTable) -> Self {
        let number = |number: i64| u64::try_from(number).unwrap_or_default();
        let more: Vec<i64> = row.get::<_, Option<Vec<i64>>>(1).unwrap_or_default();
        let mut numbers = vec![number(row.get(0))];
        numbers.extend(more.into_iter().map(number));
        let cause = row.get::<_, Option<String>>(2).and_then(|cause| cause_of(&cause));
        let hurt: Vec<Option<bool>> = row.get::<_, Option<Vec<Option<bool>>>>(4).unwrap_or_default();
        let names = table.columns.iter().zip(&hurt).filter(|(_, hurt)| **hurt == Some(true));
        let (born, gone): (bool, bool) = (row.get(7), row.get(8));
        let bits: String = row.get(13);
        let is_known = |section: usize, slot: usize| {
            bits.as_bytes().get(section * staged.slots() + slot) == Some(&b'1') || table.key.contains(&slot)
        };
        let version = |texts: Option<Vec<Option<String>>>, is_known: &dyn Fn(usize) -> bool| {
            let Some(texts) = texts else { return Value::Null };
            let cells = table.columns.iter().zip(texts).enumerate().filter(|(slot, _)| is_known(*slot));
            let cells = cells.map(|(_, (column, text))| (column.name.clone(), text.into()));
            Value::Object(cells.collect::<Map<_, _>>())
        };
        Self {
            numbers,
            cause,
            fate: row.get(3),
            columns: names.map(|(column, _)| column.name.clone()).collect(),
            said: row.get(5),
            why: row.get(6),
            key: row.get(12),
            before: version((!born).then(|| row.get(9)), &|slot| {
                is_known(1, slot) || (!gone && is_known(2, slot))
            }),
            recorded: version((!gone).then(|| row.get(10)), &|slot| is_known(2, slot)),
            restored: version(row.get(11), &|_| true),
        }
    }

    /// Of a row without a key, which goes by the number of its first change.
    pub(super) fn of_counted(row: &Answer, before: Value, recorded: Value) -> Self {
        let numbers: Vec<i64> = row.get(7);
        let numbers: Vec<u64> = numbers.into_iter().map(|n| u64::try_from(n).unwrap_or_default()).collect();
        let first = numbers.first().copied().unwrap_or_default();
        let id: i64 = row.get(0);
        Self {
            numbers,
            cause: row.get::<_, Option<String>>(4).and_then(|cause| cause_of(&cause)),
            fate: row.get::<_, Option<String>>(3).unwrap_or_default(),
            columns: Vec::new(),
            said: row.get(5),
            why: row.get(6),
            key: vec![Some(format!("write {first}")), Some(format!("row {id}"))],
            before,
            recorded,
            restored: Value::Null,
        }
    }

    /// A conflict as it may be journaled: no value but the key.
    pub(super) fn named(&self, table: &SideTable, winner: Option<Winner>) -> Option<Conflict> {
        Some(Conflict {
            table: table.name().to_string(),
            key: self.key_shown(),
            columns: self.columns.iter().map(|column| shown(column)).collect(),
            cause: self.cause?,
            winner: if self.is_open() { None } else { winner },
        })
    }

    pub(super) fn is_open(&self) -> bool {
        self.fate == "o"
    }

    pub(super) fn key_shown(&self) -> String {
        let key: Vec<&str> = self.key.iter().map(|key| key.as_deref().unwrap_or("NULL")).collect();
        shown(&key.join(", ")).chars().take(LONGEST_KEY).collect()
    }

    /// The word by which its cause is kept.
    pub(super) fn cause(&self) -> String {
        let word = self.cause.and_then(|cause| serde_json::to_value(cause).ok());
        word.and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
    }

    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    pub(super) fn versions(&self) -> [&Value; 3] {
        [&self.before, &self.recorded, &self.restored]
    }

    /// A conflict with all versions of the row.
    pub(super) fn conflict(&self, table: &SideTable, run: &str, winner: Option<Winner>) -> Value {
        let stands = match winner.filter(|_| !self.is_open()) {
            None => Value::from(OPEN),
            Some(winner) => serde_json::to_value(winner).unwrap_or(Value::Null),
        };
        json!({
            "write": self.numbers.first(),
            "writes": self.numbers,
            "run": run,
            "table": table.name().to_string(),
            "key": self.key,
            "cause": self.cause,
            "because": self.cause.map(ConflictCause::because),
            "said": self.said,
            "columns": self.columns,
            "stands": stands,
            "before": self.before,
            "recorded": self.recorded,
            "restored": self.restored,
        })
    }

    /// A row without a place.
    pub(super) fn unmapped(&self, table: &SideTable, run: &str) -> Value {
        let op = match (self.before.is_null(), self.recorded.is_null()) {
            (true, _) => "insert",
            (false, true) => "delete",
            (false, false) => "update",
        };
        json!({
            "write": self.numbers.first(),
            "writes": self.numbers,
            "op": op,
            "table": table.name().to_string(),
            "key": self.key,
            "before": self.before,
            "after": self.recorded,
            "run": run,
            "because": self.why,
        })
    }
}

fn cause_of(letter: &str) -> Option<ConflictCause> {
    match letter {
        "B" => Some(ConflictCause::BothChanged),
        "C" => Some(ConflictCause::ChangedAndDeleted),
        "K" => Some(ConflictCause::KeyTaken),
        "A" => Some(ConflictCause::NotAdmitted),
        _ => None,
    }
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
        for name in row.into_iter().flat_map(Map::keys) {
            if !names.contains(&name) {
                names.push(name);
            }
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
    let mut safe = shown(text);
    for sign in ["|", "<", "*", "_", "`", "["] {
        safe = safe.replace(sign, &format!("\\{sign}"));
    }
    safe
}
