//! Ended on the way: by us, by the deadline, by somebody else.

use std::time::Duration;

use backout_contract::{Context, DriverError, ErrorKind, Stop, StopLevel};
use backout_fixtures::Postgres;
use backout_kit::processes::{CHILD_OF, ProcessIdentity, find_by_environment};

use super::super::keep;
use super::Held;
use crate::catalog::Scope;
use crate::server::{Address, connect};
use crate::testing::{address, context, database, server};

/// A dump that waits for a lock.
struct Waiting {
    context: Context,
    address: Address,
    held: Held,
    _lock: crate::server::Link,
    name: String,
    _folder: tempfile::TempDir,
}

impl Waiting {
    async fn set(hint: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut context = context(folder.path(), &[]);
        context.child_token = format!("{hint}-{}", std::process::id());
        let (name, address) = database(hint);
        server().sql(&name, "CREATE TABLE t (a int)");
        let held = Held::of(&address).await;
        let lock = connect(&address).await.expect("connect");
        lock.batch_execute("BEGIN; LOCK TABLE public.t IN ACCESS EXCLUSIVE MODE").await.expect("lock");
        Self { context, address, held, _lock: lock, name, _folder: folder }
    }

    /// Dumps, while something else happens once the dump waits.
    async fn dump(&self, then: impl FnOnce(Vec<ProcessIdentity>)) -> DriverError {
        let scope = Scope::Database;
        let dump = keep(&self.context, &self.address, self.held.version(), &self.held.snapshot, &scope);
        let meanwhile = async {
            let question = format!(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND wait_event_type = 'Lock'",
                self.name
            );
            while server().sql("postgres", &question) == "0" {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            then(self.programs());
        };
        let (dumped, ()) = tokio::join!(dump, meanwhile);
        dumped.expect_err("a dump that waits")
    }

    fn programs(&self) -> Vec<ProcessIdentity> {
        find_by_environment(CHILD_OF, &self.context.child_token).expect("look at processes")
    }

    /// Neither processes nor files are left, and nothing is in the vault.
    fn is_clean(&self) {
        assert_eq!(self.programs(), Vec::new());
        for folder in ["scratch", "vault"] {
            let left = std::fs::read_dir(self.context.root.join(folder)).expect("read").count();
            assert_eq!(left, 0, "{folder}");
        }
    }
}

#[tokio::test]
async fn a_stop_ends_it_and_leaves_nothing() {
    let mut waiting = Waiting::set("stop").await;
    let (sender, stop) = Stop::channel();
    waiting.context.stop = stop;
    let error = waiting
        .dump(|programs| {
            assert!(!programs.is_empty());
            for program in &programs {
                let line = std::fs::read(format!("/proc/{}/cmdline", program.pid)).expect("a command line");
                assert!(!String::from_utf8_lossy(&line).contains(Postgres::PASSWORD));
            }
            sender.send_replace(StopLevel::Finish);
        })
        .await;
    assert!(error.chain().contains("because the run stops"), "{}", error.chain());
    waiting.is_clean();
}

#[tokio::test]
async fn at_the_deadline_it_is_over() {
    let mut waiting = Waiting::set("deadline").await;
    waiting.context.deadline = Duration::from_secs(2);
    let error = waiting.dump(drop).await;
    assert_eq!(error.kind, ErrorKind::TimedOut, "{}", error.chain());
    waiting.is_clean();
}

#[tokio::test]
async fn killed_it_leaves_nothing() {
    let waiting = Waiting::set("killed").await;
    let error = waiting
        .dump(|programs| {
            for program in programs {
                let kill =
                    std::process::Command::new("kill").args(["-KILL", &program.pid.to_string()]).status();
                assert!(kill.expect("run kill").success());
            }
        })
        .await;
    assert!(error.chain().contains("was ended by signal 9"), "{}", error.chain());
    waiting.is_clean();
}

#[tokio::test]
async fn a_wrong_password_is_told_without_it() {
    let waiting = Waiting::set("password").await;
    let wrong = address(&server().url_as("postgres", "not-the-password", &waiting.name));
    let error = keep(&waiting.context, &wrong, waiting.held.version(), "0-0-0", &Scope::Database).await;
    let told = format!("{:?}", error.expect_err("a wrong password"));
    assert!(told.contains("Denied") && !told.contains("not-the-password"), "{told}");
}
