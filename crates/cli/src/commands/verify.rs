//! `backout verify`: looks whether every component is as it was saved. Changes nothing, records nothing.

use std::sync::Arc;

use backout_core::observation::Verdict;
use backout_engine::verify_all;
use clap::Args;

use crate::app::Context;
use crate::commands::compare;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::reading::{Reading, refuse_changed_manifest};
use crate::signals;
use crate::view::verdicts::{Looked, show};

/// Arguments of `backout verify`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// End with 3 when a component is not as it was saved, or nobody can tell
    #[arg(long)]
    pub exit_code: bool,
    /// Also compare the rows of every component that has two sides: the old and the live one, or the live one and what a
    /// rollback displaced
    #[arg(long)]
    pub rows: bool,
}

/// Looks.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    let migration = context.load()?;
    let life = Reading::whole(&migration.layout)?;
    refuse_changed_manifest(&migration.layout, &life)?;
    let tools = migration.look(&life)?;
    let leftovers = Arc::clone(&tools.leftovers);
    let look = verify_all(&migration.assembled, &life, &tools);
    let judged =
        context.wait(async { Ok(signals::or_leave(look, leftovers.as_ref(), context.output).await??) })?;
    let at = tools.clock.now();
    let verdicts: Vec<Looked<'_>> = judged
        .iter()
        .map(|one| Looked {
            component: one.component.as_str(),
            verdict: &one.verdict,
            looked: &one.looked,
            at,
        })
        .collect();
    show(context.output, migration.assembled.name.as_str(), &verdicts);
    let restored = judged.iter().all(|one| one.verdict == Verdict::Restored);
    if arguments.rows {
        // What differs there is told, and is no verdict: users may go on writing on one side.
        for part in &migration.assembled.parts {
            if compare::of_component(part.name.as_str(), context)? == Some(Exit::NotVerified) {
                return Ok(Exit::NotVerified);
            }
        }
    }
    Ok(if arguments.exit_code && !restored { Exit::Differs } else { Exit::Done })
}
