//! Claims: a marker at every target that can hold one says which migration it belongs to. It stops a copied folder,
//! a second laptop, a cloned server and two migrations over one thing.
//!
//! | marker at the target | ours? | → |
//! |---|---|---|
//! | none, never claimed | – | claim it |
//! | none, claimed before, target there | – | refuse: another thing stands in its place |
//! | none, claimed before, target gone | – | go on: it is put back and claimed again |
//! | another nonce | no | refuse: another migration's |
//! | our nonce, newer generation | – | refuse: our state directory is an old copy |
//! | our nonce, claimed from another state directory that still lives | – | refuse: ours is a copy |
//! | our nonce, not newer | yes | go on |

use std::sync::Arc;

use backout_contract::Stop;
use backout_core::diagnostic::Diagnostic;
use backout_core::journal::Event;
use backout_core::life::Life;
use backout_core::name::{ComponentName, RunId};
use backout_core::observation::Seen;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::assemble::Part;
use crate::book::Book;
use crate::codes::{ANOTHER_MIGRATION, COPIED, MARKER_GONE, MARKER_UNREADABLE, NEWER_CLAIM};
use crate::look::connect;
use crate::refusal::{EngineError, Refusal};
use crate::tools::Tools;

/// What stands in a marker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Marker {
    /// Format of the marker.
    backout: u16,
    migration: String,
    nonce: String,
    generation: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<RunId>,
    claimant: String,
}

/// A claim that cannot be ours.
pub type ClaimProblem = Diagnostic;

/// Looks at the markers of all components, reading only.
pub async fn check_claims(
    parts: &[Arc<Part>],
    life: &Life,
    live: impl Fn(&ComponentName) -> Option<Seen>,
    tools: &Tools,
) -> Vec<ClaimProblem> {
    let permits = Arc::new(Semaphore::new(tools.limit.max(1)));
    let mut reading = JoinSet::new();
    for (index, part) in parts.iter().enumerate().filter(|(_, part)| holds_marker(part)) {
        let (part, tools, permits) = (Arc::clone(part), tools.clone(), Arc::clone(&permits));
        reading.spawn(async move {
            let _permit = permits.acquire_owned().await;
            let stop = Stop::never();
            let read = match connect(&part, &tools, None, "claim", &stop).await {
                Ok((session, context)) => session.read_marker(&context).await,
                Err(error) => Err(error),
            };
            (index, part, read)
        });
    }
    let mut read = reading.join_all().await;
    read.sort_by_key(|(index, ..)| *index);
    read.into_iter()
        .filter_map(|(_, part, read)| match read {
            Ok(found) => judge(&part, found, life, live(&part.name), tools),
            Err(error) => Some(
                Diagnostic::error(MARKER_UNREADABLE, format!("read the claim marker of `{}`", part.name))
                    .because(error.chain())
                    .hints(error.hints),
            ),
        })
        .collect()
}

/// Refuses to touch targets that somebody else has claimed. A marker that is gone is no obstacle here: what was begun
/// by the one who claimed is brought to its end.
///
/// # Errors
/// A target belongs to another migration, to a newer state of this one, or to the original of this folder.
pub(crate) async fn refuse_claimed_elsewhere(
    parts: &[Arc<Part>],
    life: &Life,
    tools: &Tools,
) -> Result<(), EngineError> {
    let mut problems = check_claims(parts, life, |_| None, tools).await;
    problems.retain(|problem| [ANOTHER_MIGRATION, NEWER_CLAIM, COPIED].contains(&problem.code));
    if problems.is_empty() { Ok(()) } else { Err(Refusal { diagnostics: problems }.into()) }
}

