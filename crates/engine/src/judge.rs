//! Judges components after the fact: compares with what was saved, examines, and takes the looks that the
//! migration file declares.

use std::sync::Arc;
use std::time::Duration;

use backout_contract::{Depth, Exactness, ProbeLook, Stop};
use backout_core::life::{CheckpointLife, Life};
use backout_core::name::{CheckpointId, ComponentName, RunId};
use backout_core::observation::{Seen, Verdict};
use tokio::task::JoinSet;

use crate::assemble::{Assembled, Part};
use crate::cutover::no_checkpoint;
use crate::look::{Looked, connect, look};
use crate::refusal::EngineError;
use crate::tools::Tools;

/// How long a bad look is repeated before it counts: a service that just opened may need a moment.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// A judgement of one component.
#[derive(Debug, Clone)]
pub struct Judged {
    /// Which component.
    pub component: ComponentName,
    /// Restored, differs or unknown.
    pub verdict: Verdict,
    /// What was looked at, one entry a look.
    pub looked: Vec<String>,
    /// What stood there.
    pub seen: Option<Seen>,
    /// How long it took, in milliseconds.
    pub millis: u64,
}

/// What a judgement compares with.
#[derive(Debug, Clone)]
pub(crate) enum Expected {
    /// With what was saved.
    Saved(Seen),
    /// With what stood there once users' writes had been taken over into what was saved.
    WithWrites(Seen),
    /// With nothing: it was kept as it stood, so only its health is judged.
    Kept,
}

/// Whether the looks that the migration file declares tell about what is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Declared {
    /// They do.
    Taken,
    /// They describe the captured state, and another one is expected.
    LeftOut,
}

impl Declared {
    /// For what was put back to this checkpoint.
    pub(crate) fn about(checkpoint: Option<&CheckpointId>) -> Self {
        if checkpoint.is_some_and(CheckpointId::is_before_a_run) { Self::LeftOut } else { Self::Taken }
    }
}

/// Judges one component, by what was looked at just now, or else by a look of its own.
#[expect(clippy::too_many_arguments, reason = "each is a question that its callers answer differently")]
pub(crate) async fn judge(
    part: &Part,
    expected: &Expected,
    declared: Declared,
    exactness: Exactness,
    looked_at: Option<Looked>,
    run: Option<&RunId>,
    patience: bool,
    tools: &Tools,
    stop: &Stop,
) -> Judged {
    let began = tools.clock.monotonic_millis();
    let mut looked = Vec::new();
    let mut verdict = Verdict::Restored;
    let mut seen = None;
    if part.configured.is_some() {
        let look = match looked_at {
            Some(looked) => looked,
            None => look(part, tools, run, Depth::Look, stop).await,
        };
        let found = look.observation.seen;
        let (compared, entry) = match look.failed {
            Some(why) => (
                Verdict::Unknown { why: format!("it could not be looked at: {why}") },
                format!("{}: could not be looked at", part.target),
            ),
            None => compare(part, expected, exactness, &found),
        };
        verdict = verdict.and(compared);
        looked.push(entry);
        if matches!(found, Seen::Present { .. }) {
            let (examined, entries) = examine(part, exactness, run, tools, stop).await;
            verdict = verdict.and(examined);
            looked.extend(entries);
        }
        seen = Some(found);
    }
    if exactness == Exactness::Shape && declared == Declared::LeftOut && !part.verify.is_empty() {
        looked.push(
            "the looks of the migration file describe the captured state, and were left out".to_owned(),
        );
    } else if exactness == Exactness::Shape {
        for (_, probe) in &part.verify {
            let (probed, entry) = probe_until(probe.as_ref(), part, run, patience, tools, stop).await;
            verdict = verdict.and(probed);
            looked.push(entry);
        }
    }
    if looked.is_empty() {
        verdict = Verdict::Unknown {
            why: "only a person can look at it; declare `verify:` so that somebody else can too".into(),
        };
    }
    Judged {
        component: part.name.clone(),
        verdict,
        looked,
        seen,
        millis: tools.clock.monotonic_millis().saturating_sub(began),
    }
}

fn compare(part: &Part, expected: &Expected, exactness: Exactness, found: &Seen) -> (Verdict, String) {
    let target = &part.target;
    let plus = if matches!(expected, Expected::WithWrites(_)) { ", plus recovered writes" } else { "" };
    match (expected, found) {
        (_, Seen::Unreachable { cause }) => {
            (Verdict::Unknown { why: format!("it did not answer: {cause}") }, format!("{target}: no answer"))
        }
        (_, Seen::Unreadable { cause }) => (
            Verdict::Differs { what: format!("it cannot be read: {cause}") },
            format!("{target}: cannot be read"),
        ),
        (Expected::Kept, _) => (Verdict::Restored, format!("{target}: kept as it stands, by choice")),
        (Expected::Saved(saved) | Expected::WithWrites(saved), _) if exactness == Exactness::Data => {
            if found.same_exactly(saved) {
                (Verdict::Restored, format!("{target}: content and data are what was saved{plus}"))
            } else {
                (
                    Verdict::Differs { what: "its data is not what was saved".into() },
                    format!("{target}: differs"),
                )
            }
        }
        (Expected::Saved(saved) | Expected::WithWrites(saved), _) if found.same_exactly(saved) => {
            (Verdict::Restored, format!("{target}: is what was saved{plus}"))
        }
        (Expected::Saved(saved) | Expected::WithWrites(saved), _) if found.same_shape(saved) => {
            (Verdict::Restored, format!("{target}: is what was saved{plus}, with later writes"))
        }
        (Expected::Saved(saved) | Expected::WithWrites(saved), _) => (
            Verdict::Differs { what: format!("saved {}, found {}", saved.word(), describe(found, saved)) },
            format!("{target}: differs"),
        ),
    }
}

