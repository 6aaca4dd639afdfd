//! The test binary, started again as another process that does one errand at the same thing, and may be killed.
//!
//! The errand is written to a file, and the file is named in the environment: the test that is started again finds
//! it there and becomes the child instead of a test.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use backout_contract::{Depth, Driver, Effect, RecoverOrder, StepOrder, Stop};
use backout_core::checkpoint::DataPart;
use backout_core::name::KindName;
use backout_core::observation::Seen;
use backout_core::writes::Way;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bench::{Bench, KEY, context, run as the_run, seen_by};
use crate::component::configure;
use crate::outcome::Failure;
use crate::strace::{self, Point};
use crate::vault::FolderVault;
use crate::world::World;

/// Names the errand's file.
const VARIABLE: &str = "BACKOUT_CONFORMANCE_CHILD";

/// The user that owns nothing.
const NOBODY: u32 = 65534;

/// What the child does.
pub(crate) enum Errand<'a> {
    /// Looks once.
    Look,
    /// Does these steps, one after the other.
    Revert(&'a [StepOrder<Value>]),
    /// Takes recorded writes over, with files for people in this folder.
    Recover(&'a Path),
}

/// How the child is run.
pub(crate) enum Manner {
    /// To its end.
    Plain,
    /// To its end, as a user without rights of its own.
    AsNobody,
    /// To its end, with the calls that change something written to a log.
    Traced,
    /// Killed before this call.
    KilledBefore(Point),
    /// Killed so long after it began.
    KilledAfter(Duration),
}

/// How the child ended.
pub(crate) struct End {
    /// Whether it came to its end and everything went well.
    pub(crate) finished: bool,
    /// How many steps it saw done.
    pub(crate) done: usize,
    /// What a look found.
    pub(crate) seen: Option<Seen>,
    /// How long it worked.
    pub(crate) took: Duration,
    /// What it printed.
    pub(crate) said: String,
}

#[derive(Serialize, Deserialize)]
struct Baggage {
    keys: String,
    root: PathBuf,
    scratch: PathBuf,
    vault: PathBuf,
    out: PathBuf,
    environment: BTreeMap<String, String>,
    token: String,
    /// Where files for people go, when writes are to be taken over.
    people: Option<PathBuf>,
    /// None is a look.
    orders: Option<Vec<Order>>,
}

#[derive(Serialize, Deserialize)]
struct Order {
    effect: Value,
    saved: Option<Value>,
    data: Vec<DataPart>,
    before: Option<Seen>,
    after: Seen,
}

/// Where the log of [`Manner::Traced`] is.
pub(crate) fn log_of<W: World>(bench: &Bench<W>) -> PathBuf {
    bench.workshop().join("calls")
}

/// Whether we may become somebody else.
pub(crate) fn is_superuser() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

/// Runs an errand in a child process.
pub(crate) async fn run<W: World>(
    bench: &Bench<W>,
    errand: Errand<'_>,
    manner: Manner,
) -> Result<End, Failure> {
    prepare(bench, errand, &manner).and_then(|baggage| start(bench, &baggage, manner)).map_err(|error| {
        Failure::NoGround(format!("the test could not start itself as a child process: {error}"))
    })
}

fn prepare<W: World>(bench: &Bench<W>, errand: Errand<'_>, manner: &Manner) -> std::io::Result<PathBuf> {
    let out = bench.workshop().join("out");
    fs::remove_dir_all(&out)?;
    fs::create_dir(&out)?;
    let people = match &errand {
        Errand::Recover(folder) => Some(folder.to_path_buf()),
        Errand::Look | Errand::Revert(_) => None,
    };
    let orders = match errand {
        Errand::Look | Errand::Recover(_) => None,
        Errand::Revert(orders) => Some(orders.iter().map(Order::from).collect()),
    };
    let baggage = Baggage {
        keys: bench.world.config(),
        root: bench.world.root().to_owned(),
        scratch: bench.scratch(),
        vault: bench.workshop().join("vault"),
        out: out.clone(),
        environment: bench.world.environment(),
        token: bench.token().to_owned(),
        people,
        orders,
    };
    let path = bench.workshop().join("errand.json");
    fs::write(&path, serde_json::to_vec(&baggage)?)?;
    if matches!(manner, Manner::AsNobody) {
        fs::set_permissions(bench.workshop(), fs::Permissions::from_mode(0o755))?;
        for folder in [bench.scratch(), out] {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o777))?;
        }
    }
    Ok(path)
}

