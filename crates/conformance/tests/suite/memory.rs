//! A small good driver of things in memory, and what can be wrong with it; over 400 lines because a driver is one
//! implementation, and each flaw stands where it goes wrong.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use backout_contract::{
    Captured, Context, Depth, Door, Driver, DriverError, Effect, ErrorKind, KindPage, Piece, RecoverOrder,
    Session, StepOrder, StopLevel,
};
use backout_core::capability::{Capabilities, Quiescence};
use backout_core::checkpoint::DataPart;
use backout_core::delta::{Delta, Shown};
use backout_core::digest::Digest;
use backout_core::migration::{Claim, shown};
use backout_core::observation::Seen;
use backout_core::order::Mode;
use backout_core::plan::{Count, DataPrice};
use backout_core::writes::{Counted, Coverage, Occasion, Recovered, SealedWrites};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::estate::{Slot, Thing, with};
use crate::{flaw, recording};

pub struct Memory<const FLAW: u8, const OPENING_RESTARTS: bool>;

#[derive(Clone, Deserialize, schemars::JsonSchema)]
pub struct Config {
    name: String,
    #[serde(flatten)]
    others: std::collections::BTreeMap<String, Value>,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    value: String,
    secret: String,
    rows: usize,
    content: Digest,
    #[serde(default)]
    recorded: Option<Vec<u64>>,
    #[serde(default)]
    noise: u32,
    #[serde(default, serialize_with = "grown")]
    growing: u32,
    #[serde(default)]
    marker: Option<Value>,
}

fn grown<S: serde::Serializer>(growing: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u32(if *growing == 0 { 0 } else { growing + 1 })
}

pub struct Connected {
    name: String,
}

fn mark(value: &str, secret: &str) -> Value {
    json!(Digest::of_value("memory", &json!([value, secret])))
}

impl<const FLAW: u8, const OPENING_RESTARTS: bool> Driver for Memory<FLAW, OPENING_RESTARTS> {
    const KIND: &'static str = "memory.value";
    const STATE_VERSION: u16 = 1;
    type Config = Config;
    type State = State;
    type Session = Connected;

    fn page() -> KindPage {
        KindPage { summary: "a value in memory", page: "Nothing to see." }
    }

    fn capabilities(_: &Config) -> Capabilities {
        Capabilities {
            mode: Mode::InPlace,
            quiescence: Quiescence::Door { opening_restarts: OPENING_RESTARTS },
            holds_data: true,
            records_writes: true,
            marker: true,
            keeps_displaced: true,
            stages: true,
            compare_and_set: true,
            sees_exactly: true,
        }
    }

    fn target(config: &Config) -> String {
        shown(&config.name)
    }

    fn claims(config: &Config, _: &Path) -> Vec<Claim> {
        vec![Claim { space: "memory".into(), path: vec![config.name.clone()], parts: None }]
    }

    fn check(config: &Config) -> Result<(), Vec<String>> {
        match config.others.keys().next() {
            Some(key) if FLAW != flaw::TAKES_ANY_KEY => Err(vec![format!("`{key}` is no key")]),
            _ => Ok(()),
        }
    }

    fn shape(state: &State) -> Value {
        match FLAW {
            flaw::SHAPE_MOVES_WITH_DATA => json!([state.value, state.secret, state.rows]),
            flaw::BLIND_TO_SHAPE => Value::Null,
            _ => json!([state.value, state.secret, state.marker]),
        }
    }

    fn position(state: &State) -> Option<Value> {
        Some(json!([state.rows, state.content]))
    }

    fn diff(saved: Option<&State>, live: Option<&State>) -> Delta {
        let mut delta = Delta::default();
        let text = |state: Option<&State>| state.map_or(Shown::Absent, |state| Shown::text(&state.value));
        let rows =
            |state: Option<&State>| state.map_or(Shown::Absent, |state| Shown::text(state.rows.to_string()));
        let sensitive = |state: Option<&State>| state.map_or(Shown::Absent, |_| Shown::Sensitive);
        if text(saved) != text(live) || FLAW == flaw::DIFF_OF_EQUALS {
            delta.push("value", text(live), text(saved));
        }
        if saved.map(|state| &state.secret) != live.map(|state| &state.secret) {
            delta.push("secret", sensitive(live), sensitive(saved));
        }
        if saved.map(|state| state.content) != live.map(|state| state.content) {
            delta.push("rows", rows(live), rows(saved));
        }
        delta
    }

