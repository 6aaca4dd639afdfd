//! A look changes nothing, whatever it finds.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use backout_contract::{Depth, ErrorKind, Exactness, Session, Stop, StopLevel};
use backout_core::observation::Verdict;

use super::errand::{Manner, Other};
use super::world::{FULL, MIGRATION, World};
use crate::database::State;

/// Looks in every way and compares what could be disturbed.
async fn look_in_every_way(world: &World) {
    let before = world.traces();
    let (session, context) = (world.session().await, world.context());
    let captured = session.capture(&context, Depth::Look).await.unwrap();
    assert_eq!(world.traces(), before, "capture(Look)");
    let kept = session.capture(&context, Depth::Keep).await.unwrap();
    assert_eq!(world.traces(), before, "capture(Keep)");
    assert_eq!(kept.state, captured.state);
    for exactness in [Exactness::Data, Exactness::Shape] {
        session.examine(&context, exactness).await.unwrap();
        assert_eq!(world.traces(), before, "examine");
    }
    assert_eq!(session.ready(&context, kept.state.as_ref(), &kept.data).await.unwrap(), Vec::<String>::new());
    let plan = world.plan(&kept).await;
    assert!(world.sight(&plan).await.is_some());
    session.displaced(&context).await.unwrap();
    session.read_marker(&context).await.unwrap();
    assert_eq!(world.traces(), before, "ready, sight, displaced, read_marker");
}

#[tokio::test]
async fn at_rest() {
    for (mode, busy) in [("delete", "5s"), ("wal", "5s"), ("delete", "0s"), ("wal", "0s")] {
        let mut world = World::new();
        world.busy = busy;
        world.run(&format!("PRAGMA journal_mode = {mode}; {FULL}"));
        assert_eq!(world.names(), ["db"]);
        look_in_every_way(&world).await;
    }
}

#[tokio::test]
async fn with_a_user_who_sits_there() {
    for mode in ["delete", "wal"] {
        let world = World::new();
        world.run(&format!("PRAGMA journal_mode = {mode}; {FULL}"));
        let user = Other::on("sit", &world);
        look_in_every_way(&world).await;
        user.end();
    }
}

#[tokio::test]
async fn with_a_live_log() {
    let world = World::new();
    world.run(&format!("PRAGMA journal_mode = WAL; {FULL}"));
    let user = Other::on("sit", &world);
    world.run(MIGRATION);
    assert_eq!(world.names(), ["db", "db-shm", "db-wal"]);
    let before = world.traces();
    let state = world.look().await.unwrap();
    assert_eq!(state.user_version, 2, "what is only in the log is seen");
    assert_eq!(world.keep().await.state, Some(state));
    world.examine(Exactness::Data).await;
    assert_eq!(world.traces(), before);
    user.end();
}

#[tokio::test]
async fn with_the_log_of_a_dead_writer() {
    for (has_shm, is_empty) in [(true, false), (false, false), (false, true), (true, true)] {
        let world = World::new();
        world.run(&format!("PRAGMA journal_mode = WAL; {FULL}"));
        Other::on("die after a commit", &world).end();
        assert_eq!(world.names(), ["db", "db-shm", "db-wal"]);
        if !has_shm {
            fs::remove_file(world.beside("-shm")).unwrap();
        }
        if is_empty {
            fs::write(world.beside("-wal"), "").unwrap();
        }
        let state = world.look().await.unwrap();
        assert_eq!(state.tables["anything"].rows, if is_empty { 6 } else { 7 }, "shm {has_shm}");
        assert!(state.write_ahead);
        look_in_every_way(&world).await;
    }
}

#[tokio::test]
async fn with_the_hot_journal_of_a_dead_writer() {
    let world = World::new();
    world.run(FULL);
    let saved = world.look().await.unwrap();
    Other::on("die within a transaction", &world).end();
    assert_eq!(world.names(), ["db", "db-journal"]);
    assert_ne!(fs::read(world.path()).unwrap().len(), 0);
    look_in_every_way(&world).await;
    assert_eq!(world.look().await.unwrap(), saved, "what was never committed is not seen");
}

#[tokio::test]
async fn with_a_writer_in_the_middle_of_a_transaction() {
    for mode in ["delete", "wal"] {
        let world = World::new();
        world.run(&format!("PRAGMA journal_mode = {mode}; {FULL}"));
        let saved = world.look().await.unwrap();
        let writer = Other::on("begin a transaction", &world);
        let names = world.names();
        assert_eq!(world.look().await.unwrap(), saved, "{mode}");
        assert_eq!(world.names(), names);
        writer.end();
    }
}

#[tokio::test]
async fn with_a_log_beside_an_empty_file() {
    let world = World::new();
    fs::write(world.path(), "").unwrap();
    fs::write(world.beside("-wal"), "left over").unwrap();
    fs::write(world.beside("-journal"), "left over").unwrap();
    look_in_every_way(&world).await;
}

#[tokio::test]
async fn of_somebody_who_may_only_read() {
    for mode in ["delete", "wal"] {
        let world = World::new();
        world.run(&format!("PRAGMA journal_mode = {mode}; {FULL}"));
        let state = world.look().await.unwrap();
        fs::set_permissions(world.path(), PermissionsExt::from_mode(0o444)).unwrap();
        fs::set_permissions(world.estate(), PermissionsExt::from_mode(0o555)).unwrap();
        fs::set_permissions(world.root.join("scratch"), PermissionsExt::from_mode(0o777)).unwrap();
        let before = world.traces();
        // Root may write everywhere, so another user looks.
        let seen = if rustix::process::geteuid().is_root() {
            fs::set_permissions(&world.root, PermissionsExt::from_mode(0o755)).unwrap();
            let program = world.root.join("program");
            fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
            let manner = Manner { program, user: Some(65534), ..Manner::default() };
            serde_json::from_str(&Other::sent("look", &world.root, manner).end().0).unwrap()
        } else {
            world.look().await
        };
        assert!(seen.is_some_and(|seen: State| seen.is_exactly(&state)), "{mode}");
        assert_eq!(world.traces(), before);
        fs::set_permissions(world.estate(), PermissionsExt::from_mode(0o755)).unwrap();
    }
}

