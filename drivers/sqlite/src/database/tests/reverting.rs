//! The way back, from wherever live has got to.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use backout_contract::{Captured, Certainty, DriverError, Effect, ErrorKind, Exactness, Session, Sighting};
use backout_core::observation::{Seen, Verdict};

use super::errand::Other;
use super::world::{FULL, MIGRATION, NAME, World, open, seen};
use crate::database::State;
use crate::database::copy;
use crate::pace::Pace;

fn is_applied(effect: &Result<Effect, DriverError>) -> bool {
    matches!(effect, Ok(Effect::Applied { .. }))
}

/// A world that was saved and migrated.
async fn migrated(journal: &str) -> (World, Captured<State>) {
    let world = World::new();
    world.run(&format!("PRAGMA journal_mode = {journal}; {FULL}"));
    let kept = world.keep().await;
    world.run(MIGRATION);
    (world, kept)
}

fn state_of(world: &World, path: &Path) -> State {
    let access = crate::database::state::Access { mode: 0, user: 0, group: 0 };
    copy::state_of(path, access, &Pace::of(&world.context())).unwrap()
}

#[tokio::test]
async fn there_and_back() {
    for journal in ["delete", "wal"] {
        let (world, kept) = migrated(journal).await;
        let live = world.look().await.unwrap();
        let plan = world.plan(&kept).await;
        assert_eq!(world.sight(&plan).await, Some(Sighting::Before));
        let inode = fs::metadata(world.path()).unwrap().ino();
        let effect = world.revert(&plan).await;
        let Ok(Effect::Applied { evidence }) = effect else { panic!("{journal}: {effect:?}") };
        assert!(evidence.contains(".backout-displaced-r1-"), "{evidence}");
        assert_eq!(world.look().await, kept.state, "{journal}");
        assert_eq!(world.sight(&plan).await, Some(Sighting::After));
        assert_eq!(world.examine(Exactness::Data).await.0, Verdict::Restored);
        assert_eq!(fs::metadata(world.path()).unwrap().ino(), inode, "seen by whoever has it open");
        assert_eq!(world.names(), ["db"], "nothing is left but what is displaced");
        let displaced = world.displaced();
        assert_eq!(displaced.len(), 1);
        assert!(state_of(&world, &displaced[0]).is_exactly(&live), "what stood there is kept whole");
        assert_eq!(fs::metadata(&displaced[0]).unwrap().mode() & 0o077, 0, "and private");

        let before = world.traces();
        assert_eq!(world.revert(&plan).await.unwrap(), Effect::AlreadyThere);
        assert_eq!(world.traces(), before);

        let (session, context) = (world.session().await, world.context());
        assert_eq!(session.displaced(&context).await.unwrap().len(), 1);
        session.release(&context).await.unwrap();
        session.release(&context).await.unwrap();
        assert_eq!((world.names(), world.displaced().len()), (vec!["db".to_owned()], 0));
    }
}

#[tokio::test]
async fn every_pair_of_settings() {
    let settings = [
        "PRAGMA journal_mode = delete",
        "PRAGMA journal_mode = wal",
        "PRAGMA page_size = 1024; PRAGMA journal_mode = wal",
        "PRAGMA page_size = 65536",
        "PRAGMA auto_vacuum = 1; PRAGMA journal_mode = wal",
        "PRAGMA auto_vacuum = 2",
        "PRAGMA encoding = 'UTF-16le'; PRAGMA journal_mode = wal",
    ];
    for saved in settings {
        for live in settings {
            let world = World::new();
            world.run(&format!("{saved}; {FULL}"));
            let kept = world.keep().await;
            fs::remove_file(world.path()).unwrap();
            world.run(&format!("{live}; {FULL} {MIGRATION}"));
            let plan = world.plan(&kept).await;
            let effect = world.revert(&plan).await;
            assert!(is_applied(&effect), "{live} → {saved}: {effect:?}");
            assert_eq!(world.look().await, kept.state, "{live} → {saved}");
            world.run("INSERT INTO anything VALUES ('life goes on'); PRAGMA integrity_check");
            assert_eq!(world.examine(Exactness::Data).await.0, Verdict::Restored, "{live} → {saved}");
        }
    }
}

