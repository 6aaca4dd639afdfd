//! Which relations a side has, and what they are called to whoever compares.

use std::collections::{BTreeMap, BTreeSet};

use backout_contract::compare::Scope;
use backout_core::compare::Things;

use crate::server::TableName;

/// What of a database a side is.
#[derive(Debug, Clone, Default)]
pub(crate) enum Within {
    /// All of it.
    #[default]
    All,
    /// These tables and whole schemas, of which each is what it is called.
    Only {
        /// Whole schemas.
        schemas: BTreeSet<String>,
        /// Tables.
        tables: BTreeSet<TableName>,
    },
    /// Tables that stand elsewhere: under which name each is known, and where it stands. What their objects were is known
    /// from when they stood there.
    Elsewhere {
        /// Known by → where.
        tables: BTreeMap<TableName, TableName>,
        /// The objects as they were.
        things: Things,
    },
}

impl Within {
    /// Where a relation stands.
    pub(super) fn place_of(&self, known: TableName) -> TableName {
        match self {
            Self::Elsewhere { tables, .. } => tables.get(&known).cloned().unwrap_or(known),
            Self::All | Self::Only { .. } => known,
        }
    }

    /// Under which name a relation is known that stands here; none where it is no part of the side, or was not asked for.
    ///
    /// | the scope names | a relation is asked for that is |
    /// |---|---|
    /// | nothing | a table |
    /// | schemas | a table in one of them; a partition whose whole stands in none of them |
    /// | tables | named so, with its schema or without, whatever it is; and in one of the schemas, if those are named |
    pub(super) fn known(&self, scope: &Scope, at: &Standing) -> Option<TableName> {
        let known = match self {
            Self::All => at.name.clone(),
            Self::Only { schemas, tables } => {
                let whole = at.whole.as_ref().unwrap_or(&at.name);
                let is_part = |name: &TableName| schemas.contains(&name.schema) || tables.contains(name);
                (is_part(&at.name) || is_part(whole)).then(|| at.name.clone())?
            }
            Self::Elsewhere { tables, .. } => {
                tables.iter().find(|(_, place)| **place == at.name).map(|(known, _)| known.clone())?
            }
        };
        let in_schemas = |schema: &String| scope.schemas.is_empty() || scope.schemas.contains(schema);
        if !in_schemas(&known.schema) {
            return None;
        }
        if !scope.tables.is_empty() {
            let full = format!("{}.{}", known.schema, known.name);
            let named = scope.tables.contains(&full) || scope.tables.contains(&known.name);
            return named.then_some(known);
        }
        let alone = match (&at.whole, self) {
            (None, _) => true,
            (Some(whole), Self::All) => !in_schemas(&whole.schema),
            (Some(whole), Self::Only { schemas, tables }) => {
                !in_schemas(&whole.schema) || !(schemas.contains(&whole.schema) || tables.contains(whole))
            }
            (Some(whole), Self::Elsewhere { tables, .. }) => !tables.values().any(|place| place == whole),
        };
        (at.is_table && alone).then_some(known)
    }
}

/// A relation where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) name: TableName,
    /// Of a partition: the table that it is a part of, as a whole.
    pub(super) whole: Option<TableName>,
    /// Whether it is a table, and no view of any kind.
    pub(super) is_table: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> TableName {
        let (schema, name) = text.split_once('.').unwrap();
        TableName::new(schema, name)
    }

    fn scope(schemas: &[&str], tables: &[&str]) -> Scope {
        let set = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
        Scope { schemas: set(schemas), tables: set(tables) }
    }

    fn known(within: &Within, scope: &Scope) -> Vec<String> {
        let all = [
            ("a.t", None, true),
            ("b.t", None, true),
            ("a.v", None, false),
            ("a.whole", None, true),
            ("b.part", Some("a.whole"), true),
        ];
        let standing = |(at, whole, is_table): (&str, Option<&str>, bool)| Standing {
            name: name(at),
            whole: whole.map(name),
            is_table,
        };
        let found = all.into_iter().filter_map(|one| within.known(scope, &standing(one)));
        found.map(|name| format!("{}.{}", name.schema, name.name)).collect()
    }

    #[test]
    fn each_row_of_the_table() {
        let all = Within::All;
        assert_eq!(known(&all, &scope(&[], &[])), ["a.t", "b.t", "a.whole"]);
        assert_eq!(known(&all, &scope(&["a"], &[])), ["a.t", "a.whole"]);
        assert_eq!(known(&all, &scope(&["b"], &[])), ["b.t", "b.part"]);
        assert_eq!(known(&all, &scope(&[], &["t"])), ["a.t", "b.t"]);
        assert_eq!(known(&all, &scope(&[], &["a.t", "v", "b.part"])), ["a.t", "a.v", "b.part"]);
        assert_eq!(known(&all, &scope(&["b"], &["t"])), ["b.t"]);
    }

    #[test]
    fn a_part_of_a_database_is_no_more_than_that() {
        let tables = Within::Only { schemas: BTreeSet::new(), tables: [name("a.t"), name("a.whole")].into() };
        assert_eq!(known(&tables, &scope(&[], &[])), ["a.t", "a.whole"]);
        assert_eq!(known(&tables, &scope(&[], &["t", "part"])), ["a.t", "b.part"]);
        let schema = Within::Only { schemas: ["b".to_owned()].into(), tables: BTreeSet::new() };
        assert_eq!(known(&schema, &scope(&[], &[])), ["b.t", "b.part"]);
        let elsewhere =
            Within::Elsewhere { tables: [(name("x.t"), name("b.t"))].into(), things: Things::new() };
        assert_eq!(known(&elsewhere, &scope(&[], &[])), ["x.t"]);
        assert_eq!(elsewhere.place_of(name("x.t")), name("b.t"));
    }
}
