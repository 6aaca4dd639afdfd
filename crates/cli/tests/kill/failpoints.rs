//! Killed at every failpoint.

use std::os::unix::process::ExitStatusExt;

use super::estate::{Bench, text};

#[test]
fn killed_at_every_failpoint_it_ends_as_if_it_had_never_been() {
    let bench = Bench::new();
    let calm = bench.lay_out();
    let trace = tempfile::NamedTempFile::new().unwrap();
    let output =
        bench.command(&["rollback", "--yes"]).env("BACKOUT_FAILPOINT_TRACE", trace.path()).output().unwrap();
    assert!(output.status.success(), "undisturbed: {}", text(&output));
    let (world, reached) = (calm.world(), std::fs::read_to_string(trace.path()).unwrap());
    assert_eq!(calm.count(), 1);
    let taken_over = "integer:1:changed;integer:10:written before;integer:11:written after";
    assert!(world["data.db"].ends_with(taken_over), "{}", world["data.db"]);
    drop(calm);
    let points = reached.lines().count();
    for wanted in [
        "run-opened",
        "step-intended",
        "revert-returned",
        "writes-recovered",
        "door-closed",
        "door-opened",
        "run-closing",
    ] {
        assert!(reached.contains(wanted), "the harness reaches {wanted}: {reached}");
    }
    for point in 1..=points {
        let name = reached.lines().nth(point - 1).unwrap_or_default();
        let estate = bench.lay_out();
        let output = bench
            .command(&["rollback", "--yes"])
            .env("BACKOUT_FAILPOINT", point.to_string())
            .output()
            .unwrap();
        assert_eq!(output.status.signal(), Some(9), "point {name} was not reached: {}", text(&output));
        let output = estate.finish();
        assert!(output.status.success(), "after a kill at {name}: {}", text(&output));
        assert_eq!(estate.world(), world, "after a kill at {name}");
        assert!(estate.count() <= 1, "after a kill at {name} the effect happened twice");
        let again = bench.command(&["rollback", "--yes"]).output().unwrap();
        assert!(again.status.success(), "nothing is left to do after {name}: {}", text(&again));
        assert_eq!(estate.world(), world, "a second rollback after {name}");
    }
}
