//! Runs that are stopped, left or killed on the way: by `^C` once and twice, by SIGTERM and SIGKILL, by `stop` from
//! another terminal. All of them are resumable, and each effect happens once.

use std::fs;
use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};

use super::world::{Seen, World, until};

/// A component whose going back waits at a gate, and one that comes after it.
fn gated() -> World {
    let world = World::empty();
    world.script("bin/state", "cat state");
    // What is written is written once, when the gate is open.
    world.script(
        "bin/put",
        "touch begun\n[ -e open ] || read line < gate\ncat > state.new\nmv state.new state\necho put >> puts",
    );
    world.write(
        "backout.yaml",
        "migration: gated\n\
         components:\n  \
           state:\n    kind: command\n    capture: [bin/state]\n    revert: [bin/put]\n    passive: true\n  \
           current:\n    kind: file.link\n    path: current\n    needs: [state]\n",
    );
    world.write("state", "one\n");
    world.write("releases/1/x", "1\n");
    world.write("releases/2/x", "2\n");
    world.link("releases/1", "current");
    assert!(std::process::Command::new("mkfifo").arg(world.path("gate")).status().unwrap().success());
    world.ok(&["capture"]);
    world.write("state", "two\n");
    world.link("releases/2", "current");
    world.ok(&["cutover"]);
    world
}

fn at_the_gate(world: &World) -> Child {
    let child = world.start(&["rollback", "--yes"]);
    until("the step begins", || world.path("begun").exists());
    child
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

fn open_the_gate(world: &World) {
    fs::write(world.path("gate"), "go\n").unwrap();
}

/// Goes on with the run, and finds the world as the run that was never stopped leaves it.
fn resumes(world: &World) {
    world.write("open", "");
    let seen = world.ok(&["resume"]);
    assert!(seen.says("Restored and verified"), "{}", seen.text());
    assert_eq!(world.read("state"), "one\n");
    assert_eq!(fs::read_link(world.path("current")).unwrap().to_str(), Some("releases/1"));
    assert_eq!(world.read("puts"), "put\n", "the effect happened once");
    assert!(world.ok(&["rollback", "--yes"]).says("Nothing to do"));
}

fn is_held(world: &World) {
    let status = world.ok(&["status"]);
    assert!(status.says("gated: held") && status.says("backout resume"), "{}", status.text());
    assert_eq!(fs::read_link(world.path("current")).unwrap().to_str(), Some("releases/2"), "the run went on");
}

#[test]
fn once_stops_at_a_safe_border() {
    for (signal, exit) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let world = gated();
        let child = at_the_gate(&world);
        send(&child, signal);
        until("the stop is recorded", || world.ok(&["log"]).says("stop asked for"));
        open_the_gate(&world);
        let seen = world.finish(child);
        assert_eq!(seen.exit, exit, "{}", seen.text());
        assert!(
            seen.says("stopping at the next safe border") && seen.says("backout resume"),
            "{}",
            seen.text()
        );
        assert_eq!(world.read("state"), "one\n", "a step is never cut off");
        is_held(&world);
        resumes(&world);
    }
}

#[test]
fn twice_leaves_at_once() {
    let world = gated();
    let child = at_the_gate(&world);
    send(&child, Signal::INT);
    until("the stop is recorded", || world.ok(&["log"]).says("stop asked for"));
    send(&child, Signal::INT);
    let seen = world.finish(child);
    assert_eq!(seen.exit, 130, "{}", seen.text());
    assert!(seen.says("go on with: backout resume"), "{}", seen.text());
    assert_eq!(world.read("state"), "two\n");
    resumes(&world);
}

#[test]
fn killed_is_resumable() {
    let world = gated();
    let child = at_the_gate(&world);
    send(&child, Signal::KILL);
    assert_eq!(world.finish(child).exit, -9);
    let status = world.ok(&["status"]);
    assert!(status.says("backout resume"), "{}", status.text());
    resumes(&world);
}

#[test]
fn another_terminal_stops_it() {
    let world = gated();
    let child = at_the_gate(&world);
    let busy: Seen = world.run(&["rollback", "--yes"]);
    assert_eq!(busy.exit, 7, "{}", busy.text());
    assert!(busy.says("backout rollback"), "{}", busy.text());
    let status = world.ok(&["status"]);
    assert!(status.says("under way") && status.says("backout stop"), "{}", status.text());
    let stop = world.start(&["stop", "--stay-closed"]);
    until("the stop is recorded", || world.ok(&["log"]).says("stop asked for"));
    open_the_gate(&world);
    let stopped = world.finish(child);
    assert_eq!(stopped.exit, 8, "{}", stopped.text());
    let seen = world.finish(stop);
    assert_eq!(seen.exit, 0, "{}", seen.text());
    assert!(seen.says("held"), "{}", seen.text());
    assert_eq!(fs::read_dir(world.path(".backout/inbox")).unwrap().count(), 0);
    is_held(&world);
    let again = world.ok(&["stop"]);
    assert!(again.says("nothing runs"), "{}", again.text());
    resumes(&world);
}

#[test]
fn a_reader_that_goes_away_does_not_kill_a_run() {
    let world = World::migrated();
    let mut child = world.start(&["rollback", "--yes"]);
    drop(child.stdout.take());
    drop(child.stderr.take());
    assert_eq!(world.finish(child).exit, 0);
    assert!(world.is_back());
}
