//! Two servers for all worlds of the suite, gone with the process.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use backout_fixtures::postgres::majors;
use backout_fixtures::{Options, Postgres};

/// A server with the child that removes its folder: nothing static is ever dropped.
pub struct Shared {
    server: Postgres,
    _sweeper: Child,
}

static ONE: LazyLock<Shared> = LazyLock::new(|| start(majors().first(), "wal_level = logical", &[]));
static OTHER: LazyLock<Shared> = LazyLock::new(|| start(majors().last(), "wal_level = logical", &[]));
static PLAIN: LazyLock<Shared> =
    LazyLock::new(|| start(majors().last(), "wal_level = replica", &["--locale=C", "--data-checksums"]));

/// The server of worlds that need one, and the old one of those that need two: of the first version that is listed.
pub fn one() -> &'static Postgres {
    &ONE.server
}

/// The other one, of the last version that is listed.
pub fn other() -> &'static Postgres {
    &OTHER.server
}

/// One without logical decoding, and with another collation.
pub fn plain() -> &'static Postgres {
    &PLAIN.server
}

/// A number that no other world has.
pub fn number() -> u64 {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

fn start(major: Option<&u32>, wal_level: &str, initdb: &[&str]) -> Shared {
    // Many worlds live side by side, each with slots and workers of its own.
    let settings = [
        wal_level,
        "max_replication_slots = 200",
        "max_wal_senders = 100",
        "max_logical_replication_workers = 60",
        "max_worker_processes = 80",
        "wal_receiver_status_interval = 1s",
        "wal_retrieve_retry_interval = 200ms",
    ];
    let settings = settings.iter().map(|line| (*line).to_owned()).collect();
    let server = Postgres::start(&Options {
        settings,
        initdb: initdb.iter().map(|one| (*one).to_owned()).collect(),
        major: major.copied(),
    });
    let data = server.data();
    let sweeper = sweep(data.parent().unwrap());
    Shared { server, _sweeper: sweeper }
}

/// Reads until this process ends, then waits for the server to be gone.
fn sweep(folder: &Path) -> Child {
    let script = "read -r _; while [ -e \"$0/data/postmaster.pid\" ]; do sleep 0.1; done; rm -rf \"$0\"";
    let mut sweeper = Command::new("sh");
    sweeper.arg("-c").arg(script).arg(folder);
    sweeper.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    sweeper.spawn().unwrap()
}
