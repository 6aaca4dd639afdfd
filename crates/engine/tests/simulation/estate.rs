//! A to-do estate in the simulated world, and everything that the engine needs to work on it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use backout_contract::{
    Clock, Context, DriverError, Inbox, JournalError, Posted, Registry, Resolver, Stop, Vault, VaultError,
};
use backout_core::checkpoint::BlobId;
use backout_core::digest::{Digest, FingerprintKey};
use backout_core::journal::{Actor, Event};
use backout_core::life::Life;
use backout_core::migration::{Reference, Source, parse};
use backout_core::name::PhaseName;
use backout_core::plan::Plan;
use backout_core::secret::Secret;
use backout_engine::{
    Assembled, Book, Elsewhere, Ending, EngineError, Leftovers, PreviewInput, Programs, RunOptions, Tools,
    assemble, capture, cutover, preview, resume, run,
};
use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::journal::{Death, MemoryJournal, tick};
use crate::living::SimLiving;
use crate::world::{Sim, Thing, World, new_world};

struct MemoryVault(Mutex<BTreeMap<BlobId, Vec<u8>>>);

#[async_trait]
impl Vault for MemoryVault {
    async fn put(&self, bytes: &[u8]) -> Result<BlobId, VaultError> {
        let id = Digest::of_bytes("test", bytes);
        self.0.lock().unwrap().insert(id, bytes.to_vec());
        Ok(id)
    }

    async fn put_file(&self, _: &Path) -> Result<(BlobId, u64), VaultError> {
        unreachable!("simulated things have no files")
    }

    async fn get(&self, blob: &BlobId) -> Result<Vec<u8>, VaultError> {
        self.0.lock().unwrap().get(blob).cloned().ok_or(VaultError::Missing(*blob))
    }

    async fn get_file(&self, _: &BlobId, _: &Path) -> Result<u64, VaultError> {
        unreachable!("simulated things have no files")
    }

    async fn check(&self, blob: &BlobId) -> Result<(), VaultError> {
        self.get(blob).await.map(|_| ())
    }
}

/// Requests from other terminals.
#[derive(Default)]
pub struct MemoryInbox(pub Mutex<Vec<Posted>>);

#[async_trait]
impl Inbox for MemoryInbox {
    async fn waiting(&self) -> Result<Vec<Posted>, JournalError> {
        Ok(self.0.lock().unwrap().clone())
    }

    async fn remove(&self, id: &str) -> Result<(), JournalError> {
        self.0.lock().unwrap().retain(|posted| posted.id != id);
        Ok(())
    }
}

struct Ticking;

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.monotonic_millis() as i64).unwrap()
    }

    fn monotonic_millis(&self) -> u64 {
        tick()
    }
}

struct Nothing;

impl Resolver for Nothing {
    fn resolve(&self, _: &Reference) -> Result<Secret, DriverError> {
        unreachable!("simulated things have no references")
    }
}

#[async_trait]
impl Leftovers for Nothing {
    async fn end_all(&self) -> Vec<String> {
        Vec::new()
    }
}

#[async_trait]
impl Programs for Nothing {
    async fn run(&self, _: Vec<Secret>, _: &Context) -> Result<String, DriverError> {
        unreachable!("simulated things run no programs")
    }
}

impl Elsewhere for Nothing {
    fn is_alive(&self, _: &str, _: &str) -> bool {
        false
    }
}

/// The whole bench: a world, a file about it, and what a process would hold.
pub struct Estate {
    /// What is simulated.
    pub world: Arc<Mutex<World>>,
    /// The migration.
    pub assembled: Assembled,
    /// Requests.
    pub inbox: Arc<MemoryInbox>,
    vault: Arc<MemoryVault>,
    /// The engine's tools.
    pub tools: Tools,
}

const NAMES: [&str; 6] = ["database", "settings", "link", "api", "edge", "archive"];

fn before() -> World {
    let things = NAMES
        .iter()
        .map(|name| {
            let thing =
                Thing { shape: Some("old".into()), rows: 10, open: *name == "api", ..Thing::default() };
            (name.to_string(), thing)
        })
        .collect();
    World { things, ..World::default() }
}

fn file(world: u64) -> String {
    format!(
        "migration: todo
components:
  database:
    kind: sim.thing
    world: {world}
    name: database
    data: true
    stages: true
    users: [api]
    writes: accept-loss
  settings:
    kind: sim.thing
    world: {world}
    name: settings
    switched: true
  link:
    kind: sim.thing
    world: {world}
    name: link
    switched: true
  api:
    kind: sim.thing
    world: {world}
    name: api
    door: plain
    starts_on: [settings, link]
    needs: [database]
    reads: [settings, link]
  edge:
    kind: sim.thing
    world: {world}
    name: edge
    switched: true
    needs: [api]
  archive:
    kind: sim.thing
    world: {world}
    name: archive
"
    )
}

