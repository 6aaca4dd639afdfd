//! The kind `sim.living`: living data in memory, with a recorder; over 400 lines because a driver answers every call of one
//! contract.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use backout_contract::{
    Captured, Context, Depth, Driver, DriverError, Effect, ErrorKind, Glance, KindPage, Known, Piece,
    RecoverOrder, Sealed, Session, Sighting, StepOrder,
};
use backout_core::capability::{Capabilities, Quiescence};
use backout_core::checkpoint::DataPart;
use backout_core::delta::{Delta, Shown};
use backout_core::migration::Claim;
use backout_core::order::Mode;
use backout_core::plan::{Count, DataPrice};
use backout_core::writes::{Counted, Coverage, Gap, Occasion, Recovered, SealedWrites, TableWrites, Way};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::rows::{Living, Rows, UNMAPPED, UNMAPPED_LATE, Write};
use crate::world::{World, world_of};

/// How it is configured.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    world: u64,
    name: String,
    /// Whose doors must be shut while it is reverted or written to by us.
    #[serde(default)]
    users: Vec<String>,
    /// Whether its recorder stays behind with what is displaced: a copy gets one of its own, which knows nothing.
    #[serde(default)]
    apart: bool,
}

/// What is captured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    shape: String,
    rows: Vec<String>,
    /// The numbers of the writes that its recorder holds; none without one.
    recorded: Option<BTreeSet<u64>>,
}

impl State {
    fn of(rows: &Rows) -> Self {
        let mut sorted = rows.rows.clone();
        sorted.sort();
        let recorded = rows.armed.then(|| rows.log.iter().map(|write| write.number).collect());
        Self { shape: rows.shape.clone(), rows: sorted, recorded }
    }

    fn is(&self, rows: &Rows) -> bool {
        let other = Self::of(rows);
        !rows.is_unreadable && self.shape == other.shape && self.rows == other.rows
    }
}

/// The kind `sim.living`.
pub struct SimLiving;

/// A session.
pub struct Connected {
    config: Config,
    world: Arc<Mutex<World>>,
}

impl Driver for SimLiving {
    const KIND: &'static str = "sim.living";
    const STATE_VERSION: u16 = 1;
    type Config = Config;
    type State = State;
    type Session = Connected;

    fn page() -> KindPage {
        KindPage { summary: "simulated living data", page: "" }
    }

    fn capabilities(_: &Config) -> Capabilities {
        Capabilities {
            mode: Mode::InPlace,
            quiescence: Quiescence::Passive,
            holds_data: true,
            records_writes: true,
            marker: true,
            keeps_displaced: true,
            stages: false,
            compare_and_set: true,
            sees_exactly: true,
        }
    }

    fn target(config: &Config) -> String {
        config.name.clone()
    }

    fn claims(config: &Config, _: &Path) -> Vec<Claim> {
        vec![Claim { space: "sim".into(), path: vec![config.name.clone()], parts: None }]
    }

    fn shape(state: &State) -> Value {
        json!(state.shape)
    }

    fn position(state: &State) -> Option<Value> {
        Some(json!(state.rows))
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
        let more = live.map(|live| live.rows.iter().filter(|row| !saved.rows.contains(row)).count());
        let writes = more.map_or(Count::Unknown, |more| Count::AtLeast(more as u64));
        Some(DataPrice::compared(writes, Vec::new(), true))
    }

    async fn connect(config: Config, _: &Context) -> Result<Connected, DriverError> {
        let world = world_of(config.world);
        let world = world.ok_or_else(|| DriverError::new(ErrorKind::Unreachable, "find the world"))?;
        Ok(Connected { config, world })
    }
}

impl Connected {
    fn with<T>(&self, act: impl FnOnce(&mut Living) -> T) -> T {
        act(self.world.lock().unwrap().living.entry(self.config.name.clone()).or_default())
    }

    fn effect(&self, effect: &str) {
        let mut world = self.world.lock().unwrap();
        *world.effects.entry(format!("{}.{effect}", self.config.name)).or_default() += 1;
    }

