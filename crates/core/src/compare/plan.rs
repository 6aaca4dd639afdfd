//! How two relations are compared: decided from their catalogs alone, printed before it is done.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::blocks::Blocks;
use super::catalog::{About, Column, Method, Relation, Spread};

/// What a person wants of a comparison, for all tables or for one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Columns of the left that tell rows apart, instead of the key of the catalog.
    pub key: Vec<String>,
    /// Only these columns of the left, beside the key; all where empty.
    pub only: BTreeSet<String>,
    /// Not these columns of the left.
    pub except: BTreeSet<String>,
    /// Columns that have another name on the right: left → right.
    pub renamed: BTreeMap<String, String>,
    /// What stands on the left instead of a column: an SQL expression over the left table's columns, by the column's name
    /// on the left.
    pub left_as: BTreeMap<String, String>,
    /// The same on the right, by the column's name on the left.
    pub right_as: BTreeMap<String, String>,
    /// Which rows of the left, as an SQL condition.
    pub left_where: Option<String>,
    /// Which rows of the right.
    pub right_where: Option<String>,
    /// Whether values that their type calls equal and that are written otherwise differ.
    pub exact: bool,
    /// Whether the servers hash the text of every value.
    pub text: bool,
    /// Whether all hashing is done by us.
    pub portable: bool,
    /// Whether a second hash is taken in any case.
    pub twice: bool,
    /// What the hashes begin with: drawn anew for each comparison, so that nobody can prepare rows that collide.
    pub seed: u64,
}

/// Who hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// The servers: only blocks, keys and hashes cross the wire.
    Server,
    /// We: all rows cross the wire.
    Here,
}

/// How two relations are compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TablePlan {
    /// The relation on the left: schema and name.
    pub left: (String, String),
    /// On the right.
    pub right: (String, String),
    /// The columns that are compared, those of the key among them.
    pub columns: Vec<ColumnPlan>,
    /// Names, on the left, of the columns that tell rows apart. Empty: rows are compared as a multiset.
    pub key: Vec<String>,
    /// Columns that are not compared, and why.
    pub skipped: Vec<Skipped>,
    /// How rows are put into blocks.
    pub blocks: Blocks,
    /// Who hashes.
    pub place: Place,
    /// Whether two hashes of 64 bits are taken instead of one.
    pub twice: bool,
    /// What the hashes begin with.
    pub seed: u64,
    /// About how many rows, of the larger side.
    pub rows: u64,
    /// Which rows of the left.
    pub left_where: Option<String>,
    /// Which rows of the right.
    pub right_where: Option<String>,
}

/// How a column is compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnPlan {
    /// Its name on the left.
    pub left: String,
    /// Its name on the right.
    pub right: String,
    /// What is read on the left instead of the column.
    pub left_as: Option<String>,
    /// What is read on the right instead of the column.
    pub right_as: Option<String>,
    /// How its values become numbers.
    pub method: Method,
    /// Its type, where both sides have the same.
    pub kind: Option<String>,
}

/// A column that is not compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Its name.
    pub column: String,
    /// Why, without a full stop.
    pub why: String,
}

/// Why two relations cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unlike {
    /// A wish names a column that is not there.
    #[error("there is no column `{0}`")]
    NoColumn(String),
    /// Nothing is left to compare.
    #[error("the two sides have no column in common")]
    NothingInCommon,
    /// One of them may not be read.
    #[error("{0}")]
    Unreadable(String),
}

/// What one side is asked for: its half of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableOrder {
    /// The relation's schema.
    pub schema: String,
    /// The relation's name.
    pub name: String,
    /// What is hashed, in this order on both sides.
    pub columns: Vec<OrderColumn>,
    /// Which of these tell rows apart, by their place; empty: none do.
    pub key: Vec<usize>,
    /// How rows are put into blocks. A range is over the first column of the key.
    pub blocks: Blocks,
    /// Who hashes.
    pub place: Place,
    /// Whether two hashes are taken.
    pub twice: bool,
    /// What the hashes begin with.
    pub seed: u64,
    /// Which rows, as an SQL condition.
    pub filter: Option<String>,
    /// So many rows, about, a piece of the pass may have at most; as many as the side thinks right where none is said.
    pub rows_a_piece: Option<u64>,
}

