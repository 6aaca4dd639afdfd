//! Steps that fail, lie, or were done already.

use super::world::{World, assert_seen};

/// A component whose program is `bin/put`, migrated.
fn with(put: &str) -> World {
    let world = World::empty();
    world.script("bin/state", "cat state");
    world.script("bin/put", put);
    world.write(
        "backout.yaml",
        "migration: small\n\
         components:\n  \
           state:\n    kind: command\n    capture: [bin/state]\n    revert: [bin/put]\n    passive: true\n  \
           current:\n    kind: file.link\n    path: current\n    needs: [state]\n",
    );
    world.write("state", "one\n");
    world.write("releases/1/x", "1\n");
    world.write("releases/2/x", "2\n");
    world.link("releases/1", "current");
    world.ok(&["capture"]);
    world.write("state", "two\n");
    world.link("releases/2", "current");
    world.ok(&["cutover"]);
    world
}

#[test]
fn a_failed_step_leaves_the_run_stuck_with_its_ways_on() {
    let world = with("echo the disk is on fire >&2; exit 1");
    let seen = world.run(&["rollback", "--yes"]);
    assert_eq!(seen.exit, 5, "{}", seen.text());
    for said in ["state.revert", "the disk is on fire", "backout step state.revert retry", "backout abandon"]
    {
        assert!(seen.says(said), "{said}: {}", seen.text());
    }
    assert_seen!("status-stuck", world.run(&["status"]));
    assert_eq!(world.run(&["wait", "--for", "rolled-back", "--timeout", "1s"]).exit, 5);
    assert_eq!(world.run(&["resume"]).exit, 5, "nobody chose");
    world.script("bin/put", "cat > state");
    world.ok(&["step", "state.revert", "retry"]);
    world.ok(&["resume"]);
    assert_eq!(world.read("state"), "one\n");
    world.ok(&["wait", "--for", "rolled-back", "--timeout", "1s"]);
    let late = world.run(&["wait", "--for", "committed", "--timeout", "1ms"]);
    assert_eq!(late.exit, 1, "{}", late.text());
}

#[test]
fn skipping_it_is_not_verified() {
    let world = with("exit 1");
    assert_eq!(world.run(&["rollback", "--yes"]).exit, 5);
    world.ok(&["step", "state.revert", "skip", "--reason", "done by hand tomorrow"]);
    let seen = world.run(&["resume"]);
    assert_eq!(seen.exit, 6, "{}", seen.text());
    assert!(seen.says("done by hand tomorrow"), "{}", seen.text());
    let outcome = &world.json(&["runs"])[0]["runs"][0];
    assert_eq!(outcome["state"], "not-verified");
}

#[test]
fn a_lying_program_is_not_believed() {
    let world = with("cat > /dev/null; exit 0");
    let seen = world.run(&["rollback", "--yes"]);
    assert_eq!(seen.exit, 6, "{}", seen.text());
    assert!(seen.says("differs"), "{}", seen.text());
}

#[test]
fn a_program_that_fails_after_its_work_is_found_done() {
    let world = with("cat > state; exit 1");
    let seen = world.ok(&["rollback", "--yes"]);
    assert!(seen.says("Restored and verified"), "{}", seen.text());
}
