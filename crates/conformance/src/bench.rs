//! One world with one driver on it, and the calls of the engine.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use backout_contract::erased::ConfiguredDyn;
use backout_contract::{Context, Depth, Driver, DriverError, ErrorKind, SessionDyn, StepOrder, Stop};
use backout_core::capability::Capabilities;
use backout_core::checkpoint::DataPart;
use backout_core::digest::FingerprintKey;
use backout_core::name::{ComponentName, KindName, RunId};
use backout_core::observation::{Fingerprint, Seen};
use serde_json::Value;
use tempfile::TempDir;

use crate::component::configure;
use crate::diary::Diary;
use crate::outcome::Failure;
use crate::resolver::MapResolver;
use crate::vault::FolderVault;
use crate::world::World;

/// What a look brought back, with its fingerprint.
#[derive(Debug, Clone)]
pub struct Looked {
    /// What was seen.
    pub seen: Seen,
    /// The state, where one could be read.
    pub state: Option<Value>,
    /// What tells the thing from another.
    pub identity: Option<String>,
    /// Data that was put into the vault.
    pub data: Vec<DataPart>,
}

/// One world with one driver on it. Every call opens a session of its own, so that nothing can be remembered
/// between them, as between two processes.
pub struct Bench<W: World> {
    /// The thing.
    pub world: W,
    /// The path of the test that runs, by which it can be started again in another process.
    pub(crate) test: String,
    pub(crate) diary: Diary,
    vault: Arc<FolderVault>,
    token: String,
    workshop: TempDir,
}

/// The key of all fingerprints of the suite.
pub(crate) const KEY: FingerprintKey = FingerprintKey::new([7; 32]);

/// What is said of a driver that has no way back, and no reason for that.
pub(crate) const NO_STEPS: &str = "`steps` proposes nothing, though saved and live differ (a kind that is put back \
by its door says so in `World::WITHOUT_STEPS`)";

/// What a session may do before it is given up, in real systems minutes.
const DEADLINE: Duration = Duration::from_secs(60);

#[allow(clippy::expect_used, reason = "test code: a bench that cannot be put up is a failed test")]
impl<W: World> Bench<W> {
    /// A fresh world, with nothing set up in it.
    pub async fn new(test: &str) -> Self {
        static BENCHES: AtomicU64 = AtomicU64::new(0);
        let workshop = tempfile::tempdir().expect("make a folder for the bench");
        for folder in ["scratch", "vault", "out"] {
            std::fs::create_dir(workshop.path().join(folder)).expect("make a folder for the bench");
        }
        let number = BENCHES.fetch_add(1, Ordering::Relaxed);
        Self {
            world: W::new().await,
            test: test.to_owned(),
            diary: Diary::default(),
            vault: Arc::new(FolderVault::new(workshop.path().join("vault"))),
            token: format!("conformance-{}-{number}", std::process::id()),
            workshop,
        }
    }

    /// Folder of the bench's own, apart from the world.
    pub fn workshop(&self) -> &Path {
        self.workshop.path()
    }

    /// The scratch folder that the driver is given.
    pub fn scratch(&self) -> PathBuf {
        self.workshop().join("scratch")
    }

    /// The vault that the driver is given.
    pub fn vault(&self) -> &FolderVault {
        &self.vault
    }

    /// The context of a call that nobody stops.
    pub fn context(&self) -> Context {
        self.context_until(Stop::never())
    }

    /// The context of a call that can be stopped.
    pub fn context_until(&self, stop: Stop) -> Context {
        context(
            self.world.root(),
            &self.workshop().join("scratch"),
            self.vault.clone(),
            self.world.environment(),
            &self.token,
            stop,
        )
    }

    /// The token that child processes of a call carry.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// The driver with the component's keys.
    ///
    /// # Errors
    /// When it does not take the world's configuration.
    pub fn configured(&self) -> Result<Arc<dyn ConfiguredDyn>, Failure> {
        configure::<W::Driver>(&self.world.config()).map_err(|found| {
            let lines: Vec<String> = found.iter().map(|found| format!("{found:?}")).collect();
            Failure::NoGround(format!("the world's configuration was refused: {}", lines.join("; ")))
        })
    }

    /// What the driver promises.
    ///
    /// # Errors
    /// When it does not take the world's configuration.
    pub fn capabilities(&self) -> Result<Capabilities, Failure> {
        Ok(self.configured()?.capabilities())
    }

    /// A new session.
    ///
    /// # Errors
    /// What the driver says.
    pub async fn session(&self) -> Result<Arc<dyn SessionDyn>, Failure> {
        let session = self.configured()?.connect(&self.context()).await;
        Ok(session.inspect_err(|error| self.diary.error(error))?)
    }