/// A column of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderColumn {
    /// The column.
    pub name: String,
    /// What is read instead of it.
    pub expression: Option<String>,
    /// How its values become numbers.
    pub method: Method,
}

/// Rows that a block shall have: small enough to be read again for one difference, large enough that a pass tells few.
const ROWS_A_BLOCK: u64 = 512;
/// The most blocks of one table, as bits.
const MOST_BITS: u8 = 18;
/// From so many rows on a second hash is taken: the chance that 64 bits hide any difference among all of them is still
/// below one in a thousand million for fewer.
const MANY_ROWS: u64 = 10_000_000_000;
/// Blocks are ranges as long as the fullest hundredth of the range has no more than this part of the rows.
const FULLEST: f64 = 0.25;

/// Decides how two relations are compared.
///
/// | both servers hash alike | types are the same | `exact` | a column is hashed |
/// |---|---|---|---|
/// | yes | yes | no | by the best method that both offer |
/// | yes | yes | yes | by the best that is no [`Method::Value`] |
/// | yes | no, or an expression stands for it, or a person wants it | | from its text, by the servers |
/// | no, or a person wants it | | | from its text, by us: then all of the table is |
///
/// | key | integers of the key's first column | blocks are |
/// |---|---|---|
/// | none | | scattered by the row's hash |
/// | one column, on both sides as it stands | spread so that no hundredth has a quarter of the rows | ranges |
/// | else | | scattered by the key's hash |
///
/// # Errors
/// When a wish names what is not there, a side may not be read, or no column is on both sides.
pub fn plan_table(
    left: (&Relation, &About),
    right: (&Relation, &About),
    wanted: &Wanted,
) -> Result<TablePlan, Unlike> {
    let ((left, about_left), (right, about_right)) = (left, right);
    for relation in [left, right] {
        if let Some(why) = &relation.unreadable {
            return Err(Unlike::Unreadable(format!("{}: {why}", relation.full_name())));
        }
    }
    known(left, wanted)?;
    let alike = about_left.dialect.is_some() && about_left.dialect == about_right.dialect;
    let place = if alike && !wanted.portable { Place::Server } else { Place::Here };
    let mut columns = Vec::new();
    let mut skipped = Vec::new();
    let mut met = BTreeSet::new();
    for column in &left.columns {
        let name = wanted.renamed.get(&column.name).unwrap_or(&column.name);
        let there = right.column(name);
        if there.is_some() {
            met.insert(name.clone());
        }
        let is_key = wanted.key.contains(&column.name);
        let chosen = (wanted.only.is_empty() || wanted.only.contains(&column.name))
            && !wanted.except.contains(&column.name);
        if !is_key && !chosen {
            skipped.push(Skipped { column: column.name.clone(), why: "not asked for".to_owned() });
            continue;
        }
        let right_as = wanted.right_as.get(&column.name).cloned();
        if there.is_none() && right_as.is_none() {
            skipped.push(Skipped { column: column.name.clone(), why: "only on the left".to_owned() });
            continue;
        }
        let left_as = wanted.left_as.get(&column.name).cloned();
        let same =
            there.is_some_and(|there| there.kind == column.kind) && left_as.is_none() && right_as.is_none();
        let method = match (place, there) {
            (Place::Here, _) => Method::Portable,
            (Place::Server, Some(there)) if same && !wanted.text => best(column, there, wanted.exact),
            (Place::Server, _) => Method::Text,
        };
        columns.push(ColumnPlan {
            left: column.name.clone(),
            right: name.clone(),
            left_as,
            right_as,
            method,
            kind: same.then(|| column.kind.clone()),
        });
    }
    let unmet = right.columns.iter().filter(|column| !met.contains(&column.name));
    skipped.extend(
        unmet.map(|column| Skipped { column: column.name.clone(), why: "only on the right".to_owned() }),
    );
    if columns.is_empty() {
        return Err(Unlike::NothingInCommon);
    }
    let key = key_of(left, right, &columns, wanted);
    let rows = left.rows.max(right.rows);
    Ok(TablePlan {
        left: (left.schema.clone(), left.name.clone()),
        right: (right.schema.clone(), right.name.clone()),
        blocks: blocks(left, right, &columns, &key, rows),
        columns,
        key,
        skipped,
        place,
        twice: wanted.twice || rows >= MANY_ROWS,
        seed: wanted.seed,
        rows,
        left_where: wanted.left_where.clone(),
        right_where: wanted.right_where.clone(),
    })
}

