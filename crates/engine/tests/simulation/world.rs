//! Systems that live in memory: values with a shape, data and a door, and a count of every effect.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};

use async_trait::async_trait;
use backout_contract::{
    Captured, Context, Depth, Door, Driver, DriverError, Effect, ErrorKind, KindPage, Piece, Session,
    Sighting, StepOrder,
};
use backout_core::capability::{Capabilities, Quiescence};
use backout_core::checkpoint::DataPart;
use backout_core::delta::{Delta, Shown};
use backout_core::migration::Claim;
use backout_core::order::Mode;
use backout_core::plan::{Count, DataPrice};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::rows::Living;

/// One simulated thing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Thing {
    /// Its shape; none when it is gone.
    pub shape: Option<String>,
    /// Its rows.
    pub rows: u64,
    /// Whether users come in.
    pub open: bool,
    /// What its readers saw when they last started, by name.
    pub started_on: BTreeMap<String, String>,
    /// The claim marker.
    pub marker: Option<Value>,
    /// What stands beside it, to be exchanged for it.
    pub beside: Option<String>,
    /// Whether a helper of a revert still stands beside it.
    pub is_cluttered: bool,
}

/// Everything that is simulated, and how often it was touched.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct World {
    /// Things by name.
    pub things: BTreeMap<String, Thing>,
    /// How often each effect happened, by `NAME.EFFECT`.
    pub effects: BTreeMap<String, u32>,
    /// Things whose next reverts lie: they say they did it.
    pub liars: BTreeMap<String, u32>,
    /// Things whose reverts do it and say they failed.
    pub pessimists: BTreeMap<String, u32>,
    /// Things whose reverts put it back and are cut off before they have tidied up, so many times.
    pub cut_off: BTreeMap<String, u32>,
    /// Things whose reverts fail, so many times.
    pub failing: BTreeMap<String, u32>,
    /// Things that cannot be looked at for want of room on our side.
    pub no_room_for: BTreeSet<String>,
    /// Living data by name.
    pub living: BTreeMap<String, Living>,
    /// How many writes were recorded; each gets the next number as its identity.
    pub recorded: u64,
    /// What users still write when a door is about to shut, by the name of the door: where, and what.
    pub last_words: BTreeMap<String, Vec<(String, String)>>,
    /// Rules that were broken while somebody looked: a revert under an open door, for example.
    pub violations: Vec<String>,
}

/// The world with this number.
pub fn world_of(number: u64) -> Option<Arc<Mutex<World>>> {
    WORLDS.lock().unwrap().get(&number).cloned()
}

static WORLDS: LazyLock<Mutex<BTreeMap<u64, Arc<Mutex<World>>>>> = LazyLock::new(Mutex::default);

/// A new world and its number.
pub fn new_world(world: World) -> (u64, Arc<Mutex<World>>) {
    let mut worlds = WORLDS.lock().unwrap();
    let number = worlds.len() as u64 + 1;
    let shared = Arc::new(Mutex::new(world));
    worlds.insert(number, Arc::clone(&shared));
    (number, shared)
}

/// How a thing is configured.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    world: u64,
    name: String,
    #[serde(default)]
    switched: bool,
    #[serde(default)]
    data: bool,
    /// `none`, `plain` or `restarting`.
    #[serde(default)]
    door: Option<String>,
    /// Whether what it goes back to is put beside first.
    #[serde(default)]
    stages: bool,
    /// Whose shapes it reads when it starts.
    #[serde(default)]
    starts_on: Vec<String>,
    /// Whose doors must be shut, or who must be at rest, while it is reverted.
    #[serde(default)]
    users: Vec<String>,
}

/// What is captured of a thing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    shape: String,
    rows: Option<u64>,
}

/// The kind `sim.thing`.
pub struct Sim;

/// A session with one thing.
pub struct Connected {
    config: Config,
    world: Arc<Mutex<World>>,
}

impl Driver for Sim {
    const KIND: &'static str = "sim.thing";
    const STATE_VERSION: u16 = 1;
    type Config = Config;
    type State = State;
    type Session = Connected;

    fn page() -> KindPage {
        KindPage { summary: "a simulated thing", page: "" }
    }

