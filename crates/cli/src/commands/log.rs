//! `backout log`: the journal.

use std::thread::sleep;
use std::time::Duration;

use backout_core::life::Life;
use backout_store::Follower;
use clap::Args;

use crate::app::Context;
use crate::exit::Exit;
use crate::failure::{Failure, chain};
use crate::view;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// Arguments of `backout log`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Go on showing what is written
    #[arg(long, conflicts_with = "verify")]
    pub follow: bool,
    /// Check that each record follows the one before, and name the first that does not
    #[arg(long)]
    pub verify: bool,
}

/// Shows it.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    let mut follower = Follower::new(context.layout()?.journal());
    if arguments.verify {
        let mut life = Life::default();
        let problem = follower.read_new(|record, _| life.apply(&record)).err();
        let problem = problem.map(|problem| chain(&problem));
        view::log::chain(context.output, life.sequence, follower.chain().head(), problem.as_deref());
        return Ok(if problem.is_none() { Exit::Done } else { Exit::Refused });
    }
    loop {
        follower.read_new(|record, _| {
            view::log::record(context.output, &record);
            Ok(())
        })?;
        if !arguments.follow || !context.output.is_read() {
            return Ok(Exit::Done);
        }
        sleep(PAUSE);
    }
}