#[tokio::test]
async fn what_cannot_be_read_says_why() {
    let world = World::new();
    assert!(world.capture(Depth::Keep).await.unwrap().state.is_none(), "absent is no error");
    for (what, content) in
        [("encrypted", vec![0x5a; 8192]), ("text", b"just some text, no database".to_vec())]
    {
        fs::write(world.path(), content).unwrap();
        let before = world.traces();
        for depth in [Depth::Look, Depth::Keep] {
            let error = world.capture(depth).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Unreadable, "{what}: {}", error.chain());
            assert!(!error.hints.is_empty());
        }
        assert!(matches!(world.examine(Exactness::Data).await.0, Verdict::Differs { .. }), "{what}");
        assert_eq!(world.traces(), before);
    }
    fs::remove_file(world.path()).unwrap();
    fs::create_dir(world.path()).unwrap();
    assert_eq!(world.capture(Depth::Look).await.unwrap_err().kind, ErrorKind::Unreadable);
}

#[tokio::test]
async fn damage_is_found_and_never_saved() {
    let world = World::new();
    world.run("CREATE TABLE t (a); CREATE INDEX i ON t (a)");
    world.run("INSERT INTO t VALUES ('one'), ('two'), ('three')");
    assert_eq!(world.examine(Exactness::Data).await.0, Verdict::Restored);
    // In the table and not in its index.
    let mut bytes = fs::read(world.path()).unwrap();
    let at = bytes.windows(3).rposition(|window| window == b"two").unwrap();
    bytes[at..at + 3].copy_from_slice(b"zwo");
    fs::write(world.path(), &bytes).unwrap();
    assert!(world.look().await.is_some(), "it can still be read");
    assert!(matches!(world.examine(Exactness::Data).await.0, Verdict::Differs { .. }));
    let error = world.capture(Depth::Keep).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreadable);
    assert!(error.chain().contains("index i"), "{}", error.chain());
    // A page that is no page.
    let page = bytes.len() / 3;
    bytes[page..page + 200].fill(0xff);
    fs::write(world.path(), &bytes).unwrap();
    assert_eq!(world.capture(Depth::Look).await.unwrap_err().kind, ErrorKind::Unreadable);
}

#[tokio::test]
async fn looks_are_told_in_words() {
    let world = World::new();
    world.run(FULL);
    let (verdict, looked) = world.examine(Exactness::Data).await;
    assert_eq!(verdict, Verdict::Restored);
    assert_eq!(looked, ["integrity_check = ok", "foreign_key_check: 0 violations"]);
    world.run("PRAGMA foreign_keys = OFF; UPDATE tasks SET user = 99 WHERE id = 1");
    let (verdict, looked) = world.examine(Exactness::Shape).await;
    assert_eq!(verdict, Verdict::Restored);
    assert_eq!(looked, ["quick_check = ok", "foreign_key_check: 1 violation"]);
}

#[tokio::test]
async fn a_lock_is_waited_for_as_long_as_declared() {
    for mode in ["delete", "wal"] {
        let mut world = World::new();
        world.busy = "50ms";
        world.run(&format!("PRAGMA journal_mode = {mode}; {FULL}"));
        let other = Other::on("lock", &world);
        let looked = world.capture(Depth::Look).await;
        if mode == "wal" {
            assert!(looked.is_ok(), "a log lets readers in");
        } else {
            let error = looked.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Locked);
            assert!(error.hints.iter().any(|hint| hint.contains("busy")));
            assert!(matches!(world.examine(Exactness::Data).await.0, Verdict::Unknown { .. }));
        }
        other.end();
        assert!(world.look().await.is_some());
    }
}

#[tokio::test]
async fn a_look_is_of_one_moment_though_others_write() {
    for mode in ["delete", "wal"] {
        let mut world = World::new();
        // A writer in a loop leaves little room for others where a journal is kept.
        world.busy = "2m";
        world.run(&format!("PRAGMA journal_mode = {mode}; CREATE TABLE log (line TEXT); {FULL}"));
        let writer = Other::on("write", &world);
        for _ in 0..20 {
            let kept = world.keep().await;
            let state = kept.state.unwrap();
            assert_eq!(state.tables["anything"].rows, 6);
            assert!(state.tables["log"].rows >= 20);
        }
        let (said, is_well) = writer.end();
        assert!(is_well && said.contains(" false ok "), "the writer was not disturbed: {said}");
    }
}

#[tokio::test]
async fn a_look_ends_when_it_is_told_to() {
    let world = World::new();
    world.run(FULL);
    let (raise, stop) = Stop::channel();
    raise.send(StopLevel::Abandon).unwrap();
    let session = world.session().await;
    assert!(session.capture(&world.context_until(stop), Depth::Keep).await.is_err());
    let mut late = world.context();
    late.deadline = std::time::Duration::ZERO;
    assert_eq!(session.capture(&late, Depth::Look).await.unwrap_err().kind, ErrorKind::TimedOut);
}
