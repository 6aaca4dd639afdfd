//! An estate with living data: users write all the time, and what they write shall stand once, whatever happens.

use std::collections::BTreeMap;

use backout_contract::Stop;
use backout_core::journal::{Choice, Event, Outcome};
use backout_core::life::{Life, PhaseState, phase_state};
use backout_core::name::{CheckpointId, ComponentName, PhaseName, StepId};
use backout_core::plan::{Choices, Plan};
use backout_engine::{
    Book, Ending, EngineError, PreviewInput, Recovery, RunOptions, arm, capture, cutover, preview,
    put_together, recover, resume, run,
};
use tokio::sync::mpsc;

use crate::estate::{Estate, in_a_process};
use crate::journal::{Death, MemoryJournal};
use crate::rows::{Living, Rows};
use crate::world::{Thing, World};

/// What survives of a journal.
pub type Lines = Vec<String>;

/// How a run ended for its process.
pub type Ended = Result<Ending, EngineError>;

pub fn component(name: &str) -> ComponentName {
    ComponentName::new(name).unwrap()
}

pub fn checkpoint(name: &str) -> CheckpointId {
    CheckpointId::new(name).unwrap()
}

pub fn step(text: &str) -> StepId {
    StepId::new(text).unwrap()
}

pub fn life(lines: &[String]) -> Life {
    MemoryJournal::open(lines.to_vec(), Death::Never).1
}

fn before() -> World {
    let rows = |row: &str| Living {
        rows: Some(Rows { shape: "old".into(), rows: vec![row.into()], ..Rows::default() }),
        ..Living::default()
    };
    let thing =
        |shape: Option<&str>, open| Thing { shape: shape.map(str::to_owned), open, ..Thing::default() };
    let things = [
        ("settings", thing(Some("old"), false)),
        ("fresh", thing(None, false)),
        ("archive", thing(Some("same"), false)),
        ("api", thing(Some("same"), true)),
        ("edge", thing(Some("old"), false)),
    ];
    World {
        things: things.map(|(name, thing)| (name.to_owned(), thing)).into(),
        living: [("database", rows("saved")), ("notes", rows("noted"))]
            .map(|(name, rows)| (name.to_owned(), rows))
            .into(),
        ..World::default()
    }
}

const FILE: &str = "migration: todo
components:
  database:
    kind: sim.living
    world: WORLD
    name: database
    users: [api]
    writes: merge
  notes:
    kind: sim.living
    world: WORLD
    name: notes
    users: [api]
    writes: review
  settings:
    kind: sim.thing
    world: WORLD
    name: settings
    switched: true
  fresh:
    kind: sim.thing
    world: WORLD
    name: fresh
  archive:
    kind: sim.thing
    world: WORLD
    name: archive
  api:
    kind: sim.thing
    world: WORLD
    name: api
    door: plain
    starts_on: [settings]
    needs: [database, notes]
    reads: [settings]
  edge:
    kind: sim.thing
    world: WORLD
    name: edge
    switched: true
    needs: [api]
";

/// A component that only a person can put back.
const RELAY: &str = "  relay:
    kind: manual
    instructions: turn the relay to the left
";

impl Estate {
    /// With living data.
    pub fn living() -> Self {
        Self::of(before(), |world| FILE.replace("WORLD", &world.to_string()))
    }

    /// The same, and a component that only a person can put back.
    pub fn living_with_relay() -> Self {
        Self::of(before(), |world| format!("{FILE}{RELAY}").replace("WORLD", &world.to_string()))
    }

    /// The same, where a recorder stays behind with what is displaced.
    pub fn living_apart() -> Self {
        let file = FILE.replace("    writes: ", "    apart: true\n    writes: ");
        Self::of(before(), |world| file.replace("WORLD", &world.to_string()))
    }

    /// The same, where the loss of what is written to `notes` is accepted.
    pub fn living_with_loss() -> Self {
        let file = FILE.replace("writes: review", "writes: accept-loss");
        Self::of(before(), |world| file.replace("WORLD", &world.to_string()))
    }

