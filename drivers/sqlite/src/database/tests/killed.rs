//! A kill between any two operations leaves the old database or the new one, whole, and the next attempt finishes.

use std::collections::BTreeSet;
use std::fs;

use backout_contract::{Captured, Effect, Sighting};
use backout_core::writes::Occasion;

use super::errand::{Manner, Other};
use super::world::{FULL, MIGRATION, NAME, Plan, World};
use crate::database::State;
use crate::database::state::Access;
use crate::pace::Pace;

/// What is live when the rollback begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Live {
    /// A database with a write-ahead log that was saved with one.
    Log,
    /// The same, with a recorder.
    RecordedLog,
    /// One with a rollback journal and a recorder.
    RecordedJournal,
    /// One with a rollback journal that was saved with one.
    Journal,
    /// One with a log that was saved with a journal.
    LogForJournal,
    /// No database at all, with journals beside it.
    Unreadable,
    /// Nothing, with journals left over.
    Absent,
    /// A database where nothing was saved.
    Unsaved,
}

async fn arrange(live: Live) -> (World, Captured<State>) {
    let world = World::new();
    let journal = if matches!(live, Live::Log | Live::RecordedLog) { "wal" } else { "delete" };
    let is_recorded = matches!(live, Live::RecordedLog | Live::RecordedJournal);
    if live != Live::Unsaved {
        world.run(&format!("PRAGMA journal_mode = {journal}; {FULL}"));
    }
    if is_recorded {
        world.arm(Occasion::Arm).await.unwrap();
    }
    let kept = world.keep().await;
    match live {
        Live::RecordedLog | Live::RecordedJournal => {
            world.run(MIGRATION);
            world.arm(Occasion::Cutover).await.unwrap();
            world.run("INSERT INTO anything VALUES ('by users')");
        }
        Live::Log | Live::Journal => world.run(MIGRATION),
        Live::LogForJournal => world.run(&format!("PRAGMA journal_mode = wal; {MIGRATION}")),
        Live::Unsaved => world.run(&format!("PRAGMA journal_mode = wal; {FULL}")),
        Live::Unreadable => {
            fs::write(world.path(), "no database").unwrap();
            fs::write(world.beside("-wal"), "a log").unwrap();
            fs::write(world.beside("-journal"), "a journal").unwrap();
        }
        Live::Absent => {
            fs::remove_file(world.path()).unwrap();
            fs::write(world.beside("-wal"), "a log").unwrap();
        }
    }
    (world, kept)
}

/// Reverts in a process that dies at its `number`th failpoint; the failpoints that it reached.
fn revert_and_die(world: &World, plan: &Plan, number: usize) -> (bool, Vec<String>) {
    fs::write(world.root.join("plan.json"), serde_json::to_vec(plan).unwrap()).unwrap();
    let trace = world.root.join("trace");
    let environment = vec![
        ("BACKOUT_FAILPOINT", number.to_string()),
        ("BACKOUT_FAILPOINT_TRACE", trace.to_str().unwrap().to_owned()),
    ];
    let (said, is_well) =
        Other::sent("revert", &world.root, Manner { environment, ..Manner::default() }).end();
    assert_eq!(is_well, said.contains("Applied"), "{said}");
    let reached = fs::read_to_string(trace).unwrap_or_default();
    (is_well, reached.lines().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect())
}

/// Whatever was live before the rollback is still somewhere, whole.
async fn is_kept(world: &World, live: Live, before: Option<&State>) -> bool {
    let access = Access { mode: 0, user: 0, group: 0 };
    let main = format!(".backout-displaced-r1-{NAME}");
    match (live, before) {
        (Live::Absent, _) => true,
        (Live::Unreadable, _) => {
            fs::read(world.estate().join(main)).is_ok_and(|content| content == b"no database")
        }
        (_, Some(before)) => {
            crate::database::copy::state_of(&world.estate().join(main), access, &Pace::of(&world.context()))
                .is_ok_and(|kept| kept.tables == before.tables && kept.schema == before.schema)
        }
        (_, None) => false,
    }
}

