//! The statements of a comparison.

use backout_core::compare::{Block, Blocks, TableOrder};

use super::kinds::Kind;
use super::relation::{Read, Relation, list};
use crate::rows::{Seeds, Value};
use crate::server::literal;

/// What is asked of a relation by an order.
pub(super) struct Sql<'a> {
    pub(super) order: &'a TableOrder,
    pub(super) relation: &'a Relation,
}

/// Where rows are looked for: a relation with a condition on its rows' places, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// What stands behind `FROM`.
    pub(super) from: String,
    /// A condition.
    pub(super) places: Option<String>,
}

impl Sql<'_> {
    /// Rows and sums of each block of a part.
    pub(super) fn tally(&self, part: &Part) -> String {
        let sums = |hash: &str, second: Option<&str>| {
            let second = second.map(|second| format!(", sum({second})::text")).unwrap_or_default();
            format!("count(*), sum({hash})::text{second}")
        };
        let (hash, second) = (self.hash(), self.second());
        if self.order.key.is_empty() {
            // The row's hash is what the block is told by, and is to be made once.
            let second_column = second.as_ref().map(|sql| format!(", {sql} AS g")).unwrap_or_default();
            return format!(
                "SELECT {}, {} FROM (SELECT {hash} AS h{second_column} {} OFFSET 0) AS r GROUP BY 1",
                self.lowest("r.h"),
                sums("r.h", second.as_ref().map(|_| "r.g")),
                self.from(part, &[]),
            );
        }
        let sums = sums(&hash, second.as_deref());
        format!("SELECT {}, {sums} {} GROUP BY 1", self.block(), self.from(part, &[]))
    }

    /// Key and hashes of the rows of a part; of those in some scattered blocks, where blocks are given.
    pub(super) fn keys(&self, part: &Part, blocks: Option<&[Block]>, version: u32) -> String {
        let Some(blocks) = blocks else {
            return format!("SELECT {} {}", self.key_and_hashes(), self.from(part, &[]));
        };
        let numbers = list(blocks.iter().map(ToString::to_string), "int8");
        // Before PostgreSQL 14 a list is looked through from its beginning for each row.
        let among = if version >= 14 {
            format!("ANY ({numbers})")
        } else {
            format!("ANY (SELECT unnest({numbers}))")
        };
        if self.order.key.is_empty() {
            let second = self.second().map(|sql| format!(", {sql} AS g")).unwrap_or_default();
            let from = self.from(part, &[]);
            return format!(
                "SELECT * FROM (SELECT {} AS h{second} {from} OFFSET 0) AS r WHERE {} = {among}",
                self.hash(),
                self.lowest("r.h"),
            );
        }
        let condition = format!("{} = {among}", self.block());
        format!("SELECT {} {}", self.key_and_hashes(), self.from(part, &[condition]))
    }

    /// The same of the rows between pairs of integers of the key's first column, which an index finds.
    pub(super) fn keys_between(&self, ranges: &[(i64, i64)], cells: &str) -> String {
        let pairs: Vec<String> =
            ranges.iter().map(|(low, high)| format!("({}, {})", number(*low), number(*high))).collect();
        let first = self.first().map(|read| read.sql.clone()).unwrap_or_default();
        let whole = Part { from: self.relation.from.clone(), places: None };
        let between = format!("{first} >= b.low AND {first} <= b.high");
        format!(
            "SELECT r.* FROM (VALUES {}) AS b(low, high) CROSS JOIN LATERAL (SELECT {cells} {} OFFSET 0) AS r",
            pairs.join(", "),
            self.from(&whole, &[between]),
        )
    }

    /// The texts of all columns of a part, for hashing here.
    pub(super) fn texts_of(&self, part: &Part) -> String {
        format!("SELECT {} {}", self.texts(), self.from(part, &[]))
    }

    /// The texts of all columns.
    pub(super) fn texts(&self) -> String {
        let texts: Vec<String> = self.relation.columns.iter().map(|read| read.kind.text(&read.sql)).collect();
        texts.join(", ")
    }

    /// The parts of the key and the hashes: what [`Sql::keys`] gives. Small integers are sent as such.
    pub(super) fn key_and_hashes(&self) -> String {
        let mut cells: Vec<String> = self.key().map(wire).collect();
        cells.push(self.hash());
        cells.extend(self.second());
        cells.join(", ")
    }

    pub(super) fn from(&self, part: &Part, conditions: &[String]) -> String {
        let filter = self.order.filter.as_ref().map(|filter| format!("({filter}\n)"));
        let all: Vec<&str> =
            part.places.iter().chain(conditions).chain(&filter).map(String::as_str).collect();
        let conditions = if all.is_empty() { String::new() } else { format!(" WHERE {}", all.join(" AND ")) };
        format!("FROM {} AS t{conditions}", part.from)
    }

    fn values(&self) -> Vec<Value> {
        self.relation.columns.iter().map(|read| read.value.clone()).collect()
    }

    /// 64 bits of a row.
    pub(super) fn hash(&self) -> String {
        self.seeds().row(&self.values())
    }

    /// Other 64 bits of a row, where two hashes are taken.
    pub(super) fn second(&self) -> Option<String> {
        self.order.twice.then(|| Seeds(!self.order.seed | 1).row(&self.values()))
    }

    /// Never zero, which is the seed of checkpoints.
    fn seeds(&self) -> Seeds {
        Seeds(self.order.seed | 1)
    }

    pub(super) fn key(&self) -> impl Iterator<Item = &Read> {
        self.order.key.iter().filter_map(|at| self.relation.columns.get(*at))
    }

    fn first(&self) -> Option<&Read> {
        self.key().next()
    }

    /// 64 bits of a key; of the row's own, or of other values in their places.
    pub(super) fn key_hash(&self, values: &[Value]) -> String {
        let placed: Vec<(usize, &Value)> = self.order.key.iter().copied().zip(values).collect();
        self.seeds().combined(&placed)
    }

    pub(super) fn own_key_hash(&self) -> String {
        let values: Vec<Value> = self.key().map(|read| read.value.clone()).collect();
        self.key_hash(&values)
    }

    /// The block of a row with a key.
    fn block(&self) -> String {
        match (self.order.blocks, self.first()) {
            (Blocks::Range { shift }, Some(first)) => format!("({}::int8 >> {})", first.sql, shift.min(63)),
            _ => self.lowest(&self.own_key_hash()),
        }
    }

    fn lowest(&self, hash: &str) -> String {
        let bits = match self.order.blocks {
            Blocks::Hash { bits } => bits,
            Blocks::Range { .. } => 0,
        };
        format!("({hash} & {}::int8)", (1_i64 << bits.min(62)) - 1)
    }
}

/// A part of a key as it crosses the wire.
fn wire(read: &Read) -> String {
    if read.kind.is_integer() { format!("{}::int8", read.sql) } else { read.kind.text(&read.sql) }
}

/// A number as SQL writes it: the lowest of all is none with a sign before it.
fn number(number: i64) -> String {
    literal(&number.to_string()) + "::int8"
}

/// A text as a literal of a type.
pub(super) fn typed(text: Option<&str>, kind: &Kind, as_text: bool) -> String {
    let name = if as_text { "text" } else { &kind.name };
    match text {
        Some(text) => format!("{}::{name}", literal(text)),
        None => format!("NULL::{name}"),
    }
}
