//! `backout checkpoint export`: one file that another machine can verify, and its key in another.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use backout_core::diagnostic::Diagnostic;
use backout_engine::manifest_of;
use backout_store::load_life;
use backout_vault::FileVault;
use clap::Args;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{One, named};
use crate::app::Context;
use crate::codes;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::view;

/// The manifest's name in an exported file.
pub const MANIFEST: &str = "manifest.json";

/// Arguments of `backout checkpoint export`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Which one
    #[command(flatten)]
    pub one: One,
    /// Where to write it; must not exist
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Where to write the key that opens it; FILE.key unless given. Must not exist
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
}

/// What an exported file says of itself to whoever has no key.
#[derive(Debug, Serialize, Deserialize)]
pub struct About {
    /// The version of this form.
    pub format: u16,
    /// Of which migration.
    pub migration: String,
    /// Which checkpoint.
    pub checkpoint: String,
    /// The digest of its manifest, as journaled when it was sealed.
    pub seal: String,
    /// When it was sealed.
    pub sealed: Timestamp,
    /// When it was exported.
    pub exported: Timestamp,
    /// By which version of the program.
    pub version: String,
    /// Where the journal ended then.
    pub journal: Head,
}

/// The end of a journal.
#[derive(Debug, Serialize, Deserialize)]
pub struct Head {
    /// The number of its last record.
    pub sequence: u64,
    /// The digest that binds all records up to it.
    pub digest: String,
}

impl About {
    /// The newest form that is known.
    pub const FORMAT: u16 = 1;
}

/// Where the key of an exported file lies unless something else is said.
pub fn key_beside(file: &Path) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(".key");
    name.into()
}

/// Does it.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    let layout = context.layout()?;
    super::super::require::state(&layout)?;
    let (life, chain) = load_life(&layout.journal())?;
    let id = named(&life, &arguments.one)?;
    let manifest = manifest_of(&life, &id)?;
    let Some((seal, sealed)) = life.checkpoints.get(&id).and_then(|checkpoint| checkpoint.sealed) else {
        return Err(Diagnostic::error(codes::NOT_AS_SEALED, format!("checkpoint {id} is incomplete"))
            .because("its capture never ended")
            .hint("choose a sealed one: backout checkpoint list")
            .into());
    };
    let about = About {
        format: About::FORMAT,
        migration: manifest.migration.to_string(),
        checkpoint: id.to_string(),
        seal: seal.to_string(),
        sealed,
        exported: Timestamp::now(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        journal: Head { sequence: life.sequence, digest: chain.head().to_string() },
    };
    let corrupt = |error: serde_json::Error| {
        Diagnostic::error(codes::CORRUPT, format!("write checkpoint {id} down")).because(error.to_string())
    };
    let key = arguments.key.clone().unwrap_or_else(|| key_beside(&arguments.out));
    let text = serde_json::to_vec_pretty(&manifest).map_err(corrupt)?;
    let about = serde_json::to_vec_pretty(&about).map_err(corrupt)?;
    let blobs = manifest.blobs().map(|(_, blob)| blob).collect();
    let exported = context.wait(async {
        let vault = FileVault::open(&layout.vault())?;
        let files = BTreeMap::from([(MANIFEST.to_owned(), text)]);
        Ok(vault.export(blobs, files, about, (&arguments.out, &key), &layout.scratch()).await?)
    })?;
    view::checkpoint::exported(context.output, id.as_str(), &arguments.out, &key, &exported);
    Ok(Exit::Done)
}
