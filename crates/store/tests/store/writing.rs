//! Appending: durable, in groups, with notes riding along, until an error ends it.

use std::fs;
use std::sync::Arc;

use backout_contract::Journal;
use backout_core::name::RunId;
use backout_store::{Layout, Lock, Writer, load_life, verify};
use rusqlite::Connection;

use super::support::{Still, armed, as_if_killed, journal_of, open, opened, read, state, us};

/// How many transactions the write-ahead log holds: frames that name the size of the database end one.
fn commits(layout: &Layout) -> usize {
    let log = fs::read(layout.folder().join("journal.db-wal")).unwrap();
    let page = u32::from_be_bytes(log[8..12].try_into().unwrap()) as usize;
    log[32..].chunks_exact(24 + page).filter(|frame| frame[4..8] != [0; 4]).count()
}

#[tokio::test]
async fn records_are_numbered_chained_and_carry_run_and_epoch() {
    let (_folder, layout) = journal_of(1).await;
    let lock = Lock::acquire(&layout, us()).unwrap();
    let (writer, life) = Writer::open(&layout, lock, Arc::new(Still)).unwrap();
    assert_eq!((life.sequence, writer.epoch()), (1, 2));
    let run = RunId::new("r1").unwrap();
    let appended = writer.append(Some(&run), vec![armed(), armed()]).await.unwrap();
    writer.close().await.unwrap();

    let (records, end) = read(&layout);
    end.unwrap();
    assert_eq!(records[1..], appended);
    let facts: Vec<_> = records.iter().map(|one| (one.sequence, one.epoch, one.run.clone())).collect();
    assert_eq!(facts, [(1, 1, None), (2, 2, Some(run.clone())), (3, 2, Some(run))]);
    let (life, chain) = load_life(&layout.journal()).unwrap();
    assert_eq!((life.sequence, life.armed, chain.next_sequence()), (3, true, 4));
}

#[tokio::test]
async fn an_appended_record_outlives_the_process_and_a_note_rides_with_the_next() {
    let (_folder, layout) = state();
    let writer = open(&layout);
    writer.append(None, vec![opened()]).await.unwrap();
    let noted = writer.note(None, vec![armed()]).await.unwrap();
    assert_eq!(noted[0].sequence, 2);
    assert_eq!(read(&layout).0.len(), 1);
    let (_copy, killed) = as_if_killed(&layout);
    assert_eq!(verify(&killed.journal()).unwrap().records, 1);

    writer.append(None, vec![armed()]).await.unwrap();
    let (_copy, killed) = as_if_killed(&layout);
    assert_eq!(verify(&killed.journal()).unwrap().records, 3);
    assert_eq!(read(&layout).0[1], noted[0]);
}

#[tokio::test]
async fn closing_keeps_notes_and_leaves_one_file() {
    let (_folder, layout) = state();
    let writer = open(&layout);
    writer.note(None, vec![opened(), armed()]).await.unwrap();
    writer.close().await.unwrap();
    assert_eq!(verify(&layout.journal()).unwrap().records, 2);
    for helper in ["journal.db-wal", "journal.db-shm"] {
        assert!(!layout.folder().join(helper).exists(), "{helper}");
    }
    // Dropping does the same, and lets go of the lock before it returns.
    let writer = open(&layout);
    writer.note(None, vec![armed()]).await.unwrap();
    drop(writer);
    drop(open(&layout));
    assert_eq!(verify(&layout.journal()).unwrap().records, 3);
}

#[tokio::test]
async fn appends_that_wait_are_committed_together() {
    let (_folder, layout) = state();
    let writer = Arc::new(open(&layout));
    writer.append(None, vec![opened()]).await.unwrap();
    let before = commits(&layout);
    // Holds up the commit until all have asked.
    let shell = Connection::open(layout.journal()).unwrap();
    shell.execute_batch("BEGIN IMMEDIATE").unwrap();
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let writer = Arc::clone(&writer);
            tokio::spawn(async move { writer.append(None, vec![armed()]).await.unwrap()[0].sequence })
        })
        .collect();
    // On the one thread of this test every task has asked when we come to our turn again.
    tokio::task::yield_now().await;
    shell.execute_batch("ROLLBACK").unwrap();
    let mut sequences = Vec::new();
    for task in tasks {
        sequences.push(task.await.unwrap());
    }
    assert_eq!(sequences, (2..=51).collect::<Vec<_>>());
    let groups = commits(&layout) - before;
    assert!((1..=2).contains(&groups), "the first may have been alone, the others were not: {groups}");
}

#[tokio::test]
async fn a_second_writer_of_the_same_rows_is_noticed_and_poisons() {
    let (_folder, layout) = state();
    let writer = open(&layout);
    writer.append(None, vec![opened()]).await.unwrap();
    Connection::open(layout.journal()).unwrap().execute("INSERT INTO record VALUES (2, '', '')", []).unwrap();
    let first = writer.append(None, vec![armed()]).await.unwrap_err();
    assert!(
        matches!(backout_store::Trouble::of(&first), Some(backout_store::Trouble::Overtaken(_))),
        "{first:?}"
    );
    // The obstacle is gone, and still nothing is appended.
    Connection::open(layout.journal()).unwrap().execute("DELETE FROM record WHERE sequence = 2", []).unwrap();
    for later in [writer.append(None, vec![armed()]).await, writer.note(None, vec![armed()]).await] {
        assert_eq!(format!("{:?}", later.unwrap_err()), format!("{first:?}"));
    }
    assert_eq!(format!("{:?}", writer.close().await.unwrap_err()), format!("{first:?}"));
    assert_eq!(verify(&layout.journal()).unwrap().records, 1);
    let again = open(&layout);
    again.append(None, vec![armed()]).await.unwrap();
    again.close().await.unwrap();
}

#[tokio::test]
async fn a_torn_log_is_recovered_to_the_last_whole_commit() {
    let (_folder, layout) = state();
    let writer = open(&layout);
    writer.append(None, vec![opened()]).await.unwrap();
    writer.append(None, vec![armed()]).await.unwrap();
    let (_copy, killed) = as_if_killed(&layout);
    let log = killed.folder().join("journal.db-wal");
    let whole = fs::read(&log).unwrap();
    fs::write(&log, &whole[..whole.len() - 100]).unwrap();
    assert_eq!(verify(&killed.journal()).unwrap().records, 1);
    let again = open(&killed);
    assert_eq!(again.append(None, vec![armed()]).await.unwrap()[0].sequence, 2);
    again.close().await.unwrap();
    assert_eq!(verify(&killed.journal()).unwrap().records, 2);
}

#[tokio::test]
async fn a_lost_lock_file_does_not_bring_an_old_epoch_back() {
    let (_folder, layout) = journal_of(1).await;
    open(&layout).append(None, vec![armed()]).await.unwrap();
    fs::remove_file(layout.lock()).unwrap();
    assert_eq!(open(&layout).epoch(), 3);
}
