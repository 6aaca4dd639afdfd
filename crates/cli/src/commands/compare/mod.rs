//! `backout compare`: two sides of the same data, compared row by row. Reads, and changes nothing anywhere.

mod arguments;
mod find;
mod listen;
mod map_file;
mod order;
mod papers;

use std::sync::Arc;

use backout_contract::compare::Side;
use backout_contract::{Stop, StopLevel};
use backout_core::compare::Comparison;
use backout_core::diagnostic::Diagnostic;
use backout_engine::compare::compare;
use backout_kit::scratch_folder::ScratchFolder;
use clap::Parser;

use crate::app::Context;
use crate::codes;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::signals;
use crate::view;

pub use arguments::Arguments;

use listen::Listening;
use order::Order;
use papers::Papers;

/// Both sides, open.
struct Sides {
    left: Arc<dyn Side>,
    right: Arc<dyn Side>,
}

/// Compares.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    let mapping = arguments.map.as_deref().map(map_file::read).transpose()?.unwrap_or_default();
    let papers = Papers::begin(&arguments.outputs)?;
    let scratch = ScratchFolder::make(&std::env::temp_dir(), 0).map_err(find::no_scratch)?;
    context.wait(async {
        let (interrupts, asked) = signals::hand_to_look(context.output)?;
        let (sender, stop) = Stop::channel();
        tokio::spawn(async move {
            let mut interrupts = interrupts;
            if interrupts.recv().await.is_some() {
                sender.send_replace(StopLevel::Finish);
            }
            // Whoever listens for the level needs the sender.
            std::future::pending::<()>().await;
        });
        let sides = find::sides(arguments, context, &stop, scratch.path()).await?;
        let compared = async {
            let order = Order::make(arguments, &mapping, &sides, scratch.path()).await?;
            if arguments.plan {
                view::compare::planned(context.output, &order.sides, &order.plans);
                return Ok(Exit::Done);
            }
            let mut listening =
                Listening::new(context.output, arguments.shown_rows(context.output.json), papers);
            listening.begin(&order.sides);
            let (left, right) = (sides.left.as_ref(), sides.right.as_ref());
            let comparison = compare(left, right, &order.order, &stop, &mut listening)
                .await
                .map_err(find::not_compared)?;
            listening.finish(&comparison)?;
            Ok::<_, Failure>(asked.exit().unwrap_or_else(|| exit_of(&comparison, arguments.exit_code)))
        }
        .await;
        // A side may stand on a scratch copy, which goes away whatever came out.
        let closed = tokio::try_join!(sides.left.close(), sides.right.close());
        let exit = compared?;
        closed.map_err(find::not_compared)?;
        Ok(exit)
    })
}

/// The command line of a comparison without options.
#[derive(Parser)]
struct Plain {
    #[command(flatten)]
    arguments: Arguments,
}

/// Compares the two sides of a component that has two: none where it has not. With the exit that differences have.
pub fn of_component(name: &str, context: &Context) -> Result<Option<Exit>, Failure> {
    let plain = Plain::try_parse_from(["compare", "--exit-code", "--", name]);
    let plain = plain.map_err(|error| {
        Diagnostic::error(codes::MACHINE, format!("compare the rows of `{name}`")).because(error.to_string())
    })?;
    match run(&plain.arguments, context) {
        Ok(exit) => Ok(Some(exit)),
        Err(failure) if failure.diagnostics.iter().any(|one| one.code == codes::ONE_SIDE) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// | everything compared | it differs | `--exit-code` | exit |
/// |---|---|---|---|
/// | no | | | not verified |
/// | yes | yes | yes | differs |
/// | yes | yes | no | done |
/// | yes | no | | done |
fn exit_of(comparison: &Comparison, exit_code: bool) -> Exit {
    match (comparison.is_complete(), comparison.differs() && exit_code) {
        (false, _) => Exit::NotVerified,
        (true, true) => Exit::Differs,
        (true, false) => Exit::Done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use backout_core::compare::Shown;

    #[test]
    fn each_row_of_the_table() {
        let side = || Shown { place: "x".into(), system: "X 1".into(), positions: Vec::new() };
        let same = Comparison {
            sides: (side(), side()),
            schema: None,
            only_left: Vec::new(),
            only_right: Vec::new(),
            tables: Vec::new(),
            cut_short: None,
        };
        let differs = Comparison { only_left: vec!["t".into()], ..same.clone() };
        let cut = Comparison { cut_short: Some("stopped".into()), ..differs.clone() };
        for (comparison, exit_code, exit) in [
            (&cut, true, Exit::NotVerified),
            (&cut, false, Exit::NotVerified),
            (&differs, true, Exit::Differs),
            (&differs, false, Exit::Done),
            (&same, true, Exit::Done),
            (&same, false, Exit::Done),
        ] {
            assert_eq!(exit_of(comparison, exit_code), exit);
        }
    }
}
