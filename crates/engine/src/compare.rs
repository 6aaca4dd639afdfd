//! Compares two sides: plans each table, adds up both sides' blocks in one pass side by side, looks at the rows of blocks
//! that differ, and looks again at what may only have been on its way.

use std::collections::BTreeSet;
use std::time::Duration;

use backout_contract::compare::{Scope, Side};
use backout_contract::{DriverError, Stop};
use backout_core::compare::{Comparison, Difference, TableOutcome, TablePlan, Wanted};

/// What is compared, and how carefully.
#[derive(Debug, Clone)]
pub struct CompareOrder {
    /// What part of the left.
    pub left: Scope,
    /// What part of the right.
    pub right: Scope,
    /// Tables that belong together under different names: left, right.
    pub pairs: Vec<(String, String)>,
    /// How tables are compared.
    pub wanted: Wanted,
    /// Whether schemas are compared too.
    pub schema: bool,
    /// Columns, by their names on the left, whose values nobody shall see.
    pub masked: BTreeSet<String>,
    /// So many rows that differ are told of each table; the others are only counted.
    pub limit: u64,
    /// How much the sides may be burdened.
    pub ceiling: Ceiling,
}

/// How much the sides may be burdened.
#[derive(Debug, Clone)]
pub struct Ceiling {
    /// So many rows a second at most, on each side.
    pub rows_per_second: Option<u64>,
    /// Wait while a replica lags more than this.
    pub lag: Option<Duration>,
    /// Wait while a question that costs nothing takes longer than this.
    pub answer: Option<Duration>,
    /// So long a lost connection is tried again.
    pub patience: Duration,
    /// So often rows that differ are looked at again where somebody writes.
    pub looks: u32,
}

impl Default for Ceiling {
    fn default() -> Self {
        Self { rows_per_second: None, lag: None, answer: None, patience: Duration::from_secs(60), looks: 3 }
    }
}

/// How far a comparison is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    /// The table, by its name on the left.
    pub table: String,
    /// What is done, in a word or two (`first pass`, `rows that differ`, `looking again`).
    pub work: &'static str,
    /// Rows done, of both sides.
    pub done: u64,
    /// Of about how many.
    pub of: u64,
}

/// Whoever listens to a comparison while it goes on.
pub trait Listener: Send {
    /// How a table is going to be compared.
    fn planned(&mut self, plan: &TablePlan);
    /// How far it is.
    fn far(&mut self, pass: &Pass);
    /// It waits, and why.
    fn waiting(&mut self, why: &str);
    /// A row that differs, settled. In no order but that of the table's keys' bytes.
    fn difference(&mut self, difference: &Difference) -> std::io::Result<()>;
    /// A table is done.
    fn table(&mut self, outcome: &TableOutcome);
}

/// Compares.
///
/// # Errors
/// When a side cannot be read at all. What concerns one table, a stop on the way and whatever is known until then stand in
/// the outcome.
pub async fn compare(
    left: &dyn Side,
    right: &dyn Side,
    order: &CompareOrder,
    stop: &Stop,
    listener: &mut dyn Listener,
) -> Result<Comparison, DriverError> {
    let _ = (left, right, order, stop, listener);
    Err(DriverError::new(backout_contract::ErrorKind::Other, "compare"))
}
