//! Looks by small shell scripts.

#![allow(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use backout_conformance::{FolderVault, MapResolver};
use backout_contract::{Context, Probe, ProbeLook, Stop, StopLevel};
use backout_core::migration::{DurationText, Reference};
use backout_core::name::ComponentName;
use backout_probe_command::{Command, Config};

const SECRET: &str = "hunter2-of-the-probe";

fn config(command: &[&str]) -> Config {
    Config {
        command: command.iter().map(|word| (*word).to_owned()).collect(),
        directory: None,
        environment: BTreeMap::from([(
            "TOKEN".to_owned(),
            Reference::parse("${env:TOKEN}").unwrap().secret(),
        )]),
        exit: 0,
        contains: None,
        timeout: DurationText(Duration::from_secs(30)),
    }
}

fn script(script: &str) -> Config {
    config(&["sh", "-c", script])
}

fn context(stop: Stop) -> Context {
    let environment = BTreeMap::from([("TOKEN".to_owned(), SECRET.to_owned())]);
    Context {
        component: ComponentName::new("a").unwrap(),
        root: "/".into(),
        scratch: "/".into(),
        run: None,
        key: "a".to_owned(),
        deadline: Duration::from_secs(60),
        stop,
        vault: Arc::new(FolderVault::new("/")),
        resolver: Arc::new(MapResolver::new(environment, "/")),
        progress: backout_contract::Progress::default(),
        child_token: "probe-command-test".to_owned(),
    }
}

async fn look(config: &Config) -> ProbeLook {
    Command::look(config, &context(Stop::never())).await.unwrap()
}

fn ok(found: &str) -> ProbeLook {
    ProbeLook::Ok { found: found.to_owned() }
}

fn bad(found: &str) -> ProbeLook {
    ProbeLook::Bad { found: found.to_owned() }
}

fn unknown(why: &str) -> ProbeLook {
    ProbeLook::Unknown { why: why.to_owned() }
}

#[tokio::test]
async fn the_exit_code_and_the_output_decide() {
    let contains = |text: &str, config: Config| Config { contains: Some(text.to_owned()), ..config };
    let many = "head -c 2000000 /dev/zero | tr '\\0' x";
    for (config, expected) in [
        (script("exit 0"), ok("sh exited with 0")),
        (Config { exit: 3, ..script("exit 3") }, ok("sh exited with 3")),
        (script("echo out; exit 3"), bad("sh exited with 3 instead of 0: out")),
        (Config { exit: 1, ..script("echo out") }, bad("sh exited with 0 instead of 1: out")),
        (
            script("echo out; echo 'why\u{1b}[31m' $TOKEN >&2; exit 1"),
            bad("sh exited with 1 instead of 0: why\\x1b[31m ***"),
        ),
        (script("kill -9 $$"), bad("sh was ended by signal 9")),
        (contains("fine", script("echo all fine")), ok("sh exited with 0")),
        (
            contains("fine", script("echo none")),
            bad("sh exited with 0, and its output does not contain `fine`"),
        ),
        (contains("xx", script(many)), ok("sh exited with 0")),
        (contains("fine", script(many)), unknown("sh exited with 0, and printed too much to be searched")),
        (
            config(&["no-such-program"]),
            unknown("no-such-program cannot be run: find the program no-such-program"),
        ),
        (config(&[]), unknown(" cannot be run: find the program ")),
        (script("[ $PWD = / ] && [ $BACKOUT_COMPONENT = a ]"), ok("sh exited with 0")),
        (Config { directory: Some("proc".into()), ..script("[ $PWD = /proc ]") }, ok("sh exited with 0")),
    ] {
        assert_eq!(look(&config).await, expected, "{:?}", config.command);
    }
}

#[tokio::test]
async fn a_program_that_hangs_is_bad_and_one_that_was_stopped_is_unknown() {
    let hanging = Config { timeout: DurationText(Duration::from_millis(50)), ..script("sleep 1000") };
    assert_eq!(look(&hanging).await, bad("sh did not end within 50ms"));
    let (sender, stop) = Stop::channel();
    sender.send_replace(StopLevel::Abandon);
    let found = Command::look(&script("sleep 1000"), &context(stop)).await.unwrap();
    assert_eq!(found, unknown("sh was ended because the run stops"));
}

#[tokio::test]
async fn what_does_not_resolve_is_an_error() {
    let absent = Reference::parse("${env:ABSENT}").unwrap().secret();
    let config = Config { environment: BTreeMap::from([("A".to_owned(), absent)]), ..script("exit 0") };
    assert!(Command::look(&config, &context(Stop::never())).await.is_err());
    assert_eq!(Command::describe(&config), "run sh -c exit 0");
}
