//! Puts every piece of a checkpoint into a scratch folder, as going back would, and compares it with what was sealed.

use std::collections::BTreeSet;
use std::fs;

use backout_contract::Stop;
use backout_core::checkpoint::Manifest;
use backout_core::diagnostic::Diagnostic;
use backout_core::name::ComponentName;
use backout_engine::{Assembled, Rehearsal, Tools, rehearse, saved_state, seen_of};
use backout_kit::scratch_folder::ScratchFolder;

use crate::codes;
use crate::failure::{Failure, chain};

/// What was put into the scratch folder.
#[derive(Debug, Clone, Default)]
pub struct Restored {
    /// So many pieces of data.
    pub pieces: usize,
    /// So many states, understood by their drivers.
    pub states: usize,
    /// So many bytes.
    pub bytes: u64,
    /// Components that were put back into a scratch copy of their own, which is what was sealed.
    pub proven: Vec<ComponentName>,
}

/// Does it, piece by piece, so that there is never more than one on the disk.
pub async fn all(
    assembled: &Assembled,
    manifest: &Manifest,
    tools: &Tools,
) -> Result<(Restored, Vec<Diagnostic>), Failure> {
    let largest = manifest.components.values().flat_map(|saved| &saved.data).map(|part| part.bytes).max();
    let scratch = ScratchFolder::make(&tools.scratch, largest.unwrap_or(0)).map_err(|error| {
        Diagnostic::error(codes::STATE, "make a scratch folder to restore into").because(error.to_string())
    })?;
    let (mut restored, mut problems, mut done) = (Restored::default(), Vec::new(), BTreeSet::new());
    for (name, saved) in &manifest.components {
        for part in saved.data.iter().filter(|part| done.insert(part.blob)) {
            let path = scratch.path().join(part.blob.to_string());
            match tools.vault.get_file(&part.blob, &path).await {
                Ok(bytes) if bytes == part.bytes => {
                    restored.pieces += 1;
                    restored.bytes += bytes;
                }
                Ok(bytes) => problems.push(not_as_sealed(
                    name,
                    format!("{} has {bytes} bytes and should have {}", part.name, part.bytes),
                )),
                Err(error) => problems.push(not_as_sealed(name, format!("{}: {}", part.name, chain(&error)))),
            }
            // Where nothing was written, nothing is there.
            let _ = fs::remove_file(&path);
        }
        let part = assembled.parts.iter().find(|part| part.name == *name);
        let Some(part) = part.filter(|part| part.kind == saved.observation.kind) else {
            // The file has no such component any more: nobody is there to understand its state.
            continue;
        };
        let seen = match saved_state(saved.state.as_ref(), name, tools).await {
            Ok(state) => seen_of(part, tools, state.as_ref()).map_err(|error| error.chain()),
            Err(error) => Err(chain(&error)),
        };
        match seen {
            Ok(seen) if seen == saved.observation.seen => restored.states += 1,
            Ok(_) => problems.push(not_as_sealed(
                name,
                "its state has another fingerprint than the one that was sealed".to_owned(),
            )),
            Err(cause) => problems.push(not_as_sealed(name, cause)),
        }
    }
    if problems.is_empty() {
        for (name, rehearsal) in rehearse(assembled, manifest, tools, &Stop::never()).await {
            match rehearsal {
                Rehearsal::Proven => restored.proven.push(name),
                Rehearsal::Failed(cause) => problems.push(not_as_sealed(&name, cause)),
                Rehearsal::NotOffered => {}
            }
        }
    }
    Ok((restored, problems))
}

fn not_as_sealed(component: &ComponentName, cause: String) -> Diagnostic {
    Diagnostic::error(codes::DAMAGED, format!("what was restored of `{component}` is not what was sealed"))
        .because(cause)
        .hint("bring the vault back from a copy, or go back to another checkpoint")
}