#[tokio::test]
async fn data_alone_is_put_back_too() {
    let world = World::new();
    world.run(FULL);
    let kept = world.keep().await;
    world.run("UPDATE users SET name = 'somebody else' WHERE id = 1; DELETE FROM tags");
    let plan = world.plan(&kept).await;
    world.run("INSERT INTO tags VALUES (9, 'grown since the plan was made')");
    assert_eq!(world.sight(&plan).await, Some(Sighting::Before));
    assert!(is_applied(&world.revert(&plan).await));
    assert_eq!(world.look().await, kept.state);
    assert_eq!(state_of(&world, &world.displaced()[0]).tables["tags"].rows, 1, "the growth is kept");
}

#[tokio::test]
async fn somebody_elses_change_is_refused() {
    let (world, kept) = migrated("wal").await;
    let plan = world.plan(&kept).await;
    for sql in ["CREATE TABLE drift (a)", "DROP TABLE drift; PRAGMA user_version = 99"] {
        world.run(sql);
        let before = world.traces();
        assert!(matches!(world.revert(&plan).await.unwrap(), Effect::Blocked { .. }), "{sql}");
        assert_eq!(world.sight(&plan).await, None, "a capture tells");
        assert_eq!(world.traces(), before, "{sql}");
    }
    // Saved schema, other data, though the step starts from another schema: it was put back, and used.
    let (world, kept) = migrated("delete").await;
    let plan = world.plan(&kept).await;
    world.revert(&plan).await.unwrap();
    world.run("INSERT INTO tags VALUES (7, 'later')");
    assert!(matches!(world.revert(&plan).await.unwrap(), Effect::Blocked { .. }));
    fs::remove_file(world.path()).unwrap();
    assert!(matches!(world.revert(&plan).await.unwrap(), Effect::Blocked { .. }));
    assert!(matches!(world.sight(&plan).await, Some(Sighting::Neither { seen: Seen::Absent, .. })));
}

#[tokio::test]
async fn an_absent_database_comes_back_and_stale_journals_stay_away() {
    let world = World::new();
    world.run(&format!("PRAGMA journal_mode = WAL; {FULL}"));
    let kept = world.keep().await;
    fs::set_permissions(world.path(), PermissionsExt::from_mode(0o640)).unwrap();
    let kept_later = world.keep().await;
    Other::on("die after a commit", &world).end();
    // A log and a journal that fit the saved database, left where the database itself is gone.
    let journal = fs::read(world.beside("-wal")).unwrap();
    fs::write(world.beside("-journal"), hot_journal()).unwrap();
    fs::remove_file(world.path()).unwrap();
    assert!(kept.state.as_ref().unwrap().is_exactly(kept_later.state.as_ref().unwrap()));
    let plan = world.plan(&kept_later).await;
    assert_eq!(plan.before, Seen::Absent);
    let effect = world.revert(&plan).await;
    assert!(is_applied(&effect), "{effect:?}");
    assert_eq!(world.look().await, kept_later.state);
    world.run("PRAGMA user_version");
    assert_eq!(world.look().await, kept_later.state, "nothing was played into it");
    assert_eq!(fs::metadata(world.path()).unwrap().mode() & 0o7777, 0o640);
    let kept_aside = world.estate().join(format!(".backout-displaced-r1-{NAME}-wal"));
    assert_eq!(fs::read(kept_aside).unwrap(), journal);
    assert_eq!(world.displaced().len(), 3);
    world.session().await.release(&world.context()).await.unwrap();
    assert_eq!(world.displaced().len(), 0);
}

/// A journal that SQLite would roll back into whatever has the database's name.
fn hot_journal() -> Vec<u8> {
    let world = World::new();
    world.run(FULL);
    Other::on("die within a transaction", &world).end();
    fs::read(world.beside("-journal")).unwrap()
}

#[tokio::test]
async fn what_is_no_database_is_exchanged_and_kept() {
    for (what, content) in
        [("encrypted", vec![0x5a; 8192]), ("cut off", b"SQLite format 3\0 and no more".to_vec())]
    {
        let (world, kept) = migrated("wal").await;
        fs::write(world.path(), &content).unwrap();
        fs::write(world.beside("-journal"), hot_journal()).unwrap();
        fs::write(world.beside("-wal"), "stale").unwrap();
        let plan = world.plan(&kept).await;
        assert_eq!(plan.before.word(), "unreadable");
        assert_eq!(world.sight(&plan).await, Some(Sighting::Before));
        let effect = world.revert(&plan).await;
        assert!(is_applied(&effect), "{what}: {effect:?}");
        assert_eq!(world.look().await, kept.state, "{what}");
        assert_eq!(world.names(), ["db"]);
        let kept = world.estate().join(format!(".backout-displaced-r1-{NAME}"));
        assert_eq!(fs::read(kept).unwrap(), content);
        assert_eq!(world.displaced().len(), 3);
        assert_eq!(world.revert(&plan).await.unwrap(), Effect::AlreadyThere);
    }
}

