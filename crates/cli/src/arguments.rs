//! What may be typed. Each command brings its own arguments along.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands;
use crate::view::Colour;

/// Takes a migration back: saves what is there before, says what going back would cost, and goes back.
///
/// Every command that needs a migration reads `backout.yaml` in this folder and keeps its state in `.backout`
/// beside it.
#[derive(Debug, Parser)]
#[command(name = "backout", version, disable_help_subcommand = true, max_term_width = 110)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What holds for every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Globals {
    /// Work in this folder
    #[arg(short = 'C', id = "directory", value_name = "DIR", global = true)]
    pub directory: Option<PathBuf>,
    /// Read this migration file instead of `backout.yaml`
    #[arg(long = "file", id = "migration_file", value_name = "FILE", global = true)]
    pub file: Option<PathBuf>,
    /// Write versioned JSON for programs
    #[arg(long, global = true)]
    pub json: bool,
    /// When to use colours: auto, always or never
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "WHEN",
        hide_possible_values = true,
        global = true
    )]
    pub color: Colour,
}

/// What to do, in the order of a migration's life.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Try everything on a small real estate
    Demo(commands::demo::Arguments),
    /// The application that the demo runs
    #[command(hide = true)]
    DemoService(commands::demo::ServiceArguments),
    /// The migration of that application
    #[command(hide = true)]
    DemoMigrate(commands::demo::MigrateArguments),
    /// The users of that application
    #[command(hide = true)]
    DemoTraffic(commands::demo::EstateArguments),
    /// Write a commented backout.yaml
    Init(commands::init::Arguments),
    /// Lint the migration file and look at every component
    Check(commands::check::Arguments),
    /// Prepare what data recovery will need, before the capture
    Arm,
    /// Undo arming
    Disarm,
    /// Save a checkpoint of every component
    Capture(commands::capture::Arguments),
    /// List, show, verify, export or prune checkpoints
    Checkpoint(commands::checkpoint::Arguments),
    /// Mark the moment at which a phase went live on the new side
    Cutover(commands::cutover::Arguments),
    /// Show where the migration stands and what is legal next
    Status,
    /// List the migrations in this folder and below
    List,
    /// List the runs of this migration
    Runs,
    /// Show what going back would do, and what it costs
    Plan(commands::plan::Arguments),
    /// Show a plan file
    Show(commands::show::Arguments),
    /// Go back to the checkpoint
    Rollback(commands::rollback::Arguments),
    /// Go on with a run that was stopped, is stuck, or lost its process
    Resume(commands::resume::Arguments),
    /// Bring a run that is under way to rest at a safe border
    Stop(commands::stop::Arguments),
    /// Give a run up: open what can safely run, list what cannot
    Abandon,
    /// Say what becomes of a step that needs a person
    Step(commands::step::Arguments),
    /// Look whether every component is as it was saved
    Verify(commands::verify::Arguments),
    /// Compare two sides of the same data, row by row
    Compare(Box<commands::compare::Arguments>),
    /// Take over what users had written and the put-back state lacks; twice does nothing
    Recover(commands::recover::Arguments),
    /// Accept the migration and drop what was kept for going back
    Commit(commands::release::Arguments),
    /// End the migration after going back and drop what was kept aside
    Close(commands::release::Arguments),
    /// Write the incident record of a run
    Report(commands::report::Arguments),
    /// Show the journal
    Log(commands::log::Arguments),
    /// Wait until the migration reaches a state
    Wait(commands::wait::Arguments),
    /// Explain an error code, a kind, a field, a step or a command
    Explain(commands::explain::Arguments),
    /// Print the JSON Schema of the migration file
    Schema,
    /// List the kinds of components and the probes
    Drivers,
    /// Print completions for a shell
    Completions(commands::completions::Arguments),
}