async fn at_every_instant(live: Live, expected: &[&str]) {
    let mut seen = BTreeSet::new();
    for number in 1.. {
        let (world, kept) = arrange(live).await;
        let before = if live == Live::Unreadable { None } else { world.look().await };
        let plan = world.plan(&kept).await;
        let (is_over, reached) = revert_and_die(&world, &plan, number);
        let case =
            format!("{live:?}, killed at {number}: {}", reached.last().map_or("nothing", String::as_str));
        seen.extend(reached.clone());

        // Old or new, and nothing in between.
        let found = world.capture(backout_contract::Depth::Look).await;
        let is_new = found.as_ref().is_ok_and(|found| match (&found.state, &kept.state) {
            (Some(found), Some(saved)) => found.is_exactly(saved),
            (found, saved) => found.is_none() && saved.is_none(),
        });
        let is_old = match (&found, &before) {
            (Err(_), None) => live == Live::Unreadable,
            (Ok(found), Some(before)) => {
                let found = found.state.as_ref();
                found.is_some_and(|found| found.tables == before.tables && found.shape() == before.shape())
            }
            (Ok(found), None) => live == Live::Absent && found.state.is_none(),
            (Err(_), Some(_)) => false,
        };
        assert!(is_new != is_old, "{case}: new {is_new}, old {is_old}");
        let sighting = world.sight(&plan).await;
        // What was staged is left to be cleared away, so there is something to do.
        let is_left = world.names().iter().any(|name| name.starts_with(".backout-beside-"));
        let wanted = if is_new && !is_left { Sighting::After } else { Sighting::Before };
        assert_eq!(sighting, Some(wanted), "{case}");

        // The next attempt finishes, and the world is the one that was never killed.
        let effect = world.revert(&plan).await.unwrap();
        assert_eq!(effect == Effect::AlreadyThere, is_new, "{case}: {effect:?}");
        let after = world.look().await;
        assert_eq!(after.as_ref().map(State::position), kept.state.as_ref().map(State::position), "{case}");
        assert_eq!(
            world.names(),
            if live == Live::Unsaved { vec![] } else { vec!["db".to_owned()] },
            "{case}"
        );
        assert!(is_kept(&world, live, before.as_ref()).await, "{case}: what stood there is kept");
        if is_over {
            break;
        }
    }
    let expected: BTreeSet<String> = expected.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(seen, expected, "{live:?}: the instants that were tried");
}

#[tokio::test]
async fn rewriting_with_a_log() {
    let instants = ["sqlite-staged", "sqlite-copied-aside", "sqlite-before-rewrite", "sqlite-rewritten"];
    at_every_instant(Live::Log, &instants).await;
}

#[tokio::test]
async fn rewriting_with_a_journal() {
    let instants = ["sqlite-staged", "sqlite-copied-aside", "sqlite-before-rewrite", "sqlite-rewritten"];
    at_every_instant(Live::Journal, &instants).await;
}

#[tokio::test]
async fn rewriting_with_a_recorder() {
    let instants = [
        "sqlite-staged",
        "sqlite-recorder-prepared",
        "sqlite-copied-aside",
        "sqlite-before-rewrite",
        "sqlite-rewritten",
    ];
    at_every_instant(Live::RecordedLog, &instants).await;
    at_every_instant(Live::RecordedJournal, &instants).await;
}

#[tokio::test]
async fn rewriting_and_giving_up_the_log() {
    let instants = [
        "sqlite-staged",
        "sqlite-log-given-up",
        "sqlite-copied-aside",
        "sqlite-before-rewrite",
        "sqlite-rewritten",
    ];
    at_every_instant(Live::LogForJournal, &instants).await;
}

#[tokio::test]
async fn exchanging() {
    let instants = [
        "sqlite-staged",
        "sqlite-before-exchange",
        "sqlite-sidecar-aside",
        "sqlite-linked-aside",
        "sqlite-exchanged",
    ];
    at_every_instant(Live::Unreadable, &instants).await;
    at_every_instant(Live::Absent, &instants).await;
}

#[tokio::test]
async fn removing() {
    at_every_instant(Live::Unsaved, &["sqlite-before-removal", "sqlite-removed"]).await;
}