    fn capabilities(config: &Config) -> Capabilities {
        Capabilities {
            mode: if config.switched { Mode::Switched } else { Mode::InPlace },
            quiescence: match config.door.as_deref() {
                Some("restarting") => Quiescence::Door { opening_restarts: true },
                Some(_) => Quiescence::Door { opening_restarts: false },
                None => Quiescence::Passive,
            },
            holds_data: config.data,
            records_writes: false,
            marker: true,
            keeps_displaced: config.data,
            stages: config.stages,
            compare_and_set: true,
            sees_exactly: true,
        }
    }

    fn target(config: &Config) -> String {
        config.name.clone()
    }

    fn claims(config: &Config, _root: &Path) -> Vec<Claim> {
        vec![Claim { space: "sim".into(), path: vec![config.name.clone()], parts: None }]
    }

    fn shape(state: &State) -> Value {
        json!(state.shape)
    }

    fn position(state: &State) -> Option<Value> {
        state.rows.map(|rows| json!(rows))
    }

    fn diff(saved: Option<&State>, live: Option<&State>) -> Delta {
        let mut delta = Delta::default();
        let shown =
            |state: Option<&State>| state.map_or(Shown::Absent, |state| Shown::text(state.shape.clone()));
        if saved.map(|state| &state.shape) != live.map(|state| &state.shape) {
            delta.push("shape", shown(live), shown(saved));
        }
        delta
    }

    fn steps(_: &Config, saved: Option<&State>, live: Option<&State>) -> Result<Vec<Piece<State>>, String> {
        if saved == live {
            return Ok(Vec::new());
        }
        Ok(vec![Piece { title: "put it back".into(), effect: Value::Null, leaves: None }])
    }

    fn price(saved: &State, live: Option<&State>) -> Option<DataPrice> {
        let more = live?.rows?.saturating_sub(saved.rows?);
        Some(DataPrice::compared(Count::Exactly(more), Vec::new(), true))
    }

    async fn connect(config: Config, _: &Context) -> Result<Connected, DriverError> {
        let world = world_of(config.world);
        let world = world.ok_or_else(|| DriverError::new(ErrorKind::Unreachable, "find the world"))?;
        Ok(Connected { config, world })
    }
}

impl Connected {
    fn with<T>(&self, act: impl FnOnce(&mut World, &Config) -> T) -> T {
        act(&mut self.world.lock().unwrap(), &self.config)
    }

    fn effect(&self, effect: &str) {
        self.with(|world, config| {
            *world.effects.entry(format!("{}.{effect}", config.name)).or_default() += 1
        });
    }

    fn start(&self) {
        self.with(|world, config| {
            let read = config
                .starts_on
                .iter()
                .filter_map(|name| Some((name.clone(), world.things.get(name)?.shape.clone()?)))
                .collect();
            if let Some(thing) = world.things.get_mut(&config.name) {
                thing.started_on = read;
            }
        });
    }
}

#[async_trait]
impl Session<Sim> for Connected {
    async fn capture(&self, _: &Context, _: Depth) -> Result<Captured<State>, DriverError> {
        tokio::task::yield_now().await;
        if self.with(|world, config| world.no_room_for.contains(&config.name)) {
            return Err(DriverError::new(ErrorKind::NoSpace, "copy a thing"));
        }
        Ok(self.with(|world, config| {
            let thing = world.things.get(&config.name).cloned().unwrap_or_default();
            let state = thing.shape.map(|shape| State { shape, rows: config.data.then_some(thing.rows) });
            Captured { state, identity: Some(config.name.clone()), data: Vec::new() }
        }))
    }

    async fn stage(&self, _: &Context, step: &StepOrder<State>) -> Result<Effect, DriverError> {
        tokio::task::yield_now().await;
        self.with(|world, config| {
            for user in &config.users {
                if world.things.get(user).is_some_and(|thing| !thing.open) {
                    world.violations.push(format!("{} put beside while {user} was shut", config.name));
                }
            }
            let thing = world.things.entry(config.name.clone()).or_default();
            thing.beside = step.saved.as_ref().map(|state| state.shape.clone());
        });
        self.effect("stage");
        tokio::task::yield_now().await;
        Ok(Effect::Applied { evidence: "it stands beside".into() })
    }

