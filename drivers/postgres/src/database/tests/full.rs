//! Disks that are full: the server's while a database is put beside, while writes are taken over and while its log is
//! kept for a slot, and ours while it is saved.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use backout_conformance::FolderVault;
use backout_contract::{Certainty, Context, DriverError, ErrorKind, RecoverOrder};
use backout_core::name::RunId;
use backout_core::writes::{SealedWrites, Way};
use backout_fixtures::Room;

use super::*;

const MEGABYTE: u64 = 1 << 20;
/// Some 10 MB that nothing compresses.
const WIDE: &str = "CREATE TABLE wide (id integer PRIMARY KEY, body text);
    INSERT INTO wide SELECT n, (SELECT string_agg(md5(n::text || m::text), '') FROM generate_series(1, 30) m)
    FROM generate_series(1, 10000) n";

/// A server whose database stands on a small disk, and the log of the server elsewhere.
fn small(room: &Room) -> Postgres {
    let server = Postgres::start(&Options::default());
    let folder = room.path().join("tables");
    std::fs::create_dir(&folder).expect("make a folder");
    let owned = Command::new("chown").arg("postgres").arg(&folder).status().expect("run chown");
    assert!(owned.success());
    server.sql("postgres", &format!("CREATE TABLESPACE small LOCATION '{}'", folder.display()));
    server.sql("postgres", "CREATE DATABASE shop TABLESPACE small");
    server.sql("shop", WIDE);
    server
}

fn is_full(error: &DriverError, whose: &str) {
    assert_eq!(
        (error.kind, error.certainty),
        (ErrorKind::NoSpace, Certainty::NothingHappened),
        "{}",
        error.chain()
    );
    assert!(error.hints.iter().any(|hint| hint.contains(whose)), "{:?}", error.hints);
}

