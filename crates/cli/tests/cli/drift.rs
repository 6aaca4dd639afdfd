//! What somebody changed after cutover is asked about, and never guessed.

use super::world::{World, assert_seen};

fn drifted() -> World {
    let world = World::migrated();
    world.link("releases/3", "current");
    world
}

#[test]
fn drift_is_a_question() {
    let world = drifted();
    assert_seen!("plan-drift", world.run(&["plan"]));
    let yes = world.run(&["rollback", "--yes"]);
    assert_eq!(yes.exit, 4, "{}", yes.text());
    assert!(yes.says("BK0307"), "{}", yes.text());
    assert_eq!(world.read("site/a.txt"), "twofold\n");
}

#[test]
fn keep_leaves_it() {
    let world = drifted();
    world.ok(&["rollback", "--yes", "--keep", "current"]);
    assert_eq!(std::fs::read_link(world.path("current")).unwrap().to_str(), Some("releases/3"));
    assert_eq!(world.read("site/a.txt"), "one\n");
}

#[test]
fn overwrite_puts_the_checkpoint_over_it() {
    let world = drifted();
    world.ok(&["rollback", "--yes", "--overwrite", "current"]);
    assert!(world.is_back());
}

#[test]
fn both_answers_are_none() {
    let seen = drifted().run(&["plan", "--keep", "current", "--overwrite", "current"]);
    assert_eq!(seen.exit, 2, "{}", seen.text());
    assert!(seen.says("BK0305"));
}

#[test]
fn an_unknown_component_is_named() {
    let seen = drifted().run(&["plan", "--keep", "curent"]);
    assert_eq!(seen.exit, 2, "{}", seen.text());
    assert!(seen.says("BK0304"));
}

#[test]
fn a_selection_draws_its_consumers_in() {
    let world = World::migrated();
    let plan = world.run(&["plan", "--phase", "data"]);
    assert!(plan.says("joins the selection"), "{}", plan.text());
    world.ok(&["rollback", "--yes", "--only", "current"]);
    assert_eq!(world.read("site/a.txt"), "twofold\n", "what was not selected stays");
}