    fn steps(config: &Config, _: Option<&State>, live: Option<&State>) -> Result<Vec<Piece<State>>, String> {
        let name = if FLAW == flaw::SPEAKS_RAW { config.name.clone() } else { shown(&config.name) };
        let mut title = format!("put {name} back");
        if let (flaw::TITLE_COUNTS, Some(live)) = (FLAW, live) {
            title = format!("{title} over {} rows", live.rows);
        }
        let from = live.map(|live| mark(&live.value, &live.secret));
        Ok(vec![Piece { title, effect: json!({ "from": from, "flaw": FLAW }), leaves: None }])
    }

    fn price(saved: &State, live: Option<&State>) -> Option<DataPrice> {
        let writes = live.map_or(0, |live| live.rows.saturating_sub(saved.rows)) as u64;
        Some(DataPrice::compared(Count::AtLeast(writes), Vec::new(), true))
    }

    async fn connect(config: Config, _: &Context) -> Result<Connected, DriverError> {
        if FLAW == flaw::WANTS_TO_WRITE && with(&config.name, |slot| slot.is_read_only) {
            return Err(DriverError::new(ErrorKind::Denied, "open it for writing").nothing_happened());
        }
        Ok(Connected { name: config.name })
    }
}

#[async_trait]
impl<const FLAW: u8, const OPENING_RESTARTS: bool> Session<Memory<FLAW, OPENING_RESTARTS>> for Connected {
    async fn capture(&self, context: &Context, depth: Depth) -> Result<Captured<State>, DriverError> {
        static NOISE: AtomicU32 = AtomicU32::new(0);
        let found = with(&self.name, |slot| slot.thing.clone().map(|thing| (thing, slot.marker.clone())));
        let Some((thing, marker)) = found else {
            if FLAW == flaw::GONE_IS_AN_ERROR {
                return Err(DriverError::new(ErrorKind::Other, "find it").nothing_happened());
            }
            return Ok(Captured { state: None, identity: None, data: Vec::new() });
        };
        if thing.is_corrupt {
            return Err(DriverError::new(ErrorKind::Unreadable, "read it").nothing_happened());
        }
        if FLAW == flaw::LOOKING_TOUCHES {
            with(&self.name, |slot| slot.looks += 1);
        }
        let mut captured = captured(context, thing, depth).await?;
        if let Some(state) = &mut captured.state {
            state.noise = if FLAW == flaw::RANDOM_STATE { NOISE.fetch_add(1, Ordering::Relaxed) } else { 0 };
            state.growing = u32::from(FLAW == flaw::CHANGES_IN_JSON);
            state.marker = marker.filter(|_| FLAW == flaw::MARKER_IS_PART);
        }
        Ok(captured)
    }

    async fn capture_displaced(&self, context: &Context) -> Result<Option<Captured<State>>, DriverError> {
        let run = context.run.as_ref().map(ToString::to_string);
        let is_ours = |thing: &&Thing| thing.displaced_by == run || FLAW == flaw::FORGETS_WHO_DISPLACED;
        match with(&self.name, |slot| slot.displaced.iter().rfind(is_ours).cloned()) {
            Some(thing) => captured(context, thing, Depth::Keep).await.map(Some),
            None => Ok(None),
        }
    }

    async fn stage(&self, context: &Context, step: &StepOrder<State>) -> Result<Effect, DriverError> {
        let Some(saved) = &step.saved else { return Ok(Effect::AlreadyThere) };
        let (mut rows, recorder) = kept(context, step, FLAW).await?;
        if FLAW == flaw::STAGES_SOMETHING_ELSE {
            rows.clear();
        }
        let (value, secret) = (saved.value.clone(), saved.secret.clone());
        let new = Thing { value, secret, rows, recorder, ..Thing::default() };
        with(&self.name, |slot| {
            if FLAW == flaw::STAGES_OVER_IT {
                slot.thing = Some(new.clone());
            }
            slot.staged = Some(new);
        });
        Ok(Effect::Applied { evidence: "beside".into() })
    }

