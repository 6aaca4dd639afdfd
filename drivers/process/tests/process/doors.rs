//! Doors other than stopping: a setting, a signal, a program.

use backout_conformance::World;
use backout_contract::{Certainty, Door, Effect, ErrorKind, Exactness};
use backout_core::observation::Verdict;
use backout_kit::processes::{ProcessIdentity, is_alive};

use crate::world::{DOOR, ServiceBench, bench, end, running, state, stopped, wait_until};

async fn with_setting(more: &str) -> ServiceBench {
    let mut bench = bench().await;
    bench.world.keys = format!("quiesce: {{{DOOR}{more}}}\n");
    bench.world.set_up().await;
    bench
}

fn signal(process: &ProcessIdentity, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(process.pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

fn drained(bench: &ServiceBench, within: &str) -> String {
    let url = format!("http://127.0.0.1:{}/health", bench.world.port);
    format!("quiesce: {{{DOOR}, drained: {{url: '{url}', json: /in_flight, equals: 0, within: {within}}}}}\n")
}

#[tokio::test]
async fn a_setting_closes_and_opens_and_nothing_else_changes() {
    let bench = with_setting("").await;
    let before = bench.world.read_file("app.env");
    let process = bench.world.named();
    assert_eq!((bench.door().await.unwrap(), bench.world.door().await), (Some(Door::Open), Some(Door::Open)));
    assert!(matches!(bench.quiesce().await.unwrap(), Some(Effect::Applied { .. })));
    assert_eq!(bench.quiesce().await.unwrap(), Some(Effect::AlreadyThere));
    assert_eq!((bench.door().await.unwrap(), bench.world.get("/")), (Some(Door::Shut), Some(503)));
    assert_eq!(bench.world.read_file("app.env"), before.replace("off", "on"));
    let session = bench.session().await.unwrap();
    let (verdict, _) = session.examine(&bench.context(), Exactness::Shape).await.unwrap();
    assert!(matches!(verdict, Verdict::Differs { .. }), "{verdict:?}");
    let effect = session.reopen(&bench.context(), Some(&running())).await.unwrap();
    assert!(matches!(effect, Effect::Applied { .. }), "{effect:?}");
    assert_eq!(session.reopen(&bench.context(), Some(&running())).await.unwrap(), Effect::AlreadyThere);
    assert_eq!((bench.world.read_file("app.env"), bench.world.get("/")), (before, Some(200)));
    assert_eq!(bench.world.named(), process, "nothing was restarted");
}

#[tokio::test]
async fn closing_waits_until_nobody_is_inside() {
    let mut bench = with_setting("").await;
    bench.world.keys = drained(&bench, "60s");
    bench.world.write_file("in_flight", "2");
    let closing = async { bench.quiesce().await.unwrap() };
    let leaving = async {
        tokio::task::spawn_blocking({
            let settings = bench.world.path("app.env");
            move || wait_until(|| std::fs::read_to_string(&settings).unwrap().contains("DOWN='on'"))
        })
        .await
        .unwrap();
        bench.world.write_file("in_flight", "0");
        Some(())
    };
    let mut closing = std::pin::pin!(closing);
    let left = tokio::select! {
        biased;
        _ = &mut closing => None,
        left = leaving => left,
    };
    assert!(left.is_some(), "it closed while somebody was inside");
    assert!(matches!(closing.await, Some(Effect::Applied { .. })));
}

#[tokio::test]
async fn who_stays_inside_too_long_is_told_of() {
    let mut bench = with_setting("").await;
    bench.world.write_file("in_flight", "2");
    bench.world.keys = drained(&bench, "100ms");
    let session = bench.session().await.unwrap();
    let error = session.quiesce(&bench.context()).await.unwrap_err();
    assert_eq!((error.kind, error.certainty), (ErrorKind::TimedOut, Certainty::InDoubt));
    assert!(error.chain().ends_with("/in_flight is 2"), "{}", error.chain());
    assert_eq!(session.door(&bench.context()).await.unwrap(), Door::Shut);
}

#[tokio::test]
async fn a_program_that_hangs_is_ended_for_nobody_can_ask_it() {
    let mut bench = with_setting("").await;
    bench.world.keys = format!("{}stop: {{within: 100ms}}\n", drained(&bench, "100ms"));
    let process = bench.world.named().unwrap();
    signal(&process, rustix::process::Signal::STOP);
    let effect = bench.quiesce().await.unwrap().unwrap();
    assert!(
        matches!(&effect, Effect::Applied { evidence } if evidence.contains("gave no answer")),
        "{effect:?}"
    );
    assert!(!is_alive(&process));
    assert_eq!(bench.door().await.unwrap(), Some(Door::Shut));
    let session = bench.session().await.unwrap();
    session.reopen(&bench.context(), Some(&running())).await.unwrap();
    assert_eq!((state(&bench).await, bench.world.get("/")), (running(), Some(200)));
}

#[tokio::test]
async fn a_program_that_died_behind_the_door_is_started_and_opened() {
    let bench = with_setting("").await;
    bench.quiesce().await.unwrap();
    end(&bench.world.named().unwrap());
    assert_eq!(state(&bench).await, stopped());
    let session = bench.session().await.unwrap();
    session.reopen(&bench.context(), Some(&running())).await.unwrap();
    assert_eq!((state(&bench).await, bench.world.get("/")), (running(), Some(200)));
}

#[tokio::test]
async fn a_program_that_is_not_well_once_it_is_open_is_shut_again() {
    let mut bench = with_setting("").await;
    bench.world.keys.push_str("healthy_within: 100ms\n");
    bench.quiesce().await.unwrap();
    bench.world.write_file("sick_when_open", "");
    let session = bench.session().await.unwrap();
    let error = session.reopen(&bench.context(), Some(&running())).await.unwrap_err();
    assert!(error.chain().contains("health answers 500"), "{}", error.chain());
    assert_eq!(
        (session.door(&bench.context()).await.unwrap(), bench.world.get("/")),
        (Door::Shut, Some(503))
    );
    std::fs::remove_file(bench.world.path("sick_when_open")).unwrap();
    session.reopen(&bench.context(), Some(&running())).await.unwrap();
    assert_eq!(bench.world.get("/"), Some(200));
}

#[tokio::test]
async fn a_restart_happens_once_and_behind_the_door() {
    let bench = with_setting("").await;
    bench.quiesce().await.unwrap();
    let first = bench.world.named().unwrap();
    assert!(matches!(bench.restart(i64::MAX).await.unwrap(), Some(Effect::Applied { .. })));
    let second = bench.world.named().unwrap();
    assert_ne!(first, second);
    assert_eq!(bench.world.get("/"), Some(503));
    assert_eq!(bench.restart(1).await.unwrap(), Some(Effect::AlreadyThere));
    assert_eq!(bench.world.named().as_ref(), Some(&second));
    end(&second);
    assert_eq!(bench.restart(i64::MAX).await.unwrap(), Some(Effect::AlreadyThere), "opening starts it");
}

#[tokio::test]
async fn a_settings_file_without_the_key_is_named_and_an_absent_one_changes_nothing() {
    let bench = with_setting("").await;
    bench.world.write_file("app.env", "A=1");
    let session = bench.session().await.unwrap();
    let lacks = session.ready(&bench.context(), Some(&running()), &[]).await.unwrap();
    assert_eq!(lacks, ["app.env has no key DOWN: write `DOWN=off`"]);
    session.quiesce(&bench.context()).await.unwrap();
    assert_eq!(bench.world.read_file("app.env"), "A=1\nDOWN=on\n");
    std::fs::remove_file(bench.world.path("app.env")).unwrap();
    let lacks = session.ready(&bench.context(), Some(&running()), &[]).await.unwrap();
    assert_eq!(lacks, ["app.env is not there: make it, with the line `DOWN=off`"]);
    std::os::unix::fs::symlink("/dev/zero", bench.world.path("app.env")).unwrap();
    let lacks = session.ready(&bench.context(), Some(&running()), &[]).await.unwrap();
    assert!(lacks[0].ends_with("it is not a regular file"), "read without end: {lacks:?}");
    std::fs::remove_file(bench.world.path("app.env")).unwrap();
    let error = session.quiesce(&bench.context()).await.unwrap_err();
    assert_eq!(error.certainty, Certainty::NothingHappened);
}

#[tokio::test]
async fn a_link_to_the_settings_stays_a_link() {
    let bench = with_setting("").await;
    std::fs::rename(bench.world.path("app.env"), bench.world.path("real.env")).unwrap();
    std::os::unix::fs::symlink("real.env", bench.world.path("app.env")).unwrap();
    bench.quiesce().await.unwrap();
    assert!(bench.world.path("app.env").is_symlink());
    assert!(bench.world.read_file("real.env").contains("DOWN='on'"));
}

#[tokio::test]
async fn a_signal_closes_one_process_and_not_the_next() {
    let mut bench = bench().await;
    bench.world.keys = "quiesce: {signal: USR1, undo: USR2}\n".to_owned();
    bench.world.run_script(
        "trap 'echo shut >>told' USR1; trap 'echo open >>told' USR2; echo >ready; while :; do sleep 0.01; done",
    );
    let session = bench.session().await.unwrap();
    session.reopen(&bench.context(), Some(&running())).await.unwrap();
    wait_until(|| bench.world.read_file("ready") == "\n");
    assert_eq!(bench.door().await.unwrap(), Some(Door::Open));
    for effect in ["Applied", "AlreadyThere"] {
        assert!(format!("{:?}", bench.quiesce().await.unwrap()).contains(effect));
        assert_eq!(bench.door().await.unwrap(), Some(Door::Shut));
    }
    wait_until(|| bench.world.read_file("told") == "shut\n");
    session.reopen(&bench.context(), Some(&running())).await.unwrap();
    wait_until(|| bench.world.read_file("told") == "shut\nopen\n");
    assert_eq!(session.reopen(&bench.context(), Some(&running())).await.unwrap(), Effect::AlreadyThere);

    bench.quiesce().await.unwrap();
    wait_until(|| bench.world.read_file("told") == "shut\nopen\nshut\n");
    let first = bench.world.named().unwrap();
    bench.restart(i64::MAX).await.unwrap();
    assert_eq!((state(&bench).await, bench.door().await.unwrap()), (stopped(), Some(Door::Shut)));
    session.reopen(&bench.context(), Some(&running())).await.unwrap();
    assert_ne!(bench.world.named(), Some(first));
    assert_eq!(bench.door().await.unwrap(), Some(Door::Open));
    assert_eq!(bench.world.read_file("told"), "shut\nopen\nshut\n", "a new process began open");
}

#[tokio::test]
async fn a_program_closes_and_another_opens() {
    let mut bench = bench().await;
    bench.world.keys =
        "quiesce: {command: [sh, -c, 'echo shut >>told'], undo: [sh, -c, 'echo open >>told; exit $FAIL']}\n"
            .into();
    bench.world.set_up().await;
    for _ in 0..2 {
        bench.quiesce().await.unwrap();
    }
    assert_eq!(bench.door().await.unwrap(), Some(Door::Shut));
    let session = bench.session().await.unwrap();
    for _ in 0..2 {
        session.reopen(&bench.context(), Some(&running())).await.unwrap();
    }
    assert_eq!(bench.world.read_file("told"), "shut\nopen\n");
    assert_eq!(bench.door().await.unwrap(), Some(Door::Open));

    bench.world.keys = "quiesce: {command: [sh, -c, 'echo why >&2; exit 4'], undo: ['true']}\n".into();
    let session = bench.session().await.unwrap();
    let error = session.quiesce(&bench.context()).await.unwrap_err();
    assert_eq!((error.certainty, error.chain().as_str()), (Certainty::InDoubt, "run sh: it exited with 4"));
    assert_eq!(error.hints, ["why"]);
    assert_eq!(session.door(&bench.context()).await.unwrap(), Door::Open);
}