#[tokio::test]
async fn a_folder_in_the_place_of_a_database_is_moved_aside_and_released() {
    let (world, kept) = migrated("delete").await;
    let saved_mode = fs::metadata(world.path()).unwrap().mode();
    fs::remove_file(world.path()).unwrap();
    fs::create_dir(world.path()).unwrap();
    fs::write(world.path().join("what"), "is this").unwrap();
    let plan = world.plan(&kept).await;
    assert_eq!(plan.before.word(), "unreadable");
    let effect = world.revert(&plan).await;
    assert!(is_applied(&effect), "{effect:?}");
    assert_eq!(world.look().await, kept.state);
    assert_eq!(fs::metadata(world.path()).unwrap().mode(), saved_mode);
    assert_eq!(fs::read(world.displaced()[0].join("what")).unwrap(), b"is this");
    world.session().await.release(&world.context()).await.unwrap();
    assert_eq!(world.displaced(), Vec::<std::path::PathBuf>::new());
}

#[tokio::test]
async fn damaged_content_does_not_block_the_way_back() {
    let (world, kept) = migrated("delete").await;
    let mut bytes = fs::read(world.path()).unwrap();
    let middle = bytes.len() / 2;
    bytes[4096..middle].fill(0xa5);
    fs::write(world.path(), &bytes).unwrap();
    let plan = world.plan(&kept).await;
    assert_eq!(plan.before.word(), "unreadable");
    assert!(is_applied(&world.revert(&plan).await));
    assert_eq!(world.look().await, kept.state);
    assert_eq!(fs::read(&world.displaced()[0]).unwrap(), bytes);
}

#[tokio::test]
async fn where_nothing_was_saved_the_database_is_moved_aside() {
    for journal in ["delete", "wal"] {
        let world = World::new();
        let kept = world.keep().await;
        assert!(kept.state.is_none());
        world.run(&format!("PRAGMA journal_mode = {journal}; {FULL}"));
        let live = world.look().await.unwrap();
        let plan = world.plan(&kept).await;
        assert!(is_applied(&world.revert(&plan).await));
        assert_eq!(world.names(), Vec::<String>::new(), "{journal}");
        assert_eq!(world.displaced().len(), 1, "{journal}");
        assert!(state_of(&world, &world.displaced()[0]).is_exactly(&live), "{journal}");
        assert_eq!(world.revert(&plan).await.unwrap(), Effect::AlreadyThere);
        assert_eq!(world.sight(&plan).await, Some(Sighting::After));
    }
    let world = World::new();
    let kept = world.keep().await;
    fs::write(world.path(), "no database").unwrap();
    fs::write(world.beside("-wal"), "stale").unwrap();
    let plan = world.plan(&kept).await;
    assert!(is_applied(&world.revert(&plan).await));
    assert_eq!((world.names().len(), world.displaced().len()), (0, 2));
}

#[tokio::test]
async fn what_a_dead_writer_left_is_kept_as_sqlite_sees_it() {
    for (journal, errand, rows) in
        [("delete", "die within a transaction", 6), ("wal", "die after a commit", 7)]
    {
        let (world, kept) = migrated(journal).await;
        Other::on(errand, &world).end();
        let plan = world.plan(&kept).await;
        let effect = world.revert(&plan).await;
        assert!(is_applied(&effect), "{journal}: {effect:?}");
        assert_eq!(world.look().await, kept.state, "{journal}");
        assert_eq!(state_of(&world, &world.displaced()[0]).tables["anything"].rows, rows, "{journal}");
        assert_eq!(world.names(), ["db"]);
    }
}

