//! Puts what a checkpoint saved back into scratch copies, and looks whether that is what was sealed. Only this earns
//! "restorable, proven": a copy that was read to its end may still be one that nothing can be made of.

use backout_contract::Stop;
use backout_core::checkpoint::Manifest;
use backout_core::name::ComponentName;

use crate::assemble::Assembled;
use crate::look::{connect, find, seen_of};
use crate::states::saved_state;
use crate::tools::Tools;

/// What came out of one component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rehearsal {
    /// It was put back into a scratch copy, which is what was sealed.
    Proven,
    /// It was put back, or could not be, and is not what was sealed; the cause, without secrets.
    Failed(String),
    /// Its kind has no scratch copies.
    NotOffered,
}

/// Does it, one component after another, so that there is never more than one scratch copy.
pub async fn rehearse(
    assembled: &Assembled,
    manifest: &Manifest,
    tools: &Tools,
    stop: &Stop,
) -> Vec<(ComponentName, Rehearsal)> {
    let mut outcomes = Vec::new();
    for (name, saved) in &manifest.components {
        let part = find(&assembled.parts, name).filter(|part| part.kind == saved.observation.kind);
        let (Some(part), Some(_)) = (part, &saved.state) else { continue };
        let rehearsal = async {
            let state =
                saved_state(saved.state.as_ref(), name, tools).await.map_err(|error| error.to_string())?;
            let Some(state) = state else { return Ok(Rehearsal::NotOffered) };
            let (session, context) =
                connect(part, tools, None, "rehearse", stop).await.map_err(|error| error.chain())?;
            let made =
                session.rehearse(&context, &state, &saved.data).await.map_err(|error| error.chain())?;
            let Some(made) = made else { return Ok(Rehearsal::NotOffered) };
            let seen = seen_of(part, tools, Some(&made)).map_err(|error| error.chain())?;
            if seen.same_exactly(&saved.observation.seen) {
                return Ok(Rehearsal::Proven);
            }
            let differs = part.configured.as_ref().and_then(|one| one.diff(Some(&state), Some(&made)).ok());
            let first = differs.and_then(|delta| delta.changes.first().map(|change| change.path.clone()));
            Err(format!(
                "the scratch copy is not what was sealed{}",
                first.map_or_else(String::new, |path| format!(": {path} differs"))
            ))
        };
        outcomes.push((name.clone(), rehearsal.await.unwrap_or_else(Rehearsal::Failed)));
    }
    outcomes
}
