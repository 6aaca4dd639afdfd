//! Files that are no journal, or no longer one, are told apart and never bring the program down.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::sync::Arc;

use backout_contract::JournalError;
use backout_store::{Layout, Lock, Trouble, Writer, load_life, verify};
use rusqlite::Connection;

use super::support::{Still, journal_of, open, read, state, us};

fn trouble(error: &JournalError) -> Trouble {
    Trouble::of(error).unwrap_or_else(|| panic!("no trouble: {error:?}")).clone()
}

fn write_refused(layout: &Layout) -> JournalError {
    let lock = Lock::acquire(layout, us()).unwrap();
    Writer::open(layout, lock, Arc::new(Still)).unwrap_err()
}

#[test]
fn no_journal_is_an_empty_one() {
    let (_folder, layout) = state();
    let (life, chain) = load_life(&layout.journal()).unwrap();
    assert_eq!((life.sequence, chain.next_sequence()), (0, 1));
    assert!(!layout.journal().exists(), "reading makes nothing");
    fs::write(layout.journal(), "").unwrap();
    assert_eq!(verify(&layout.journal()).unwrap().records, 0, "killed before the first write");
}

#[test]
fn the_journal_is_private() {
    let (_folder, layout) = state();
    let _writer = open(&layout);
    for entry in fs::read_dir(layout.folder()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?}", entry.file_name());
    }
}

#[tokio::test]
async fn what_is_no_journal_is_told_apart_and_left_alone() {
    let (_folder, layout) = state();
    fs::write(layout.journal(), "a shopping list, long enough to be taken for something else ".repeat(50))
        .unwrap();
    let before = fs::read(layout.journal()).unwrap();
    for error in [read(&layout).1.unwrap_err(), write_refused(&layout)] {
        assert!(matches!(trouble(&error), Trouble::NotADatabase), "{error:?}");
        assert!(error.to_string().contains("journal.db"), "{error}");
    }
    assert_eq!(fs::read(layout.journal()).unwrap(), before);

    fs::remove_file(layout.journal()).unwrap();
    let other = Connection::open(layout.journal()).unwrap();
    other.execute_batch("CREATE TABLE users(name TEXT)").unwrap();
    other.close().unwrap();
    let before = fs::read(layout.journal()).unwrap();
    for error in [read(&layout).1.unwrap_err(), write_refused(&layout)] {
        assert!(matches!(trouble(&error), Trouble::Foreign), "{error:?}");
    }
    assert_eq!(fs::read(layout.journal()).unwrap(), before);

    fs::remove_file(layout.journal()).unwrap();
    fs::create_dir(layout.journal()).unwrap();
    assert!(matches!(trouble(&read(&layout).1.unwrap_err()), Trouble::NotADatabase));
}

#[tokio::test]
async fn a_newer_schema_is_read_and_not_written() {
    let (_folder, layout) = journal_of(3).await;
    let newer = Connection::open(layout.journal()).unwrap();
    newer.execute_batch("ALTER TABLE record ADD COLUMN seal TEXT; PRAGMA user_version = 4").unwrap();
    newer.close().unwrap();
    assert_eq!(verify(&layout.journal()).unwrap().records, 3);
    let error = write_refused(&layout);
    assert!(matches!(trouble(&error), Trouble::Newer { found: 4, known: 3 }), "{error:?}");
}

#[tokio::test]
async fn a_locked_journal_says_so() {
    let (_folder, layout) = journal_of(3).await;
    let shell = Connection::open(layout.journal()).unwrap();
    shell.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
    let error = write_refused(&layout);
    assert!(matches!(trouble(&error), Trouble::Locked(_)), "{error:?}");
}

#[tokio::test]
async fn a_journal_that_is_gone_is_not_begun_again() {
    let (_folder, layout) = journal_of(3).await;
    fs::write(layout.checkpoints().join("c1.json"), "{}").unwrap();
    fs::remove_file(layout.journal()).unwrap();
    assert!(matches!(trouble(&write_refused(&layout)), Trouble::Lost));
    assert!(matches!(trouble(&read(&layout).1.unwrap_err()), Trouble::Lost));
    assert!(!layout.journal().exists());
    fs::write(layout.journal(), "").unwrap();
    assert!(matches!(trouble(&write_refused(&layout)), Trouble::Lost));
    assert!(matches!(trouble(&read(&layout).1.unwrap_err()), Trouble::Lost));
}

#[tokio::test]
async fn a_table_that_is_gone_is_damage() {
    let (_folder, layout) = journal_of(3).await;
    Connection::open(layout.journal()).unwrap().execute_batch("DROP TABLE record").unwrap();
    assert!(matches!(trouble(&read(&layout).1.unwrap_err()), Trouble::Damaged(_)));
    assert!(matches!(trouble(&write_refused(&layout)), Trouble::Damaged(_)));
}

#[tokio::test]
async fn a_cut_file_is_damaged_or_has_lost_records() {
    let (_folder, layout) = journal_of(400).await;
    let whole = fs::read(layout.journal()).unwrap();
    for length in [1, 50, 99, 100, 512, 4095, 4096, 5000, 8192, 20_000, whole.len() / 2, whole.len() - 1] {
        fs::write(layout.journal(), &whole[..length]).unwrap();
        let (records, end) = read(&layout);
        let error =
            end.err().unwrap_or_else(|| panic!("cut to {length}, all {} records read", records.len()));
        assert!(
            matches!(error, JournalError::Broken(_))
                || matches!(trouble(&error), Trouble::Damaged(_) | Trouble::NotADatabase | Trouble::Other(_)),
            "cut to {length}: {error:?}"
        );
        write_refused(&layout);
    }
}

#[tokio::test]
async fn a_flipped_byte_is_found_or_harmless_and_never_a_panic() {
    let (_folder, layout) = journal_of(120).await;
    let whole = fs::read(layout.journal()).unwrap();
    let (records, end) = read(&layout);
    end.unwrap();
    let file = OpenOptions::new().write(true).open(layout.journal()).unwrap();
    let mut found = 0;
    for at in (0..whole.len()).filter(|at| *at < 128 || at % 97 == 0) {
        file.write_all_at(&[whole[at] ^ 0x55], at as u64).unwrap();
        match read(&layout) {
            // Unused space, counters, hints.
            (same, Ok(())) => assert_eq!(same, records, "byte {at}"),
            (_, Err(_)) => found += 1,
        }
        file.write_all_at(&whole[at..=at], at as u64).unwrap();
    }
    assert!(found > 300, "{found} of the flips were found");
    read(&layout).1.unwrap();
}
