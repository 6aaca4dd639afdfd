//! Two sides of the same data, compared: which columns are hashed how, which blocks of rows differ, which rows differ,
//! and what people are told of it. One pass over both sides finds the blocks; only rows of blocks that differ are
//! looked at again.

mod blocks;
mod catalog;
mod key;
mod outcome;
mod pairing;
mod plan;
mod portable;
mod schema;
mod together;

pub use blocks::{Block, Blocks, Drill, Tallies, Tally, drill};
pub use catalog::{About, Catalog, Column, Method, Relation, Spread};
pub use key::Key;
pub use outcome::{Cell, Comparison, Difference, Kind, Settled, Shown, TableOutcome, TableState};
pub use pairing::{Odd, Pairing, Which};
pub use plan::{ColumnPlan, OrderColumn, Place, Skipped, TableOrder, TablePlan, Unlike, Wanted, plan_table};
pub use portable::{HashedHere, hash_row, hash_text};
pub use schema::{SchemaDifference, Things, compare_things};
pub use together::pair_tables;