#[tokio::test]
async fn saved_data_that_is_not_what_was_saved_changes_nothing() {
    let (world, kept) = migrated("delete").await;
    let plan = world.plan(&kept).await;
    let blob = world.root.join("vault").join(kept.data[0].blob.to_string());
    let whole = fs::read(&blob).unwrap();
    let other = World::new();
    other.run(FULL);
    other.run("UPDATE users SET name = 'somebody else' WHERE id = 1");
    let swapped = other.keep().await;
    let swapped_blob = other.root.join("vault").join(swapped.data[0].blob.to_string());
    fs::copy(swapped_blob, world.root.join("vault").join(swapped.data[0].blob.to_string())).unwrap();
    let before = world.traces();
    let unchanged = |error: DriverError, what: &str| {
        assert_eq!((error.kind, error.certainty), (ErrorKind::BadData, Certainty::NothingHappened), "{what}");
        let mut after = world.traces();
        after.insert(world.estate(), before[&world.estate()].clone());
        assert_eq!(after, before, "{what}");
    };
    for (what, bytes) in [("cut", whole[..whole.len() - 1].to_vec()), ("empty", Vec::new())] {
        fs::write(&blob, bytes).unwrap();
        unchanged(world.revert(&plan).await.unwrap_err(), what);
    }
    fs::remove_file(&blob).unwrap();
    unchanged(world.revert(&plan).await.unwrap_err(), "lost");
    let mut foreign = plan.clone();
    foreign.data = swapped.data.clone();
    unchanged(world.revert(&foreign).await.unwrap_err(), "another database's");
    foreign.data = Vec::new();
    unchanged(world.revert(&foreign).await.unwrap_err(), "none");
}

#[tokio::test]
async fn nothing_that_was_displaced_is_ever_overwritten() {
    let (world, kept) = migrated("delete").await;
    let earlier = world.estate().join(format!(".backout-displaced-r1-{NAME}"));
    fs::write(&earlier, "of another migration's first run").unwrap();
    let live = world.look().await.unwrap();
    let plan = world.plan(&kept).await;
    assert!(is_applied(&world.revert(&plan).await));
    assert_eq!(fs::read(&earlier).unwrap(), b"of another migration's first run");
    let second = world.estate().join(format!(".backout-displaced-r1.2-{NAME}"));
    assert!(state_of(&world, &second).is_exactly(&live));
    assert_eq!(world.session().await.displaced(&world.context()).await.unwrap().len(), 2);
}

#[tokio::test]
async fn readiness_names_what_is_missing() {
    let (world, kept) = migrated("delete").await;
    let session = world.session().await;
    let ready = async |data| session.ready(&world.context(), kept.state.as_ref(), data).await.unwrap();
    assert_eq!(ready(&kept.data).await, Vec::<String>::new());
    assert_eq!(ready(&[]).await, [format!("the checkpoint has no data for estate/{}", shown())]);
    let mut huge = kept.data.clone();
    huge[0].bytes = u64::MAX / 4;
    assert!(ready(&huge).await[0].contains("bytes free"));
    fs::remove_dir_all(world.estate()).unwrap();
    assert!(ready(&kept.data).await[0].contains("is not there"));
}

fn shown() -> String {
    NAME.to_owned()
}

#[tokio::test]
async fn a_marker_comes_and_goes() {
    let (world, _) = migrated("delete").await;
    let (session, context) = (world.session().await, world.context());
    let state = world.look().await;
    let marker = serde_json::json!({ "migration": "m" });
    session.write_marker(&context, Some(&marker)).await.unwrap();
    assert_eq!(session.read_marker(&context).await.unwrap(), Some(marker));
    assert_eq!(world.look().await, state);
    session.write_marker(&context, None).await.unwrap();
    assert_eq!(session.read_marker(&context).await.unwrap(), None);
}

#[tokio::test]
async fn a_big_table_comes_back() {
    let world = World::new();
    world.run(
        "PRAGMA journal_mode = WAL; CREATE TABLE big (id INTEGER PRIMARY KEY, a TEXT, b BLOB);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
         INSERT INTO big SELECT i, 'row ' || i, randomblob(100) FROM n;
         CREATE INDEX by_a ON big (a)",
    );
    let kept = world.keep().await;
    world.run("DELETE FROM big WHERE id % 3 = 0; ALTER TABLE big ADD COLUMN c; VACUUM");
    let plan = world.plan(&kept).await;
    assert!(is_applied(&world.revert(&plan).await));
    assert_eq!(world.look().await, kept.state);
    let count: i64 = open(&world.path()).query_row("SELECT count(*) FROM big", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 100_000);
    assert_eq!(seen(world.look().await.as_ref()), plan.after);
}
