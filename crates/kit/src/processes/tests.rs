use super::*;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(20);

fn fresh_token() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A shell that runs the script with the token, and the first `lines` lines that it prints.
fn shell(script: &str, token: &str, lines: usize) -> (Child, Vec<String>) {
    let mut command = Command::new("sh");
    command.args(["-c", script]).env(CHILD_OF, token).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let printed = BufReader::new(child.stdout.take().unwrap());
    let printed = printed.lines().take(lines).map(Result::unwrap).collect();
    (child, printed)
}

fn identity(child: &Child) -> ProcessIdentity {
    identity_of(child.id()).unwrap()
}

fn wait_until(condition: impl Fn() -> bool) {
    while !condition() {
        std::thread::yield_now();
    }
}

#[test]
fn we_are_alive_and_whoever_differs_in_anything_is_not() {
    let own = identity_of(std::process::id()).unwrap();
    assert!(is_alive(&own));
    assert!(!is_alive(&ProcessIdentity { start_ticks: own.start_ticks + 1, ..own.clone() }));
    assert!(!is_alive(&ProcessIdentity { boot_id: "another".to_owned(), ..own.clone() }));
    assert!(!is_alive(&ProcessIdentity { pid: 0, ..own.clone() }));
    assert!(!is_alive(&ProcessIdentity { pid: u32::MAX, ..own.clone() }));
    let text = serde_json::to_string(&own).unwrap();
    assert_eq!(serde_json::from_str::<ProcessIdentity>(&text).unwrap(), own);
}

#[test]
fn an_absent_process_has_no_identity() {
    assert_eq!(identity_of(u32::MAX).unwrap_err().kind(), io::ErrorKind::NotFound);
}

#[test]
fn a_zombie_has_ended() {
    let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
    let identity = identity(&child);
    assert!(is_alive(&identity));
    drop(child.stdin.take());
    wait_until(|| !is_alive(&identity));
    assert!(stat::read(identity.pid).unwrap().has_ended, "still there, as a zombie");
    child.wait().unwrap();
    assert!(!is_alive(&identity));
}

#[test]
fn exactly_those_with_the_variable_are_found() {
    let token = fresh_token();
    let (mut child, _) = shell("echo ready; read line", &token, 1);
    let found = find_by_environment(CHILD_OF, &token).unwrap();
    assert!(found.contains(&identity(&child)), "{found:?}");
    assert!(find_by_environment(CHILD_OF, &token[..token.len() - 1]).unwrap().is_empty());
    assert!(find_by_environment("CHILD_OF", &token).unwrap().is_empty());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(find_by_environment(CHILD_OF, &token).unwrap().is_empty());
}

#[tokio::test]
async fn ending_asks_first() {
    let (mut child, _) = shell("trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done", "", 1);
    let identity = identity(&child);
    assert_eq!(end(&identity, LONG).await.unwrap(), Departure::OnRequest);
    assert_eq!(child.wait().unwrap().code(), Some(7));
    assert_eq!(end(&identity, LONG).await.unwrap(), Departure::AlreadyGone);
}

#[tokio::test]
async fn who_does_not_listen_is_killed() {
    let (mut child, _) = shell("trap '' TERM; echo ready; while :; do sleep 0.01; done", "", 1);
    let identity = identity(&child);
    assert_eq!(end(&identity, SHORT).await.unwrap(), Departure::Killed);
    assert!(!is_alive(&identity));
    child.wait().unwrap();
}

#[tokio::test]
async fn a_later_owner_of_the_number_is_left_alone() {
    let (mut child, _) = shell("echo ready; read line", "", 1);
    let now = identity(&child);
    let earlier = ProcessIdentity { start_ticks: now.start_ticks - 1, ..now.clone() };
    assert_eq!(end(&earlier, SHORT).await.unwrap(), Departure::AlreadyGone);
    assert!(is_alive(&now));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn a_whole_family_is_ended_wherever_it_went() {
    let token = fresh_token();
    let other = fresh_token();
    let script = "trap '' TERM; echo $$
        setsid sh -c 'echo $$; while :; do sleep 0.01; done' & 
        sh -c 'echo $$; while :; do sleep 0.01; done' &
        wait";
    let (mut child, pids) = shell(script, &token, 3);
    let (mut bystander, _) = shell("echo ready; read line", &other, 1);
    let members: Vec<_> = pids.iter().map(|pid| identity_of(pid.parse().unwrap()).unwrap()).collect();
    let ended = end_all_children_of(&token, SHORT).await.unwrap();
    for member in &members {
        assert!(ended.contains(member) && !is_alive(member), "{member:?}");
    }
    assert!(find_by_environment(CHILD_OF, &token).unwrap().is_empty());
    assert!(is_alive(&identity(&bystander)));
    assert_eq!(end_all_children_of(&token, SHORT).await.unwrap(), []);
    child.wait().unwrap();
    bystander.kill().unwrap();
    bystander.wait().unwrap();
}
