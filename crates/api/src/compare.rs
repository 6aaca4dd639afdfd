//! Two sides of data, compared: one document for each row that differs, and one at the end for all of it.

use backout_core::compare as core;
use serde::Serialize;

use crate::Shape;

/// A row that differs. Rows come before the document of the whole comparison.
#[derive(Debug, Serialize)]
pub struct Difference {
    /// The table, by its name on the left.
    pub table: String,
    /// `only-left`, `only-right` or `changed`.
    pub what: core::Kind,
    /// What tells the row from others: column and value; empty where the table has no key.
    pub key: Vec<Value>,
    /// The columns that differ; of a row on one side only, all but the key.
    pub columns: Vec<Cell>,
    /// How often the row is on the left and on the right, where the table has no key.
    pub times: Option<(u64, u64)>,
    /// Whether it was still being written while it was looked at again.
    pub moving: bool,
}

/// A column and its value; a null is null.
#[derive(Debug, Serialize)]
pub struct Value {
    /// The column, by its name on the left.
    pub column: String,
    /// The value.
    pub value: Option<String>,
}

/// A column and its values on both sides.
#[derive(Debug, Serialize)]
pub struct Cell {
    /// The column, by its name on the left.
    pub column: String,
    /// On the left; a null is null.
    pub left: Option<String>,
    /// On the right.
    pub right: Option<String>,
}

/// A comparison from its beginning to its end, or as far as it came.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// Whether everything was compared.
    pub complete: bool,
    /// Whether anything differs, as far as it was compared.
    pub differs: bool,
    /// Why it ended before its end.
    pub cut_short: Option<String>,
    /// The left side.
    pub left: SideCompared,
    /// The right side.
    pub right: SideCompared,
    /// Tables that are on the left only.
    pub only_left: Vec<String>,
    /// Tables that are on the right only.
    pub only_right: Vec<String>,
    /// Table by table.
    pub tables: Vec<TableCompared>,
    /// How the schemas differ; null where that was not asked for.
    pub schema: Option<Vec<SchemaDifference>>,
}

/// A side.
#[derive(Debug, Serialize)]
pub struct SideCompared {
    /// Where it is, without secrets.
    pub place: String,
    /// Which system, with its version.
    pub system: String,
    /// The positions of the snapshots that were read.
    pub positions: Vec<String>,
}

/// A table.
#[derive(Debug, Serialize)]
pub struct TableCompared {
    /// Its name on the left.
    pub left: String,
    /// Its name on the right.
    pub right: String,
    /// Rows read on the left.
    pub rows_left: u64,
    /// Rows read on the right.
    pub rows_right: u64,
    /// Rows on the left only.
    pub only_left: u64,
    /// Rows on the right only.
    pub only_right: u64,
    /// Rows on both sides with other values.
    pub changed: u64,
    /// Rows that differed at first and were equal when they were looked at again.
    pub settled: u64,
    /// Rows that differ and were still being written.
    pub moving: u64,
    /// Why not all of it was compared; null where all was.
    pub incomplete: Option<String>,
    /// What a person should know.
    pub notes: Vec<String>,
    /// How it was compared; null where that could not be decided.
    pub plan: Option<PlannedTable>,
}

/// How a table is compared.
#[derive(Debug, Serialize)]
pub struct PlannedTable {
    /// The columns that tell rows apart; empty: as a multiset.
    pub key: Vec<String>,
    /// `server` or `here`.
    pub hashed: core::Place,
    /// Bits of each row's hash: 64 or 128.
    pub bits: u8,
    /// An upper bound of the chance that the hashes hide any difference.
    pub risk: f64,
    /// About how many rows, of the larger side.
    pub rows: u64,
    /// The columns that are compared, and how: `binary`, `value`, `text` or `portable`.
    pub columns: Vec<PlannedColumn>,
    /// Columns that are not compared.
    pub skipped: Vec<Skipped>,
}

/// How a column is compared.
#[derive(Debug, Serialize)]
pub struct PlannedColumn {
    /// Its name on the left.
    pub left: String,
    /// Its name on the right.
    pub right: String,
    /// How its values become numbers.
    pub method: core::Method,
}

/// A column that is not compared.
#[derive(Debug, Serialize)]
pub struct Skipped {
    /// Its name.
    pub column: String,
    /// Why.
    pub why: String,
}

/// One way in which the schemas differ.
#[derive(Debug, Serialize)]
pub struct SchemaDifference {
    /// The object.
    pub object: String,
    /// Its property; null where the whole object is on one side only.
    pub property: Option<String>,
    /// On the left; null where it is not there.
    pub left: Option<String>,
    /// On the right; null where it is not there.
    pub right: Option<String>,
}

