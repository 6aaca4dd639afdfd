use super::*;
use std::fs;
use std::future::pending;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::processes::{CHILD_OF, ProcessIdentity, end, find_by_environment, identity_of, is_alive};

const MOMENT: Duration = Duration::from_millis(30);

fn shell(script: &str) -> ChildRequest {
    ChildRequest::new("sh", ["-c", script])
}

async fn run(request: &ChildRequest) -> ChildReport {
    request.run(pending()).await.unwrap()
}

/// Waits until the child has written a whole line into the file, and gives it.
async fn line_in(file: &Path) -> String {
    loop {
        match fs::read_to_string(file) {
            Ok(text) if text.ends_with('\n') => return text.trim().to_owned(),
            _ => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }
}

async fn process_in(file: &Path) -> ProcessIdentity {
    identity_of(line_in(file).await.parse().unwrap()).unwrap()
}

#[tokio::test]
async fn exit_codes_signals_and_both_outputs_are_told() {
    let report = run(&shell("echo out; echo err >&2; exit 3")).await;
    assert_eq!(report.ending, Ending::Exited(3));
    assert_eq!((report.output.text(), report.errors.text()), ("out\n".to_owned(), "err\n".to_owned()));
    assert!(!report.left_running);
    assert_eq!(run(&shell("kill -9 $$")).await.ending, Ending::Signalled(9));
    assert_eq!(run(&ChildRequest::new("true", [""; 0])).await.ending, Ending::Exited(0));
}

#[tokio::test]
async fn arguments_reach_the_program_as_they_are() {
    let hostile = ["; exit 9", "$HOME", "`id`", "a\nb", "*", "", "\u{202e}"];
    let report = run(&ChildRequest::new("printf", ["%s|"].iter().chain(&hostile))).await;
    assert_eq!(report.output.text(), hostile.map(|one| format!("{one}|")).concat());
}

#[tokio::test]
async fn the_child_sees_a_chosen_environment_and_directory() {
    let folder = tempfile::tempdir().unwrap();
    let mut request = shell("env; pwd -P; ps -o pgid= -p $$; echo $$");
    request.variables = vec![("MINE".into(), "yes".into())];
    request.token = Some("t-1".to_owned());
    request.working_directory = Some(folder.path().to_owned());
    let output = run(&request).await.output.text();
    assert!(!output.contains("CARGO"), "{output}");
    let lines: Vec<_> = output.lines().map(str::trim).collect();
    for wanted in ["MINE=yes", "BACKOUT_CHILD_OF=t-1"] {
        assert!(lines.contains(&wanted), "{output}");
    }
    let [.., directory, group, pid] = lines.as_slice() else { panic!("{output}") };
    assert_eq!(Path::new(directory), fs::canonicalize(folder.path()).unwrap());
    assert_eq!(group, pid, "leads a group of its own");
}

#[tokio::test]
async fn input_and_output_of_any_size_pass_side_by_side() {
    let mut request = ChildRequest::new("cat", [""; 0]);
    let input: Vec<u8> = (0..3_000_000u32).map(|number| (number % 251) as u8).collect();
    request.input = Some(input.clone());
    request.keep_bytes = input.len();
    assert_eq!(run(&request).await.output.whole().unwrap(), input);

    request.arguments = vec!["/dev/stdin".into()];
    assert_eq!(run(&request).await.output.whole().unwrap(), input, "as a file");
    request.arguments.clear();

    request.keep_bytes = 100;
    let report = run(&request).await;
    assert_eq!((report.output.total(), report.output.dropped()), (3_000_000, 3_000_000 - 200));

    request.program = "true".into();
    assert_eq!(run(&request).await.ending, Ending::Exited(0), "input that nobody reads");
    request.program = "cat".into();
    request.input = None;
    assert_eq!(run(&request).await.output.total(), 0, "no input is an empty input");
}

#[tokio::test]
async fn input_is_whole_however_long_the_child_takes_and_whoever_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let mut request = shell(
        "exec 3<&0; setsid sh -c 'while [ ! -e go ]; do sleep 0.01; done; cat <&3 >read; echo >done' &",
    );
    request.input = Some(vec![b'x'; 300_000]);
    request.working_directory = Some(folder.path().to_owned());
    request.linger = Duration::ZERO;
    let report = run(&request).await;
    assert!(report.left_running, "what we held of it is gone");
    fs::write(folder.path().join("go"), "").unwrap();
    line_in(&folder.path().join("done")).await;
    assert_eq!(fs::metadata(folder.path().join("read")).unwrap().len(), 300_000);
}

