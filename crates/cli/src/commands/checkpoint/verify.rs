//! `backout checkpoint verify`: reads a checkpoint's data from first to last byte, here or in an exported file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use backout_contract::{Vault, VaultError};
use backout_core::checkpoint::{BlobId, FORMAT, Manifest};
use backout_core::diagnostic::Diagnostic;
use backout_core::journal::Event;
use backout_core::name::CheckpointId;
use backout_engine::{checkpoint_problems, manifest_of};
use backout_vault::{FileVault, Import, import};
use clap::Args;

use super::export::{About, MANIFEST, key_beside};
use super::restore::{self, Restored};
use super::{One, named};
use crate::app::Context;
use crate::codes;
use crate::exit::Exit;
use crate::failure::{Failure, chain};
use crate::reading::{Reading, manifest_problem};
use crate::signals;
use crate::view;
use crate::wiring::{Migration, actor};

/// Arguments of `backout checkpoint verify`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Which one
    #[command(flatten)]
    pub one: One,
    /// Also put every piece into a scratch folder and compare it with what was sealed
    #[arg(long)]
    pub restore: bool,
    /// Verify an exported file instead; needs no migration file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["checkpoint", "restore"])]
    pub exported: Option<PathBuf>,
    /// The file with the exported file's key; FILE.key unless given
    #[arg(long, value_name = "FILE", requires = "exported")]
    pub key: Option<PathBuf>,
}

/// Does it.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    match &arguments.exported {
        Some(file) => exported(file, arguments.key.as_deref(), context),
        None => here(arguments, context),
    }
}

fn here(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    let migration = context.load()?;
    let life = Reading::whole(&migration.layout)?;
    let id = named(&life, &arguments.one)?;
    let mut tools = migration.look(&life)?;
    tools.progress = view::far::reader(context.output);
    let manifest = manifest_of(&life, &id)?;
    let vault = migration.layout.vault();
    let look = async {
        let mut problems = checkpoint_problems(&life, &id, None, &tools).await?;
        let mut restored = None;
        if arguments.restore && problems.is_empty() {
            let (done, more) = restore::all(&migration.assembled, &manifest, &tools).await?;
            restored = Some(done);
            problems.extend(more);
        }
        if vault.exists() {
            problems.extend(elsewhere(FileVault::open(&vault)?.survey().await?));
        }
        Ok((problems, restored))
    };
    let leftovers = Arc::clone(&tools.leftovers);
    let (mut problems, restored) =
        context.wait(async { signals::or_leave(look, leftovers.as_ref(), context.output).await? })?;
    problems.extend(manifest_problem(&migration.layout, &life, &id));
    if let Some(restored) = restored.as_ref().filter(|done| problems.is_empty() && !done.proven.is_empty()) {
        context.wait(remember(&migration, &id, restored))?;
    }
    let pieces: BTreeSet<BlobId> = manifest.blobs().map(|(_, blob)| blob).collect();
    view::checkpoint::health(context.output, id.as_str(), pieces.len(), restored.as_ref(), &problems);
    Ok(if problems.is_empty() { Exit::Done } else { Exit::Refused })
}

/// Puts down what was proven, so that it is known later.
async fn remember(migration: &Migration, id: &CheckpointId, restored: &Restored) -> Result<(), Failure> {
    let mut writing = migration.write("checkpoint verify", false).await?;
    let (checkpoint, components) = (id.clone(), restored.proven.clone());
    writing.book.append(vec![Event::CheckpointProven { checkpoint, components, by: actor() }]).await?;
    writing.close().await
}

fn exported(file: &Path, key: Option<&Path>, context: &Context) -> Result<Exit, Failure> {
    let key = key.map_or_else(|| key_beside(file), Path::to_owned);
    context.wait(async {
        let imported = import(file, &key, &std::env::temp_dir()).await.map_err(unreadable)?;
        let manifest = sealed(&imported)?;
        let mut problems = Vec::new();
        let mut pieces = BTreeSet::new();
        for (component, blob) in manifest.blobs() {
            if !pieces.insert(blob) {
                continue;
            }
            if let Err(error) = imported.vault.check(&blob).await {
                let code = match error {
                    VaultError::Missing(_) => codes::MISSING,
                    VaultError::Damaged(_) => codes::DAMAGED,
                    VaultError::Sealed { .. } | VaultError::Io { .. } => codes::UNREADABLE,
                };
                let what = format!("data of `{component}` in the exported file is not what was sealed");
                problems.push(Diagnostic::error(code, what).because(chain(&error)));
            }
        }
        problems.extend(elsewhere(imported.vault.survey().await?));
        view::checkpoint::health(context.output, manifest.checkpoint.as_str(), pieces.len(), None, &problems);
        Ok(if problems.is_empty() { Exit::Done } else { Exit::Refused })
    })
}

/// An exported file that is damaged or not opened by this key is refused; one that the system does not give is not.
fn unreadable(error: VaultError) -> Failure {
    match &error {
        VaultError::Io { source, .. } if source.raw_os_error().is_some() => error.into(),
        _ => Diagnostic::error(codes::UNREADABLE, "the exported file cannot be read")
            .because(chain(&error))
            .hint("it is damaged, or its key is another one; export the checkpoint again")
            .into(),
    }
}

/// The manifest of an exported checkpoint, if it is the one that was sealed.
fn sealed(imported: &Import) -> Result<Manifest, Failure> {
    let wrong = |cause: String| {
        Failure::from(
            Diagnostic::error(codes::MANIFEST, "the exported file does not hold what was sealed")
                .because(cause)
                .hint("export the checkpoint again"),
        )
    };
    let about: About =
        serde_json::from_slice(&imported.about).map_err(|error| wrong(format!("export.json: {error}")))?;
    if about.format > About::FORMAT {
        return Err(wrong(format!(
            "its format is {}, and this program knows up to {}",
            about.format,
            About::FORMAT
        )));
    }
    let text = imported.files.get(MANIFEST).ok_or_else(|| wrong(format!("it has no {MANIFEST}")))?;
    let manifest: Manifest =
        serde_json::from_slice(text).map_err(|error| wrong(format!("{MANIFEST}: {error}")))?;
    if manifest.format > FORMAT {
        return Err(wrong(format!(
            "{MANIFEST}: its format is {}, and this program knows up to {FORMAT}",
            manifest.format
        )));
    }
    let seal = manifest.seal().map_err(|error| wrong(error.to_string()))?;
    if seal.to_string() != about.seal {
        return Err(wrong(format!("its seal should be {} and is {seal}", about.seal)));
    }
    Ok(manifest)
}

/// Damage in the vault that need not concern this checkpoint, and will concern something.
fn elsewhere(found: Vec<String>) -> impl Iterator<Item = Diagnostic> {
    found.into_iter().map(|line| {
        Diagnostic::error(codes::REPOSITORY, "the vault's repository is not whole")
            .because(line)
            .hint("bring that file back from a copy; every file in it but `config` is named by its digest")
    })
}
