//! How what users wrote on one schema is taken over to another: the key `merge` of a component.

use std::collections::{BTreeMap, BTreeSet};

use backout_core::writes::Winner;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::server::TableName;

/// How writes are taken over to the put-back database. Tables that look the same on both sides need no word here, and
/// neither do those that only grew columns, or whose columns hold keys of a table that stands here.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Merge {
    /// Which version of a row stands where both sides changed it; `ask` unless given.
    #[serde(default)]
    pub conflicts: Settling,
    /// The tables that the migration changed, by the name that they have on its new side (`tasks`, or `schema.tasks`
    /// where it is not in `public`).
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
    /// A query for pairs of a new key and the old key of the same row (`SELECT id, legacy_id FROM public.tasks WHERE
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
    /// What a column of the old schema gets in rows that were born on the new side, where nothing leads to it: its
    /// name to an SQL expression. Its default in the old schema unless given.
    #[serde(default)]
    pub defaults: BTreeMap<String, String>,
    /// What a column of the old schema is computed from: its name to an SQL expression over columns of the new schema
    /// (`first_name || ' ' || last_name`), evaluated in the put-back database.
    #[serde(default)]
    pub expressions: BTreeMap<String, String>,
}

impl Merge {
    /// Mistakes that types cannot catch; one sentence each.
    pub(crate) fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        let mut old_names = BTreeSet::new();
        for (name, rule) in &self.tables {
            let at = format!("`merge.tables.{name}`");
            if !old_names.insert(rule.old_name(name)) {
                mistakes.push(format!("{at} leads to a table that another rule leads to as well"));
            }
            if rule.keys.as_deref().is_some_and(|query| !begins_as_query(query)) {
                mistakes.push(format!("{at}: `keys` is no query; begin it with SELECT, WITH or VALUES"));
            }
            for (column, table) in &rule.references {
                if self.rule(&table_of(table)).is_none() {
                    mistakes
                        .push(format!("{at}: `references.{column}` names {table}, which has no rule here"));
                }
            }
            for column in rule.ignore.iter().filter(|column| rule.columns.contains_key(*column)) {
                mistakes.push(format!("{at}: the column {column} is both renamed and ignored"));
            }
            let mut old_columns = BTreeSet::new();
            for old in rule.columns.values().filter(|old| !old_columns.insert(old.as_str())) {
                mistakes.push(format!("{at}: two columns are renamed to {old}"));
            }
            for (field, expressions) in [("defaults", &rule.defaults), ("expressions", &rule.expressions)] {
                for (column, text) in expressions {
                    if let Some(why) = no_expression(text) {
                        mistakes.push(format!("{at}: `{field}.{column}` {why}"));
                    }
                }
            }
            for column in rule.expressions.keys() {
                if old_columns.contains(column.as_str()) {
                    mistakes.push(format!("{at}: the column {column} is both renamed to and computed"));
                }
                if rule.defaults.contains_key(column) {
                    mistakes.push(format!("{at}: the column {column} has both a default and an expression"));
                }
            }
        }
        mistakes
    }

    /// The rule for a table of the new side.
    pub(super) fn rule(&self, new: &TableName) -> Option<&TableRule> {
        self.tables.iter().find(|(name, _)| table_of(name) == *new).map(|(_, rule)| rule)
    }

    /// Every rule with the names of its table on the new and on the old side.
    pub(super) fn rules(&self) -> impl Iterator<Item = (TableName, TableName, &TableRule)> {
        self.tables.iter().map(|(name, rule)| (table_of(name), rule.old_name(name), rule))
    }
}

impl TableRule {
    /// What the table is called in the old schema.
    fn old_name(&self, new_name: &str) -> TableName {
        table_of(self.table.as_deref().unwrap_or(new_name))
    }
}

/// A table as people write it: `tasks`, `schema.tasks`, `"Schema"."my.tasks"`.
pub(crate) fn table_of(text: &str) -> TableName {
    let (mut parts, mut part, mut quoted) = (Vec::new(), String::new(), false);
    let mut signs = text.trim().chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            '"' if quoted && signs.peek() == Some(&'"') => {
                signs.next();
                part.push('"');
            }
            '"' if quoted || part.is_empty() => quoted = !quoted,
            '.' if !quoted && parts.is_empty() => parts.push(std::mem::take(&mut part)),
            other => part.push(other),
        }
    }
    match parts.pop() {
        Some(schema) => TableName::new(schema, part),
        None => TableName::new("public", part),
    }
}

/// Whether a statement begins as one that only reads. It is asked in a transaction that cannot write.
fn begins_as_query(sql: &str) -> bool {
    let first: String = sql.trim_start().chars().take_while(char::is_ascii_alphabetic).collect();
    ["select", "with", "values"].contains(&first.to_ascii_lowercase().as_str())
}

/// Why a text is no expression, as far as that can be told without a server. A bracket that closes what it did not
/// open could end the statement that it is put into.
fn no_expression(text: &str) -> Option<&'static str> {
    if text.trim().is_empty() {
        return Some("is empty");
    }
    let (mut depth, mut quote) = (0i32, None);
    let mut before = ' ';
    for sign in text.chars() {
        match (quote, sign) {
            (Some(open), sign) if sign == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(sign),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            (None, ';') => return Some("holds more than one statement"),
            (None, '-') if before == '-' => return Some("holds a comment"),
            (None, '*') if before == '/' => return Some("holds a comment"),
            (None, '$') => return Some("holds a `$`, which has no place in it"),
            _ => {}
        }
        if depth < 0 {
            break;
        }
        before = sign;
    }
    (depth != 0 || quote.is_some()).then_some("has brackets or quotes that do not match")
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
            (serde_json::json!({ "a": { "table": "public.t" }, "t": {} }), Some("another rule leads to")),
            (serde_json::json!({ "a": { "references": { "b_id": "b" } } }), Some("has no rule here")),
            (
                serde_json::json!({ "a": { "columns": { "x": "y" }, "ignore": ["x"] } }),
                Some("renamed and ignored"),
            ),
            (serde_json::json!({ "a": { "columns": { "x": "y", "z": "y" } } }), Some("two columns")),
            (serde_json::json!({ "a": { "expressions": { "y": "a || ')' || (b)" } } }), None),
            (serde_json::json!({ "a": { "expressions": { "y": "a) FROM x WHERE (b" } } }), Some("match")),
            (serde_json::json!({ "a": { "defaults": { "y": "1; DROP TABLE x" } } }), Some("more than one")),
            (serde_json::json!({ "a": { "defaults": { "y": "1 -- x" } } }), Some("comment")),
            (
                serde_json::json!({ "a": { "columns": { "x": "y" }, "expressions": { "y": "1" } } }),
                Some("renamed to and computed"),
            ),
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

    #[test]
    fn tables_are_named_as_people_write_them() {
        for (text, schema, name) in [
            ("tasks", "public", "tasks"),
            ("app.tasks", "app", "tasks"),
            ("\"my.app\".\"a \"\"b\"\".c\"", "my.app", "a \"b\".c"),
            ("Öl.x.y", "Öl", "x.y"),
        ] {
            assert_eq!(table_of(text), TableName::new(schema, name), "{text}");
        }
    }
}
