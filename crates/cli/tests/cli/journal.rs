//! A journal that somebody touched: readers say so and read what they can, writers refuse.

use std::io::{BufRead, BufReader};
use std::process::Command;

use super::world::World;

/// Changes the journal behind the program's back, as somebody with `sqlite3` would.
fn edit(world: &World, sql: &str) {
    let connection = rusqlite::Connection::open(world.path(".backout/journal.db")).unwrap();
    connection.execute_batch(sql).unwrap();
}

#[test]
fn a_whole_journal_verifies() {
    let world = World::migrated();
    let seen = world.ok(&["log", "--verify"]);
    assert!(seen.says("is whole"), "{}", seen.text());
}

#[test]
fn a_follower_sees_what_is_written_later() {
    let world = World::small();
    world.ok(&["capture"]);
    let mut child = world.start(&["log", "--follow"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("checkpoint c1 sealed")));
    world.ok(&["cutover", "data"]);
    assert!(lines.any(|line| line.contains("phase data went live")));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn an_edited_record_is_named() {
    let world = World::migrated();
    edit(&world, "UPDATE record SET line = replace(line, 'ada', 'eve') WHERE sequence = 2");
    let seen = world.run(&["log", "--verify"]);
    assert_eq!(seen.exit, 4, "{}", seen.text());
    assert!(seen.says("record 2"), "{}", seen.text());
    let status = world.run(&["status"]);
    assert_eq!(status.exit, 1, "{}", status.text());
    assert!(status.says("journal is broken") && status.says("record 2"), "{}", status.text());
    for arguments in [&["rollback", "--yes"][..], &["capture"], &["plan"], &["cutover"]] {
        let seen = world.run(arguments);
        assert_eq!(seen.exit, 4, "{arguments:?}: {}", seen.text());
        assert!(seen.says("BK0503"), "{arguments:?}: {}", seen.text());
    }
    assert!(!world.is_back());
}

#[test]
fn a_missing_record_is_named() {
    let world = World::migrated();
    edit(&world, "DELETE FROM record WHERE sequence = 3");
    let seen = world.run(&["log", "--verify"]);
    assert_eq!(seen.exit, 4);
    assert!(seen.says("record 3"), "{}", seen.text());
}

#[test]
fn what_a_newer_version_wrote_is_not_written_to() {
    let world = World::migrated();
    edit(&world, "PRAGMA user_version = 99");
    let seen = world.run(&["rollback", "--yes"]);
    assert_eq!(seen.exit, 4, "{}", seen.text());
    assert!(seen.says("BK0504"), "{}", seen.text());
}

#[test]
fn what_is_no_journal_is_refused() {
    let world = World::migrated();
    world.write(".backout/journal.db", "not a database at all, and long enough to be looked at");
    for file in ["journal.db-wal", "journal.db-shm"] {
        let _ = std::fs::remove_file(world.path(".backout").join(file));
    }
    let seen = world.run(&["rollback", "--yes"]);
    assert_eq!(seen.exit, 4, "{}", seen.text());
    assert_eq!(world.run(&["status"]).exit, 1);
}

#[test]
fn reading_commands_work_on_a_read_only_folder() {
    let world = World::migrated();
    // Rights do not hold root back, so a mount does; where none can be made, there is nothing to try.
    let script =
        "mount --bind -o ro . . && mount -o remount,bind,ro . && cd \"$PWD\" && \"$0\" status && \"$0\" plan";
    let output = Command::new("unshare")
        .args(["--mount", "--map-root-user", "sh", "-c", script, env!("CARGO_BIN_EXE_backout")])
        .current_dir(world.path(""))
        .output();
    let Ok(output) = output else { return };
    if String::from_utf8_lossy(&output.stderr).contains("unshare")
        || String::from_utf8_lossy(&output.stderr).contains("mount")
    {
        return;
    }
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("cut over") && text.contains("site.revert"),
        "{output:?}"
    );
}

#[test]
fn an_open_state_folder_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::migrated();
    std::fs::set_permissions(world.path(".backout"), std::fs::Permissions::from_mode(0o777)).unwrap();
    let seen = world.run(&["rollback", "--yes"]);
    assert_eq!(seen.exit, 4, "{}", seen.text());
    assert!(seen.says("chmod 700"), "{}", seen.text());
}
