//! Ending a program with all that it started, and leaving stopped what was stopped.

use backout_conformance::World;
use backout_contract::{Door, Effect};
use backout_kit::processes::{identity_of, is_alive};

use crate::world::{PID_FILE, bench, end, running, state, stopped, wait_until};

#[tokio::test]
async fn stopping_is_the_door_unless_another_is_declared() {
    let bench = bench().await;
    bench.world.set_up().await;
    assert_eq!(bench.door().await.unwrap(), Some(Door::Open));
    assert!(matches!(bench.quiesce().await.unwrap(), Some(Effect::Applied { .. })));
    assert_eq!(bench.door().await.unwrap(), Some(Door::Shut));
    assert_eq!((state(&bench).await, bench.world.get("/")), (stopped(), None));
    assert!(!bench.world.path(PID_FILE).exists());
    assert_eq!(bench.quiesce().await.unwrap(), Some(Effect::AlreadyThere));
    let session = bench.session().await.unwrap();
    session.reopen(&bench.context(), Some(&running())).await.unwrap();
    assert_eq!(bench.door().await.unwrap(), Some(Door::Open));
}

#[tokio::test]
async fn what_was_stopped_when_saved_stays_stopped() {
    let bench = bench().await;
    let session = bench.session().await.unwrap();
    assert_eq!(session.reopen(&bench.context(), None).await.unwrap(), Effect::AlreadyThere);
    bench.world.set_up().await;
    let effect = session.reopen(&bench.context(), None).await.unwrap();
    assert!(matches!(effect, Effect::Applied { .. }), "{effect:?}");
    assert_eq!(state(&bench).await, stopped());
}

#[tokio::test]
async fn whoever_does_not_listen_is_killed_with_its_children() {
    let mut bench = bench().await;
    bench.world.keys = "stop: {within: 300ms}\n".to_owned();
    bench.world.run_script("trap '' TERM; sleep 1000 & echo $! >child; while :; do sleep 0.01; done");
    let session = bench.session().await.unwrap();
    session.reopen(&bench.context(), Some(&running())).await.unwrap();
    wait_until(|| bench.world.read_file("child").ends_with('\n'));
    let child = identity_of(bench.world.read_file("child").trim().parse().unwrap()).unwrap();
    let main = bench.world.named().unwrap();
    let effect = session.quiesce(&bench.context()).await.unwrap();
    let Effect::Applied { evidence } = effect else { panic!("{effect:?}") };
    assert!(evidence.contains("killed"), "{evidence}");
    assert!(!is_alive(&main) && !is_alive(&child));
}

#[tokio::test]
async fn children_of_a_program_that_died_are_inside_until_they_are_ended() {
    let mut bench = bench().await;
    bench.world.run_script("sleep 1000 & echo $! >child; wait");
    let session = bench.session().await.unwrap();
    session.reopen(&bench.context(), Some(&running())).await.unwrap();
    wait_until(|| bench.world.read_file("child").ends_with('\n'));
    let child = identity_of(bench.world.read_file("child").trim().parse().unwrap()).unwrap();
    end(&bench.world.named().unwrap());
    assert_eq!(state(&bench).await, stopped(), "a child is not the program");
    assert_eq!(bench.door().await.unwrap(), Some(Door::Open), "and yet may write");
    session.quiesce(&bench.context()).await.unwrap();
    assert!(!is_alive(&child));
    assert_eq!(bench.door().await.unwrap(), Some(Door::Shut));
}

#[tokio::test]
async fn the_declared_signal_asks() {
    let mut bench = bench().await;
    bench.world.keys = "stop: {signal: USR1, within: 60s}\n".to_owned();
    // SIGTERM would end it at once without a word; SIGINT a shell may lose while it waits for a program of its own.
    bench
        .world
        .run_script("trap 'echo asked >asked; exit 0' USR1; echo >ready; while :; do sleep 0.01; done");
    let session = bench.session().await.unwrap();
    session.reopen(&bench.context(), Some(&running())).await.unwrap();
    wait_until(|| bench.world.read_file("ready") == "\n");
    session.quiesce(&bench.context()).await.unwrap();
    assert_eq!(bench.world.read_file("asked"), "asked\n");
}
