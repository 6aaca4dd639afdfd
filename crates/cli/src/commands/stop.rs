//! `backout stop`: asks a run that is under way to come to rest.

use std::thread::sleep;
use std::time::{Duration, Instant};

use backout_core::journal::{Request, Stance};
use backout_engine::rest;
use backout_store::{FileInbox, Layout};
use clap::Args;
use jiff::Timestamp;

use super::{require, status};
use crate::app::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::reading::{Reading, live_holder};
use crate::view::notice;
use crate::wiring::actor;

/// How long it is waited for the run to come to rest. A step is never cut off, so it may take longer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// Arguments of `backout stop`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Open the doors whose ground is whole
    #[arg(long, conflicts_with = "stay_closed")]
    pub reopen: bool,
    /// Leave the doors shut
    #[arg(long)]
    pub stay_closed: bool,
}

impl Arguments {
    fn stance(&self) -> Option<Stance> {
        match (self.reopen, self.stay_closed) {
            (true, _) => Some(Stance::Reopen),
            (false, true) => Some(Stance::StayClosed),
            (false, false) => None,
        }
    }
}

/// Asks, and waits until the run is at rest.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    let layout = context.layout()?;
    require::state(&layout)?;
    let Some(holder) = live_holder(&layout) else {
        let open = Reading::of(&layout).life.open_run().is_some_and(|run| run.at_rest.is_none());
        if open {
            return bring_to_rest(arguments, context, &layout);
        }
        notice::say(context.output, "nothing runs, so there is nothing to stop");
        return Ok(show(context, &layout));
    };
    if Reading::of(&layout).life.open_run().is_none() && !carries_runs(&holder.command) {
        notice::say(context.output, format!("no run is under way; the migration is held by {holder}"));
        return Ok(Exit::Done);
    }
    let inbox = FileInbox::of(&layout);
    let id = inbox.post(Request::Stop { stance: arguments.stance() }, actor(), Timestamp::now())?;
    notice::aside(context.output, format!("asked {holder} to stop at the next safe border"));
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if live_holder(&layout).is_none_or(|now| now.process != holder.process) {
            // Nobody will take the request any more, and the next run must not find it.
            inbox.discard(&id)?;
            return Ok(show(context, &layout));
        }
        sleep(PAUSE);
    }
    notice::say(
        context.output,
        format!("it was asked, and did not come to rest within {} s", PATIENCE.as_secs()),
    );
    notice::say(
        context.output,
        "a step is never cut off half-way; the run stops when it is over: backout status",
    );
    Ok(Exit::Waiting)
}

/// The run's process has ended, stuck or killed, so its doors are seen to from here.
fn bring_to_rest(arguments: &Arguments, context: &Context, layout: &Layout) -> Result<Exit, Failure> {
    let migration = context.load()?;
    context.wait(async {
        let mut writing = migration.write("stop", false).await?;
        let tools = writing.tools.clone();
        let rested = rest(&migration.assembled, &mut writing.book, arguments.stance(), &tools).await;
        writing.close().await.map_err(Failure::after_changes)?;
        rested.map_err(Failure::from)
    })?;
    Ok(show(context, layout))
}

fn carries_runs(command: &str) -> bool {
    ["backout rollback", "backout resume"].contains(&command)
}

fn show(context: &Context, layout: &Layout) -> Exit {
    let migration = context.place().ok().and_then(|place| place.load().ok());
    status::display(context, migration.as_ref(), layout);
    Exit::Done
}
