//! Looks at components, side by side.

use std::sync::Arc;

use backout_contract::{Captured, Depth, DriverError, ErrorKind, Glance, Known, SessionDyn, Stop};
use backout_core::checkpoint::DataPart;
use backout_core::name::{ComponentName, RunId};
use backout_core::observation::{Fingerprint, Observation, Seen};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::assemble::Part;
use crate::tools::Tools;

/// What a look at one component brought back.
#[derive(Debug, Clone)]
pub struct Looked {
    /// Without its content.
    pub observation: Observation,
    /// The driver's state.
    pub state: Option<Value>,
    /// Data that went into the vault.
    pub data: Vec<DataPart>,
    /// How long it took, in milliseconds.
    pub millis: u64,
    /// Whether the look failed for want of something on our side (space, a bad configuration), so that it says
    /// nothing about the component.
    pub failed: Option<String>,
    /// What to do about a look that brought nothing back.
    pub hints: Vec<String>,
}

/// Looks at one component.
pub async fn look(part: &Part, tools: &Tools, run: Option<&RunId>, depth: Depth, stop: &Stop) -> Looked {
    let began = tools.clock.monotonic_millis();
    let context = tools.context(&part.name, run, "look", stop);
    let result = match &part.configured {
        None => Err(DriverError::new(ErrorKind::Unreachable, "look at what only a person can see")),
        Some(configured) => match configured.connect(&context).await {
            Ok(session) => session.capture(&context, depth).await,
            Err(error) => Err(error),
        },
    };
    looked(part, tools, began, result)
}

/// Looks at one component while users wait: see [`backout_contract::Session::glance`]. Where nobody looked at the data, what
/// is seen has no position, and no state comes back.
pub(crate) async fn glance(
    part: &Part,
    tools: &Tools,
    run: Option<&RunId>,
    saved: Option<&Value>,
    stop: &Stop,
) -> (Looked, Known) {
    let began = tools.clock.monotonic_millis();
    let glanced = match connect(part, tools, run, "look", stop).await {
        Ok((session, context)) => session.glance(&context, saved).await,
        Err(error) => Err(error),
    };
    let (result, known) = match glanced {
        Ok(Glance { captured, known }) => (Ok(captured), known),
        Err(error) => (Err(error), Known::All),
    };
    let mut looked = looked(part, tools, began, result);
    if known == Known::Shape {
        looked.state = None;
        if let Seen::Present { fingerprint: Fingerprint { position, .. } } = &mut looked.observation.seen {
            *position = None;
        }
    }
    (looked, known)
}

/// What came of a look.
fn looked(part: &Part, tools: &Tools, began: u64, result: Result<Captured<Value>, DriverError>) -> Looked {
    let mut failed = None;
    let mut hints = Vec::new();
    let (seen, state, identity, data) = match result {
        Ok(captured) => match seen_of(part, tools, captured.state.as_ref()) {
            Ok(seen) => (seen, captured.state, captured.identity, captured.data),
            Err(error) => {
                failed = Some(error.chain());
                (Seen::Unreadable { cause: error.chain() }, None, None, Vec::new())
            }
        },
        Err(error) => {
            let cause = error.chain();
            hints = error.hints;
            if matches!(error.kind, ErrorKind::Config | ErrorKind::NoSpace | ErrorKind::BadData) {
                failed = Some(cause.clone());
            }
            let seen = match error.kind {
                ErrorKind::Unreachable | ErrorKind::TimedOut => Seen::Unreachable { cause },
                _ => Seen::Unreadable { cause },
            };
            (seen, None, None, Vec::new())
        }
    };
    Looked {
        observation: Observation {
            component: part.name.clone(),
            kind: part.kind.clone(),
            state_version: part.configured.as_ref().map_or(0, |configured| configured.state_version()),
            seen,
            identity,
            at: tools.clock.now(),
        },
        state,
        data,
        millis: tools.clock.monotonic_millis().saturating_sub(began),
        failed,
        hints,
    }
}

/// What a person should know before a component is put back. One that cannot be asked has been told of as such by others.
pub async fn advice(part: &Part, tools: &Tools, stop: &Stop) -> Vec<String> {
    let Some(configured) = &part.configured else { return Vec::new() };
    let context = tools.context(&part.name, None, "advice", stop);
    match configured.connect(&context).await {
        Ok(session) => session.advice(&context).await.unwrap_or_default(),
        Err(_) => Vec::new(),
    }
}

/// What a state looks like.
pub fn seen_of(part: &Part, tools: &Tools, state: Option<&Value>) -> Result<Seen, DriverError> {
    match (state, &part.configured) {
        (Some(state), Some(configured)) => {
            let fingerprint = configured.fingerprint(&tools.key, &part.kind, state)?;
            Ok(Seen::Present { fingerprint })
        }
        _ => Ok(Seen::Absent),
    }
}

/// Looks at many components, at most so many side by side as the tools allow, in the order given.
pub async fn look_all(parts: &[Arc<Part>], tools: &Tools, depth: Depth, stop: &Stop) -> Vec<Looked> {
    let permits = Arc::new(Semaphore::new(tools.limit.max(1)));
    let mut tasks = JoinSet::new();
    for (index, part) in parts.iter().enumerate() {
        let (part, tools, stop, permits) =
            (Arc::clone(part), tools.clone(), stop.clone(), Arc::clone(&permits));
        tasks.spawn(async move {
            let _permit = permits.acquire_owned().await;
            (index, look(&part, &tools, None, depth, &stop).await)
        });
    }
    let mut looked: Vec<(usize, Looked)> = Vec::with_capacity(parts.len());
    while let Some(result) = tasks.join_next().await {
        match result {
            Ok(one) => looked.push(one),
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => {}
        }
    }
    looked.sort_by_key(|(index, _)| *index);
    looked.into_iter().map(|(_, looked)| looked).collect()
}

/// Opens a session for a component.
pub async fn connect(
    part: &Part,
    tools: &Tools,
    run: Option<&RunId>,
    key: &str,
    stop: &Stop,
) -> Result<(Arc<dyn SessionDyn>, backout_contract::Context), DriverError> {
    let context = tools.context(&part.name, run, key, stop);
    match &part.configured {
        Some(configured) => Ok((configured.connect(&context).await?, context)),
        None => Err(DriverError::new(
            ErrorKind::Config,
            format!("connect to `{}`, which only a person can reach", part.name),
        )
        .nothing_happened()),
    }
}

/// Finds a part by name.
pub fn find<'a>(parts: &'a [Arc<Part>], name: &ComponentName) -> Option<&'a Arc<Part>> {
    parts.iter().find(|part| part.name == *name)
}