    /// Notes a user who is inside while rows are replaced or put in by a run.
    fn watch_the_doors(&self, what: &str) {
        let mut world = self.world.lock().unwrap();
        for user in &self.config.users {
            if world.things.get(user).is_some_and(|thing| thing.open) {
                world.violations.push(format!("{} {what} while {user} was open", self.config.name));
            }
        }
    }

    fn rows(&self) -> Option<Rows> {
        self.with(|living| living.rows.clone())
    }
}

/// What runs sealed of the log.
async fn unsealed(context: &Context, sealed: &[SealedWrites]) -> Result<Vec<Write>, DriverError> {
    let mut writes = Vec::new();
    for part in sealed.iter().flat_map(|one| &one.data) {
        let failed = |error| DriverError::new(ErrorKind::BadData, "read a sealed log").caused_by(error);
        let bytes = context.vault.get(&part.blob).await.map_err(failed)?;
        writes.extend(serde_json::from_slice::<Vec<Write>>(&bytes).unwrap());
    }
    Ok(writes)
}

async fn captured(
    context: &Context,
    rows: Option<Rows>,
    depth: Depth,
    apart: bool,
) -> Result<Captured<State>, DriverError> {
    let Some(rows) = rows else { return Ok(Captured { state: None, identity: None, data: Vec::new() }) };
    if rows.is_unreadable {
        return Err(DriverError::new(ErrorKind::Unreadable, "read the rows").nothing_happened());
    }
    let mut data = Vec::new();
    if depth == Depth::Keep {
        let mut copy = rows.clone();
        if apart {
            // Its own recorder knows nothing of what the copy has.
            copy.taken.extend(copy.log.drain(..).map(|write| write.number));
        }
        let bytes = serde_json::to_vec(&copy).unwrap();
        let failed = |error| DriverError::new(ErrorKind::Other, "keep the rows").caused_by(error);
        let blob = context.vault.put(&bytes).await.map_err(failed)?;
        data.push(DataPart { name: "rows".into(), blob, bytes: bytes.len() as u64 });
    }
    Ok(Captured { state: Some(State::of(&rows)), identity: None, data })
}

#[async_trait]
impl Session<SimLiving> for Connected {
    async fn capture(&self, context: &Context, depth: Depth) -> Result<Captured<State>, DriverError> {
        tokio::task::yield_now().await;
        captured(context, self.rows(), depth, self.config.apart).await
    }

    /// Knows the rows where they are the saved ones; else it tells nonsense of them, which nobody may believe.
    async fn glance(&self, context: &Context, saved: Option<&State>) -> Result<Glance<State>, DriverError> {
        let captured = self.capture(context, Depth::Look).await?;
        let is_saved = captured
            .state
            .as_ref()
            .zip(saved)
            .is_some_and(|(live, saved)| (&live.shape, &live.rows) == (&saved.shape, &saved.rows));
        if is_saved || captured.state.is_none() {
            return Ok(Glance { captured, known: Known::Proven("nobody was let in since".into()) });
        }
        let state = captured.state.map(|state| State { rows: vec!["nonsense".into()], ..state });
        Ok(Glance { captured: Captured { state, ..captured }, known: Known::Shape })
    }

    async fn revert(&self, context: &Context, step: &StepOrder<State>) -> Result<Effect, DriverError> {
        tokio::task::yield_now().await;
        let new: Option<Rows> = match step.data.first() {
            Some(part) => {
                let failed = |error| DriverError::new(ErrorKind::BadData, "read the rows").caused_by(error);
                let bytes = context.vault.get(&part.blob).await.map_err(failed)?;
                Some(serde_json::from_slice(&bytes).unwrap())
            }
            None => None,
        };
        let run = context.run.as_ref().expect("a revert has a run").to_string();
        self.watch_the_doors("reverted");
        let is_there = self.with(|living| match (&step.saved, &living.rows) {
            (Some(saved), Some(rows)) => saved.is(rows),
            (None, None) => true,
            _ => false,
        });
        if is_there {
            let was_cluttered = self.with(|living| std::mem::take(&mut living.is_cluttered));
            let tidied = Effect::Applied { evidence: "tidied up".into() };
            return Ok(if was_cluttered { tidied } else { Effect::AlreadyThere });
        }
        self.with(|living| {
            if let Some(old) = std::mem::replace(&mut living.rows, new) {
                living.displaced.entry(run).or_insert(old);
            }
        });
        self.effect("revert");
        tokio::task::yield_now().await;
        let is_cut_off = self.with(|living| {
            living.is_cluttered = living.cut_off > 0;
            living.cut_off = living.cut_off.saturating_sub(1);
            living.is_cluttered
        });
        if is_cut_off {
            return Err(DriverError::new(ErrorKind::Other, "tidy up"));
        }
        Ok(Effect::Applied { evidence: "done".into() })
    }

