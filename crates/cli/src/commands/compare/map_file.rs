//! The file behind `--map`: what is wanted of single tables. Written like a migration file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use backout_core::diagnostic::Diagnostic;
use backout_core::migration::{LARGEST, Source, decode_file};
use backout_kit::path_text;
use serde::Deserialize;

use crate::codes;
use crate::failure::Failure;

/// What it says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// By the tables' names on the left.
    #[serde(default)]
    pub tables: BTreeMap<String, Table>,
}

/// What is wanted of one table.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Table {
    /// Its name on the right, where it is another.
    #[serde(default)]
    pub right: Option<String>,
    /// The columns that tell rows apart.
    #[serde(default)]
    pub key: Vec<String>,
    /// Only these columns, beside the key.
    #[serde(default)]
    pub columns: BTreeSet<String>,
    /// Not these columns.
    #[serde(default)]
    pub exclude: BTreeSet<String>,
    /// Columns with another name on the right: left, right.
    #[serde(default)]
    pub rename: BTreeMap<String, String>,
    /// What stands on the left instead of a column, in SQL.
    #[serde(default)]
    pub left_as: BTreeMap<String, String>,
    /// What stands on the right instead of a column, in SQL.
    #[serde(default)]
    pub right_as: BTreeMap<String, String>,
    /// Which rows, on both sides.
    #[serde(default, rename = "where")]
    pub condition: Option<String>,
    /// Which rows of the left.
    #[serde(default)]
    pub where_left: Option<String>,
    /// Which rows of the right.
    #[serde(default)]
    pub where_right: Option<String>,
    /// For columns with keys: a file with pairs of new key and old key.
    #[serde(default)]
    pub keys: BTreeMap<String, String>,
}

/// Reads it. Key maps in it are found beside it, and become what is read on the right instead of the column.
///
/// # Errors
/// It is not there, or not such a file.
pub fn read(path: &Path) -> Result<Mapping, Failure> {
    let named = path_text::encode(path.as_os_str());
    let text = read_some(path, LARGEST as u64).map_err(|cause| unusable(&named, cause))?;
    let source = Source::from_bytes(&named, &text)?;
    let mut mapping: Mapping =
        decode_file(&source).map_err(|found| Failure::of(found).in_source(source.clone()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    for table in mapping.tables.values_mut() {
        for (column, file) in &table.keys {
            let on_right = table.rename.get(column).unwrap_or(column);
            let expression = translation(on_right, &folder.join(file))?;
            table.right_as.insert(column.clone(), expression);
        }
    }
    Ok(mapping)
}

/// More pairs would be looked through for each row, within one expression.
const MOST_PAIRS: usize = 5_000;

/// An expression that turns a new key into its old one, in SQL that every system takes. A key that stands in no pair
/// stays as it is.
fn translation(column: &str, path: &Path) -> Result<String, Failure> {
    let named = path_text::encode(path.as_os_str());
    let bytes = read_some(path, LARGEST as u64).map_err(|cause| unusable(&named, cause))?;
    let text = String::from_utf8(bytes).map_err(|_| unusable(&named, "it is no UTF-8".to_owned()))?;
    let pairs = pairs(&text)
        .ok_or_else(|| unusable(&named, "a line of it is no pair of a new key and an old key".to_owned()))?;
    if pairs.len() > MOST_PAIRS {
        return Err(unusable(
            &named,
            format!("it has {} pairs, and at most {MOST_PAIRS} can be used", pairs.len()),
        ));
    }
    let column = format!("\"{}\"", column.replace('"', "\"\""));
    let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let cases: String =
        pairs.iter().map(|(new, old)| format!(" WHEN {} THEN {}", literal(new), literal(old))).collect();
    let plain = format!("CAST({column} AS text)");
    Ok(if cases.is_empty() { plain } else { format!("CASE {plain}{cases} ELSE {plain} END") })
}

/// The pairs of a table in CSV, without its line of headings.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    for record in records(text)?.into_iter().skip(1) {
        let [new, old] = record.try_into().ok()?;
        pairs.push((new, old));
    }
    Some(pairs)
}

/// The records of a text in CSV; none where a quote is not closed. A quote that protects a cell from spreadsheets is
/// taken away again.
fn records(text: &str) -> Option<Vec<Vec<String>>> {
    let (mut records, mut record, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut is_quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if is_quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' => is_quoted = !is_quoted,
            other if is_quoted => cell.push(other),
            ',' => record.push(unprotected(std::mem::take(&mut cell))),
            '\r' => {}
            '\n' => {
                record.push(unprotected(std::mem::take(&mut cell)));
                records.push(std::mem::take(&mut record));
            }
            other => cell.push(other),
        }
    }
    if is_quoted {
        return None;
    }
    if !cell.is_empty() || !record.is_empty() {
        record.push(unprotected(cell));
        records.push(record);
    }
    Some(records)
}

fn unprotected(cell: String) -> String {
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@', '\t', '\r']) => rest.to_owned(),
        _ => cell,
    }
}

fn read_some(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let there = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !there.is_file() {
        return Err("it is no file".to_owned());
    }
    if there.len() > most {
        return Err(format!("it is larger than {most} bytes"));
    }
    std::fs::read(path).map_err(|error| error.to_string())
}

fn unusable(named: &str, cause: String) -> Failure {
    Diagnostic::error(codes::MAP_FILE, format!("read the mapping in {named}")).because(cause).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_as_they_were_written() {
        let text = backout_kit::paper::csv_line(["id on the new side", "id on the old side"])
            + &backout_kit::paper::csv_line(["=1+1", "o'x"])
            + &backout_kit::paper::csv_line(["say \"hi\",\n", "-5"]);
        assert_eq!(
            pairs(&text).unwrap(),
            [("=1+1".to_owned(), "o'x".to_owned()), ("say \"hi\",\n".to_owned(), "-5".to_owned())]
        );
        assert_eq!(pairs("new,old\n1\n"), None);
        assert_eq!(pairs("new,old\n\"1,2\n"), None);
    }

    #[test]
    fn a_key_map_becomes_an_expression() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("keys-t.csv"), "new,old\r\na'b,1\r\nc,2\r\n").unwrap();
        let map = folder.path().join("map.yaml");
        let text = "tables:\n  t:\n    right: u\n    rename: {id: uuid}\n    keys: {id: keys-t.csv}\n";
        std::fs::write(&map, text).unwrap();
        let mapping = read(&map).unwrap();
        let table = &mapping.tables["t"];
        assert_eq!(table.right.as_deref(), Some("u"));
        assert_eq!(
            table.right_as["id"],
            "CASE CAST(\"uuid\" AS text) WHEN 'a''b' THEN '1' WHEN 'c' THEN '2' ELSE CAST(\"uuid\" AS text) END"
        );
        for wrong in ["tables: {t: {left: x}}", "tables: [", "tables: {t: {keys: {id: absent.csv}}}"] {
            std::fs::write(&map, wrong).unwrap();
            assert!(read(&map).is_err(), "{wrong}");
        }
    }
}