    async fn rehearse(
        &self,
        context: &Context,
        saved: &State,
        data: &[DataPart],
    ) -> Result<Option<State>, DriverError> {
        if FLAW == flaw::REHEARSES_BLINDLY {
            return Ok(Some(saved.clone()));
        }
        let part = data.first().ok_or_else(|| DriverError::new(ErrorKind::BadData, "find its rows"))?;
        let failed = || DriverError::new(ErrorKind::BadData, "read its rows");
        let bytes = context.vault.get(&part.blob).await.map_err(|error| failed().caused_by(error))?;
        let (rows, recorder): Kept =
            serde_json::from_slice(&bytes).map_err(|error| failed().caused_by(error))?;
        let (value, secret) = (saved.value.clone(), saved.secret.clone());
        let copy = Thing { value, secret, rows, recorder, ..Thing::default() };
        if FLAW == flaw::LEAVES_ITS_REHEARSAL {
            with(&self.name, |slot| slot.beside = Some(copy.clone()));
        }
        Ok(captured(context, copy, Depth::Look).await?.state)
    }

    async fn revert(&self, context: &Context, step: &StepOrder<State>) -> Result<Effect, DriverError> {
        let applied = || Ok(Effect::Applied { evidence: "swapped".into() });
        if FLAW == flaw::TIDIES_ONLY_WHEN_ASKED_AGAIN {
            with(&self.name, |slot| slot.displaced.extend(slot.beside.take()));
        }
        let run = || context.run.as_ref().map(ToString::to_string);
        let live = with(&self.name, |slot| slot.thing.clone());
        if is_after(live.as_ref(), step) {
            let again = FLAW == flaw::DOES_IT_AGAIN && step.saved.is_some();
            return if again { applied() } else { Ok(Effect::AlreadyThere) };
        }
        if !is_before(live.as_ref(), step) && FLAW != flaw::IGNORES_DRIFT {
            return Ok(Effect::Blocked { found: "something else".into() });
        }
        if FLAW == flaw::UNREADABLE_BLOCKS && live.as_ref().is_some_and(|live| live.is_corrupt) {
            return Err(DriverError::new(ErrorKind::Unreadable, "read it").nothing_happened());
        }
        let Some(saved) = &step.saved else {
            if FLAW == flaw::PUT_AWAY_BY_HALVES {
                with(&self.name, |slot| slot.thing.iter_mut().for_each(|thing| thing.value.clear()));
                tokio::task::yield_now().await;
            }
            if FLAW != flaw::NEVER_PUTS_AWAY {
                with(&self.name, |slot| displace(slot, run()));
            }
            return applied();
        };
        let (rows, recorder) = kept(context, step, FLAW).await?;
        if FLAW == flaw::RECORDERS_ARE_IN_THE_WAY && live.is_some_and(|live| live.recorder.is_some()) {
            return Ok(Effect::Blocked { found: "a recorder".into() });
        }
        if FLAW == flaw::DOES_NOTHING {
            return applied();
        }
        tokio::task::yield_now().await;
        if context.stop.level() > StopLevel::Go && FLAW != flaw::STOPPED_BY_HALVES {
            return Err(DriverError::new(ErrorKind::Other, "go on, being told to stop").nothing_happened());
        }
        let (value, secret) = (saved.value.clone(), saved.secret.clone());
        let new = Thing { value, secret, rows, recorder, ..Thing::default() };
        let new = with(&self.name, |slot| slot.staged.take()).unwrap_or(new);
        if FLAW == flaw::DONE_BY_HALVES
            || (FLAW == flaw::STOPPED_BY_HALVES && context.stop.level() > StopLevel::Go)
        {
            with(&self.name, |slot| {
                if let Some(thing) = &mut slot.thing {
                    slot.displaced.push(Thing { displaced_by: run(), ..thing.clone() });
                    thing.value = new.value.clone();
                }
            });
            if FLAW == flaw::STOPPED_BY_HALVES {
                return Err(DriverError::new(ErrorKind::Other, "go on, being told to stop"));
            }
            tokio::task::yield_now().await;
            with(&self.name, |slot| slot.thing = Some(new));
            return applied();
        }
        if FLAW == flaw::DONE_BY_HALVES_OVER_NOTHING && step.before == Some(Seen::Absent) {
            let half = Thing { value: new.value.clone(), ..Thing::default() };
            with(&self.name, |slot| slot.thing = Some(half));
            tokio::task::yield_now().await;
            with(&self.name, |slot| slot.thing = Some(new));
            return applied();
        }
        if FLAW == flaw::TIDIES_ONLY_WHEN_ASKED_AGAIN {
            with(&self.name, |slot| {
                let old = slot.thing.replace(new);
                slot.beside = old.map(|old| Thing { displaced_by: run(), ..old });
            });
            tokio::task::yield_now().await;
            with(&self.name, |slot| slot.displaced.extend(slot.beside.take()));
            return applied();
        }
        with(&self.name, |slot| slot.beside = Some(new));
        tokio::task::yield_now().await;
        with(&self.name, |slot| {
            let kept_rows = slot.thing.as_ref().map(|thing| thing.rows.clone());
            displace(slot, run());
            slot.thing = slot.beside.take();
            match (FLAW, &mut slot.thing) {
                (flaw::FORGETS_DATA, Some(thing)) => thing.rows = kept_rows.unwrap_or_default(),
                (flaw::LOSES_THE_DISPLACED, _) => slot.displaced.clear(),
                _ => {}
            }
        });
        tokio::task::yield_now().await;
        applied()
    }