fn start<W: World>(bench: &Bench<W>, baggage: &Path, manner: Manner) -> std::io::Result<End> {
    let own = std::env::current_exe()?;
    let mut command = match &manner {
        Manner::Traced => strace::tracing(&log_of(bench)),
        Manner::KilledBefore(point) => strace::killing(point),
        Manner::Plain | Manner::AsNobody | Manner::KilledAfter(_) => Command::new(&own),
    };
    if matches!(manner, Manner::Traced | Manner::KilledBefore(_)) {
        command.arg(&own);
    }
    command.args([&bench.test, "--exact", "--nocapture", "--test-threads=1"]).env(VARIABLE, baggage);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if matches!(manner, Manner::AsNobody) {
        command.uid(NOBODY).gid(NOBODY).current_dir("/");
    }
    let out = bench.workshop().join("out");
    let mut child = command.spawn()?;
    if let Manner::KilledAfter(delay) = manner {
        while !out.join("begun").exists() && child.try_wait()?.is_none() {
            std::thread::sleep(Duration::from_micros(200));
        }
        std::thread::sleep(delay);
        child.kill()?;
    }
    let output = child.wait_with_output()?;
    let read = |name: &str| fs::read_to_string(out.join(name)).ok();
    Ok(End {
        finished: output.status.success() && out.join("finished").exists(),
        done: (0..).take_while(|index| out.join(format!("done-{index}")).exists()).count(),
        seen: read("seen").and_then(|text| serde_json::from_str(&text).ok()),
        took: Duration::from_micros(read("finished").and_then(|text| text.parse().ok()).unwrap_or(0)),
        said: format!("{}{}", String::from_utf8_lossy(&output.stderr), read("failed").unwrap_or_default()),
    })
}

/// Becomes the child where this process was started as one.
pub(crate) fn serve<D: Driver>() {
    let Some(path) = std::env::var_os(VARIABLE) else { return };
    let out = fs::read(path).ok().and_then(|text| serde_json::from_slice::<Baggage>(&text).ok());
    let Some(baggage) = out else { std::process::exit(4) };
    let out = baggage.out.clone();
    // One worker, and the work on this very thread: calls are counted by thread.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let end = match runtime {
        Ok(runtime) => runtime.block_on(do_errand::<D>(baggage)),
        Err(error) => Err(error.to_string()),
    };
    if let Err(what) = end {
        let _ = fs::write(out.join("failed"), what);
        std::process::exit(3);
    }
    std::process::exit(0);
}

async fn do_errand<D: Driver>(baggage: Baggage) -> Result<(), String> {
    let configured = configure::<D>(&baggage.keys).map_err(|found| format!("{found:?}"))?;
    let vault = Arc::new(FolderVault::new(&baggage.vault));
    let environment = baggage.environment.clone();
    let context = context(&baggage.root, &baggage.scratch, vault, environment, &baggage.token, Stop::never());
    let session = configured.connect(&context).await.map_err(|error| error.chain())?;
    let write =
        |name: &str, text: String| fs::write(baggage.out.join(name), text).map_err(|error| error.to_string());
    let began = Instant::now();
    if let Some(folder) = baggage.people {
        strace::lift_counters().await;
        write("begun", String::new())?;
        let order = RecoverOrder {
            way: Way::Merge,
            from: vec![the_run()],
            sealed: Vec::new(),
            folder,
            most_lost: None,
            winner: None,
        };
        session.recover(&context, &order).await.map_err(|error| error.chain())?;
        return write("finished", began.elapsed().as_micros().to_string());
    }
    let Some(orders) = baggage.orders else {
        let kind = KindName::new(D::KIND).map_err(|why| why.to_string())?;
        let seen = match session.capture(&context, Depth::Look).await {
            Ok(captured) => match &captured.state {
                Some(state) => Seen::Present {
                    fingerprint: configured.fingerprint(&KEY, &kind, state).map_err(|error| error.chain())?,
                },
                None => Seen::Absent,
            },
            Err(error) => seen_by(&error).ok_or_else(|| error.chain())?,
        };
        write("seen", serde_json::to_string(&seen).map_err(|error| error.to_string())?)?;
        return write("finished", began.elapsed().as_micros().to_string());
    };
    strace::lift_counters().await;
    write("begun", String::new())?;
    for (index, order) in orders.into_iter().enumerate() {
        let effect = session.revert(&context, &order.into()).await.map_err(|error| error.chain())?;
        if let Effect::Blocked { found } = effect {
            return Err(format!("step {} is blocked: {found}", index + 1));
        }
        write(&format!("done-{index}"), String::new())?;
    }
    write("finished", began.elapsed().as_micros().to_string())
}

impl From<&StepOrder<Value>> for Order {
    fn from(order: &StepOrder<Value>) -> Self {
        let StepOrder { effect, saved, data, before, after } = order.clone();
        Self { effect, saved, data, before, after }
    }
}

impl From<Order> for StepOrder<Value> {
    fn from(order: Order) -> Self {
        let Order { effect, saved, data, before, after } = order;
        Self { effect, saved, data, before, after }
    }
}