/// How two sides would be compared.
#[derive(Debug, Serialize)]
pub struct ComparisonPlan {
    /// The left side.
    pub left: SideCompared,
    /// The right side.
    pub right: SideCompared,
    /// Table by table.
    pub tables: Vec<TablePlanned>,
}

/// How a table would be compared, or why it cannot be.
#[derive(Debug, Serialize)]
pub struct TablePlanned {
    /// Its name on the left.
    pub table: String,
    /// How; null where it cannot be compared.
    pub plan: Option<PlannedTable>,
    /// Why it cannot be compared.
    pub problem: Option<String>,
}

impl Difference {
    /// Of one row.
    pub fn of(row: &core::Difference) -> Self {
        let value = |(column, value): &(String, Option<String>)| Value {
            column: column.clone(),
            value: value.clone(),
        };
        let cell = |cell: &core::Cell| Cell {
            column: cell.column.clone(),
            left: cell.left.clone(),
            right: cell.right.clone(),
        };
        Self {
            table: row.table.clone(),
            what: row.kind,
            key: row.key.iter().map(value).collect(),
            columns: row.columns.iter().map(cell).collect(),
            times: row.times,
            moving: row.settled == core::Settled::Moving,
        }
    }
}

impl Comparison {
    /// Of a whole comparison.
    pub fn of(comparison: &core::Comparison) -> Self {
        let schema = comparison.schema.as_ref();
        Self {
            complete: comparison.is_complete(),
            differs: comparison.differs(),
            cut_short: comparison.cut_short.clone(),
            left: SideCompared::of(&comparison.sides.0),
            right: SideCompared::of(&comparison.sides.1),
            only_left: comparison.only_left.clone(),
            only_right: comparison.only_right.clone(),
            tables: comparison.tables.iter().map(TableCompared::of).collect(),
            schema: schema.map(|all| all.iter().map(SchemaDifference::of).collect()),
        }
    }
}

impl SideCompared {
    fn of(side: &core::Shown) -> Self {
        Self { place: side.place.clone(), system: side.system.clone(), positions: side.positions.clone() }
    }
}

impl TableCompared {
    fn of(table: &core::TableOutcome) -> Self {
        Self {
            left: table.left.clone(),
            right: table.right.clone(),
            rows_left: table.rows.0,
            rows_right: table.rows.1,
            only_left: table.only_left,
            only_right: table.only_right,
            changed: table.changed,
            settled: table.settled,
            moving: table.moving,
            incomplete: match &table.state {
                core::TableState::Complete => None,
                core::TableState::Incomplete(why) => Some(why.clone()),
            },
            notes: table.notes.clone(),
            plan: table.plan.as_ref().map(PlannedTable::of),
        }
    }
}

impl PlannedTable {
    fn of(plan: &core::TablePlan) -> Self {
        let column = |column: &core::ColumnPlan| PlannedColumn {
            left: column.left.clone(),
            right: column.right.clone(),
            method: column.method,
        };
        let skipped = |one: &core::Skipped| Skipped { column: one.column.clone(), why: one.why.clone() };
        Self {
            key: plan.key.clone(),
            hashed: plan.place,
            bits: if plan.twice { 128 } else { 64 },
            risk: plan.risk(),
            rows: plan.rows,
            columns: plan.columns.iter().map(column).collect(),
            skipped: plan.skipped.iter().map(skipped).collect(),
        }
    }
}

impl SchemaDifference {
    fn of(one: &core::SchemaDifference) -> Self {
        Self {
            object: one.object.clone(),
            property: one.property.clone(),
            left: one.left.clone(),
            right: one.right.clone(),
        }
    }
}

impl ComparisonPlan {
    /// Of the plans of all tables.
    pub fn of(
        sides: &(core::Shown, core::Shown),
        plans: &[(String, Result<core::TablePlan, core::Unlike>)],
    ) -> Self {
        let table = |(table, plan): &(String, Result<core::TablePlan, core::Unlike>)| TablePlanned {
            table: table.clone(),
            plan: plan.as_ref().ok().map(PlannedTable::of),
            problem: plan.as_ref().err().map(ToString::to_string),
        };
        Self {
            left: SideCompared::of(&sides.0),
            right: SideCompared::of(&sides.1),
            tables: plans.iter().map(table).collect(),
        }
    }
}

impl Shape for Difference {
    const TYPE: &'static str = "difference";
}

impl Shape for Comparison {
    const TYPE: &'static str = "comparison";
}

impl Shape for ComparisonPlan {
    const TYPE: &'static str = "comparison-plan";
}
