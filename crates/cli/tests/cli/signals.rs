//! `^C`, once and twice, while a run is under way.

use super::world::World;

#[test]
fn a_reader_that_goes_away_does_not_kill_a_run() {
    let world = World::migrated();
    let mut child = world.start(&["rollback", "--yes"]);
    drop(child.stdout.take());
    drop(child.stderr.take());
    assert_eq!(world.finish(child).exit, 0);
    assert!(world.is_back());
}
