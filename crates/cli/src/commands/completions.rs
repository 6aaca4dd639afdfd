//! `backout completions`: for shells.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::app::Context;
use crate::arguments::Cli;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::view;

/// Arguments of `backout completions`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: Shell,
}

/// Prints them.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "backout", &mut script);
    view::page::raw(context.output, &String::from_utf8_lossy(&script));
    Ok(Exit::Done)
}