impl TablePlan {
    /// What the left side is asked for.
    pub fn left_order(&self) -> TableOrder {
        let column = |one: &ColumnPlan| OrderColumn {
            name: one.left.clone(),
            expression: one.left_as.clone(),
            method: one.method,
        };
        self.order(&self.left, self.columns.iter().map(column).collect(), self.left_where.clone())
    }

    /// What the right side is asked for.
    pub fn right_order(&self) -> TableOrder {
        let column = |one: &ColumnPlan| OrderColumn {
            name: one.right.clone(),
            expression: one.right_as.clone(),
            method: one.method,
        };
        self.order(&self.right, self.columns.iter().map(column).collect(), self.right_where.clone())
    }

    fn order(
        &self,
        relation: &(String, String),
        columns: Vec<OrderColumn>,
        filter: Option<String>,
    ) -> TableOrder {
        let place_of = |name: &String| self.columns.iter().position(|column| column.left == *name);
        TableOrder {
            schema: relation.0.clone(),
            name: relation.1.clone(),
            columns,
            key: self.key.iter().filter_map(place_of).collect(),
            blocks: self.blocks,
            place: self.place,
            twice: self.twice,
            seed: self.seed,
            filter,
            rows_a_piece: None,
        }
    }

    /// The chance that the hashes hide any difference at all, if all rows differed: rows × 2⁻⁶⁴, or × 2⁻¹²⁸. (The chance
    /// that one pair of unlike rows has one hash is 2⁻⁶⁴; union bound over the rows.)
    pub fn risk(&self) -> f64 {
        let bits = if self.twice { 128 } else { 64 };
        self.rows as f64 * 2f64.powi(-bits)
    }
}

fn known(left: &Relation, wanted: &Wanted) -> Result<(), Unlike> {
    let named = wanted
        .key
        .iter()
        .chain(&wanted.only)
        .chain(&wanted.except)
        .chain(wanted.renamed.keys())
        .chain(wanted.left_as.keys())
        .chain(wanted.right_as.keys());
    for name in named {
        if left.column(name).is_none() {
            return Err(Unlike::NoColumn(name.clone()));
        }
    }
    Ok(())
}

fn best(here: &Column, there: &Column, exact: bool) -> Method {
    let usable = |method: &&Method| there.methods.contains(method) && !(exact && **method == Method::Value);
    here.methods.iter().find(usable).copied().unwrap_or(Method::Text)
}

/// The wanted key, else the one that both catalogs know.
fn key_of(left: &Relation, right: &Relation, columns: &[ColumnPlan], wanted: &Wanted) -> Vec<String> {
    if !wanted.key.is_empty() {
        return wanted.key.clone();
    }
    let there =
        |name: &String| columns.iter().find(|column| column.left == *name).map(|column| &column.right);
    let on_right: Option<BTreeSet<&String>> = left.key.iter().map(there).collect();
    let same = on_right.is_some_and(|key| key == right.key.iter().collect());
    if same { left.key.clone() } else { Vec::new() }
}

fn blocks(left: &Relation, right: &Relation, columns: &[ColumnPlan], key: &[String], rows: u64) -> Blocks {
    let count = (rows / ROWS_A_BLOCK).clamp(1, 1 << MOST_BITS);
    let scattered = Blocks::Hash { bits: bits(count) };
    let [only] = key else { return scattered };
    let Some(column) = columns.iter().find(|column| column.left == *only && column.kind.is_some()) else {
        return scattered;
    };
    let spread = |relation: &Relation, name: &str| relation.column(name).and_then(|column| column.spread);
    let (Some(here), Some(there)) = (spread(left, &column.left), spread(right, &column.right)) else {
        return scattered;
    };
    if here.fullest > FULLEST || there.fullest > FULLEST {
        return scattered;
    }
    let both = Spread { low: here.low.min(there.low), high: here.high.max(there.high), fullest: 0.0 };
    let width = both.high.abs_diff(both.low) / count;
    Blocks::Range { shift: u8::try_from(width.checked_ilog2().unwrap_or(0)).unwrap_or(0) }
}

/// The bits that numbers below this have.
fn bits(count: u64) -> u8 {
    u8::try_from(count.next_power_of_two().trailing_zeros()).unwrap_or(MOST_BITS)
}

#[cfg(test)]
mod tests;
