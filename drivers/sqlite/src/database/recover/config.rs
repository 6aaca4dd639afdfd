//! How what users wrote on one schema is taken over to another: the key `merge` of a component.

use std::collections::{BTreeMap, BTreeSet};

use backout_core::writes::Winner;
use schemars::JsonSchema;
use serde::Deserialize;

/// How writes are taken over to the put-back database. Tables that look the same on both sides need no word
/// here, and neither do those that only grew columns, or whose columns hold keys of a table that stands here.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Merge {
    /// Which version of a row stands where both sides changed it; `ask` unless given.
    #[serde(default)]
    pub conflicts: Settling,
    /// The tables that the migration changed, by the name that they have on its new side.
    #[serde(default)]
    pub tables: BTreeMap<String, TableRule>,
}

/// What becomes of a row that both sides changed. Both versions are kept in a file in any case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Settling {
    /// What users wrote and the recorder saw stands.
    Recorded,
    /// What the put-back database holds stands.
    Restored,
    /// What the put-back database holds stands until a person chooses.
    #[default]
    Ask,
}

impl Settling {
    /// The version that stands by declaration.
    pub(super) fn winner(self) -> Option<Winner> {
        match self {
            Self::Recorded => Some(Winner::Recorded),
            Self::Restored => Some(Winner::Restored),
            Self::Ask => None,
        }
    }
}

/// How rows of one table that the migration changed find their place in the old schema.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableRule {
    /// What the table is called in the old schema; the same unless given.
    #[serde(default)]
    pub table: Option<String>,
    /// A query for pairs of a new key and the old key of the same row (`SELECT id, legacy_id FROM tasks WHERE
    /// legacy_id IS NOT NULL`). One statement that only reads. Rows that came later get a new key that is drawn.
    /// Without it keys are the same on both sides.
    #[serde(default)]
    pub keys: Option<String>,
    /// Columns that have another name in the old schema: new name to old name.
    #[serde(default)]
    pub columns: BTreeMap<String, String>,
    /// Columns (by their new names) that hold keys of another table of this list. Foreign keys that the schema
    /// declares are known already.
    #[serde(default)]
    pub references: BTreeMap<String, String>,
    /// Columns of the new schema that may get lost. What users wrote to any other column without a place in the old
    /// schema is counted as not taken over.
    #[serde(default)]
    pub ignore: BTreeSet<String>,
}

impl Merge {
    /// Mistakes that types cannot catch; one sentence each.
    pub(in crate::database) fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        let mut old_names = BTreeSet::new();
        for (name, rule) in &self.tables {
            let at = format!("`merge.tables.{name}`");
            if !old_names.insert(rule.old_name(name).to_ascii_lowercase()) {
                mistakes.push(format!("{at} leads to a table that another rule leads to as well"));
            }
            if rule.keys.as_deref().is_some_and(|query| !begins_as_query(query)) {
                mistakes.push(format!("{at}: `keys` is no query; begin it with SELECT, WITH or VALUES"));
            }
            for (column, table) in &rule.references {
                if !self.tables.contains_key(table) {
                    mistakes
                        .push(format!("{at}: `references.{column}` names {table}, which has no rule here"));
                }
            }
            for column in rule.ignore.iter().filter(|column| rule.columns.contains_key(*column)) {
                mistakes.push(format!("{at}: the column {column} is both renamed and ignored"));
            }
            let mut old_columns = BTreeSet::new();
            for old in rule.columns.values().filter(|old| !old_columns.insert(old.to_ascii_lowercase())) {
                mistakes.push(format!("{at}: two columns are renamed to {old}"));
            }
        }
        mistakes
    }
}

impl TableRule {
    /// What the table is called in the old schema.
    pub(super) fn old_name<'a>(&'a self, new_name: &'a str) -> &'a str {
        self.table.as_deref().unwrap_or(new_name)
    }
}

/// Whether a statement begins as one that only reads. A prepared statement is asked again.
pub(super) fn begins_as_query(sql: &str) -> bool {
    let first: String = sql.trim_start().chars().take_while(char::is_ascii_alphabetic).collect();
    ["select", "with", "values"].contains(&first.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_named() {
        for (rules, expected) in [
            (serde_json::json!({ "tasks": { "keys": "SELECT id, old FROM tasks" } }), None),
            (serde_json::json!({ "tasks": { "keys": "  with k as (select 1, 2) select * from k" } }), None),
            (serde_json::json!({ "tasks": { "keys": "DELETE FROM tasks" } }), Some("is no query")),
            (serde_json::json!({ "a": { "table": "T" }, "t": {} }), Some("another rule leads to")),
            (serde_json::json!({ "a": { "references": { "b_id": "b" } } }), Some("has no rule here")),
            (
                serde_json::json!({ "a": { "columns": { "x": "y" }, "ignore": ["x"] } }),
                Some("renamed and ignored"),
            ),
            (serde_json::json!({ "a": { "columns": { "x": "y", "z": "Y" } } }), Some("two columns")),
        ] {
            let merge: Merge = serde_json::from_value(serde_json::json!({ "tables": rules })).unwrap();
            let mistakes = merge.mistakes();
            match expected {
                None => assert!(mistakes.is_empty(), "{mistakes:?}"),
                Some(part) => {
                    assert!(mistakes.iter().any(|said| said.contains(part)), "{part}: {mistakes:?}")
                }
            }
        }
        assert!(serde_json::from_value::<Merge>(serde_json::json!({ "table": {} })).is_err());
    }
}
