//! Pages.

use super::world::{World, assert_seen};

#[test]
fn codes_kinds_fields_steps_and_commands_have_pages() {
    let world = World::small();
    for (what, expected) in [
        ("BK0306", "the plan is stale"),
        ("bk0101", "UTF-8"),
        ("file.tree", "file.tree"),
        ("manual", "kind: manual"),
        ("needs", "Components that it uses"),
        ("path", "path of file.tree"),
        ("file.link.path", "path of file.link"),
        ("site.revert", "Puts back what was captured"),
        ("quiesce", "Closes the component's door"),
        ("rollback", "Go back to the checkpoint"),
    ] {
        let seen = world.ok(&["explain", what]);
        assert!(seen.out.contains(expected), "{what}: {}", seen.text());
    }
}

#[test]
fn a_step_of_a_run_is_explained_with_its_edges() {
    let world = World::migrated();
    world.ok(&["rollback", "--yes"]);
    assert_seen!("explain-step", world.run(&["explain", "current.revert"]));
}

#[test]
fn an_unknown_topic_suggests() {
    assert_seen!("explain-unknown", World::empty().run(&["explain", "file.treee"]));
}
