//! The migration from release 1.4.0 to 2.0.0, as the team of the application wrote it.
//!
//! It does not restart the service; until somebody does, the old release runs on a schema it cannot read.

mod backfill;
mod data;

use crate::{Estate, Version};
use anyhow::Result;
use std::path::Path;

/// One part of the migration. Each can run by itself, and a second time changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Rebuild the tables with UUIDs as keys, in one transaction.
    Data,
    /// Deploy release 2.0.0 and make it the current one.
    Release,
    /// New API address, new session secret, one more key.
    Settings,
    /// Switch the flag `uuid_ids` on.
    Flags,
    /// Build the front end for the API address in the settings.
    Frontend,
    /// Fill what release 2.0.0 added to every task; goes on while users work, after the rest went live.
    Backfill,
}

impl Stage {
    /// The stages that must run before release 2.0.0 can go live, in this order.
    pub const ALL: [Self; 5] = [Self::Data, Self::Release, Self::Settings, Self::Flags, Self::Frontend];

    /// What the stage is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Release => "release",
            Self::Settings => "settings",
            Self::Flags => "flags",
            Self::Frontend => "frontend",
            Self::Backfill => "backfill",
        }
    }
}

impl std::str::FromStr for Stage {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().chain([Self::Backfill]).find(|stage| stage.name() == name);
        found.ok_or_else(|| anyhow::anyhow!("find a stage of the migration called {name}"))
    }
}

pub use backfill::undone;

/// Runs the migration up to the point where release 2.0.0 can go live.
///
/// # Errors
/// As [`run_stage`]; the stages before the failed one stay done.
pub fn run(dir: &Path) -> Result<()> {
    Stage::ALL.into_iter().try_for_each(|stage| run_stage(dir, stage))
}

/// Runs one stage.
///
/// # Errors
/// The folder holds no estate, or a file or the database cannot be changed; the database is then as before.
pub fn run_stage(dir: &Path, stage: Stage) -> Result<()> {
    let estate = Estate::open(dir)?;
    match stage {
        Stage::Data => data::to_uuids(&estate.database()?),
        Stage::Release => {
            estate.deploy(Version::V2)?;
            estate.make_current(Version::V2)
        }
        Stage::Settings => estate.upgrade_settings(),
        Stage::Flags => estate.switch_on("uuid_ids"),
        Stage::Frontend => estate.build_frontend(),
        Stage::Backfill => backfill::run(&estate.database()?),
    }
}