fn describe(found: &Seen, saved: &Seen) -> &'static str {
    match (found, saved) {
        (Seen::Present { .. }, Seen::Present { .. }) => "something else",
        (Seen::Present { .. }, _) => "something",
        _ => found.word(),
    }
}

async fn examine(
    part: &Part,
    exactness: Exactness,
    run: Option<&RunId>,
    tools: &Tools,
    stop: &Stop,
) -> (Verdict, Vec<String>) {
    let result = match connect(part, tools, run, "examine", stop).await {
        Ok((session, context)) => session.examine(&context, exactness).await,
        Err(error) => Err(error),
    };
    result.unwrap_or_else(|error| {
        (Verdict::Unknown { why: error.chain() }, vec![format!("{}: could not be examined", part.target)])
    })
}

async fn probe_until(
    probe: &dyn backout_contract::probe::ConfiguredProbe,
    part: &Part,
    run: Option<&RunId>,
    patience: bool,
    tools: &Tools,
    stop: &Stop,
) -> (Verdict, String) {
    let context = tools.context(&part.name, run, "probe", stop);
    let began = tools.clock.monotonic_millis();
    loop {
        let (verdict, found) = match probe.look(&context).await {
            Ok(ProbeLook::Ok { found }) => {
                return (Verdict::Restored, format!("{}: {found}", probe.describe()));
            }
            Ok(ProbeLook::Bad { found }) => {
                (Verdict::Differs { what: format!("{}: {found}", probe.describe()) }, found)
            }
            Ok(ProbeLook::Unknown { why }) => {
                (Verdict::Unknown { why: format!("{}: {why}", probe.describe()) }, why)
            }
            Err(error) => {
                let why = error.chain();
                (Verdict::Unknown { why: format!("{}: {why}", probe.describe()) }, why)
            }
        };
        let waited = Duration::from_millis(tools.clock.monotonic_millis().saturating_sub(began));
        if !patience || waited >= PATIENCE {
            return (verdict, format!("{}: {found}", probe.describe()));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// What is expected of a component: what it was last put back to, or else what the newest checkpoint has.
///
/// | last put back by a run to | which | expected |
/// |---|---|---|
/// | – | | what the newest checkpoint has |
/// | a checkpoint | has it | what that has |
/// | the state before a run | does not have it, for it was not changed | what stood there when it was judged |
fn expected_of(part: &Part, life: &Life, newest: &CheckpointLife) -> Option<Expected> {
    let saved = |one: &CheckpointLife| Some(one.components.get(&part.name)?.observation.seen.clone());
    let seen = match life.put_back.get(&part.name) {
        Some(last) => life.checkpoints.get(&last.to).and_then(saved).or_else(|| last.seen.clone()),
        None => None,
    };
    match (seen.or_else(|| saved(newest)), &part.configured) {
        (Some(seen), _) => Some(Expected::Saved(seen)),
        (None, None) => Some(Expected::Kept),
        (None, Some(_)) => None,
    }
}

/// Judges every component that was saved. Reads only, and writes nothing to the journal.
///
/// # Errors
/// Refused without a checkpoint.
pub async fn verify_all(
    assembled: &Assembled,
    life: &Life,
    tools: &Tools,
) -> Result<Vec<Judged>, EngineError> {
    let Some((_, saved, _)) = life.checkpoint() else {
        return Err(EngineError::refused(no_checkpoint()));
    };
    let stop = Stop::never();
    let mut tasks = JoinSet::new();
    let permits = Arc::new(tokio::sync::Semaphore::new(tools.limit.max(1)));
    for (index, part) in assembled.parts.iter().enumerate() {
        let Some(expected) = expected_of(part, life, saved) else { continue };
        let declared = Declared::about(life.put_back.get(&part.name).map(|last| &last.to));
        let (part, tools, stop, permits) =
            (Arc::clone(part), tools.clone(), stop.clone(), Arc::clone(&permits));
        tasks.spawn(async move {
            let _permit = permits.acquire_owned().await;
            (
                index,
                judge(&part, &expected, declared, Exactness::Shape, None, None, false, &tools, &stop).await,
            )
        });
    }
    let mut judged: Vec<(usize, Judged)> = tasks.join_all().await;
    judged.sort_by_key(|(index, _)| *index);
    Ok(judged.into_iter().map(|(_, judged)| judged).collect())
}