    async fn ready(
        &self,
        _: &Context,
        _: Option<&State>,
        _: &[DataPart],
    ) -> Result<Vec<String>, DriverError> {
        let lacks = FLAW == flaw::LACKS_NOTHING_AND_SAYS_SO;
        Ok(lacks.then(|| "there is no room".to_owned()).into_iter().collect())
    }

    async fn door(&self, _: &Context) -> Result<Door, DriverError> {
        let is_open = with(&self.name, |slot| slot.is_open) && FLAW != flaw::DOOR_LIES;
        Ok(if is_open { Door::Open } else { Door::Shut })
    }

    async fn quiesce(&self, _: &Context) -> Result<Effect, DriverError> {
        Ok(with(&self.name, |slot| {
            if !slot.is_open {
                return Effect::AlreadyThere;
            }
            slot.is_open = FLAW == flaw::DOOR_LIES;
            Effect::Applied { evidence: "shut".into() }
        }))
    }

    async fn restart(&self, _: &Context, since: i64) -> Result<Effect, DriverError> {
        Ok(with(&self.name, |slot| {
            if slot.started >= since && FLAW != flaw::RESTARTS_EVERY_TIME {
                return Effect::AlreadyThere;
            }
            start(slot);
            Effect::Applied { evidence: "started".into() }
        }))
    }

    async fn reopen(&self, _: &Context, _: Option<&State>) -> Result<Effect, DriverError> {
        Ok(with(&self.name, |slot| {
            if slot.is_open {
                return Effect::AlreadyThere;
            }
            if OPENING_RESTARTS {
                start(slot);
            }
            slot.is_open = true;
            Effect::Applied { evidence: "open".into() }
        }))
    }

    async fn arm(&self, _: &Context, occasion: Occasion) -> Result<Coverage, DriverError> {
        Ok(with(&self.name, |slot| recording::arm(slot, occasion, FLAW)))
    }

    async fn disarm(&self, _: &Context) -> Result<(), DriverError> {
        with(&self.name, |slot| {
            if let (Some(thing), true) = (&mut slot.thing, FLAW != flaw::DISARMS_BY_HALVES) {
                thing.recorder = None;
            }
        });
        Ok(())
    }

    async fn coverage(&self, _: &Context) -> Result<Option<Coverage>, DriverError> {
        let recorder = with(&self.name, |slot| slot.thing.as_ref().and_then(|thing| thing.recorder.clone()));
        Ok(recorder.map(|recorder| recording::coverage(&recorder, FLAW)))
    }

    async fn count(
        &self,
        _: &Context,
        target: &State,
        _: &[SealedWrites],
    ) -> Result<Option<Counted>, DriverError> {
        if FLAW == flaw::COUNTING_TOUCHES {
            with(&self.name, |slot| slot.looks += 1);
        }
        let recorder = with(&self.name, |slot| slot.thing.as_ref().and_then(|thing| thing.recorder.clone()));
        let held = target.recorded.as_deref().unwrap_or_default();
        Ok(recorder.map(|recorder| recording::count(&recorder, held, FLAW)))
    }

