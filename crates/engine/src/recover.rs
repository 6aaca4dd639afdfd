//! Takes over, after a run, what users had written and the put-back state lacks: what waited for a person, and
//! conflicts that a person has settled by now. Twice does nothing.

use std::sync::Arc;

use backout_contract::{RecoverOrder, Stop};
use backout_core::diagnostic::Diagnostic;
use backout_core::journal::Event;
use backout_core::life::Life;
use backout_core::migration::Writes;
use backout_core::name::{ComponentName, RunId};
use backout_core::writes::{Recovered, SealedWrites, Way, Winner};

use crate::assemble::{Assembled, Part};
use crate::book::Book;
use crate::capture::refuse_open_run;
use crate::claims::refuse_claimed_elsewhere;
use crate::codes::NOTHING_TO_RECOVER;
use crate::look::connect;
use crate::refusal::EngineError;
use crate::tools::Tools;

/// What became of the writes of one component.
#[derive(Debug, Clone)]
pub struct Recovery {
    /// Which component.
    pub component: ComponentName,
    /// What was done.
    pub recovered: Recovered,
}

/// A component whose recorded writes could be taken over.
#[derive(Debug, Clone)]
pub struct Recoverable {
    /// The component.
    pub part: Arc<Part>,
    /// The runs that displaced what holds the writes, oldest first.
    pub runs: Vec<RunId>,
}

/// The components whose recorded writes could be taken over: those that a run of ours put back and that record. Writes
/// whose loss is accepted by declaration are taken over only where the component is named.
///
/// # Errors
/// Refused where there is none, or a component was asked for that is not among them.
pub fn recoverable(
    assembled: &Assembled,
    life: &Life,
    only: &[ComponentName],
) -> Result<Vec<Recoverable>, EngineError> {
    let records = |part: &&Arc<Part>| {
        part.records_writes()
            && (life.put_back.contains_key(&part.name) || life.left.contains_key(&part.name))
            && (only.contains(&part.name) || (only.is_empty() && part.writes != Some(Writes::AcceptLoss)))
    };
    let found: Vec<Recoverable> = assembled
        .parts
        .iter()
        .filter(records)
        .map(|part| Recoverable { part: Arc::clone(part), runs: runs_of(life, &part.name) })
        .filter(|one| !one.runs.is_empty())
        .collect();
    if found.is_empty() || life.end.is_some() {
        let cause = if life.end.is_some() {
            "the migration is over, and what its runs had displaced was let go"
        } else {
            "no component that records its writes was put back by a run"
        };
        return Err(EngineError::refused(
            Diagnostic::error(NOTHING_TO_RECOVER, "there are no writes to recover")
                .because(cause)
                .hint("see where the migration stands: backout status"),
        ));
    }
    Ok(found)
}

/// Takes recorded writes over into what was put back.
///
/// # Errors
/// Refused while a run is open, where nothing can be recovered, or where a target is somebody else's; otherwise when a
/// component cannot: what was taken over by then is journaled.
pub async fn recover(
    assembled: &Assembled,
    only: &[ComponentName],
    winner: Option<Winner>,
    book: &mut Book,
    tools: &Tools,
) -> Result<Vec<Recovery>, EngineError> {
    refuse_open_run(book)?;
    let components = recoverable(assembled, book.life(), only)?;
    let parts: Vec<Arc<Part>> = components.iter().map(|one| Arc::clone(&one.part)).collect();
    refuse_claimed_elsewhere(&parts, book.life(), tools).await?;
    let stop = Stop::never();
    let mut done = Vec::new();
    for Recoverable { part, runs } in components {
        let began = tools.clock.monotonic_millis();
        let failed = |source| EngineError::Driver { component: part.name.to_string(), source };
        let Some(last) = runs.last() else { continue };
        let (session, context) = connect(&part, tools, Some(last), "recover", &stop).await.map_err(failed)?;
        let folder = folder_of(tools, last, &part.name);
        let sealed = sealed_of(book.life(), last, &part.name);
        // Whoever asks for it afterwards agreed to no number: what has no place is told and stays in files.
        let order = RecoverOrder { way: Way::Merge, from: runs, sealed, folder, most_lost: None, winner };
        let recovered = session.recover(&context, &order).await.map_err(failed)?;
        backout_kit::failpoint!("recovered-later");
        let event = Event::WritesRecovered {
            component: part.name.clone(),
            step: None,
            recovered: recovered.clone(),
            millis: tools.clock.monotonic_millis().saturating_sub(began),
        };
        book.append(vec![event]).await?;
        done.push(Recovery { component: part.name.clone(), recovered });
    }
    Ok(done)
}

/// Where files for people about a component's writes lie.
pub(crate) fn folder_of(tools: &Tools, run: &RunId, component: &ComponentName) -> std::path::PathBuf {
    tools.for_people.join(run.as_str()).join(component.as_str())
}

/// What runs put into the vault of a component's writes since the state that the last of them put back, oldest first.
fn sealed_of(life: &Life, last: &RunId, component: &ComponentName) -> Vec<SealedWrites> {
    let last = life.runs.iter().find(|run| run.id == *last);
    last.map(|run| life.sealed_since(&run.checkpoint, component)).unwrap_or_default()
}

/// The runs since the checkpoint that may have displaced a component, oldest first.
fn runs_of(life: &Life, component: &ComponentName) -> Vec<RunId> {
    let since = life.runs_since().iter();
    since.filter(|run| run.before.contains_key(component)).map(|run| run.id.clone()).collect()
}