#[tokio::test]
async fn a_child_that_floods_is_still_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let mut request = shell("head -c 1000000 /dev/zero; echo >ready; exec yes");
    request.working_directory = Some(folder.path().to_owned());
    let ready = folder.path().join("ready");
    let report = request.run(async { drop(line_in(&ready).await) }).await.unwrap();
    assert_eq!(report.ending, Ending::Stopped);
    assert!(report.output.dropped() > 0);
}

#[tokio::test]
async fn at_the_deadline_it_is_over() {
    let mut request = ChildRequest::new("sleep", ["1000"]);
    request.deadline = Some(MOMENT);
    let child = request.start().unwrap();
    let identity = child.identity().unwrap();
    assert_eq!(child.finish(pending()).await.ending, Ending::TimedOut);
    assert!(!is_alive(&identity));
}

#[tokio::test]
async fn who_is_asked_to_end_may_clean_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut request = shell("trap 'echo cleaned; exit 0' TERM; echo >ready; while :; do sleep 0.01; done");
    request.working_directory = Some(folder.path().to_owned());
    request.grace = Duration::from_secs(60);
    let ready = folder.path().join("ready");
    let report = request.run(async { drop(line_in(&ready).await) }).await.unwrap();
    assert_eq!((report.ending, report.output.text().as_str()), (Ending::Stopped, "cleaned\n"));
}

#[tokio::test]
async fn whoever_of_the_group_does_not_listen_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    // The leader ends when asked, its child does not and holds no output.
    let mut request = shell(
        "(trap '' TERM; exec >/dev/null 2>&1; sh -c 'echo $PPID' >pid; while :; do sleep 0.01; done) &
         trap 'exit 0' TERM; while :; do sleep 0.01; done",
    );
    request.working_directory = Some(folder.path().to_owned());
    request.grace = MOMENT;
    let mut stubborn = None;
    let report = request.run(async { stubborn = Some(process_in(&file).await) }).await.unwrap();
    assert_eq!(report.ending, Ending::Stopped);
    assert!(!is_alive(&stubborn.unwrap()), "gone on return");
}

#[tokio::test]
async fn the_whole_group_has_the_grace_also_when_its_leader_ends_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ready");
    let mut request = shell(
        "(trap 'sleep 0.1; echo done >cleaned; exit 0' TERM; exec >/dev/null 2>&1; echo >ready
          while :; do sleep 0.01; done) &
         wait",
    );
    request.working_directory = Some(folder.path().to_owned());
    request.grace = Duration::from_secs(60);
    let report = request.run(async { drop(line_in(&file).await) }).await.unwrap();
    assert_eq!(report.ending, Ending::Stopped);
    assert_eq!(fs::read_to_string(folder.path().join("cleaned")).unwrap(), "done\n");
}

#[tokio::test]
async fn a_stop_comes_through_a_notify() {
    let stop = std::sync::Arc::new(tokio::sync::Notify::new());
    let child = ChildRequest::new("sleep", ["1000"]).start().unwrap();
    let identity = child.identity().unwrap();
    assert!(is_alive(&identity));
    let task = tokio::spawn({
        let stop = stop.clone();
        async move { child.finish(stop.notified()).await }
    });
    stop.notify_one();
    assert_eq!(task.await.unwrap().ending, Ending::Stopped);
    assert!(!is_alive(&identity));
}

#[tokio::test]
async fn an_end_that_came_first_counts() {
    let mut request = shell("echo whole; exit 4");
    request.deadline = Some(Duration::ZERO);
    let child = request.start().unwrap();
    let identity = child.identity().unwrap();
    while is_alive(&identity) {
        std::thread::yield_now();
    }
    let report = child.finish(std::future::ready(())).await;
    assert_eq!((report.ending, report.output.text().as_str()), (Ending::Exited(4), "whole\n"));
}

#[tokio::test]
async fn a_grandchild_that_keeps_the_output_open_is_not_waited_for() {
    let mut request = shell("sleep 1000 & echo $!");
    request.linger = MOMENT;
    let report = run(&request).await;
    assert_eq!(report.ending, Ending::Exited(0));
    assert!(report.left_running);
    let grandchild = identity_of(report.output.text().trim().parse().unwrap()).unwrap();
    assert!(is_alive(&grandchild), "it may be a service, started on purpose");
    end(&grandchild, MOMENT).await.unwrap();
}

