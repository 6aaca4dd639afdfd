//! Two operators: one works, the other is told.

use std::process::Child;

use super::world::{World, until};

/// A migration that a process holds until its pipe is written to.
fn held() -> (World, Child) {
    let world = World::small();
    world.ok(&["capture"]);
    let made = std::process::Command::new("mkfifo").arg(world.path("gate")).status().unwrap();
    assert!(made.success());
    let child = world.start(&["cutover", "--", "sh", "-c", "touch begun; read line < gate"]);
    until("the migration begins", || world.path("begun").exists());
    (world, child)
}

#[test]
fn the_second_is_told_who_where_since_when_and_doing_what() {
    let (world, first) = held();
    let pid = first.id();
    for arguments in [&["rollback", "--yes"][..], &["capture"], &["cutover"], &["resume"], &["rollback"]] {
        let seen = world.run(arguments);
        assert_eq!(seen.exit, 7, "{arguments:?}: {}", seen.text());
        for told in ["ada@", &format!("process {pid}"), "since 20", "backout cutover"] {
            assert!(seen.says(told), "{told}: {}", seen.text());
        }
    }
    let taken = world.run(&["rollback", "--yes", "--take-over"]);
    assert_eq!(taken.exit, 7, "the holder lives: {}", taken.text());
    let status = world.ok(&["status"]);
    assert!(status.says("held by ada@"), "{}", status.text());
    assert!(world.ok(&["log"]).says("sealed"));
    let stop = world.ok(&["stop"]);
    assert!(stop.says("no run is under way"), "{}", stop.text());
    std::fs::write(world.path("gate"), "go\n").unwrap();
    assert_eq!(world.finish(first).exit, 0);
    assert!(!world.ok(&["status"]).says("held by"));
}

#[test]
fn a_killed_holder_is_in_nobodys_way() {
    let (world, mut first) = held();
    first.kill().unwrap();
    first.wait().unwrap();
    world.ok(&["cutover"]);
    std::fs::write(world.path("gate"), "go\n").unwrap();
}
