//! Reading: while somebody writes, after somebody was killed, and always without a trace.

use backout_contract::Journal;
use backout_store::{Follower, verify};

use super::support::{armed, as_if_killed, journal_of, open, opened, picture, read, state};

#[tokio::test]
async fn reading_a_closed_journal_leaves_no_trace() {
    let (_folder, layout) = journal_of(50).await;
    let before = picture(layout.folder());
    assert_eq!(verify(&layout.journal()).unwrap().records, 50);
    assert_eq!(picture(layout.folder()), before);
}

#[tokio::test]
async fn reading_what_a_killed_process_left_changes_at_most_the_index() {
    let (_folder, layout) = state();
    let writer = open(&layout);
    writer.append(None, vec![opened(), armed()]).await.unwrap();
    let (_copy, killed) = as_if_killed(&layout);
    let mut before = picture(killed.folder());
    assert_eq!(verify(&killed.journal()).unwrap().records, 2);
    let mut after = picture(killed.folder());
    assert!(before.remove("journal.db-shm").is_some() && after.remove("journal.db-shm").is_some());
    assert_eq!(after, before);
}

#[tokio::test]
async fn a_follower_sees_each_record_once_while_another_writes() {
    const RECORDS: u64 = 300;
    let (_folder, layout) = state();
    let path = layout.journal();
    let reader = std::thread::spawn(move || {
        let mut follower = Follower::new(path);
        let mut seen = Vec::new();
        while seen.len() < RECORDS as usize {
            follower
                .read_new(|record, _| {
                    seen.push(record.sequence);
                    Ok(())
                })
                .unwrap();
            std::thread::yield_now();
        }
        seen
    });
    // Opened and closed on the way, so that the log comes and goes under the reader.
    let mut written = 0;
    while written < RECORDS {
        let writer = open(&layout);
        for _ in 0..20 {
            let event = if written == 0 { opened() } else { armed() };
            writer.append(None, vec![event]).await.unwrap();
            written += 1;
        }
        writer.close().await.unwrap();
    }
    assert_eq!(reader.join().unwrap(), (1..=RECORDS).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_follower_of_this_process_is_in_no_writers_way() {
    let (_folder, layout) = state();
    let writer = open(&layout);
    writer.append(None, vec![opened()]).await.unwrap();
    let mut follower = Follower::new(layout.journal());
    let mut seen = 0;
    for expected in 1..=5 {
        follower
            .read_new(|_, _| {
                seen += 1;
                Ok(())
            })
            .unwrap();
        assert_eq!((seen, follower.chain().next_sequence()), (expected, expected + 1));
        writer.append(None, vec![armed()]).await.unwrap();
    }
    writer.close().await.unwrap();
    assert_eq!(read(&layout).0.len(), 6);
}
