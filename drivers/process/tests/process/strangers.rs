//! A number is not a process: strangers are neither believed to be ours nor signalled.

use std::fs::File;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use backout_conformance::World;
use backout_contract::{Depth, Effect, ErrorKind};
use backout_kit::processes::{ProcessIdentity, identity_of, is_alive};

use crate::world::{PID_FILE, ServiceBench, bench, end, running, state, stopped};

/// A stranger whose number stands in the pid file, written `age` ago.
fn stranger(bench: &ServiceBench, age: Duration) -> ProcessIdentity {
    let mut child = Command::new("sleep").arg("1000").stdout(Stdio::null()).spawn().unwrap();
    let identity = identity_of(child.id()).unwrap();
    std::thread::spawn(move || child.wait());
    bench.world.write_file(PID_FILE, &format!("{}\n", identity.pid));
    let file = File::options().write(true).open(bench.world.path(PID_FILE)).unwrap();
    file.set_modified(SystemTime::now() - age).unwrap();
    identity
}

#[tokio::test]
async fn a_process_younger_than_the_pid_file_has_only_its_number() {
    let bench = bench().await;
    let stranger = stranger(&bench, Duration::from_secs(3600));
    assert_eq!(state(&bench).await, stopped());
    assert_eq!(bench.quiesce().await.unwrap(), Some(Effect::AlreadyThere));
    let session = bench.session().await.unwrap();
    session.reopen(&bench.context(), Some(&running())).await.unwrap();
    assert_ne!(bench.world.named().as_ref(), Some(&stranger));
    session.quiesce(&bench.context()).await.unwrap();
    assert!(is_alive(&stranger));
    end(&stranger);
}

#[tokio::test]
async fn a_process_that_may_be_ours_and_runs_something_else_is_asked_about() {
    let bench = bench().await;
    let stranger = stranger(&bench, Duration::ZERO);
    let error = bench.try_look(Depth::Look).await.unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreadable);
    assert!(error.hints[0].contains("remove the pid file"), "{:?}", error.hints);
    let session = bench.session().await.unwrap();
    let lacks = session.ready(&bench.context(), Some(&running()), &[]).await.unwrap();
    assert!(lacks.iter().any(|lack| lack.contains("remove the pid file")), "{lacks:?}");
    assert!(session.quiesce(&bench.context()).await.is_err());
    assert!(session.reopen(&bench.context(), Some(&running())).await.is_err());
    assert!(is_alive(&stranger));
    end(&stranger);
}

#[tokio::test]
async fn a_program_that_somebody_else_started_is_known_by_its_command() {
    let bench = bench().await;
    bench.world.set_up().await;
    assert!(bench.world.carriers().is_empty());
    assert_eq!(state(&bench).await, running());
    let process = bench.world.named().unwrap();
    bench.quiesce().await.unwrap();
    assert!(!is_alive(&process));
}

#[tokio::test]
async fn the_service_of_a_copied_folder_is_not_ours() {
    let (original, copy) = (bench().await, bench().await);
    let session = original.session().await.unwrap();
    session.reopen(&original.context(), Some(&running())).await.unwrap();
    let theirs = original.world.named().unwrap();
    copy.world.write_file(PID_FILE, &original.world.read_file(PID_FILE));
    assert_eq!(state(&copy).await, stopped());
    assert_eq!(copy.quiesce().await.unwrap(), Some(Effect::AlreadyThere));
    assert!(is_alive(&theirs));
}

#[tokio::test]
async fn a_program_that_was_started_by_hand_is_not_taken_over_by_a_copy_of_its_folder() {
    let (original, copy) = (bench().await, bench().await);
    original.world.set_up().await;
    let theirs = original.world.named().unwrap();
    copy.world.write_file(PID_FILE, &original.world.read_file(PID_FILE));
    let error = copy.try_look(Depth::Look).await.unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreadable);
    assert!(copy.session().await.unwrap().quiesce(&copy.context()).await.is_err());
    assert!(is_alive(&theirs));
    std::fs::remove_file(copy.world.path(PID_FILE)).unwrap();
}

#[tokio::test]
async fn who_answers_in_the_place_of_a_program_that_is_not_found_is_asked_about() {
    let bench = bench().await;
    bench.world.set_up().await;
    let process = bench.world.named().unwrap();
    std::fs::write(bench.world.path(PID_FILE), "lost").unwrap();
    let error = bench.try_look(Depth::Look).await.unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreadable);
    let session = bench.session().await.unwrap();
    let lacks = session.ready(&bench.context(), Some(&running()), &[]).await.unwrap();
    assert!(lacks.iter().any(|lack| lack.contains("write its number into run/service.pid")), "{lacks:?}");
    bench.world.write_file(PID_FILE, &process.pid.to_string());
    assert_eq!(session.ready(&bench.context(), Some(&running()), &[]).await.unwrap(), [""; 0]);
    assert_eq!(state(&bench).await, running());
}

#[tokio::test]
async fn a_pid_file_that_names_nobody_is_no_process() {
    let bench = bench().await;
    for content in ["", "\n", "no number", "-1", "0", "99999999999", "4194305", "\u{0}\u{0}"] {
        bench.world.write_file(PID_FILE, content);
        assert_eq!(state(&bench).await, stopped(), "{content:?}");
    }
    std::fs::write(bench.world.path(PID_FILE), b"\xff\xfe").unwrap();
    assert_eq!(state(&bench).await, stopped());
}
