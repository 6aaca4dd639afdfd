//! Every version reads what earlier ones wrote, brings it up to date and goes on with it.
//!
//! `golden/format-N/` holds what the last version that wrote format N left behind after real stories: the journal,
//! its records as lines, and what that version said they add up to. None of these files is ever changed; a new
//! format adds a folder.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use backout_contract::Journal;
use backout_core::journal::FORMAT;
use backout_core::life::Life;
use backout_store::{Layout, Lock, Trouble, Writer, load_life, verify};
use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

use super::summary::summary;
use super::support::{Still, armed, picture, read, state, us};

/// The schema of journals that this version makes.
const SCHEMA: i64 = 3;

/// What an older journal adds up to differently by now, and why that is right. An entry that is no longer needed
/// fails too.
const TOLD_DIFFERENTLY: &[(&str, &str, &str)] = &[
    // What ends a migration takes its recorders along; before there were any, nobody told.
    ("by-hand", "/armed", "false"),
    ("committed", "/armed", "false"),
    ("demo-closed", "/armed", "false"),
];

/// One story that an earlier version lived through.
struct Story {
    name: String,
    format: u16,
    folder: PathBuf,
}

impl Story {
    fn all() -> Vec<Self> {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/store/golden");
        let folders = |of: &Path| {
            let mut paths: Vec<PathBuf> = fs::read_dir(of)
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .filter(|path| path.is_dir())
                .collect();
            paths.sort();
            paths
        };
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        let story = |format: u16, folder: PathBuf| Self { name: name(&folder), format, folder };
        let mut stories = Vec::new();
        for format in folders(&golden) {
            let number = name(&format).strip_prefix("format-").unwrap().parse().unwrap();
            stories.extend(folders(&format).into_iter().map(|folder| story(number, folder)));
        }
        assert!(stories.len() >= 30, "{}", stories.len());
        stories
    }

    fn one(name: &str) -> Self {
        Self::all().into_iter().find(|story| story.name == name).unwrap()
    }

    fn lines(&self) -> Vec<String> {
        fs::read_to_string(self.folder.join("records.jsonl")).unwrap().lines().map(str::to_owned).collect()
    }

    fn expected(&self) -> Value {
        serde_json::from_slice(&fs::read(self.folder.join("summary.json")).unwrap()).unwrap()
    }

    /// A state folder with a copy of the journal, and with its log where the process was killed.
    fn copy(&self) -> (TempDir, Layout) {
        let (folder, layout) = state();
        for file in ["journal.db", "journal.db-wal"] {
            let from = self.folder.join(file);
            if from.exists() {
                fs::copy(from, layout.folder().join(file)).unwrap();
            }
        }
        (folder, layout)
    }
}

fn lines(layout: &Layout) -> Vec<String> {
    let mut lines = Vec::new();
    backout_store::read_all(&layout.journal(), |_, line| {
        lines.push(line.to_owned());
        Ok(())
    })
    .unwrap();
    lines
}

