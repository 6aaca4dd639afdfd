//! `backout cutover`: marks the moment, and may carry out the migration itself.

use std::ffi::OsString;
use std::sync::Arc;

use backout_core::diagnostic::Diagnostic;
use backout_core::life::Life;
use backout_core::name::PhaseName;
use backout_engine::{CutoverReport, cutover};
use clap::Args;
use jiff::Timestamp;
use tokio::process::Command;

use super::require;
use crate::app::Context;
use crate::codes;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::signals;
use crate::view::notice;

/// How many components are named.
const SHOWN: usize = 60;

/// Arguments of `backout cutover`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The phase that went live; all of them unless named
    #[arg(value_name = "PHASE", value_parser = PhaseName::new)]
    pub phase: Option<PhaseName>,
    /// When it went live, for who marks late (such as 2026-05-04T03:02:01Z)
    #[arg(long, value_name = "TIME", conflicts_with = "command")]
    pub at: Option<Timestamp>,
    /// Nobody but the migration could write until now: the application was stopped or read-only. Tables that the
    /// migration rebuilt had no recorder meanwhile, and this says that it missed nothing
    #[arg(long, conflicts_with = "at")]
    pub writers_stopped: bool,
    /// The migration itself: run it, and mark the moment it succeeded
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// Marks it.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    let migration = context.load()?;
    if let Some(phase) = &arguments.phase {
        require::phase(&migration, phase)?;
    }
    require::state(&migration.layout)?;
    let phases: Vec<PhaseName> = match &arguments.phase {
        Some(phase) => vec![phase.clone()],
        None => migration.assembled.phases.iter().map(|(name, _)| name.clone()).collect(),
    };
    let report = context.wait(async {
        let mut writing = migration.write("cutover", false).await?;
        let tools = writing.tools.clone();
        require::no_open_run(writing.book.life())?;
        refuse_early(writing.book.life(), arguments.at, tools.clock.now())?;
        if let Some((program, rest)) = arguments.command.split_first() {
            carry_out(program, rest).await?;
        }
        let work = cutover(
            &migration.assembled,
            &phases,
            arguments.at,
            arguments.writers_stopped,
            &mut writing.book,
            &tools,
        );
        let leftovers = Arc::clone(&tools.leftovers);
        let report = signals::or_leave(work, leftovers.as_ref(), context.output).await?;
        writing.close().await?;
        Ok(report?)
    })?;
    show(context, &report, arguments.at.is_some());
    Ok(Exit::Done)
}

/// What can be refused before the migration itself runs.
fn refuse_early(life: &Life, at: Option<Timestamp>, now: Timestamp) -> Result<(), Failure> {
    let Some((id, checkpoint, _)) = life.checkpoint() else { return Err(require::no_checkpoint()) };
    let Some(at) = at else { return Ok(()) };
    let impossible =
        |cause: String| Diagnostic::error(codes::TIME, format!("a cutover at {at} cannot be")).because(cause);
    if at > now {
        return Err(impossible("it has not come yet".to_owned()).into());
    }
    match checkpoint.sealed {
        Some((_, sealed)) if at < sealed => {
            Err(impossible(format!("checkpoint {id} was sealed later, at {sealed}")).into())
        }
        _ => Ok(()),
    }
}

async fn carry_out(program: &OsString, arguments: &[OsString]) -> Result<(), Failure> {
    let named = backout_kit::path_text::encode(program);
    let failed = |cause: String| {
        Failure::from(
            Diagnostic::error(codes::COMMAND, format!("run the migration: `{named}`"))
                .because(cause)
                .hint("nothing was marked; if the new side did go live, mark it: backout cutover --at TIME")
                .hint("what the command changed is not undone; backout plan shows it"),
        )
        .after_changes()
    };
    let ended = signals::or_ignore(Command::new(program).args(arguments).status()).await?;
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(format!("it ended with {status}"))),
        Err(error) => Err(failed(error.to_string())),
    }
}

fn show(context: &Context, report: &CutoverReport, late: bool) {
    let names: Vec<&str> = report.phases.iter().map(PhaseName::as_str).collect();
    notice::done(context.output, format!("cut over: {}", names.join(", ")));
    for (part, seen) in report.landed.iter().take(SHOWN) {
        notice::say(context.output, format!("  {} is {}", part.name, seen.word()));
    }
    if report.landed.len() > SHOWN {
        notice::say(context.output, format!("  and {} more", report.landed.len() - SHOWN));
    }
    for (component, coverage) in &report.recorders {
        super::arm::recorded(context.output, component, coverage);
    }
    if report.recorders.iter().any(|(_, coverage)| !coverage.interrupted.is_empty()) {
        notice::say(
            context.output,
            "if nobody could write to them meanwhile, say so now: backout cutover --writers-stopped",
        );
    }
    if late {
        notice::say(
            context.output,
            "marked late: what changed between then and now counts as the migration's",
        );
    }
    notice::say(context.output, "next: backout plan, backout verify, backout commit");
}