    async fn sight(&self, _: &Context, _: &StepOrder<State>) -> Result<Option<Sighting>, DriverError> {
        Ok(self.with(|living| living.is_cluttered.then_some(Sighting::Before)))
    }

    async fn arm(&self, _: &Context, occasion: Occasion) -> Result<Coverage, DriverError> {
        tokio::task::yield_now().await;
        self.effect("arm");
        self.with(|living| {
            let gap = |why: &str| vec![Gap { table: "rows".into(), why: why.into() }];
            let Some(rows) = living.rows.as_mut().filter(|_| !living.cannot_record) else {
                return Ok(Coverage { uncovered: gap("it is a view"), ..Coverage::default() });
            };
            let was_gone = rows.armed && !rows.recording;
            rows.gap |= was_gone;
            (rows.armed, rows.recording) = (true, true);
            rows.since_cutover |= occasion.is_cutover();
            let interrupted = if was_gone { gap("it was rebuilt") } else { Vec::new() };
            Ok(Coverage { covered: vec!["rows".into()], interrupted, ..Coverage::default() })
        })
    }

    async fn disarm(&self, _: &Context) -> Result<(), DriverError> {
        self.with(|living| {
            if let Some(rows) = &mut living.rows {
                (rows.armed, rows.recording, rows.gap, rows.since_cutover) = (false, false, false, false);
                rows.log.clear();
            }
        });
        Ok(())
    }

    async fn coverage(&self, _: &Context) -> Result<Option<Coverage>, DriverError> {
        let Some(rows) = self.rows().filter(|rows| rows.armed) else { return Ok(None) };
        let covered = if rows.recording { vec!["rows".to_owned()] } else { Vec::new() };
        Ok(Some(Coverage { covered, ..Coverage::default() }))
    }

    async fn count(
        &self,
        context: &Context,
        target: &State,
        earlier: &[SealedWrites],
    ) -> Result<Option<Counted>, DriverError> {
        tokio::task::yield_now().await;
        let is_unreadable = self.rows().is_some_and(|rows| rows.is_unreadable);
        if is_unreadable || self.with(|living| living.cannot_count) {
            return Err(DriverError::new(ErrorKind::BadData, "read the log"));
        }
        let (Some(rows), Some(known)) = (self.rows().filter(|rows| rows.armed), &target.recorded) else {
            return Ok(None);
        };
        let mut table = TableWrites {
            table: "rows".into(),
            before_cutover: Default::default(),
            since_cutover: Default::default(),
            unmapped: 0,
            migration: 0,
            taken_over: 0,
            misfits: Vec::new(),
        };
        let mut log: BTreeMap<u64, Write> =
            rows.log.iter().map(|write| (write.number, write.clone())).collect();
        log.extend(unsealed(context, earlier).await?.into_iter().map(|write| (write.number, write)));
        for write in log.values().filter(|write| !known.contains(&write.number)) {
            match write {
                Write { by_migration: true, .. } => table.migration += 1,
                Write { since_cutover: true, .. } => table.since_cutover.inserted += 1,
                _ => table.before_cutover.inserted += 1,
            }
            table.unmapped += u64::from(!write.by_migration && write.row.starts_with(UNMAPPED));
        }
        let gap = Gap { table: "rows".into(), why: "its recorder was gone".into() };
        let was_gap = earlier.iter().any(|earlier| !earlier.gaps.is_empty());
        let gaps = if rows.gap || was_gap || !rows.recording { vec![gap] } else { Vec::new() };
        let wrote = table.users().sum() + table.migration > 0;
        Ok(Some(Counted { tables: wrote.then_some(table).into_iter().collect(), gaps, notes: Vec::new() }))
    }

