//! Edits, gaps and newer records are named by their number; writing stops, reading goes up to them.

use std::sync::Arc;

use backout_contract::JournalError;
use backout_core::journal::{Broken, chain};
use backout_store::{Layout, Lock, Writer, load_life, verify};
use rusqlite::{Connection, params};

use super::support::{Still, journal_of, read, us};

fn edit(layout: &Layout, statement: &str) {
    assert_eq!(Connection::open(layout.journal()).unwrap().execute(statement, []).unwrap(), 1);
}

fn line(layout: &Layout, sequence: i64) -> String {
    let connection = Connection::open(layout.journal()).unwrap();
    connection.query_row("SELECT line FROM record WHERE sequence = ?1", [sequence], |row| row.get(0)).unwrap()
}

/// Puts a line with the digest that belongs to it.
fn forge(layout: &Layout, sequence: i64, line: &str) {
    Connection::open(layout.journal())
        .unwrap()
        .execute(
            "UPDATE record SET line = ?2, digest = ?3 WHERE sequence = ?1",
            params![sequence, line, chain(line).to_string()],
        )
        .unwrap();
}

fn broken(error: JournalError) -> Broken {
    match error {
        JournalError::Broken(broken) => broken,
        other => panic!("not broken: {other:?}"),
    }
}

/// The records before the bad one can be read, everything that wants the whole is refused, and so is writing.
fn assert_names(layout: &Layout, readable: usize, expected: &Broken) {
    let (records, end) = read(layout);
    assert_eq!((records.len(), &broken(end.unwrap_err())), (readable, expected));
    assert_eq!(&broken(verify(&layout.journal()).unwrap_err()), expected);
    assert_eq!(&broken(load_life(&layout.journal()).unwrap_err()), expected);
    let lock = Lock::acquire(layout, us()).unwrap();
    assert_eq!(&broken(Writer::open(layout, lock, Arc::new(Still)).unwrap_err()), expected);
    Lock::acquire(layout, us()).expect("a refused writer lets go of the lock");
}

#[tokio::test]
async fn a_whole_journal_verifies() {
    let (_folder, layout) = journal_of(5).await;
    let verified = verify(&layout.journal()).unwrap();
    assert_eq!((verified.records, verified.head), (5, chain(&line(&layout, 5))));
}

#[tokio::test]
async fn an_edited_row_is_named() {
    for (statement, readable, expected) in [
        (
            "UPDATE record SET line = replace(line, '\"ada\"', '\"eve\"') WHERE sequence = 3",
            2,
            Broken::Edited { sequence: 3 },
        ),
        (
            "UPDATE record SET line = replace(line, '\"ada\"', '\"eve\"') WHERE sequence = 5",
            4,
            Broken::Edited { sequence: 5 },
        ),
        ("UPDATE record SET line = line || ' ' WHERE sequence = 1", 0, Broken::Edited { sequence: 1 }),
        ("UPDATE record SET digest = '' WHERE sequence = 4", 3, Broken::Edited { sequence: 4 }),
        ("DELETE FROM record WHERE sequence = 3", 2, Broken::Gap { expected: 3, found: 4 }),
        ("DELETE FROM record WHERE sequence = 1", 0, Broken::Gap { expected: 1, found: 2 }),
        ("DELETE FROM record WHERE sequence = 5", 4, Broken::Gap { expected: 5, found: 6 }),
        ("UPDATE head SET sequence = 7", 5, Broken::Gap { expected: 6, found: 8 }),
        ("UPDATE head SET sequence = 4", 5, Broken::Edited { sequence: 5 }),
        ("UPDATE head SET sequence = -1", 5, Broken::Edited { sequence: 5 }),
        ("UPDATE head SET digest = ''", 5, Broken::Edited { sequence: 5 }),
        ("DELETE FROM head", 5, Broken::Edited { sequence: 5 }),
        ("UPDATE head SET digest = upper(digest)", 5, Broken::Edited { sequence: 5 }),
        ("UPDATE record SET sequence = 9 WHERE sequence = 5", 4, Broken::Gap { expected: 5, found: 9 }),
        ("INSERT INTO record VALUES (0, '', '')", 0, Broken::Gap { expected: 1, found: 0 }),
        (
            "INSERT INTO record VALUES (-1, '', '')",
            0,
            Broken::Unreadable { sequence: 1, cause: "its number is negative".into() },
        ),
        (
            "UPDATE record SET line = x'ff' WHERE sequence = 2",
            1,
            Broken::Unreadable { sequence: 2, cause: "its line is not text".into() },
        ),
    ] {
        let (_folder, layout) = journal_of(5).await;
        edit(&layout, statement);
        assert_names(&layout, readable, &expected);
    }
}

#[tokio::test]
async fn an_edit_of_line_and_digest_shows_at_the_next_record() {
    let (_folder, layout) = journal_of(5).await;
    forge(&layout, 3, &line(&layout, 3).replace("\"ada\"", "\"eve\""));
    assert_names(&layout, 3, &Broken::Edited { sequence: 3 });

    let (_folder, layout) = journal_of(5).await;
    forge(&layout, 5, &line(&layout, 5).replace("\"ada\"", "\"eve\""));
    assert_names(&layout, 5, &Broken::Edited { sequence: 5 });
}

#[tokio::test]
async fn a_newer_record_stops_writers_and_those_before_it_are_read() {
    let (_folder, layout) = journal_of(5).await;
    forge(
        &layout,
        5,
        &line(&layout, 5).replace("\"format\":3", "\"format\":4").replace("\"armed\"", "\"beamed\""),
    );
    assert_names(&layout, 4, &Broken::Newer { sequence: 5, found: 4 });
}

#[tokio::test]
async fn an_event_that_cannot_have_happened_stops_writers_and_can_be_read() {
    let (_folder, layout) = journal_of(2).await;
    forge(
        &layout,
        2,
        &line(&layout, 2).replace(r#""event":"armed""#, r#""event":"run-closed","outcome":"restored""#),
    );
    edit(&layout, "UPDATE head SET digest = (SELECT digest FROM record WHERE sequence = 2)");
    let (records, end) = read(&layout);
    end.unwrap();
    assert_eq!(records.len(), 2);
    let error = broken(verify(&layout.journal()).unwrap_err());
    assert!(matches!(error, Broken::Illegal { sequence: 2, .. }), "{error:?}");
    let lock = Lock::acquire(&layout, us()).unwrap();
    assert_eq!(broken(Writer::open(&layout, lock, Arc::new(Still)).unwrap_err()), error);
}

#[tokio::test]
async fn a_second_head_is_an_edit() {
    let (_folder, layout) = journal_of(5).await;
    let connection = Connection::open(layout.journal()).unwrap();
    connection
        .execute_batch(
            "ALTER TABLE head RENAME TO one_head;
             CREATE TABLE head AS SELECT * FROM one_head;
             INSERT INTO head SELECT * FROM one_head",
        )
        .unwrap();
    assert_names(&layout, 5, &Broken::Edited { sequence: 5 });
}
