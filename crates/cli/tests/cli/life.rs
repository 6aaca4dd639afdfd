//! The whole way of a migration, as a person sees it.

use super::world::{World, assert_seen};

#[test]
fn init_writes_a_file_once() {
    let world = World::empty();
    world.ok(&["init"]);
    assert!(world.read("backout.yaml").contains("components:"));
    let again = world.run(&["init"]);
    assert_eq!(again.exit, 4, "{}", again.text());
}

#[test]
fn a_draft_says_what_is_next() {
    let world = World::small();
    assert_seen!("status-draft", world.run(&["status"]));
    assert_seen!("check", world.run(&["check"]));
    assert_seen!("plan-without-checkpoint", world.run(&["plan"]));
    assert!(!world.path(".backout").exists(), "reading commands leave nothing behind");
}

#[test]
fn check_reads_what_was_saved_and_tells_of_what_is_not_there() {
    let world = World::small();
    world.ok(&["capture"]);
    world.ok(&["check"]);
    world.migrate();
    world.ok(&["check"]);
    let world = World::empty();
    world.ok(&["init"]);
    let seen = world.ok(&["check"]);
    assert!(seen.says("`settings` is not there"), "{}", seen.text());
}

#[test]
fn from_capture_to_close() {
    let world = World::small();
    assert_seen!("arm", world.run(&["arm"]));
    assert_seen!("capture", world.run(&["capture"]));
    assert_seen!("status-captured", world.run(&["status"]));
    world.migrate();
    assert_seen!("cutover", world.run(&["cutover"]));
    assert_seen!("status-cut-over", world.run(&["status"]));
    assert_seen!("log", world.run(&["log"]));
    assert_seen!("plan", world.run(&["plan"]));
    assert_seen!("verify-migrated", world.run(&["verify", "--exit-code"]));
    assert!(!world.is_back());
    let seen = world.run(&["rollback", "--yes"]);
    assert_eq!(seen.exit, 0, "{}", seen.text());
    assert!(seen.says("Restored and verified"), "{}", seen.text());
    assert!(world.is_back());
    assert_seen!("status-rolled-back", world.run(&["status"]));
    assert_seen!("verify-restored", world.run(&["verify", "--exit-code"]));
    assert_seen!("runs", world.run(&["runs"]));
    assert_seen!("rollback-twice", world.run(&["rollback", "--yes"]));
    assert_seen!("close-unconfirmed", world.run(&["close"]));
    assert_seen!("close", world.run(&["close", "--yes"]));
    assert_seen!("status-closed", world.run(&["status"]));
}

#[test]
fn without_a_terminal_a_rollback_needs_a_yes() {
    let world = World::migrated();
    let seen = world.run(&["rollback"]);
    assert_eq!(seen.exit, 4);
    assert!(seen.out.contains("writes lost"), "the plan is shown all the same");
    assert!(!world.is_back());
}

#[test]
fn a_plan_tells_scripts_whether_there_is_something_to_do() {
    let world = World::migrated();
    assert_eq!(world.run(&["plan", "--exit-code"]).exit, 3);
    world.ok(&["rollback", "--yes"]);
    assert_eq!(world.run(&["plan", "--exit-code"]).exit, 0);
}

#[test]
fn later_writes_are_information_and_stay() {
    let world = World::migrated();
    world.ok(&["rollback", "--yes"]);
    world.write("site/later.txt", "after going back\n");
    let plan = world.run(&["plan"]);
    assert!(
        plan.says("somebody changed"),
        "a tree has no living data, so a change is drift: {}",
        plan.text()
    );
    assert!(world.path("site/later.txt").exists());
}

#[test]
fn commands_that_do_not_fit_are_refused_and_say_what_does() {
    let world = World::small();
    for arguments in
        [&["commit", "--yes"][..], &["close", "--yes"], &["resume"], &["abandon"], &["cutover"], &["stop"]]
    {
        let seen = world.run(arguments);
        assert_eq!(seen.exit, 4, "{arguments:?}: {}", seen.text());
        assert!(!world.path(".backout").exists(), "{arguments:?} made a state folder");
    }
    world.ok(&["capture"]);
    for arguments in [&["commit", "--yes"][..], &["resume"], &["abandon"]] {
        assert_eq!(world.run(arguments).exit, 4, "{arguments:?}");
    }
    world.migrate();
    world.ok(&["cutover"]);
    let close = world.run(&["close", "--yes"]);
    assert_eq!(close.exit, 4);
    assert!(close.says("go back first"), "{}", close.text());
}

#[test]
fn commit_accepts_and_another_try_can_begin() {
    let world = World::migrated();
    world.ok(&["commit", "--yes"]);
    assert!(world.ok(&["status"]).says("committed"));
    world.ok(&["capture"]);
    assert!(world.ok(&["status"]).says("captured"));
}

#[test]
fn cutover_carries_the_migration_out() {
    let world = World::small();
    world.ok(&["capture"]);
    let failed = world.run(&["cutover", "--", "sh", "-c", "exit 3"]);
    assert_eq!(failed.exit, 1, "{}", failed.text());
    assert!(failed.says("nothing was marked"));
    assert!(!world.ok(&["status"]).says("cut over"));
    world.ok(&["cutover", "--", "sh", "-c", "ln -sfn releases/2 current"]);
    assert!(world.ok(&["status"]).says("cut over"));
    world.ok(&["rollback", "--yes"]);
    assert!(world.is_back());
}

#[test]
fn a_cutover_is_marked_late_within_bounds() {
    let world = World::small();
    world.ok(&["capture"]);
    world.migrate();
    for at in ["1999-01-01T00:00:00Z", "2999-01-01T00:00:00Z"] {
        let seen = world.run(&["cutover", "--at", at]);
        assert_eq!(seen.exit, 2, "{}", seen.text());
    }
    let phase = world.run(&["cutover", "dta"]);
    assert_eq!(phase.exit, 2);
    assert!(phase.says("did you mean `data`?"), "{}", phase.text());
    world.ok(&["cutover", "data"]);
    let status = world.ok(&["status"]);
    assert!(status.says("cut over") && status.says("captured"), "{}", status.text());
}

#[test]
fn migrations_are_listed_below_a_folder() {
    let world = World::migrated();
    world.write("other/backout.yaml", "migration: other\ncomponents: {}\n");
    assert_seen!("list", world.run(&["list"]));
}

#[test]
fn a_folder_can_be_moved_with_its_state() {
    let world = World::migrated();
    let moved = world.path("../moved-").with_extension(format!("{}", std::process::id()));
    std::fs::create_dir(&moved).unwrap();
    for name in ["backout.yaml", ".backout", "site", "releases", "current"] {
        std::fs::rename(world.path(name), moved.join(name)).unwrap();
    }
    for marker in std::fs::read_dir(world.path("")).unwrap() {
        let name = marker.unwrap().file_name();
        std::fs::rename(world.path(&name), moved.join(&name)).unwrap();
    }
    let seen = world.run(&["-C", moved.to_str().unwrap(), "rollback", "--yes"]);
    let back = std::fs::read(moved.join("site/a.txt")).unwrap();
    std::fs::remove_dir_all(&moved).unwrap();
    assert_eq!(seen.exit, 0, "{}", seen.text());
    assert_eq!(back, b"one\n");
}
