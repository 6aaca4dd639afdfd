//! What a revert is given, and how its failures are told.

use std::os::unix::fs::PermissionsExt;

use backout_conformance::World;
use backout_contract::{Certainty, Depth, Effect, ErrorKind, StepOrder, Stop, StopLevel};
use serde_json::Value;

use crate::world::{FlagsBench, bench};

async fn order(bench: &FlagsBench) -> StepOrder<Value> {
    let saved = bench.look(Depth::Keep).await.unwrap();
    bench.world.migrate().await;
    let live = bench.look(Depth::Look).await.unwrap();
    bench.orders(&saved, &live).unwrap().remove(0)
}

#[tokio::test]
async fn the_state_comes_by_input_that_is_a_file_too_and_touches_no_disk() {
    for keys in ["", "secret: true\n"] {
        let mut bench = bench().await;
        bench.world.keys = keys.to_owned();
        let saved = bench.world.read_file("state");
        bench.world.script("revert", "cat \"$BACKOUT_STATE_FILE\" >by-file; cat >state; echo done");
        let order = order(&bench).await;
        let Effect::Applied { evidence } = bench.revert(&order).await.unwrap() else { panic!() };
        assert_eq!(evidence.ends_with("done"), keys.is_empty(), "{evidence}");
        assert_eq!(order.effect["starts_from"].is_null(), !keys.is_empty());
        assert_eq!(
            (bench.world.read_file("state"), bench.world.read_file("by-file")),
            (saved.clone(), saved)
        );
        assert!(std::fs::read_dir(bench.scratch()).unwrap().next().is_none());
    }
}

#[tokio::test]
async fn a_failure_is_doubt_unless_nothing_was_started() {
    let mut bench = bench().await;
    for (script, chain) in [
        ("echo half >state; echo why >&2; exit 7", "run own-revert: it exited with 7"),
        ("kill -9 $$", "run own-revert: it was ended by signal 9"),
    ] {
        bench.world.script("revert", script);
        bench.world.set_up().await;
        let order = order(&bench).await;
        let error = bench.try_revert(&order, Stop::never()).await.unwrap().unwrap_err();
        assert_eq!((error.kind, error.certainty), (ErrorKind::Other, Certainty::InDoubt));
        assert_eq!(error.chain(), chain);
    }
    bench.world.set_up().await;
    let order = order(&bench).await;
    let program = bench.world.path("own-revert");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = bench.try_revert(&order, Stop::never()).await.unwrap().unwrap_err();
    assert_eq!((error.kind, error.certainty), (ErrorKind::Denied, Certainty::NothingHappened));
    std::fs::remove_file(program).unwrap();
    let error = bench.try_revert(&order, Stop::never()).await.unwrap().unwrap_err();
    assert_eq!((error.kind, error.certainty), (ErrorKind::Config, Certainty::NothingHappened));
}

#[tokio::test]
async fn told_to_return_at_once_the_program_is_ended() {
    let mut bench = bench().await;
    bench.world.script("revert", "echo >begun; sleep 1000");
    let order = order(&bench).await;
    let (sender, stop) = Stop::channel();
    let abandon = async {
        while !bench.world.path("begun").exists() {
            tokio::task::yield_now().await;
        }
        sender.send_replace(StopLevel::Abandon);
    };
    let (said, ()) = tokio::join!(bench.try_revert(&order, stop), abandon);
    let error = said.unwrap().unwrap_err();
    assert_eq!(error.certainty, Certainty::InDoubt);
    assert_eq!(error.chain(), "run own-revert: it was ended because the run stops");
}

#[tokio::test]
async fn a_program_that_does_nothing_is_believed_and_found_out_by_a_look() {
    let mut bench = bench().await;
    bench.world.programs.insert("revert", "['true']".to_owned());
    let order = order(&bench).await;
    assert!(matches!(bench.revert(&order).await.unwrap(), Effect::Applied { .. }));
    assert!(!bench.look(Depth::Look).await.unwrap().seen.same_shape(&order.after));
}

#[tokio::test]
async fn a_persons_own_lines_are_in_the_plan() {
    let mut bench = bench().await;
    bench.world.script("diff", "sed 's/.*limit\":\\([0-9]*\\).*/limit is \\1/'");
    let saved = bench.look(Depth::Keep).await.unwrap();
    bench.world.drift().await;
    let live = bench.look(Depth::Look).await.unwrap();
    let configured = bench.configured().unwrap();
    let delta = configured.diff(saved.state.as_ref(), live.state.as_ref()).unwrap();
    assert_eq!(delta.len(), 1);
    assert!(format!("{delta:?}").contains("limit is 11"), "{delta:?}");
    bench.world.script("diff", "exit 1");
    let error = bench.try_look(Depth::Look).await.unwrap().unwrap_err();
    assert_eq!(
        (error.kind, error.chain().as_str()),
        (ErrorKind::Unreadable, "run own-diff: it exited with 1")
    );
}
