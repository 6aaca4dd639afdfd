//! `backout step`: what becomes of a step that needs a person.

use std::thread::sleep;
use std::time::{Duration, Instant};

use backout_core::diagnostic::Diagnostic;
use backout_core::journal::{Choice, Event, Request};
use backout_core::life::RunLife;
use backout_core::name::StepId;
use backout_store::{FileInbox, Layout};
use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::require::{self, with_hint};
use crate::app::Context;
use crate::codes;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::hints;
use crate::reading::{Reading, live_holder};
use crate::view::notice;
use crate::wiring::actor;

/// How long it is waited for the run to take the choice; it looks several times a second.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// Arguments of `backout step`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The step
    #[arg(value_name = "STEP", value_parser = StepId::new)]
    pub step: StepId,
    /// What becomes of it
    #[arg(value_enum, value_name = "CHOICE")]
    pub choice: Chosen,
    /// Why; it is recorded
    #[arg(long, value_name = "REASON", required_if_eq_any = [("choice", "skip"), ("choice", "accept")])]
    pub reason: Option<String>,
}

/// What becomes of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Chosen {
    /// Try it again; it looks first
    Retry,
    /// Leave it out; what it guarded is blocked
    Skip,
    /// Take it as done; for a step that a person does, the answer that it is done
    Accept,
}

impl Chosen {
    fn choice(self) -> Choice {
        match self {
            Self::Retry => Choice::Retry,
            Self::Skip => Choice::Skip,
            Self::Accept => Choice::Accept,
        }
    }
}

/// Records the choice, or hands it to the process that carries the run.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    let migration = context.load()?;
    require::state(&migration.layout)?;
    let life = Reading::whole(&migration.layout)?;
    let choice = arguments.choice.choice();
    let reason = arguments.reason.clone().unwrap_or_default();
    legal(life.open_run(), &arguments.step, choice)?;
    if live_holder(&migration.layout).is_some() {
        return hand_over(arguments, choice, reason, context, &migration.layout);
    }
    context.wait(async {
        let mut writing = migration.write("step", false).await?;
        legal(writing.book.life().open_run(), &arguments.step, choice)?;
        let chose = Event::OperatorChose { step: arguments.step.clone(), choice, reason, by: actor() };
        writing.book.append(vec![chose]).await?;
        writing.close().await
    })?;
    notice::done(context.output, format!("{}: recorded", arguments.step));
    notice::say(context.output, "now: backout resume");
    Ok(Exit::Done)
}

fn hand_over(
    arguments: &Arguments,
    choice: Choice,
    reason: String,
    context: &Context,
    layout: &Layout,
) -> Result<Exit, Failure> {
    let inbox = FileInbox::of(layout);
    let asks = Request::Choose { step: arguments.step.clone(), choice, reason };
    let id = inbox.post(asks, actor(), Timestamp::now())?;
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if Reading::of(layout).life.requests.contains(&id) {
            notice::done(context.output, format!("{}: the run took the choice", arguments.step));
            return Ok(Exit::Done);
        }
        if live_holder(layout).is_none() {
            break;
        }
        sleep(PAUSE);
    }
    inbox.discard(&id)?;
    Err(Diagnostic::error(codes::WAITED, format!("hand the choice for {} to the run", arguments.step))
        .because("the process that carries it did not take it, or has ended")
        .hint("see where it stands, and choose again: backout status")
        .into())
}

fn legal(run: Option<&RunLife>, step: &StepId, choice: Choice) -> Result<(), Failure> {
    let Some(run) = run else {
        return Err(Diagnostic::error(codes::NOT_NOW, "there is no run with steps to choose for")
            .because("the last run is over, or none was begun")
            .hint("see where the migration stands: backout status")
            .into());
    };
    let Some(state) = run.steps.get(step) else {
        let hint = hints::for_unknown(step.as_str(), run.steps.keys().map(StepId::as_str));
        let found = Diagnostic::error(codes::UNKNOWN_NAME, format!("run {} has no step `{step}`", run.id));
        return Err(with_hint(found, hint).into());
    };
    if run.may_choose(step, choice) {
        return Ok(());
    }
    Err(Diagnostic::error(codes::NOT_NOW, format!("{step} takes no such choice now"))
        .because(format!("it is {}", state.word()))
        .hint("see which steps need a person: backout status")
        .into())
}
