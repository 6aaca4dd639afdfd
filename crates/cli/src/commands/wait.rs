//! `backout wait`: waits until the migration reaches a state.

use std::str::FromStr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use backout_core::diagnostic::Diagnostic;
use backout_core::life::PhaseState;
use backout_core::migration::DurationText;
use clap::{Args, ValueEnum};

use super::require::phase_states;
use crate::app::Context;
use crate::codes;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::reading::{Reading, live_holder};
use crate::view::notice;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// Arguments of `backout wait`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The state that every phase shall be in; `idle` is: no process has the migration
    #[arg(long = "for", value_enum, value_name = "STATE")]
    pub state: Wanted,
    /// How long to wait at most (such as 30s or 5m); forever unless given
    #[arg(long, value_name = "TIME", value_parser = DurationText::from_str)]
    pub timeout: Option<DurationText>,
}

/// What may be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs, reason = "they are the states of a phase, and called so")]
pub enum Wanted {
    Idle,
    Armed,
    Captured,
    CutOver,
    RollingBack,
    Stuck,
    Held,
    RolledBack,
    NotVerified,
    Committed,
    Closed,
}

impl Wanted {
    fn is(self, state: PhaseState) -> bool {
        match self {
            Self::Idle => false,
            Self::Armed => state == PhaseState::Armed,
            Self::Captured => state == PhaseState::Captured,
            Self::CutOver => state == PhaseState::CutOver,
            Self::RollingBack => matches!(state, PhaseState::RollingBack | PhaseState::Verifying),
            Self::Stuck => state == PhaseState::Stuck,
            Self::Held => state == PhaseState::Held,
            Self::RolledBack => state == PhaseState::RolledBack,
            Self::NotVerified => state == PhaseState::NotVerified,
            Self::Committed => state == PhaseState::Committed,
            Self::Closed => state == PhaseState::Closed,
        }
    }
}

/// Waits. A state that only a person leads out of ends the wait with its own exit code.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    let migration = context.load()?;
    let began = Instant::now();
    loop {
        let life = Reading::whole(&migration.layout)?;
        let states: Vec<PhaseState> =
            phase_states(&migration, &life).into_iter().map(|(_, _, state)| state).collect();
        let live = live_holder(&migration.layout).is_some();
        let reached = match arguments.state {
            Wanted::Idle => !live,
            wanted => states.iter().all(|state| wanted.is(*state)),
        };
        if reached {
            notice::done(context.output, "reached");
            return Ok(Exit::Done);
        }
        if !live && states.contains(&PhaseState::Stuck) {
            notice::say(context.output, "a run is stuck and needs a person: backout status");
            return Ok(Exit::Stuck);
        }
        if arguments.timeout.is_some_and(|timeout| began.elapsed() >= timeout.0) {
            let words: Vec<&str> = states.iter().map(|state| state.word()).collect();
            return Err(Diagnostic::error(codes::WAITED, "what was waited for did not happen in time")
                .because(format!("the phases are: {}", words.join(", ")))
                .hint("see where the migration stands: backout status")
                .into());
        }
        sleep(PAUSE);
    }
}
