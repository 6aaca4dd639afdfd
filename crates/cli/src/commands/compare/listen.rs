//! Listens to a comparison: shows it, and writes its rows to files.

use std::io;

use backout_core::compare::{Comparison, Difference, Shown, TableOutcome, TablePlan};
use backout_engine::compare::{Listener, Pass};

use super::papers::Papers;
use crate::failure::Failure;
use crate::view::Output;
use crate::view::compare::{Far, View};

/// Whoever listens.
pub struct Listening {
    view: View,
    far: Far,
    limit: u64,
    papers: Papers,
    /// The first rows of the table at hand.
    rows: Vec<Difference>,
}

impl Listening {
    /// Shows so many rows of each table.
    pub fn new(output: Output, limit: u64, papers: Papers) -> Self {
        Self { view: View::new(output), far: Far::new(output), limit, papers, rows: Vec::new() }
    }

    /// Says what is compared.
    pub fn begin(&self, sides: &(Shown, Shown)) {
        self.view.sides(sides);
    }

    /// Says what came out, and puts the files in their places.
    ///
    /// # Errors
    /// A file could not be written to its end.
    pub fn finish(mut self, comparison: &Comparison) -> Result<(), Failure> {
        self.far.end();
        self.view.end(comparison);
        for place in self.papers.finish(comparison)? {
            self.view.written(&place);
        }
        Ok(())
    }
}

impl Listener for Listening {
    fn planned(&mut self, _: &TablePlan) {
        self.rows.clear();
    }

    fn far(&mut self, pass: &Pass) {
        self.far.show(pass);
    }

    fn waiting(&mut self, why: &str) {
        self.far.waiting(why);
    }

    fn difference(&mut self, difference: &Difference) -> io::Result<()> {
        if self.view.is_for_programs() {
            // A program reads rows as they come.
            if (self.rows.len() as u64) < self.limit {
                self.view.row(difference);
                if self.limit < u64::MAX {
                    self.rows.push(difference.clone());
                }
            }
        } else if (self.rows.len() as u64) < self.limit {
            self.rows.push(difference.clone());
        }
        self.papers.row(difference)
    }

    fn table(&mut self, outcome: &TableOutcome) {
        self.far.pause(|| self.view.table(outcome, &self.rows));
        self.rows.clear();
    }
}
