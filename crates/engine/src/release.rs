//! What runs displaced and kept, and letting it go. Only `commit` and `close` do that, after they listed it.

use std::sync::Arc;

use backout_contract::Stop;
use backout_core::journal::Event;
use backout_core::name::ComponentName;

use crate::arm::remove;
use crate::assemble::{Assembled, Part};
use crate::book::Book;
use crate::capture::refuse_open_run;
use crate::claims::{drop_claims, refuse_claimed_elsewhere};
use crate::look::connect;
use crate::refusal::EngineError;
use crate::tools::Tools;

/// Things that were kept of one component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Which component.
    pub component: ComponentName,
    /// Where they are, for people.
    pub places: Vec<String>,
}

/// Lists what would be released.
///
/// # Errors
/// When a component cannot be asked.
pub async fn kept(assembled: &Assembled, tools: &Tools) -> Result<Vec<Kept>, EngineError> {
    let mut found = Vec::new();
    let stop = Stop::never();
    for part in with_driver(assembled) {
        let failed = |source| EngineError::Driver { component: part.name.to_string(), source };
        let (session, context) = connect(part, tools, None, "kept", &stop).await.map_err(failed)?;
        let mut places = session.displaced(&context).await.map_err(failed)?;
        if session.coverage(&context).await.map_err(failed)?.is_some() {
            places.push("the recorder, with every write that it holds".to_owned());
        }
        if !places.is_empty() {
            found.push(Kept { component: part.name.clone(), places });
        }
    }
    Ok(found)
}

/// Ends the migration: the record first, then what was kept and the claims are let go. A process that is killed in
/// between leaves only litter, which a second call removes.
///
/// # Errors
/// Refused while a run is open, or where a target is claimed by somebody else; otherwise when a component cannot be released.
pub async fn release(
    assembled: &Assembled,
    end: Event,
    book: &mut Book,
    tools: &Tools,
) -> Result<(), EngineError> {
    refuse_open_run(book)?;
    let parts: Vec<Arc<Part>> = with_driver(assembled).cloned().collect();
    refuse_claimed_elsewhere(&parts, book.life(), tools).await?;
    book.append(vec![end]).await?;
    let stop = Stop::never();
    remove(&parts, tools).await?;
    for part in with_driver(assembled) {
        let failed = |source| EngineError::Driver { component: part.name.to_string(), source };
        let (session, context) = connect(part, tools, None, "release", &stop).await.map_err(failed)?;
        session.release(&context).await.map_err(failed)?;
    }
    drop_claims(&parts, tools).await
}

fn with_driver(assembled: &Assembled) -> impl Iterator<Item = &Arc<Part>> {
    assembled.parts.iter().filter(|part| part.configured.is_some())
}
