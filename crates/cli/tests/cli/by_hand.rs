//! A step that a person does and answers.

use super::world::{World, assert_seen};

fn asked() -> World {
    let world = World::small();
    let file = world.read("backout.yaml").replace(
        "phases:\n",
        "  supplier:\n    kind: manual\n    instructions: Ask the supplier to route to the old address.\nphases:\n",
    );
    world.write("backout.yaml", file.replace("application: [current]", "application: [current, supplier]"));
    world.ok(&["capture"]);
    world.migrate();
    world.ok(&["cutover"]);
    let seen = world.run(&["rollback", "--yes"]);
    assert_eq!(seen.exit, 8, "{}", seen.text());
    assert!(seen.says("waits for a person") && seen.says("Ask the supplier"), "{}", seen.text());
    world
}

#[test]
fn the_run_waits_and_goes_on_after_the_answer() {
    let world = asked();
    assert_seen!("status-asked", world.run(&["status"]));
    assert_eq!(world.run(&["rollback", "--yes"]).exit, 4, "one run at a time");
    let without = world.run(&["step", "supplier.revert", "accept"]);
    assert_eq!(without.exit, 2, "a reason is asked for: {}", without.text());
    let wrong = world.run(&["step", "suplier.revert", "accept", "--reason", "x"]);
    assert_eq!(wrong.exit, 2);
    assert!(wrong.says("did you mean `supplier.revert`?"), "{}", wrong.text());
    let early = world.run(&["step", "site.revert", "accept", "--reason", "x"]);
    assert_eq!(early.exit, 4, "{}", early.text());
    let seen = world.ok(&["step", "supplier.revert", "accept", "--reason", "ticket 4711"]);
    assert!(seen.says("now: backout resume"));
    let resumed = world.run(&["resume"]);
    assert_eq!(resumed.exit, 6, "nobody looked at the supplier: {}", resumed.text());
    assert!(resumed.says("supplier") && resumed.says("unknown"), "{}", resumed.text());
    assert!(world.is_back());
}

#[test]
fn skipping_it_ends_not_verified() {
    let world = asked();
    world.ok(&["step", "supplier.revert", "skip", "--reason", "they are closed"]);
    let seen = world.run(&["resume"]);
    assert_eq!(seen.exit, 6, "{}", seen.text());
    assert!(seen.says("they are closed"), "{}", seen.text());
    assert!(world.ok(&["status"]).says("not verified"));
}

#[test]
fn a_run_can_be_given_up() {
    let world = asked();
    assert_seen!("abandon", world.run(&["abandon"]));
    assert_eq!(world.run(&["resume"]).exit, 4);
}

#[test]
fn a_run_pauses_where_it_was_asked_to() {
    let world = World::migrated();
    let unknown = world.run(&["rollback", "--yes", "--pause-before", "nothing.revert"]);
    assert_eq!(unknown.exit, 2, "{}", unknown.text());
    let seen = world.run(&["rollback", "--yes", "--pause-before", "current.revert"]);
    assert_eq!(seen.exit, 8, "{}", seen.text());
    assert!(seen.says("pauses before current.revert"), "{}", seen.text());
    assert!(world.ok(&["status"]).says("held"));
    world.ok(&["resume"]);
    assert!(world.is_back());
}
