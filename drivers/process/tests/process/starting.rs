//! Bringing a program up: once, also when we were killed in the middle of it.

use std::fs;

use backout_contract::{Certainty, Effect, ErrorKind, Exactness};
use backout_core::observation::Verdict;
use backout_kit::processes::is_alive;

use crate::world::{PID_FILE, SECRET, bench, end, running, state, stopped};

#[tokio::test]
async fn a_program_is_started_once_with_its_environment_and_in_a_group_of_its_own() {
    let bench = bench().await;
    assert_eq!(state(&bench).await, stopped());
    let session = bench.session().await.unwrap();
    let effect = session.reopen(&bench.context(), Some(&running())).await.unwrap();
    assert!(matches!(effect, Effect::Applied { .. }), "{effect:?}");
    let process = bench.world.named().unwrap();
    assert_eq!(state(&bench).await, running());
    assert_eq!(bench.world.get("/health"), Some(200));

    let environment = fs::read(format!("/proc/{}/environ", process.pid)).unwrap();
    let environment = String::from_utf8(environment).unwrap();
    let pid_file = bench.world.path(PID_FILE);
    for wanted in [format!("TOKEN={SECRET}"), format!("BACKOUT_SERVICE={}", pid_file.display())] {
        assert!(environment.split('\0').any(|variable| variable == wanted), "{environment}");
    }
    assert!(!environment.contains("BACKOUT_CHILD_OF") && !environment.contains("CARGO_MANIFEST_DIR"));
    let pid = rustix::process::Pid::from_raw(i32::try_from(process.pid).unwrap());
    assert_eq!(rustix::process::getpgid(pid).unwrap(), pid.unwrap());

    let again = session.reopen(&bench.context(), Some(&running())).await.unwrap();
    assert_eq!(again, Effect::AlreadyThere);
    assert_eq!(bench.world.carriers(), [process]);
}

#[tokio::test]
async fn a_program_started_right_before_we_were_killed_is_adopted() {
    let bench = bench().await;
    let pid_file = bench.world.path(PID_FILE);
    let orphan = bench.world.start_by_hand(&[("BACKOUT_SERVICE", pid_file.to_str().unwrap())]);
    assert!(!pid_file.exists());
    assert_eq!(state(&bench).await, running());
    bench.session().await.unwrap().reopen(&bench.context(), Some(&running())).await.unwrap();
    assert_eq!(bench.world.named().as_ref(), Some(&orphan));
    assert_eq!(bench.world.carriers(), [orphan]);
}

#[tokio::test]
async fn a_pid_file_that_cannot_be_written_is_doubt_and_starts_nothing_twice() {
    let bench = bench().await;
    fs::create_dir_all(bench.world.path(PID_FILE)).unwrap();
    let session = bench.session().await.unwrap();
    let looked = session.reopen(&bench.context(), Some(&running())).await.unwrap_err();
    // A folder in place of the pid file cannot even be read: nothing was started.
    assert_eq!(looked.certainty, Certainty::NothingHappened, "{looked:?}");
    assert!(bench.world.carriers().is_empty());

    fs::remove_dir(bench.world.path(PID_FILE)).unwrap();
    std::os::unix::fs::symlink("elsewhere", bench.world.path(PID_FILE)).unwrap();
    let error = session.reopen(&bench.context(), Some(&running())).await.unwrap_err();
    assert_eq!(error.certainty, Certainty::InDoubt, "{error:?}");
    let started = bench.world.carriers();
    assert_eq!(started.len(), 1);

    fs::remove_file(bench.world.path(PID_FILE)).unwrap();
    session.reopen(&bench.context(), Some(&running())).await.unwrap();
    assert_eq!(bench.world.carriers(), started);
    assert_eq!(bench.world.named(), started.into_iter().next());
}

#[tokio::test]
async fn a_program_that_ends_at_once_is_told_with_the_end_of_its_log() {
    let mut bench = bench().await;
    bench.world.write_file("service.log", "an old line\n");
    for has_health in [true, false] {
        bench.world.has_health = has_health;
        bench.world.write_file("broken", "");
        let session = bench.session().await.unwrap();
        let error = session.reopen(&bench.context(), Some(&running())).await.unwrap_err();
        assert_eq!(error.certainty, Certainty::InDoubt);
        assert!(error.chain().contains("it ended by itself"), "{}", error.chain());
        assert_eq!(error.hints.len(), 5, "{:?}", error.hints);
        assert_eq!(error.hints[3..], ["its log: complaint 9\\x1b[31m", "its log: token ***"]);
        assert_eq!(state(&bench).await, stopped());
        fs::remove_file(bench.world.path("broken")).unwrap();
        session.reopen(&bench.context(), Some(&running())).await.unwrap();
        end(&bench.world.named().unwrap());
    }
}

#[tokio::test]
async fn a_program_that_stays_sick_is_doubt_and_runs_on() {
    let mut bench = bench().await;
    bench.world.keys = "healthy_within: 500ms\n".to_owned();
    bench.world.write_file("sick", "");
    let session = bench.session().await.unwrap();
    let error = session.reopen(&bench.context(), Some(&running())).await.unwrap_err();
    assert_eq!((error.kind, error.certainty), (ErrorKind::TimedOut, Certainty::InDoubt));
    assert!(is_alive(&bench.world.named().unwrap()));
    let (verdict, _) = session.examine(&bench.context(), Exactness::Shape).await.unwrap();
    assert_eq!(verdict, Verdict::Differs { what: "health answers 500".to_owned() });
    fs::remove_file(bench.world.path("sick")).unwrap();
    let (verdict, looked) = session.examine(&bench.context(), Exactness::Shape).await.unwrap();
    assert_eq!((verdict, looked.len()), (Verdict::Restored, 2));
}

#[tokio::test]
async fn a_port_is_health_too() {
    let mut bench = bench().await;
    bench.world.has_health = false;
    bench.world.keys = format!("health: 127.0.0.1:{}\n", bench.world.port);
    let session = bench.session().await.unwrap();
    session.reopen(&bench.context(), Some(&running())).await.unwrap();
    let (_, looked) = session.examine(&bench.context(), Exactness::Shape).await.unwrap();
    assert_eq!(looked[1], "its port takes connections");
}

#[tokio::test]
async fn what_cannot_be_started_is_named_before_and_changes_nothing() {
    let mut bench = bench().await;
    bench.world.write_file("plain", "no program");
    for (command, said) in [
        ("[no-such-program]", "there is no program no-such-program"),
        ("[bin/absent, x]", "there is no program bin/absent"),
        ("[./plain]", "is not an executable program"),
    ] {
        bench.world.command = command.to_owned();
        let session = bench.session().await.unwrap();
        let lacks = session.ready(&bench.context(), Some(&running()), &[]).await.unwrap();
        assert!(lacks.len() == 1 && lacks[0].contains(said), "{lacks:?}");
        assert!(session.ready(&bench.context(), None, &[]).await.unwrap().is_empty());
        let error = session.reopen(&bench.context(), Some(&running())).await.unwrap_err();
        assert_eq!(error.certainty, Certainty::NothingHappened, "{error:?}");
    }
}