    async fn recover(&self, _: &Context, order: &RecoverOrder) -> Result<Recovered, DriverError> {
        Ok(with(&self.name, |slot| recording::recover(slot, order, FLAW)))
    }

    async fn read_marker(&self, _: &Context) -> Result<Option<Value>, DriverError> {
        Ok(with(&self.name, |slot| slot.marker.clone()))
    }

    async fn write_marker(&self, _: &Context, marker: Option<&Value>) -> Result<(), DriverError> {
        with(&self.name, |slot| slot.marker = marker.cloned());
        Ok(())
    }

    async fn displaced(&self, _: &Context) -> Result<Vec<String>, DriverError> {
        let count = with(&self.name, |slot| slot.displaced.len());
        Ok((0..count).map(|index| index.to_string()).collect())
    }

    async fn release(&self, _: &Context) -> Result<(), DriverError> {
        with(&self.name, |slot| {
            if FLAW != flaw::RELEASES_NOTHING {
                slot.displaced.clear();
                slot.beside = None;
                slot.staged = None;
            }
            if let (flaw::RELEASES_TOO_MUCH, Some(thing)) = (FLAW, &mut slot.thing) {
                thing.rows.clear();
            }
        });
        Ok(())
    }
}

async fn captured(context: &Context, thing: Thing, depth: Depth) -> Result<Captured<State>, DriverError> {
    let content = json!(thing.rows);
    let state = State {
        content: Digest::of_value("memory", &content),
        rows: thing.rows.len(),
        value: thing.value,
        secret: thing.secret,
        recorded: thing.recorder.as_ref().map(|it| it.log.iter().map(|entry| entry.identity).collect()),
        noise: 0,
        growing: 0,
        marker: None,
    };
    let mut data = Vec::new();
    if depth == Depth::Keep {
        let bytes = json!((thing.rows, thing.recorder)).to_string().into_bytes();
        let blob = context.vault.put(&bytes).await.map_err(|error| {
            DriverError::new(ErrorKind::BadData, "keep the rows").caused_by(error).nothing_happened()
        })?;
        data.push(DataPart { name: "rows".into(), blob, bytes: bytes.len() as u64 });
    }
    Ok(Captured { state: Some(state), identity: Some("memory".into()), data })
}

fn displace(slot: &mut Slot, run: Option<String>) {
    if let Some(thing) = slot.thing.take() {
        slot.displaced.push(Thing { displaced_by: run, ..thing });
    }
}

fn start(slot: &mut Slot) {
    slot.starts += 1;
    slot.started = crate::memory_world::now();
}

fn is_after(live: Option<&Thing>, step: &StepOrder<State>) -> bool {
    match (live, &step.saved) {
        (None, None) => true,
        (Some(live), Some(saved)) => {
            !live.is_corrupt && live.value == saved.value && live.secret == saved.secret
        }
        _ => false,
    }
}

fn is_before(live: Option<&Thing>, step: &StepOrder<State>) -> bool {
    match (live, &step.before) {
        (None, Some(Seen::Absent)) => true,
        (Some(live), Some(Seen::Present { .. })) => {
            step.effect.get("from") == Some(&mark(&live.value, &live.secret))
        }
        (Some(live), Some(Seen::Unreadable { .. })) => live.is_corrupt,
        _ => false,
    }
}

type Kept = (Vec<String>, Option<recording::Recorder>);

async fn kept(context: &Context, step: &StepOrder<State>, flaw: u8) -> Result<Kept, DriverError> {
    let secret = step.saved.as_ref().map_or("", |saved| saved.secret.as_str());
    let what =
        if flaw == flaw::LEAKS { format!("open it with {secret}") } else { "read its rows".to_owned() };
    let failed = || DriverError::new(ErrorKind::BadData, what.clone()).nothing_happened();
    let part = step.data.first().ok_or_else(failed)?;
    match context.vault.get(&part.blob).await {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| failed().caused_by(error)),
        Err(_) if flaw == flaw::IGNORES_DAMAGE => Ok(Kept::default()),
        Err(error) => Err(failed().caused_by(error)),
    }
}