    async fn revert(&self, _: &Context, step: &StepOrder<State>) -> Result<Effect, DriverError> {
        tokio::task::yield_now().await;
        let failing = self.with(|world, config| {
            let left = world.failing.get_mut(&config.name).filter(|left| **left > 0);
            left.map(|left| *left -= 1).is_some()
        });
        if failing {
            return Err(DriverError::new(ErrorKind::Other, "revert a thing that fails").nothing_happened());
        }
        if self.with(|world, config| world.liars.contains_key(&config.name)) {
            return Ok(Effect::Applied { evidence: "so it says".into() });
        }
        self.with(|world, config| {
            for user in &config.users {
                if world.things.get(user).is_some_and(|thing| thing.open) {
                    world.violations.push(format!("{} reverted while {user} was open", config.name));
                }
            }
            let thing = world.things.entry(config.name.clone()).or_default();
            let wanted = step.saved.as_ref().map(|state| state.shape.clone());
            if config.stages && wanted.is_some() && thing.beside.take() != wanted {
                world.violations.push(format!("{} reverted to what was not put beside", config.name));
            }
            thing.shape = step.saved.as_ref().map(|state| state.shape.clone());
            thing.rows = step.saved.as_ref().and_then(|state| state.rows).unwrap_or(thing.rows);
        });
        self.effect("revert");
        tokio::task::yield_now().await;
        let is_cut_off = self.with(|world, config| {
            let left = world.cut_off.get_mut(&config.name).filter(|left| **left > 0);
            let is_cut_off = left.map(|left| *left -= 1).is_some();
            if let Some(thing) = world.things.get_mut(&config.name) {
                thing.is_cluttered = is_cut_off;
            }
            is_cut_off
        });
        if is_cut_off {
            return Err(DriverError::new(ErrorKind::Other, "tidy up"));
        }
        if self.with(|world, config| world.pessimists.contains_key(&config.name)) {
            return Err(DriverError::new(ErrorKind::Other, "revert a thing that always complains"));
        }
        Ok(Effect::Applied { evidence: "done".into() })
    }

    async fn sight(&self, _: &Context, _: &StepOrder<State>) -> Result<Option<Sighting>, DriverError> {
        let is_cluttered =
            self.with(|world, config| world.things.get(&config.name).is_some_and(|thing| thing.is_cluttered));
        Ok(is_cluttered.then_some(Sighting::Before))
    }

    async fn ready(
        &self,
        _: &Context,
        _: Option<&State>,
        _: &[DataPart],
    ) -> Result<Vec<String>, DriverError> {
        Ok(Vec::new())
    }

    async fn door(&self, _: &Context) -> Result<Door, DriverError> {
        let open = self.with(|world, config| world.things.get(&config.name).is_some_and(|thing| thing.open));
        Ok(if open { Door::Open } else { Door::Shut })
    }

    async fn quiesce(&self, context: &Context) -> Result<Effect, DriverError> {
        tokio::task::yield_now().await;
        if self.door(context).await? == Door::Shut {
            return Ok(Effect::AlreadyThere);
        }
        self.with(|world, config| {
            for (name, row) in world.last_words.remove(&config.name).unwrap_or_default() {
                world.write(&name, &row);
            }
            if let Some(thing) = world.things.get_mut(&config.name) {
                thing.open = false;
            }
        });
        self.effect("quiesce");
        tokio::task::yield_now().await;
        Ok(Effect::Applied { evidence: String::new() })
    }

    async fn restart(&self, _: &Context, _: i64) -> Result<Effect, DriverError> {
        tokio::task::yield_now().await;
        self.start();
        self.effect("restart");
        Ok(Effect::Applied { evidence: String::new() })
    }

    async fn reopen(&self, context: &Context, _: Option<&State>) -> Result<Effect, DriverError> {
        tokio::task::yield_now().await;
        if self.door(context).await? == Door::Open {
            return Ok(Effect::AlreadyThere);
        }
        if self.config.door.as_deref() == Some("restarting") {
            self.start();
        }
        self.with(|world, config| {
            if let Some(thing) = world.things.get_mut(&config.name) {
                thing.open = true;
            }
        });
        self.effect("reopen");
        tokio::task::yield_now().await;
        Ok(Effect::Applied { evidence: String::new() })
    }

    async fn read_marker(&self, _: &Context) -> Result<Option<Value>, DriverError> {
        Ok(self.with(|world, config| world.things.get(&config.name).and_then(|thing| thing.marker.clone())))
    }

    async fn write_marker(&self, _: &Context, marker: Option<&Value>) -> Result<(), DriverError> {
        self.with(|world, config| {
            world.things.entry(config.name.clone()).or_default().marker = marker.cloned()
        });
        Ok(())
    }
}