    /// Users write a row.
    pub fn write(&self, name: &str, row: &str) {
        self.world.lock().unwrap().write(name, row);
    }

    /// Users write a row to each place where they can.
    pub fn write_everywhere(&self, row: &str) {
        for name in ["database", "notes"] {
            self.write(name, row);
        }
    }

    /// Users will write this right before the door shuts.
    pub fn write_last(&self, name: &str, row: &str) {
        let mut world = self.world.lock().unwrap();
        world.last_words.entry("api".into()).or_default().push((name.into(), row.into()));
    }

    /// Opens the journal and puts the recorders in place.
    pub fn armed(&self) -> Lines {
        let migration = self.assembled.name.clone();
        let opened = async |book: &mut Book| {
            book.append(vec![Event::MigrationOpened { migration, nonce: "n".into() }]).await.unwrap();
            arm(&self.assembled, book, &self.tools).await
        };
        let (armed, lines) = in_a_process(self.process(Vec::new(), Death::Never, true, opened));
        armed.expect("armed");
        lines
    }

    /// Captures.
    pub fn captured(&self, lines: Lines) -> (Result<(), EngineError>, Lines) {
        let work = async |book: &mut Book| {
            capture(&self.assembled, book, &self.tools, &Stop::never()).await.map(|_| ())
        };
        in_a_process(self.process(lines, Death::Never, true, work))
    }

    /// The migration does its work: every shape changes, and rows are written by it.
    pub fn migrate(&self) {
        let mut world = self.world.lock().unwrap();
        for name in ["settings", "fresh", "edge"] {
            world.things.get_mut(name).unwrap().shape = Some("new".into());
        }
        for name in ["database", "notes"] {
            world.rows(name).shape = "new".into();
            world.backfill(name, "backfilled");
        }
        let api = world.things.get_mut("api").unwrap();
        api.started_on.insert("settings".into(), "new".into());
    }

    /// Marks the cutover.
    pub fn cut_over(&self, lines: Lines) -> (Result<(), EngineError>, Lines) {
        let phase = [PhaseName::new("all").unwrap()];
        let work = async |book: &mut Book| {
            cutover(&self.assembled, &phase, None, false, book, &self.tools).await.map(|_| ())
        };
        in_a_process(self.process(lines, Death::Never, true, work))
    }

    /// Arms, captures, migrates and cuts over, with users who write all the time.
    pub fn lived(&self) -> Lines {
        let lines = self.armed();
        self.write_everywhere("early");
        let (captured, lines) = self.captured(lines);
        captured.expect("captured");
        self.write_everywhere("one");
        self.migrate();
        self.write_everywhere("two");
        let (cut_over, lines) = self.cut_over(lines);
        cut_over.expect("cut over");
        self.write_everywhere("three");
        lines
    }

    /// Plans the way to a checkpoint, put together first where it is the state before a run.
    pub async fn way(&self, choices: &Choices, book: &mut Book) -> Result<Plan, EngineError> {
        if let Some(to) = choices.to.as_ref().filter(|to| to.as_str().starts_with("before-")) {
            put_together(to, &self.assembled, book, &self.tools).await?;
        }
        preview(&self.assembled, book.life(), PreviewInput { choices: choices.clone() }, &self.tools).await
    }

    /// Goes, or goes on going, in a process that dies as told.
    pub fn go(
        &self,
        lines: Lines,
        choices: &Choices,
        options: RunOptions,
        death: Death,
        machine_stays_up: bool,
    ) -> (Ended, Lines) {
        let work = async |book: &mut Book| {
            let (_interrupt, interrupts) = mpsc::channel(1);
            if book.life().open_run().is_some() {
                return resume(&self.assembled, book, interrupts, &self.tools).await;
            }
            let plan = self.way(choices, book).await?;
            run(&self.assembled, &plan, options, book, interrupts, &self.tools).await
        };
        in_a_process(self.process(lines, death, machine_stays_up, work))
    }