fn judge(
    part: &Part,
    found: Option<serde_json::Value>,
    life: &Life,
    live: Option<Seen>,
    tools: &Tools,
) -> Option<Diagnostic> {
    let name = &part.name;
    let Some(value) = found else {
        let stands = live.is_some_and(|seen| matches!(seen, Seen::Present { .. } | Seen::Unreadable { .. }));
        return (life.claimed.contains(name) && stands).then(|| {
            Diagnostic::error(MARKER_GONE, format!("`{name}` has lost the marker that claimed it"))
                .because(format!("{} was claimed by this migration, and what stands there now bears no marker", part.target))
                .hint("check that the right volume is mounted and that nobody put another thing in its place")
                .hint("if it is the right thing, claim it again with a new `backout capture`, or `backout rollback --reclaim`")
        });
    };
    let marker: Marker = match serde_json::from_value(value) {
        Ok(marker) => marker,
        Err(cause) => {
            return Some(
                Diagnostic::error(MARKER_UNREADABLE, format!("read the claim marker of `{name}`"))
                    .because(cause.to_string())
                    .hint("a newer version may have written it; nothing was changed"),
            );
        }
    };
    if marker.nonce != life.nonce {
        let found = Diagnostic::error(ANOTHER_MIGRATION, format!("`{name}` belongs to another migration"))
            .because(format!(
                "{} bears the marker of `{}`, claimed from {}",
                part.target, marker.migration, marker.claimant
            ))
            .hint("end that migration first (`backout commit` or `backout close` there), which releases its claims");
        let is_there = tools.elsewhere.is_alive(&marker.claimant, &marker.nonce);
        return Some(if is_there {
            found
        } else {
            found.hint(
                "no such state folder is here: put it back from a backup; if it is gone for good, remove the marker \
                 (for a file NAME it is `.backout-marker-NAME` beside it)",
            )
        });
    }
    if marker.claimant != tools.claimant && tools.elsewhere.is_alive(&marker.claimant, &life.nonce) {
        return Some(
            Diagnostic::error(COPIED, format!("`{name}` is claimed by the original of this folder"))
                .because(format!("this state directory is a copy; the original is {}", marker.claimant))
                .hint("work in the original folder, or give the copy targets of its own and a new capture"),
        );
    }
    if marker.generation > life.generation {
        return Some(
            Diagnostic::error(
                NEWER_CLAIM,
                format!("`{name}` was claimed by a newer state of this migration"),
            )
            .because(format!(
                "its marker has generation {}, this journal knows up to {}",
                marker.generation, life.generation
            ))
            .hint("this state directory is an old copy; use the newer one"),
        );
    }
    None
}

/// Renews the claims of all components: the record first, then the markers, so that a marker is never newer than
/// the journal that wrote it.
///
/// # Errors
/// When the journal or a marker cannot be written.
pub(crate) async fn renew_claims(
    parts: &[Arc<Part>],
    book: &mut Book,
    run: Option<&RunId>,
    tools: &Tools,
) -> Result<(), EngineError> {
    let holders: Vec<&Arc<Part>> = parts.iter().filter(|part| holds_marker(part)).collect();
    let generation = book.life().generation + 1;
    let components = holders.iter().map(|part| part.name.clone()).collect();
    book.append(vec![Event::ClaimsRenewed { generation, components }]).await?;
    // Each marker is a durable write of its own; side by side they share the disk's syncs.
    let marker = Marker::of(book.life(), run, tools)?;
    let permits = Arc::new(Semaphore::new(tools.limit.max(1)));
    let mut writing = JoinSet::new();
    for part in holders {
        let part = Arc::clone(part);
        let (marker, run, tools, permits) =
            (marker.clone(), run.cloned(), tools.clone(), Arc::clone(&permits));
        writing.spawn(async move {
            let _permit = permits.acquire_owned().await;
            write_marker(&part, &marker, run.as_ref(), &tools).await
        });
    }
    writing.join_all().await.into_iter().collect()
}

async fn write_marker(
    part: &Part,
    marker: &serde_json::Value,
    run: Option<&RunId>,
    tools: &Tools,
) -> Result<(), EngineError> {
    let failed = |source| EngineError::Driver { component: part.name.to_string(), source };
    let stop = Stop::never();
    let (session, context) = connect(part, tools, run, "claim", &stop).await.map_err(failed)?;
    session.write_marker(&context, Some(marker)).await.map_err(failed)
}

impl Marker {
    /// The marker as of the last renewal.
    fn of(life: &Life, run: Option<&RunId>, tools: &Tools) -> Result<serde_json::Value, EngineError> {
        let marker = Self {
            backout: 1,
            migration: life.migration.as_ref().map(ToString::to_string).unwrap_or_default(),
            nonce: life.nonce.clone(),
            generation: life.generation,
            run: run.cloned(),
            claimant: tools.claimant.clone(),
        };
        serde_json::to_value(&marker).map_err(|cause| EngineError::Corrupt(cause.to_string()))
    }
}

/// Removes the markers, when the migration is over.
pub(crate) async fn drop_claims(parts: &[Arc<Part>], tools: &Tools) -> Result<(), EngineError> {
    for part in parts.iter().filter(|part| holds_marker(part)) {
        let failed = |source| EngineError::Driver { component: part.name.to_string(), source };
        let stop = Stop::never();
        let (session, context) = connect(part, tools, None, "claim", &stop).await.map_err(failed)?;
        session.write_marker(&context, None).await.map_err(failed)?;
    }
    Ok(())
}

fn holds_marker(part: &Part) -> bool {
    part.capabilities().is_some_and(|capabilities| capabilities.marker)
}
