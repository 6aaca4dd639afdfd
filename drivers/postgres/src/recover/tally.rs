//! What was decided of the rows of a table, in sums: one look at a million rows tells which statements there are to run,
//! which columns they are about, and how many writes are settled.

use std::collections::BTreeMap;

use super::stage::Staged;
use crate::server::{Fault, Link};

/// The sums of one table, by fate.
#[derive(Debug, Default)]
pub(super) struct Tally {
    fates: BTreeMap<String, Sums>,
    /// Rows with a cause: people are told of them.
    pub(super) caused: u64,
}

#[derive(Debug)]
struct Sums {
    /// Changes of rows that are not linked to others.
    writes: u64,
    /// Bits that any row has in `m`, and those that all have.
    some: Vec<u8>,
    all: Vec<u8>,
}

fn number(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

impl Tally {
    /// Takes it of rows as they are decided now.
    pub(super) async fn take(link: &Link, staged: &Staged) -> Result<Self, Fault> {
        let query = format!(
            "SELECT fate::text, coalesce(sum(1 + coalesce(cardinality(more), 0)) FILTER (WHERE NOT linked AND first > 0), 0)::bigint,
                    bit_or(m)::text, bit_and(m)::text, count(cause)
             FROM {} GROUP BY fate",
            staged.decided_table()
        );
        let mut tally = Self::default();
        for row in link.query(&query, &[]).await? {
            let bits = |at: usize| row.get::<_, String>(at).into_bytes();
            let sums = Sums { writes: number(row.get(1)), some: bits(2), all: bits(3) };
            tally.fates.insert(row.get(0), sums);
            tally.caused += number(row.get(4));
        }
        Ok(tally)
    }

    /// Whether any row has a fate.
    pub(super) fn has(&self, fate: &str) -> bool {
        self.fates.contains_key(fate)
    }

    /// Whether any row of a fate has a bit, and whether all have.
    pub(super) fn bit(&self, fate: &str, at: usize) -> (bool, bool) {
        let is_set = |bits: &[u8]| bits.get(at) == Some(&b'1');
        self.fates.get(fate).map_or((false, false), |sums| (is_set(&sums.some), is_set(&sums.all)))
    }

    /// How many changes came to any of some fates.
    pub(super) async fn writes(&self, link: &Link, staged: &Staged, fates: &[&str]) -> Result<u64, Fault> {
        let mut writes: u64 =
            fates.iter().filter_map(|fate| self.fates.get(*fate)).map(|sums| sums.writes).sum();
        if staged.is_linked {
            // What one change did to two rows counts once.
            let query = format!(
                "SELECT count(DISTINCT number) FROM (SELECT unnest(array_append(more, first)) AS number
                 FROM {} WHERE linked AND fate::text = ANY ($1) AND first > 0) AS q",
                staged.decided_table()
            );
            writes += number(link.query_one(&query, &[&fates]).await?.get(0));
        }
        Ok(writes)
    }
}