    async fn seal(
        &self,
        context: &Context,
        target: &State,
        earlier: &[SealedWrites],
    ) -> Result<Option<Sealed>, DriverError> {
        let Some(counted) = self.count(context, target, earlier).await? else { return Ok(None) };
        let log = self.rows().filter(|_| self.config.apart).map(|rows| rows.log);
        let mut data = Vec::new();
        if let Some(log) = log {
            let bytes = serde_json::to_vec(&log).unwrap();
            let failed = |error| DriverError::new(ErrorKind::Other, "seal the log").caused_by(error);
            let blob = context.vault.put(&bytes).await.map_err(failed)?;
            data.push(DataPart { name: "log".into(), blob, bytes: bytes.len() as u64 });
        }
        Ok(Some(Sealed { counted, data }))
    }

    async fn recover(&self, context: &Context, order: &RecoverOrder) -> Result<Recovered, DriverError> {
        if context.key != "recover" {
            self.watch_the_doors("given writes");
        }
        let failing = self.with(|living| match &mut living.failing {
            Some((after, times)) if *times > 0 => {
                *times -= 1;
                Some(*after)
            }
            _ => None,
        });
        let mut recovered = Recovered::default();
        let sealed = unsealed(context, &order.sealed).await?;
        let held: Vec<Write> = self.with(|living| {
            if self.config.apart {
                return sealed;
            }
            let held = order.from.iter().filter_map(|run| living.displaced.get(run.as_str()));
            held.filter(|rows| !rows.is_unreadable).flat_map(|rows| rows.log.clone()).collect()
        });
        let has_no_place = |row: &str| row.starts_with(UNMAPPED) || row.starts_with(UNMAPPED_LATE);
        let without = held.iter().filter(|write| !write.by_migration && has_no_place(&write.row)).count();
        let refused = order.refused(&Recovered { unmapped: without as u64, ..Recovered::default() });
        if let Some(refused) = refused {
            return Err(refused);
        }
        let mut seen = BTreeSet::new();
        for write in held.into_iter().filter(|write| !write.by_migration) {
            tokio::task::yield_now().await;
            if !seen.insert(write.number) {
                continue;
            }
            if failing.is_some_and(|after| recovered.applied + recovered.waiting >= after as u64) {
                return Err(DriverError::new(ErrorKind::Other, "put the next row in"));
            }
            self.with(|living| {
                let Some(rows) = &mut living.rows else { return };
                let is_there = rows.log.iter().any(|known| known.number == write.number);
                if is_there || rows.taken.contains(&write.number) {
                    recovered.already += 1;
                } else if has_no_place(&write.row) {
                    recovered.unmapped += 1;
                } else if order.way == Way::Review {
                    living.files.insert(write.number, write.row.clone());
                    recovered.waiting += 1;
                } else {
                    rows.rows.push(write.row.clone());
                    if self.config.apart {
                        rows.taken.insert(write.number);
                    } else {
                        rows.log.push(write);
                    }
                    recovered.applied += 1;
                }
            });
        }
        self.effect("recover");
        tokio::task::yield_now().await;
        Ok(recovered)
    }

    async fn capture_displaced(&self, context: &Context) -> Result<Option<Captured<State>>, DriverError> {
        tokio::task::yield_now().await;
        let run = context.run.as_ref().map(ToString::to_string).unwrap_or_default();
        let displaced = self.with(|living| living.displaced.get(&run).cloned());
        match displaced.filter(|rows| !rows.is_unreadable) {
            Some(rows) => captured(context, Some(rows), Depth::Keep, self.config.apart).await.map(Some),
            None => Ok(None),
        }
    }

    async fn read_marker(&self, _: &Context) -> Result<Option<Value>, DriverError> {
        Ok(self.with(|living| living.marker.clone()))
    }

    async fn write_marker(&self, _: &Context, marker: Option<&Value>) -> Result<(), DriverError> {
        self.with(|living| living.marker = marker.cloned());
        Ok(())
    }

    async fn release(&self, _: &Context) -> Result<(), DriverError> {
        self.with(|living| living.displaced.clear());
        Ok(())
    }
}
