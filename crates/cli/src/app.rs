//! Arguments → context → command → exit code.

use std::future::Future;
use std::process::ExitCode;

use backout_core::diagnostic::Diagnostic;
use backout_store::Layout;
use clap::Parser;

use crate::arguments::{Cli, Command, Globals};
use crate::codes;
use crate::commands;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::view::{self, Colour, Output};
use crate::wiring::{Migration, Place};

/// What every command is given.
pub struct Context {
    /// What holds for every command.
    pub globals: Globals,
    /// Where to show things.
    pub output: Output,
}

impl Context {
    /// Where the migration file is.
    ///
    /// # Errors
    /// Its folder is not there.
    pub fn place(&self) -> Result<Place, Failure> {
        Place::find(self.globals.directory.as_deref(), self.globals.file.as_deref())
    }

    /// The migration file with its drivers. Warnings are shown.
    ///
    /// # Errors
    /// Every mistake that was found.
    pub fn load(&self) -> Result<Migration, Failure> {
        let migration = self.place()?.load()?;
        view::failure::aside(self.output, &migration.assembled.warnings, Some(&migration.file.source));
        Ok(migration)
    }

    /// Where the state is, also when the file cannot be worked with any more.
    ///
    /// # Errors
    /// The folder of the file is not there.
    pub fn layout(&self) -> Result<Layout, Failure> {
        let place = self.place()?;
        Ok(place.load().map_or_else(|_| place.layout(), |migration| migration.layout))
    }

    /// Drives work to its end. What still runs in the background then is left to the end of the process.
    ///
    /// # Errors
    /// Those of the work, and when no runtime can be had.
    pub fn wait<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let runtime = threads().enable_all().build().map_err(|error| {
            Failure::from(
                Diagnostic::error(codes::MACHINE, "start the threads to work with")
                    .because(error.to_string()),
            )
        })?;
        let result = runtime.block_on(work);
        runtime.shutdown_background();
        result
    }
}

/// The threads to work with. The kill harness wants few of them, because a tracer counts system calls by thread.
fn threads() -> tokio::runtime::Builder {
    #[cfg(feature = "failpoints")]
    if std::env::var_os("BACKOUT_FEW_THREADS").is_some() {
        let mut few = tokio::runtime::Builder::new_current_thread();
        few.max_blocking_threads(1);
        return few;
    }
    tokio::runtime::Builder::new_multi_thread()
}

/// The whole program.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(usage(&error).code()),
    };
    let output = Output::new(cli.globals.json, cli.globals.color);
    let context = Context { globals: cli.globals, output };
    let exit = run(cli.command, &context).unwrap_or_else(|failure| {
        view::failure::show(output, &failure);
        failure.exit
    });
    ExitCode::from(exit.code())
}

fn usage(error: &clap::Error) -> Exit {
    let output = Output::new(false, Colour::Auto);
    match error.use_stderr() {
        true => view::page::usage(output, &error.render()),
        false => view::page::help(output, &error.render()),
    }
    if error.use_stderr() { Exit::Invalid } else { Exit::Done }
}

fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Demo(arguments) => commands::demo::run(&arguments, context),
        Command::DemoService(arguments) => commands::demo::serve(&arguments, context),
        Command::DemoMigrate(arguments) => commands::demo::migrate(&arguments, context),
        Command::DemoTraffic(arguments) => commands::demo::traffic(&arguments, context),
        Command::Init(arguments) => commands::init::run(&arguments, context),
        Command::Check(arguments) => commands::check::run(&arguments, context),
        Command::Arm => commands::arm::arm(context),
        Command::Disarm => commands::arm::disarm(context),
        Command::Capture(arguments) => commands::capture::run(&arguments, context),
        Command::Checkpoint(arguments) => commands::checkpoint::run(&arguments, context),
        Command::Cutover(arguments) => commands::cutover::run(&arguments, context),
        Command::Status => commands::status::run(context),
        Command::List => commands::list::run(context),
        Command::Runs => commands::runs::run(context),
        Command::Plan(arguments) => commands::plan::run(&arguments, context),
        Command::Show(arguments) => commands::show::run(&arguments, context),
        Command::Rollback(arguments) => commands::rollback::run(&arguments, context),
        Command::Resume(arguments) => commands::resume::run(&arguments, context),
        Command::Stop(arguments) => commands::stop::run(&arguments, context),
        Command::Abandon => commands::abandon::run(context),
        Command::Step(arguments) => commands::step::run(&arguments, context),
        Command::Verify(arguments) => commands::verify::run(&arguments, context),
        Command::Compare(arguments) => commands::compare::run(&arguments, context),
        Command::Recover(arguments) => commands::recover::run(&arguments, context),
        Command::Commit(arguments) => commands::release::commit(&arguments, context),
        Command::Close(arguments) => commands::release::close(&arguments, context),
        Command::Report(arguments) => commands::report::run(&arguments, context),
        Command::Log(arguments) => commands::log::run(&arguments, context),
        Command::Wait(arguments) => commands::wait::run(&arguments, context),
        Command::Explain(arguments) => commands::explain::run(&arguments, context),
        Command::Schema => commands::schema::run(context),
        Command::Drivers => commands::drivers::run(context),
        Command::Completions(arguments) => commands::completions::run(&arguments, context),
    }
}
