//! Values of rows, and whole rows as lists of SQL literals.

use backout_contract::DriverError;
use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};
use serde_json::Value;

use crate::database::recorder::image;
use crate::fault::bad_data;

/// One value, with its type; texts are bytes, for SQLite does not hold them to any encoding.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Null,
    Integer(i64),
    Real(f64),
    Text(Vec<u8>),
    Blob(Vec<u8>),
}

/// A row. Of some columns nothing is known: they have no place on one of the sides, or were dropped meanwhile.
pub(super) type Row = Vec<Option<Cell>>;

/// What stands in our own lists for a column of which nothing is known: no value has this literal.
const UNKNOWN: &str = "?";

impl Cell {
    pub(super) fn from_sql(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(number) => Self::Integer(number),
            ValueRef::Real(number) => Self::Real(number),
            ValueRef::Text(bytes) => Self::Text(bytes.to_vec()),
            ValueRef::Blob(bytes) => Self::Blob(bytes.to_vec()),
        }
    }

    /// From a literal; `decoded` makes a text of bytes in the encoding of the database that the literal is from.
    fn from_literal(
        literal: &str,
        decoded: &dyn Fn(Vec<u8>) -> Result<Cell, DriverError>,
    ) -> Result<Self, DriverError> {
        let wrong = || bad_data("read a value of a recorded row");
        if literal == "NULL" {
            return Ok(Self::Null);
        }
        if let Some(inner) = literal.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
            return Ok(Self::Text(inner.replace("''", "'").into_bytes()));
        }
        if let Some(hex) = literal.strip_prefix("X'").and_then(|rest| rest.strip_suffix('\'')) {
            return from_hex(hex).map(Self::Blob).ok_or_else(wrong);
        }
        if let Some(hex) = literal.strip_prefix("CAST(X'").and_then(|rest| rest.strip_suffix("' AS TEXT)")) {
            return decoded(from_hex(hex).ok_or_else(wrong)?);
        }
        if let Ok(number) = literal.parse() {
            return Ok(Self::Integer(number));
        }
        literal.parse().map(Self::Real).map_err(|_| wrong())
    }

    /// As SQL writes it; every value has one literal, so that literals can be compared.
    pub(super) fn literal(&self) -> String {
        match self {
            Self::Null => "NULL".to_owned(),
            Self::Integer(number) => number.to_string(),
            Self::Real(number) if number.is_infinite() => {
                if *number > 0.0 { "9.0e+999" } else { "-9.0e+999" }.to_owned()
            }
            Self::Real(number) => format!("{number:?}"),
            Self::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) if !text.contains('\0') => format!("'{}'", text.replace('\'', "''")),
                _ => format!("CAST(X'{}' AS TEXT)", hex(bytes)),
            },
            Self::Blob(bytes) => format!("X'{}'", hex(bytes)),
        }
    }

    /// For files that people and programs read.
    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Integer(number) => Value::from(*number),
            Self::Real(number) if number.is_finite() => Value::from(*number),
            Self::Real(_) => Value::from(self.literal()),
            Self::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => Value::from(text),
                Err(_) => serde_json::json!({ "text": hex(bytes) }),
            },
            Self::Blob(bytes) => serde_json::json!({ "blob": hex(bytes) }),
        }
    }

    /// For people and tables: texts as they are, the rest as SQL writes it.
    pub(super) fn plain(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => text.to_owned(),
                Err(_) => self.literal(),
            },
            _ => self.literal(),
        }
    }
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Real(number) => ValueRef::Real(*number),
            Self::Text(bytes) => ValueRef::Text(bytes),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// A row as a list of literals.
pub(super) fn list<'a>(cells: impl IntoIterator<Item = Option<&'a Cell>>) -> String {
    let literals = cells.into_iter().map(|cell| cell.map_or_else(|| UNKNOWN.to_owned(), Cell::literal));
    literals.collect::<Vec<_>>().join(",")
}

/// A row as a list of literals.
pub(super) fn list_of(row: &Row) -> String {
    list(row.iter().map(Option::as_ref))
}

/// Takes one of our own lists apart.
pub(super) fn from_list(list: &str) -> Result<Row, DriverError> {
    from_image(list.as_bytes(), UNKNOWN, &|bytes| Ok(Cell::Text(bytes)))
}

/// Takes an image of the recorder apart.
pub(super) fn from_image(
    bytes: &[u8],
    gone: &str,
    decoded: &dyn Fn(Vec<u8>) -> Result<Cell, DriverError>,
) -> Result<Row, DriverError> {
    let literals = image::parse(bytes, gone)?;
    literals
        .into_iter()
        .map(|literal| literal.map(|literal| Cell::from_literal(&literal, decoded)).transpose())
        .collect()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

fn from_hex(hex: &str) -> Option<Vec<u8>> {
    if !hex.is_ascii() || !hex.len().is_multiple_of(2) {
        return None;
    }
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_survives_as_a_literal() {
        let row: Row = vec![
            Some(Cell::Null),
            Some(Cell::Integer(i64::MIN)),
            Some(Cell::Real(5.0)),
            Some(Cell::Real(1e300)),
            Some(Cell::Real(0.1 + 0.2)),
            Some(Cell::Real(f64::NEG_INFINITY)),
            None,
            Some(Cell::Text("it's, – 🌍".into())),
            Some(Cell::Text(b"a\0b".to_vec())),
            Some(Cell::Text(vec![0xff, b'\''])),
            Some(Cell::Text(b"?".to_vec())),
            Some(Cell::Blob(vec![0, 0xff])),
            Some(Cell::Blob(Vec::new())),
        ];
        assert_eq!(from_list(&list_of(&row)).unwrap(), row);
    }

    #[test]
    fn literals_are_what_sqlite_takes_them_for() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        for cell in [
            Cell::Null,
            Cell::Integer(-7),
            Cell::Real(2.0),
            Cell::Real(1e-7),
            Cell::Real(f64::INFINITY),
            Cell::Text("a'b".into()),
            Cell::Text(b"a\0b".to_vec()),
            Cell::Blob(vec![1, 2]),
        ] {
            let (found, quoted): (Cell, Cell) = connection
                .query_row(&format!("SELECT {0}, quote({0})", cell.literal()), [], |row| {
                    Ok((Cell::from_sql(row.get_ref(0)?), Cell::from_sql(row.get_ref(1)?)))
                })
                .unwrap();
            assert_eq!(found, cell);
            let Cell::Text(quoted) = quoted else { panic!("{quoted:?}") };
            // What a trigger writes down means the same.
            if !matches!(&cell, Cell::Text(bytes) if bytes.contains(&0)) {
                let read = from_image(&quoted, "X''", &|bytes| Ok(Cell::Text(bytes))).unwrap();
                assert_eq!(read, [Some(cell)]);
            }
        }
    }
}