    /// Looks; what cannot be read or reached is something seen, as for the engine.
    ///
    /// # Errors
    /// What the driver says, when it is none of these.
    pub async fn look(&self, depth: Depth) -> Result<Looked, Failure> {
        match self.try_look(depth).await? {
            Ok(looked) => Ok(looked),
            Err(error) => match seen_by(&error) {
                Some(seen) => Ok(Looked { seen, state: None, identity: None, data: Vec::new() }),
                None => Err(error.into()),
            },
        }
    }

    /// Looks, and hands out what the driver says.
    ///
    /// # Errors
    /// When there is no session, or the state is none.
    pub async fn try_look(&self, depth: Depth) -> Result<Result<Looked, DriverError>, Failure> {
        let session = self.session().await?;
        let captured = match session.capture(&self.context(), depth).await {
            Ok(captured) => captured,
            Err(error) => {
                self.diary.error(&error);
                return Ok(Err(error));
            }
        };
        let seen = match &captured.state {
            Some(state) => Seen::Present { fingerprint: self.fingerprint(state)? },
            None => Seen::Absent,
        };
        self.diary.debug("what was seen", &seen);
        if let Some(identity) = &captured.identity {
            self.diary.shown("an identity", identity);
        }
        for part in &captured.data {
            self.diary.shown("the name of a data part", &part.name);
        }
        Ok(Ok(Looked { seen, state: captured.state, identity: captured.identity, data: captured.data }))
    }

    /// The fingerprint of a state.
    ///
    /// # Errors
    /// When the driver cannot read the state.
    pub fn fingerprint(&self, state: &Value) -> Result<Fingerprint, Failure> {
        let kind = KindName::new(W::Driver::KIND)
            .map_err(|why| Failure::NoGround(format!("`{}` is no name of a kind: {why}", W::Driver::KIND)))?;
        Ok(self.configured()?.fingerprint(&KEY, &kind, state)?)
    }

    /// The orders that lead from live to saved, as the planner makes them; none for kinds without steps.
    ///
    /// # Errors
    /// When the driver cannot read a state, or says that it cannot be put back.
    pub fn orders(&self, saved: &Looked, live: &Looked) -> Result<Vec<StepOrder<Value>>, Failure> {
        let pieces = self
            .configured()?
            .steps(saved.state.as_ref(), live.state.as_ref())?
            .inspect_err(|why| self.diary.shown("why it cannot be put back", why))
            .map_err(|why| Failure::NoGround(format!("`steps` says that it cannot be put back: {why}")))?;
        let mut before = live.seen.clone();
        let mut orders = Vec::new();
        for piece in pieces {
            self.diary.shown("a title", &piece.title);
            self.diary.shown("an effect", piece.effect.to_string());
            let after = match &piece.leaves {
                Some(state) => Seen::Present { fingerprint: self.fingerprint(state)? },
                None => saved.seen.clone(),
            };
            orders.push(StepOrder {
                effect: piece.effect,
                saved: saved.state.clone(),
                data: saved.data.clone(),
                before: Some(std::mem::replace(&mut before, after.clone())),
                after,
            });
        }
        match (orders.is_empty(), W::WITHOUT_STEPS) {
            (true, None) => Err(Failure::NoGround(NO_STEPS.to_owned())),
            (false, Some(_)) => Err(Failure::Broken(
                "`World::WITHOUT_STEPS` says that there are none, and `steps` proposes some".to_owned(),
            )),
            _ => Ok(orders),
        }
    }
}

/// What the engine makes of a failed look; none when it says nothing about the thing.
pub(crate) fn seen_by(error: &DriverError) -> Option<Seen> {
    match error.kind {
        ErrorKind::Unreadable | ErrorKind::Locked | ErrorKind::Denied => {
            Some(Seen::Unreadable { cause: error.chain() })
        }
        ErrorKind::Unreachable | ErrorKind::TimedOut => Some(Seen::Unreachable { cause: error.chain() }),
        ErrorKind::Config | ErrorKind::NoSpace | ErrorKind::BadData | ErrorKind::Other => None,
    }
}

/// The run that all calls belong to.
#[allow(clippy::expect_used, reason = "test code: this is a name")]
pub(crate) fn run() -> RunId {
    RunId::new("r1").expect("a name")
}

/// A context as the engine makes it.
#[allow(clippy::expect_used, reason = "test code: these are names")]
pub(crate) fn context(
    root: &Path,
    scratch: &Path,
    vault: Arc<FolderVault>,
    environment: std::collections::BTreeMap<String, String>,
    token: &str,
    stop: Stop,
) -> Context {
    Context {
        component: ComponentName::new("subject").expect("a name"),
        root: root.to_owned(),
        scratch: scratch.to_owned(),
        run: Some(run()),
        key: "conformance-subject".to_owned(),
        deadline: DEADLINE,
        stop,
        vault,
        resolver: Arc::new(MapResolver::new(environment, root)),
        progress: backout_contract::Progress::default(),
        child_token: token.to_owned(),
    }
}
