//! What may be typed after `demo` and its hidden kin.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// How far the demo goes before it leaves the estate running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Stage {
    /// A checkpoint is sealed
    Captured,
    /// The migration ran and was cut over
    Migrated,
    /// Requests fail
    Broken,
}

/// Arguments of `backout demo`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Where the estate is made: a new or empty folder
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Stop here and leave the estate running, for trying things by hand
    #[arg(long, value_enum, value_name = "STAGE")]
    pub stage: Option<Stage>,
    /// Keep the estate's data on this server, in a database that is made for it; postgresql://ROLE:PASSWORD@HOST/NAME
    /// of a role that may make databases. A password may come from PGPASSWORD
    #[arg(long, value_name = "URL")]
    pub postgres: Option<String>,
    /// Stop the estate in --dir, and drop the databases that were made for it
    #[arg(long, conflicts_with_all = ["stage", "postgres"], requires = "dir")]
    pub down: bool,
}

/// Arguments of the application that the demo runs.
#[derive(Debug, Args)]
pub struct ServiceArguments {
    /// The estate
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Where it listens
    #[arg(long, value_name = "PORT")]
    pub port: u16,
}

/// Arguments of the migration that the demo runs.
#[derive(Debug, Args)]
pub struct MigrateArguments {
    /// The estate
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Only what goes on behind the rest, while users work
    #[arg(long)]
    pub backfill: bool,
}

/// Arguments of what works on an estate: its users.
#[derive(Debug, Args)]
pub struct EstateArguments {
    /// The estate
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
}
