//! One table, from its plan to its outcome.

use backout_core::compare::{Drill, TableOutcome, TablePlan, drill};

use super::pass::pass;
use super::rows::{odd_rows, spilling};
use super::settle::Settling;
use super::{Comparing, End};

/// A table at work.
pub(super) struct Work<'a, 'c> {
    pub(super) comparing: &'a Comparing<'c>,
    pub(super) plan: &'a TablePlan,
}

impl Work<'_, '_> {
    /// Fills the outcome; as far as it came where it ends before its end.
    pub(super) async fn run(&self, outcome: &mut TableOutcome) -> Result<(), End> {
        let (comparing, plan) = (self.comparing, self.plan);
        let (mut left, mut right) = (plan.left_order(), plan.right_order());
        // A piece is read at once, so it must not be more than what a second may read.
        left.rows_a_piece = comparing.order.ceiling.rows_per_second;
        right.rows_a_piece = left.rows_a_piece;
        let before = (comparing.left.snapshots(), comparing.right.snapshots());
        let (here, there) = pass(comparing, &left, &right, plan.rows).await?;
        outcome.rows = (here.rows(), there.rows());
        let unlike = here.unlike(&there).len();
        let blocks = match drill(&here, &there, plan.blocks) {
            Drill::Nothing => return Ok(()),
            Drill::Some(blocks) => Some(blocks),
            Drill::All => None,
        };
        // Said until the rows are known, should it end before.
        outcome.notes.push(format!("{unlike} of {} blocks differ", here.len().max(there.len())));
        let about = match &blocks {
            Some(blocks) => here.rows_in(blocks).max(there.rows_in(blocks)),
            None => outcome.rows.0.max(outcome.rows.1),
        };
        drop((here, there));
        let odds = odd_rows(comparing, &left, &right, blocks.as_ref(), about).await?;
        let renewed = before != (comparing.left.snapshots(), comparing.right.snapshots());
        let mut settling = Settling::begin(comparing, plan, left, right, outcome, renewed).await?;
        for part in odds.parts() {
            settling.take(part.map_err(spilling)?).await?;
        }
        settling.finish();
        Ok(())
    }
}