fn schema(layout: &Layout) -> i64 {
    let connection = Connection::open(layout.journal()).unwrap();
    connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

/// The tables and their definitions, without the quotes that a renaming leaves.
fn tables(layout: &Layout) -> Vec<String> {
    let connection = Connection::open(layout.journal()).unwrap();
    let mut statement = connection.prepare("SELECT sql FROM sqlite_schema ORDER BY name").unwrap();
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    rows.map(|sql| sql.unwrap().replace('"', "").split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

fn open(layout: &Layout) -> (Writer, Life) {
    Writer::open(layout, Lock::acquire(layout, us()).unwrap(), Arc::new(Still)).unwrap()
}

/// Where what was told then is told differently now, with what is told now. More may be told.
fn differences(path: &str, then: &Value, now: &Value) -> Vec<(String, String)> {
    match (then, now) {
        (Value::Object(then), Value::Object(now)) => {
            let each = then.iter().map(|(key, then)| (format!("{path}/{key}"), then, now.get(key)));
            each.flat_map(|(path, then, now)| differences(&path, then, now.unwrap_or(&Value::Null))).collect()
        }
        (Value::Array(then), Value::Array(now)) if then.len() == now.len() => {
            let each = then.iter().zip(now).enumerate();
            each.flat_map(|(at, (then, now))| differences(&format!("{path}/{at}"), then, now)).collect()
        }
        (then, now) if then == now => Vec::new(),
        (_, now) => vec![(path.to_owned(), now.to_string())],
    }
}

fn assert_adds_up(story: &Story, life: &Life) {
    let mut expected = story.expected();
    expected.as_object_mut().unwrap().remove("head");
    let known: Vec<(String, String)> = TOLD_DIFFERENTLY
        .iter()
        .filter(|(name, ..)| *name == story.name)
        .map(|(_, path, now)| ((*path).to_owned(), (*now).to_owned()))
        .collect();
    assert_eq!(differences("", &expected, &summary(life)), known, "{}", story.name);
}

#[test]
fn the_stories_hold_every_event_of_their_time() {
    let told: BTreeSet<String> = Story::all()
        .iter()
        .filter(|story| story.format == 1)
        .flat_map(Story::lines)
        .map(|line| {
            serde_json::from_str::<Value>(&line).unwrap()["event"]["event"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(told.len(), 31, "{told:?}");
}

#[test]
fn older_journals_read_as_they_were_told() {
    for story in Story::all() {
        let (_folder, layout) = story.copy();
        let (records, end) = read(&layout);
        end.unwrap();
        assert!(records.iter().all(|record| record.format == story.format), "{}", story.name);
        assert_eq!(lines(&layout), story.lines(), "{}", story.name);
        let (life, chain) = load_life(&layout.journal()).unwrap();
        assert_adds_up(&story, &life);
        let verified = verify(&layout.journal()).unwrap();
        assert_eq!((verified.records, verified.head), (records.len() as u64, chain.head()), "{}", story.name);
        assert_eq!(story.expected()["head"], verified.head.to_string(), "{}", story.name);
    }
}

#[test]
fn reading_an_older_journal_changes_nothing() {
    let story = Story::one("demo-closed");
    let (_folder, layout) = story.copy();
    let before = picture(layout.folder());
    verify(&layout.journal()).unwrap();
    assert_eq!(picture(layout.folder()), before);
}

#[tokio::test]
async fn older_journals_are_brought_up_to_date_and_gone_on_with() {
    let (_folder, new) = state();
    open(&new).0.close().await.unwrap();
    for story in Story::all() {
        let (_folder, layout) = story.copy();
        assert!(schema(&layout) < SCHEMA, "{}", story.name);
        let (_, chain) = load_life(&layout.journal()).unwrap();
        let newest_epoch = read(&layout).0.last().unwrap().epoch;

        let (writer, life) = open(&layout);
        assert_adds_up(&story, &life);
        let appended = writer.append(None, vec![armed()]).await.unwrap();
        writer.close().await.unwrap();
        assert_eq!(appended[0].sequence, chain.next_sequence(), "{}", story.name);
        assert_eq!(appended[0].previous, chain.head(), "{}", story.name);
        assert_eq!(appended[0].format, FORMAT, "{}", story.name);
        assert!(appended[0].epoch > newest_epoch, "{}", story.name);

        let now = lines(&layout);
        assert_eq!(now[..now.len() - 1], story.lines(), "no line of before was touched: {}", story.name);
        assert_eq!((schema(&layout), tables(&layout)), (SCHEMA, tables(&new)), "{}", story.name);
        let (life, _) = load_life(&layout.journal()).unwrap();
        assert_eq!((life.sequence, life.armed), (now.len() as u64, true), "{}", story.name);
        // And once more, from a journal that is of two formats.
        let (writer, _) = open(&layout);
        writer.append(None, vec![armed()]).await.unwrap();
        writer.close().await.unwrap();
        assert_eq!(verify(&layout.journal()).unwrap().records, now.len() as u64 + 1, "{}", story.name);
    }
}

#[tokio::test]
async fn opening_alone_brings_it_up_to_date() {
    let story = Story::one("stuck");
    let (_folder, layout) = story.copy();
    open(&layout).0.close().await.unwrap();
    assert_eq!((schema(&layout), lines(&layout)), (SCHEMA, story.lines()));
}

#[test]
fn a_broken_older_journal_stays_as_it_is() {
    let story = Story::one("rolled-back");
    let (_folder, layout) = story.copy();
    let edit = "UPDATE record SET line = replace(line, 'ada', 'eve') WHERE sequence = 2";
    assert_eq!(Connection::open(layout.journal()).unwrap().execute(edit, []).unwrap(), 1);
    let tables_before = tables(&layout);
    Writer::open(&layout, Lock::acquire(&layout, us()).unwrap(), Arc::new(Still)).unwrap_err();
    assert_eq!((schema(&layout), tables(&layout)), (1, tables_before));
}

#[test]
fn an_upgrade_that_cannot_be_written_leaves_the_older_journal() {
    let story = Story::one("rolled-back");
    let (_folder, layout) = story.copy();
    let shell = Connection::open(layout.journal()).unwrap();
    shell.execute_batch("PRAGMA journal_mode = WAL; BEGIN IMMEDIATE").unwrap();
    let error = Writer::open(&layout, Lock::acquire(&layout, us()).unwrap(), Arc::new(Still)).unwrap_err();
    assert!(matches!(Trouble::of(&error), Some(Trouble::Locked(_))), "{error:?}");
    shell.execute_batch("ROLLBACK").unwrap();
    drop(shell);
    assert_eq!((schema(&layout), lines(&layout)), (1, story.lines()));
    drop(open(&layout));
    assert_eq!(schema(&layout), SCHEMA);
}
