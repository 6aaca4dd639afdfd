//! `backout show`: a plan file.

use std::path::PathBuf;

use clap::Args;

use crate::app::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan_file;
use crate::view;

/// Arguments of `backout show`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The plan file
    #[arg(id = "plan_file", value_name = "FILE")]
    pub file: PathBuf,
}

/// Shows it.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    view::plan::show(context.output, &plan_file::read(&arguments.file)?);
    Ok(Exit::Done)
}