    /// Goes without being killed.
    pub fn go_to(&self, lines: Lines, to: Option<&str>) -> (Ended, Lines) {
        let choices = Choices { to: to.map(checkpoint), ..Choices::default() };
        self.go(lines, &choices, RunOptions::default(), Death::Never, true)
    }

    /// Goes, and is restored.
    #[track_caller]
    pub fn restored(&self, lines: Lines, to: Option<&str>) -> Lines {
        let (ended, lines) = self.go_to(lines, to);
        assert!(is_restored(&ended), "{ended:?}");
        lines
    }

    /// What a plan would be.
    #[track_caller]
    pub fn plan_to(&self, lines: &[String], to: Option<&str>) -> Plan {
        let choices = Choices { to: to.map(checkpoint), ..Choices::default() };
        let work = async |book: &mut Book| self.way(&choices, book).await;
        in_a_process(self.process(lines.to_vec(), Death::Never, true, work)).0.unwrap()
    }

    /// Takes over later.
    pub fn recover(&self, lines: Lines, death: Death) -> (Result<Vec<Recovery>, EngineError>, Lines) {
        let work = async |book: &mut Book| recover(&self.assembled, &[], None, book, &self.tools).await;
        in_a_process(self.process(lines, death, true, work))
    }

    /// A person chooses.
    pub fn choose(&self, lines: Lines, id: &str, choice: Choice) -> Lines {
        let by = self.tools.actor.clone();
        let event = Event::OperatorChose { step: step(id), choice, reason: "because".into(), by };
        let work = async |book: &mut Book| book.append(vec![event]).await.unwrap();
        in_a_process(self.process(lines, Death::Never, true, work)).1
    }

    /// The rows that stand at a name, sorted.
    pub fn rows(&self, name: &str) -> Vec<String> {
        let mut rows = self.world.lock().unwrap().rows(name).rows.clone();
        rows.sort();
        rows
    }

    /// The shape of each thing.
    pub fn shapes(&self) -> BTreeMap<String, Option<String>> {
        let world = self.world.lock().unwrap();
        let living = world
            .living
            .iter()
            .map(|(name, living)| (name.clone(), living.rows.as_ref().map(|rows| rows.shape.clone())));
        world.things.iter().map(|(name, thing)| (name.clone(), thing.shape.clone())).chain(living).collect()
    }

    /// Everything that users can see, and everything that was kept; markers left out.
    pub fn all(&self) -> (BTreeMap<String, Thing>, BTreeMap<String, Living>) {
        let mut living = self.world.lock().unwrap().living.clone();
        for one in living.values_mut() {
            one.marker = None;
            one.rows.iter_mut().chain(one.displaced.values_mut()).for_each(Rows::sort);
        }
        (self.things(), living)
    }

    /// Where the phase stands.
    pub fn phase(&self, lines: &[String]) -> PhaseState {
        let names: Vec<ComponentName> = self.assembled.parts.iter().map(|part| part.name.clone()).collect();
        phase_state(&life(lines), &PhaseName::new("all").unwrap(), &names)
    }

    /// No rule was broken.
    #[track_caller]
    pub fn no_violations(&self) {
        assert_eq!(self.world.lock().unwrap().violations, Vec::<String>::new());
    }
}

pub fn is_restored(ended: &Ended) -> bool {
    matches!(ended, Ok(Ending::Closed { outcome: Outcome::Restored, .. }))
}

#[track_caller]
pub fn assert_stuck(ended: &Ended, at: &str) {
    assert!(matches!(ended, Ok(Ending::Stuck { steps, .. }) if steps == &[step(at)]), "{at}: {ended:?}");
}

/// What was refused, message by message.
#[track_caller]
pub fn refusals<T: std::fmt::Debug>(ended: &Result<T, EngineError>) -> Vec<String> {
    let Err(EngineError::Refused(refusal)) = ended else { panic!("not refused: {ended:?}") };
    refusal.diagnostics.iter().map(|one| format!("{} {}", one.code, one.summary)).collect()
}