impl Estate {
    /// A fresh estate; nothing was captured.
    pub fn new() -> Self {
        Self::of(before(), file)
    }

    /// A fresh estate of this world, with a file that names it by its number.
    pub fn of(world: World, file: impl Fn(u64) -> String) -> Self {
        let (number, world) = new_world(world);
        let file = parse(&Source::new("backout.yaml", &file(number))).expect("the file parses");
        let registry = Registry::default().with_driver::<Sim>().with_driver::<SimLiving>();
        let assembled = assemble(&file, &registry, Path::new("/nowhere")).expect("the file fits");
        let inbox = Arc::new(MemoryInbox::default());
        let vault = Arc::new(MemoryVault(Mutex::default()));
        let tools = Tools {
            inbox: Arc::clone(&inbox) as Arc<dyn Inbox>,
            vault: Arc::clone(&vault) as Arc<dyn Vault>,
            clock: Arc::new(Ticking),
            resolver: Arc::new(Nothing),
            leftovers: Arc::new(Nothing),
            elsewhere: Arc::new(Nothing),
            programs: Arc::new(Nothing),
            states: Arc::default(),
            key: FingerprintKey::new([7; 32]),
            root: "/nowhere".into(),
            scratch: "/nowhere".into(),
            for_people: "/nowhere".into(),
            claimant: "/nowhere/.backout".into(),
            actor: Actor { user: "ada".into(), host: "here".into() },
            version: "test".into(),
            progress: backout_contract::Progress::default(),
            child_token: "token".into(),
            limit: 4,
            deadline: Duration::from_secs(10),
        };
        Self { world, assembled, inbox, vault, tools }
    }

    /// Somebody takes a blob out of the vault.
    pub fn lose(&self, blob: &BlobId) {
        assert!(self.vault.0.lock().unwrap().remove(blob).is_some(), "it was there");
    }

    /// Captures, migrates and cuts over; gives the journal so far.
    pub async fn migrated(&self) -> Vec<String> {
        let (journal, life) = MemoryJournal::open(Vec::new(), Death::Never);
        let mut book = Book::new(journal.clone(), life);
        let opened = Event::MigrationOpened { migration: self.assembled.name.clone(), nonce: "n".into() };
        book.append(vec![opened]).await.unwrap();
        capture(&self.assembled, &mut book, &self.tools, &Stop::never()).await.expect("captured");
        {
            let mut world = self.world.lock().unwrap();
            for name in ["database", "settings", "link", "edge", "archive"] {
                world.things.get_mut(name).unwrap().shape = Some("new".into());
            }
        }
        let phase = PhaseName::new("all").unwrap();
        cutover(&self.assembled, &[phase], None, false, &mut book, &self.tools).await.expect("cut over");
        self.world.lock().unwrap().things.get_mut("database").unwrap().rows = 12;
        journal.survivors(true)
    }

    /// Works with the journal in a process that dies as told. Gives what survives of the journal too.
    pub async fn process<T>(
        &self,
        lines: Vec<String>,
        death: Death,
        machine_stays_up: bool,
        work: impl AsyncFnOnce(&mut Book) -> T,
    ) -> (T, Vec<String>) {
        let (journal, life) = MemoryJournal::open(lines, death);
        let mut book = Book::new(journal.clone(), life);
        let done = work(&mut book).await;
        (done, journal.survivors(machine_stays_up))
    }

    /// A plan for the world as it is.
    pub async fn plan(&self, life: &Life) -> Result<Plan, EngineError> {
        preview(&self.assembled, life, PreviewInput::default(), &self.tools).await
    }

    /// Goes back, or goes on going back, in a process that dies as told. Gives what survives of its journal.
    pub async fn go_back(
        &self,
        lines: Vec<String>,
        death: Death,
        machine_stays_up: bool,
        options: RunOptions,
    ) -> (Result<Ending, EngineError>, Vec<String>) {
        let (journal, life) = MemoryJournal::open(lines, death);
        let mut book = Book::new(journal.clone(), life);
        let (_interrupt, interrupts) = mpsc::channel(1);
        let ending = if book.life().open_run().is_some() {
            resume(&self.assembled, &mut book, interrupts, &self.tools).await
        } else {
            match self.plan(book.life()).await {
                Ok(plan) => run(&self.assembled, &plan, options, &mut book, interrupts, &self.tools).await,
                Err(error) => Err(error),
            }
        };
        (ending, journal.survivors(machine_stays_up))
    }

    /// The simulated things as they are.
    pub fn things(&self) -> BTreeMap<String, Thing> {
        let mut things = self.world.lock().unwrap().things.clone();
        things.values_mut().for_each(|thing| thing.marker = None);
        things
    }
}

/// Runs one story on a runtime of its own; ending it ends every task, as a killed process would.
pub fn in_a_process<T>(story: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(story)
}