#[tokio::test]
async fn what_descendants_write_within_the_linger_is_kept() {
    let mut request = shell("(sleep 0.05; echo late) & exit 0");
    request.linger = Duration::from_secs(60);
    let report = run(&request).await;
    assert_eq!((report.output.text().as_str(), report.left_running), ("late\n", false));
}

#[tokio::test]
async fn dropping_a_child_kills_its_group() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let mut request = shell("sleep 1000 & echo $! >pid; wait");
    request.working_directory = Some(folder.path().to_owned());
    let child = request.start().unwrap();
    let members = [child.identity().unwrap(), process_in(&file).await];
    drop(child);
    while members.iter().any(is_alive) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn descendants_are_found_by_the_token() {
    let folder = tempfile::tempdir().unwrap();
    let token = format!("child-test-{}", std::process::id());
    let mut request = shell("setsid sleep 1000 & echo $! >pid; wait");
    request.working_directory = Some(folder.path().to_owned());
    request.token = Some(token.clone());
    let child = request.start().unwrap();
    let member = process_in(&folder.path().join("pid")).await;
    while find_by_environment(CHILD_OF, &token).unwrap().len() < 2 {
        tokio::task::yield_now().await;
    }
    let leader = child.identity().unwrap();
    let found = find_by_environment(CHILD_OF, &token).unwrap();
    assert!(found.contains(&leader) && found.contains(&member), "{found:?}");
    let ended = crate::processes::end_all_children_of(&token, MOMENT).await.unwrap();
    assert_eq!(ended.len(), 2);
}

#[tokio::test]
async fn what_cannot_be_started_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str, mode| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    };
    let start = |program: &Path, directory: Option<&Path>| {
        let mut request = ChildRequest::new(program, [""; 0]);
        request.working_directory = directory.map(Path::to_owned);
        request.start().err().unwrap()
    };
    let absent = folder.path().join("absent");
    assert!(matches!(start(Path::new("no-such-program"), None), StartError::NotFound { .. }));
    assert!(matches!(start(&absent, None), StartError::NotFound { .. }));
    let unusable = [
        file("no-right", "#!/bin/sh\n", 0o644),
        file("no-interpreter", "#!/no/such/interpreter\n", 0o755),
        file("no-format", "plain text", 0o755),
        folder.path().to_owned(),
    ];
    for program in unusable {
        let error = start(&program, None);
        assert!(matches!(error, StartError::NotExecutable { .. }), "{}: {error:?}", program.display());
    }
    let no_folder = file("no-folder", "", 0o644);
    for directory in [&absent, &no_folder] {
        for program in ["true", "relative/program"] {
            let error = start(Path::new(program), Some(directory));
            assert!(matches!(error, StartError::WorkingDirectory { .. }), "{error:?}");
        }
    }
    let mut long = ChildRequest::new("true", ["x".repeat(1 << 20)]);
    assert!(matches!(long.start().err().unwrap(), StartError::System { .. }));
    long.arguments = vec!["with\0nul".into()];
    assert!(matches!(long.start().err().unwrap(), StartError::System { .. }));
}

#[tokio::test]
async fn a_program_that_was_just_written_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    fs::write(&program, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let held = fs::File::options().append(true).open(&program).unwrap();
    let request = ChildRequest::new(&program, [""; 0]);
    assert!(matches!(request.start().err().unwrap(), StartError::System { .. }), "not for ever");
    let release = std::thread::spawn(move || {
        std::thread::sleep(MOMENT);
        drop(held);
    });
    assert_eq!(run(&request).await.ending, Ending::Exited(0));
    release.join().unwrap();
}

#[test]
fn nothing_secret_is_shown() {
    let mut request = ChildRequest::new("tool", ["hunter2"]);
    request.variables = vec![("PASSWORD".into(), "hunter2".into())];
    request.input = Some(b"hunter2".to_vec());
    let shown = format!("{request:?}");
    assert!(shown.contains("PASSWORD") && !shown.contains("hunter2"), "{shown}");
    assert!(!shown.contains(&format!("{:?}", b"hunter2")));
}

#[test]
fn a_run_can_be_sent_to_another_thread() {
    fn assert_send<T: Send>(_: T) {}
    assert_send(shell("").run(pending()));
}
