//! Compares two sides: plans each table, adds up both sides' blocks in one pass side by side, looks at the rows of blocks
//! that differ, and looks again at what may only have been on its way.

mod component;
mod held;
mod pass;
mod patient;
mod rows;
mod settle;
mod spill;
mod table;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use backout_contract::compare::{Scope, Side};
use backout_contract::{DriverError, ErrorKind, Stop, StopLevel};
use backout_core::compare::{
    Comparison, Difference, Shown, TableOutcome, TablePlan, TableState, Wanted, compare_things, pair_tables,
    plan_table,
};

pub use component::{Data, component_side};
use patient::Patient;
use table::Work;

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
    /// How single tables are compared instead, by their names on the left.
    pub each: BTreeMap<String, Wanted>,
    /// Whether schemas are compared too.
    pub schema: bool,
    /// Whether rows are compared.
    pub rows: bool,
    /// Columns, by their names on the left, whose values nobody shall see.
    pub masked: BTreeSet<String>,
    /// So many rows that differ are told of each table; the others are only counted.
    pub limit: u64,
    /// How much the sides may be burdened.
    pub ceiling: Ceiling,
    /// A folder for what does not fit into memory.
    pub scratch: PathBuf,
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
    /// So many pieces of a pass are read at once, on each side: as many as the sides have connections.
    pub at_once: usize,
}

impl Default for Ceiling {
    fn default() -> Self {
        Self {
            rows_per_second: None,
            lag: None,
            answer: None,
            patience: Duration::from_secs(60),
            looks: 3,
            at_once: 1,
        }
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

/// Why a comparison, or its part, ended before its end.
enum End {
    /// Somebody asked for it.
    Stopped,
    /// A side could not be reached for longer than our patience.
    Lost(DriverError),
    /// Something that concerns the table at hand alone.
    Table(DriverError),
    /// Whoever listens cannot take what is told.
    Deaf(std::io::Error),
}

/// What a comparison works with.
struct Comparing<'a> {
    left: Patient<'a>,
    right: Patient<'a>,
    order: &'a CompareOrder,
    stop: &'a Stop,
    listener: Mutex<&'a mut dyn Listener>,
}

/// Compares.
///
/// # Errors
/// When a side cannot be read at all, or the listener fails. What concerns one table, a stop on the way and whatever is
/// known until then stand in the outcome.
pub async fn compare(
    left: &dyn Side,
    right: &dyn Side,
    order: &CompareOrder,
    stop: &Stop,
    listener: &mut dyn Listener,
) -> Result<Comparison, DriverError> {
    let (about_left, about_right) = tokio::try_join!(left.about(), right.about())?;
    let (here, there) = tokio::try_join!(left.catalog(&order.left), right.catalog(&order.right))?;
    let comparing = Comparing {
        left: Patient::new(left, order.ceiling.patience).await?,
        right: Patient::new(right, order.ceiling.patience).await?,
        order,
        stop,
        listener: Mutex::new(listener),
    };
    let schema = order.schema.then(|| compare_things(&here.things, &there.things));
    let (pairs, only_left, only_right) = pair_tables(&here.relations, &there.relations, &order.pairs);
    let mut tables = Vec::new();
    let mut cut_short = None;
    for (at_left, at_right) in pairs.into_iter().filter(|_| order.rows) {
        let (left, right) = (&here.relations[at_left], &there.relations[at_right]);
        let mut outcome = TableOutcome::begun(left.full_name(), right.full_name());
        if stop.level() > StopLevel::Go {
            cut_short = Some(STOPPED.to_owned());
        }
        if let Some(why) = &cut_short {
            outcome.state = TableState::Incomplete(why.clone());
            tables.push(outcome);
            continue;
        }
        let wanted = order.each.get(&left.full_name()).unwrap_or(&order.wanted);
        match plan_table((left, &about_left), (right, &about_right), wanted) {
            Err(unlike) => outcome.state = TableState::Incomplete(unlike.to_string()),
            Ok(plan) => {
                comparing.tell(|listener| listener.planned(&plan));
                let ended = Work { comparing: &comparing, plan: &plan }.run(&mut outcome).await;
                outcome.plan = Some(plan);
                match ended {
                    Ok(()) => {}
                    Err(End::Table(error)) => outcome.state = TableState::Incomplete(error.chain()),
                    Err(End::Lost(error)) => cut_short = Some(error.chain()),
                    Err(End::Stopped) => cut_short = Some(STOPPED.to_owned()),
                    Err(End::Deaf(error)) => {
                        return Err(DriverError::io("write the rows that differ", error).nothing_happened());
                    }
                }
                if let Some(why) = &cut_short {
                    outcome.state = TableState::Incomplete(why.clone());
                }
            }
        }
        comparing.tell(|listener| listener.table(&outcome));
        tables.push(outcome);
    }
    let shown = |side: &Patient<'_>, system: String| Shown {
        place: side.place(),
        system,
        positions: side.positions(),
    };
    Ok(Comparison {
        sides: (shown(&comparing.left, about_left.system), shown(&comparing.right, about_right.system)),
        schema,
        only_left,
        only_right,
        tables,
        cut_short,
    })
}

/// What is said where a person stopped it.
const STOPPED: &str = "it was stopped on the way";

impl Comparing<'_> {
    fn tell(&self, what: impl FnOnce(&mut dyn Listener)) {
        if let Ok(mut listener) = self.listener.lock() {
            what(&mut **listener);
        }
    }

    /// Fails when somebody wants it to end.
    fn go_on(&self) -> Result<(), End> {
        if self.stop.level() > StopLevel::Go { Err(End::Stopped) } else { Ok(()) }
    }
}

impl End {
    fn of(error: DriverError) -> Self {
        if error.kind == ErrorKind::Unreachable { Self::Lost(error) } else { Self::Table(error) }
    }
}
