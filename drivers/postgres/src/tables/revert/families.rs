//! Which tables go back together, and how. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::server::TableName;
use crate::tables::definition::{Definition, TableDefinition};

/// How the tables of a part go back.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Ways {
    /// Defined as they were saved: they stay, and their rows are exchanged.
    pub(super) kept: BTreeSet<TableName>,
    /// Moved aside as they are.
    pub(super) aside: BTreeSet<TableName>,
    /// Put in place whole, from where they are staged.
    pub(super) placed: BTreeSet<TableName>,
}

/// A table whose parent is exchanged whole has to be too, and the other way round: a partition cannot be the partition
/// of two tables. `readable` says whether the live rows can be read; where not, no row can be kept in place.
pub(super) fn ways(saved: &Definition, live: &Definition, readable: bool) -> Ways {
    let mut ways = Ways::default();
    for family in families(saved, live) {
        let same = |name: &&TableName| {
            let (then, now) = (saved.table(name), live.table(name));
            then.is_some() && then == now
        };
        if readable && family.iter().all(|name| same(&name)) {
            ways.kept.extend(family);
            continue;
        }
        for name in family {
            if live.table(&name).is_some() {
                ways.aside.insert(name.clone());
            }
            if saved.table(&name).is_some() {
                ways.placed.insert(name);
            }
        }
    }
    ways
}

/// Tables that hang together by inheritance, on either side.
fn families(saved: &Definition, live: &Definition) -> Vec<BTreeSet<TableName>> {
    let all: Vec<&TableDefinition> = saved.tables.iter().chain(&live.tables).collect();
    let mut head: BTreeMap<&TableName, &TableName> =
        all.iter().map(|table| (&table.name, &table.name)).collect();
    let mut moved = true;
    while moved {
        moved = false;
        for table in &all {
            for parent in &table.parents {
                let (Some(one), Some(other)) = (head.get(&table.name).copied(), head.get(parent).copied())
                else {
                    continue;
                };
                let (low, high) = if one < other { (one, other) } else { (other, one) };
                if low != high {
                    head.values_mut().filter(|name| **name == high).for_each(|name| *name = low);
                    moved = true;
                }
            }
        }
    }
    let mut families: BTreeMap<&TableName, BTreeSet<TableName>> = BTreeMap::new();
    for (name, head) in &head {
        families.entry(head).or_default().insert((*name).clone());
    }
    families.into_values().collect()
}