fn databases(server: &Postgres) -> String {
    server.sql(
        "postgres",
        "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database WHERE NOT datistemplate",
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_finds_no_room_beside_is_taken_away_and_put_there_later() {
    let (room, folder) = (Room::new(), tempfile::tempdir().expect("a folder"));
    let server = small(&room);
    let (context, session, step) = migrated_shop(&server, folder.path()).await;
    let before = session.capture(&context, Depth::Look).await.expect("look").state;
    room.leave(12 * MEGABYTE);
    for _ in 0..2 {
        let error = session.stage(&context, &step).await.expect_err("it found room");
        is_full(&error, "the server's disk");
        assert_eq!(databases(&server), "postgres shop");
    }
    let after = session.capture(&context, Depth::Look).await.expect("look").state;
    assert!(after.zip(before).is_some_and(|(after, before)| is_exactly(&after, &before)), "live was changed");
    assert_eq!(server.sql("shop", "INSERT INTO wide VALUES (0, 'served') RETURNING body"), "served");
    room.make_room();
    server.sql("shop", "DELETE FROM wide WHERE id = 0");
    assert!(matches!(session.stage(&context, &step).await.expect("stage"), Effect::Applied { .. }));
    session.quiesce(&context).await.expect("shut");
    let effect = session.revert(&context, &step).await.expect("put back");
    assert!(matches!(effect, Effect::Applied { .. }), "{effect:?}");
    let state = session.capture(&context, Depth::Look).await.expect("look").state;
    assert!(is_saved(state.as_ref(), &step));
}

fn order(data: Vec<backout_core::checkpoint::DataPart>, folder: &Path) -> RecoverOrder {
    let run = RunId::new("r1").expect("a name");
    let sealed = vec![SealedWrites { run: run.clone(), data, gaps: Vec::new() }];
    let folder = folder.join("people");
    RecoverOrder { way: Way::Merge, from: vec![run], sealed, folder, most_lost: None, winner: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_find_no_room_are_taken_over_later_whole_and_once() {
    let (room, folder) = (Room::new(), tempfile::tempdir().expect("a folder"));
    let server = small(&room);
    let context = context(folder.path(), &[]);
    session(&server, &context).await.arm(&context, Occasion::Arm).await.expect("arm");
    let (_, session, step) = migrated_shop(&server, folder.path()).await;
    session.arm(&context, Occasion::Cutover).await.expect("mark the cutover");
    server.sql(
        "shop",
        "INSERT INTO wide SELECT id + 10000, body FROM wide; UPDATE wide SET body = 'short' WHERE id = 7",
    );
    session.stage(&context, &step).await.expect("stage");
    session.quiesce(&context).await.expect("shut");
    let saved = step.saved.as_ref().expect("a state");
    let sealed = session.seal(&context, saved, &[]).await.expect("seal").expect("a recorder");
    assert_eq!(sealed.counted.users().sum(), 10_001, "{:?}", sealed.counted);
    session.revert(&context, &step).await.expect("put back");
    session.reopen(&context, None).await.expect("open");
    room.leave(5 * MEGABYTE);
    let order = order(sealed.data, folder.path());
    for _ in 0..2 {
        let error = session.recover(&context, &order).await.expect_err("it found room");
        assert_eq!(error.kind, ErrorKind::NoSpace, "{}", error.chain());
        assert!(error.hints.iter().any(|hint| hint.contains("the server's disk")), "{:?}", error.hints);
        let state = session.capture(&context, Depth::Look).await.expect("look").state;
        assert!(is_saved(state.as_ref(), &step), "a part was taken over");
    }
    assert_eq!(server.sql("shop", "UPDATE wide SET body = body WHERE id = 1 RETURNING id"), "1");
    room.make_room();
    assert_eq!(session.recover(&context, &order).await.expect("take over").applied, 10_001);
    assert_eq!(
        server.sql("shop", "SELECT count(*) || ' ' || max(body) FILTER (WHERE id = 7) FROM wide"),
        "20000 short"
    );
    assert_eq!(session.recover(&context, &order).await.expect("take over").applied, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_finds_no_room_on_our_side_is_saved_later() {
    let (room, folder) = (Room::new(), tempfile::tempdir().expect("a folder"));
    let server = Postgres::start(&Options::default());
    server.sql("postgres", "CREATE DATABASE shop");
    server.sql("shop", WIDE);
    // The vault's disk is full.
    let vault = room.path().join("vault");
    std::fs::create_dir(&vault).expect("make a folder");
    let context = Context { vault: Arc::new(FolderVault::new(vault)), ..context(folder.path(), &[]) };
    let session = session(&server, &context).await;
    session.arm(&context, Occasion::Arm).await.expect("arm");
    room.leave(MEGABYTE);
    let error = session.capture(&context, Depth::Keep).await.expect_err("it found room");
    is_full(&error, "`.backout`");
    let left = std::fs::read_dir(&context.scratch).expect("look").count();
    assert_eq!(left, 0, "a part of a dump was left");
    // The one where a dump is put together.
    let crowded = Context { scratch: room.path().to_owned(), ..context.clone() };
    is_full(&session.capture(&crowded, Depth::Keep).await.expect_err("it found room"), "`.backout`");
    room.make_room();
    let saved = session.capture(&context, Depth::Keep).await.expect("save").state.expect("a state");
    // What users wrote finds no room in the vault either, and stays where it was recorded.
    server.sql("shop", "INSERT INTO wide SELECT id + 10000, body FROM wide");
    room.leave(MEGABYTE);
    is_full(&session.seal(&context, &saved, &[]).await.map(drop).expect_err("it found room"), "`.backout`");
    room.make_room();
    let sealed = session.seal(&context, &saved, &[]).await.expect("seal").expect("a recorder");
    assert_eq!(sealed.counted.users().sum(), 10_000);
}

/// The server gives up once its log has no room, and comes back as soon as there is some.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_kept_for_the_recorder_and_fills_the_disk_is_given_back() {
    let (room, folder) = (Room::new(), tempfile::tempdir().expect("a folder"));
    let settings = ["wal_level = logical", "max_wal_size = 4MB", "min_wal_size = 4MB"];
    let initdb = vec!["--wal-segsize=1".to_owned()];
    let options = Options { settings: settings.map(str::to_owned).to_vec(), initdb, major: None };
    let mut server = Postgres::start_in(&options, room.path());
    server.sql("postgres", "CREATE DATABASE shop");
    server.sql("shop", WIDE);
    let context = context(folder.path(), &[]);
    let session = session(&server, &context).await;
    session.arm(&context, Occasion::Arm).await.expect("arm");
    let saved = session.capture(&context, Depth::Look).await.expect("look").state.expect("a state");
    server.sql("shop", "UPDATE wide SET body = 'short' WHERE id < 4");
    server.sql("postgres", "CHECKPOINT");
    room.leave(8 * MEGABYTE);
    let fill = "SELECT pg_logical_emit_message(false, 'x', repeat('x', 500000)) FROM generate_series(1, 40)";
    assert!(!server.psql(&server.url("postgres"), fill).status.success(), "the log found room");
    server.stop();
    let error = session.count(&context, &saved, &[]).await.expect_err("it answers");
    assert_eq!(error.kind, ErrorKind::Unreachable, "{}", error.chain());
    assert!(error.hints.iter().any(|hint| hint.contains("log")), "{:?}", error.hints);
    // So little that it comes up.
    room.leave(3 * MEGABYTE);
    server.go();
    let counted = session.count(&context, &saved, &[]).await.expect("count").expect("a recorder");
    assert_eq!(counted.users().sum(), 3, "{counted:?}");
    assert!(
        counted.notes.iter().any(|note| note.contains("of its log for the recorder")),
        "{:?}",
        counted.notes
    );
    let used = room.used();
    session.disarm(&context).await.expect("take the recorder away");
    server.sql("postgres", "CHECKPOINT");
    assert!(room.used() + 4 * MEGABYTE < used, "the log is still there");
    assert_eq!(server.sql("shop", "SELECT count(*) FROM wide WHERE body = 'short'"), "3");
}
