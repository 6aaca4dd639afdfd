//! Puts recorders in place before a capture, renews them at cutover, and takes them away.

use std::sync::Arc;

use backout_contract::Stop;
use backout_core::diagnostic::Diagnostic;
use backout_core::journal::Event;
use backout_core::migration::Writes;
use backout_core::name::ComponentName;
use backout_core::writes::{Coverage, Occasion};

use crate::assemble::{Assembled, Part};
use crate::book::Book;
use crate::capture::refuse_open_run;
use crate::claims::{check_claims, refuse_claimed_elsewhere};
use crate::codes::{NOT_ARMED, NOT_RECORDED};
use crate::look::connect;
use crate::refusal::{EngineError, Refusal};
use crate::tools::Tools;

/// Puts recorders in place over everything that users write and that can be recorded.
///
/// # Errors
/// Refused while a run is open, where a target is somebody else's, and where a table of a component with
/// `writes: merge` cannot be recorded; what was put in place by then stays and is journaled.
pub async fn arm(
    assembled: &Assembled,
    book: &mut Book,
    tools: &Tools,
) -> Result<Vec<(ComponentName, Coverage)>, EngineError> {
    refuse_open_run(book)?;
    let parts: Vec<Arc<Part>> = recording(assembled).cloned().collect();
    let problems = check_claims(&parts, book.life(), |_| None, tools).await;
    if !problems.is_empty() {
        return Err(Refusal { diagnostics: problems }.into());
    }
    let placed = place(&parts, Occasion::Arm, book, tools).await?;
    refuse_uncovered(&parts, &placed)?;
    book.append(vec![Event::Armed { by: tools.actor.clone() }]).await?;
    Ok(placed)
}

/// Takes recorders away, with what they recorded. Gives the components that had any.
///
/// # Errors
/// Refused while a run is open, or where a target is somebody else's; otherwise when one cannot be taken away.
pub async fn disarm(
    assembled: &Assembled,
    book: &mut Book,
    tools: &Tools,
) -> Result<Vec<ComponentName>, EngineError> {
    refuse_open_run(book)?;
    let parts: Vec<Arc<Part>> = recording(assembled).cloned().collect();
    refuse_claimed_elsewhere(&parts, book.life(), tools).await?;
    let removed = remove(&parts, tools).await?;
    book.append(vec![Event::Disarmed { by: tools.actor.clone() }]).await?;
    Ok(removed)
}

/// Takes the recorders of these components away.
pub(crate) async fn remove(parts: &[Arc<Part>], tools: &Tools) -> Result<Vec<ComponentName>, EngineError> {
    let stop = Stop::never();
    let mut removed = Vec::new();
    for part in parts {
        let failed = |source| EngineError::Driver { component: part.name.to_string(), source };
        let (session, context) = connect(part, tools, None, "disarm", &stop).await.map_err(failed)?;
        if session.coverage(&context).await.map_err(failed)?.is_some() {
            session.disarm(&context).await.map_err(failed)?;
            removed.push(part.name.clone());
        }
    }
    Ok(removed)
}

/// Puts recorders in place at each component, proves them, and says so in the journal.
pub(crate) async fn place(
    parts: &[Arc<Part>],
    occasion: Occasion,
    book: &mut Book,
    tools: &Tools,
) -> Result<Vec<(ComponentName, Coverage)>, EngineError> {
    let stop = Stop::never();
    let mut placed = Vec::new();
    for part in parts {
        let failed = |source| EngineError::Driver { component: part.name.to_string(), source };
        let (session, context) = connect(part, tools, None, "arm", &stop).await.map_err(failed)?;
        let coverage = session.arm(&context, occasion).await.map_err(failed)?;
        backout_kit::failpoint!("recorder-placed");
        let component = part.name.clone();
        book.append(vec![Event::RecorderPlaced { component, occasion, coverage: coverage.clone() }]).await?;
        placed.push((part.name.clone(), coverage));
    }
    Ok(placed)
}

/// Refuses to go on where writes are to be merged and not all of them are recorded.
pub(crate) fn refuse_uncovered(
    parts: &[Arc<Part>],
    placed: &[(ComponentName, Coverage)],
) -> Result<(), EngineError> {
    let merging = |name: &ComponentName| {
        parts.iter().any(|part| part.name == *name && part.writes == Some(Writes::Merge))
    };
    let diagnostics: Vec<Diagnostic> = placed
        .iter()
        .filter(|(name, _)| merging(name))
        .flat_map(|(name, coverage)| coverage.uncovered.iter().map(move |gap| (name, gap)))
        .map(|(name, gap)| {
            Diagnostic::error(NOT_RECORDED, format!("writes to {} of `{name}` are not recorded", gap.table))
                .because(gap.why.clone())
                .hint("leave the table out by name, where the kind allows it: backout explain KIND")
                .hint("or keep all of it for a person: `writes: review`")
        })
        .collect();
    if diagnostics.is_empty() { Ok(()) } else { Err(Refusal { diagnostics }.into()) }
}

/// Refuses a capture of what shall be merged later and is not recorded at this moment: what is written from the capture
/// on would be lost. Looked at and not taken from the journal, for somebody may have taken a recorder away since.
///
/// # Errors
/// Refused as said; otherwise when a component cannot be asked.
pub(crate) async fn refuse_unarmed(parts: &[Arc<Part>], tools: &Tools) -> Result<(), EngineError> {
    let stop = Stop::never();
    let mut diagnostics = Vec::new();
    for part in parts.iter().filter(|part| part.writes == Some(Writes::Merge)) {
        let failed = |source| EngineError::Driver { component: part.name.to_string(), source };
        let (session, context) = connect(part, tools, None, "coverage", &stop).await.map_err(failed)?;
        let cause = match session.coverage(&context).await.map_err(failed)? {
            None => "there is none".to_owned(),
            Some(coverage) => match coverage.uncovered.first() {
                None => continue,
                Some(gap) => format!("writes to {} are not recorded: {}", gap.table, gap.why),
            },
        };
        diagnostics.push(
            Diagnostic::error(NOT_ARMED, format!("`{}` has no recorder that sees every write", part.name))
                .because(format!("{cause}; what is to be merged is recorded from before the capture"))
                .hint("put the recorders in place first: backout arm"),
        );
    }
    if diagnostics.is_empty() { Ok(()) } else { Err(Refusal { diagnostics }.into()) }
}

/// The components whose writes can be recorded.
fn recording(assembled: &Assembled) -> impl Iterator<Item = &Arc<Part>> {
    assembled.parts.iter().filter(|part| part.records_writes())
}
