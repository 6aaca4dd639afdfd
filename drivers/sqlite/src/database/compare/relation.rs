//! One table or view of a database, as its catalog tells it.

use backout_core::compare::{Column, Relation, Spread};
use rusqlite::{Connection, OptionalExtension};

use super::written::Meant;
use crate::database::rows::quoted;
use crate::fault::Fault;

/// A table or view with what is needed to read it.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<Declared>,
    /// A name under which its row ids can be asked for; none where it has none.
    pub(super) rowid: Option<String>,
    /// The column that is the row id.
    pub(super) alias: Option<String>,
    key: Vec<String>,
}

/// A column as it was declared.
#[derive(Debug, Clone)]
pub(super) struct Declared {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) meant: Meant,
    pub(super) never_null: bool,
    pub(super) default: Option<String>,
    /// Its place in the primary key, from one; zero where it is not in it.
    pub(super) in_key: i64,
    /// `virtual` or `stored` where it is computed.
    pub(super) generated: Option<&'static str>,
}

impl Table {
    /// Reads one; none where there is no such table or view.
    pub(super) fn read(connection: &Connection, name: &str) -> Result<Option<Self>, Fault> {
        let found: Option<(String, String, bool)> = connection
            .query_row(
                "SELECT name, type, wr FROM pragma_table_list WHERE schema = 'main' AND name = ?1 COLLATE NOCASE",
                [name],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .optional()?;
        let Some((name, kind, without_rowid)) = found else { return Ok(None) };
        let columns = columns(connection, &name)?;
        let has_rowid = kind == "table" && !without_rowid;
        let is_hidden = |rowid: &&&str| !columns.iter().any(|column| column.name.eq_ignore_ascii_case(rowid));
        let rowid = ["rowid", "_rowid_", "oid"].iter().find(is_hidden).map(|rowid| (*rowid).to_owned());
        let alias = if has_rowid { alias(connection, &name, &columns)? } else { None };
        let key = match &alias {
            Some(alias) => vec![alias.clone()],
            None if kind == "table" => key(connection, &name, &columns, without_rowid)?,
            None => Vec::new(),
        };
        let rowid = if has_rowid { rowid.or_else(|| alias.as_deref().map(quoted)) } else { None };
        Ok(Some(Self { name, columns, rowid, alias, key }))
    }

    /// The lowest and the highest row id; none where there are no rows, or no row ids.
    pub(super) fn extent(&self, connection: &Connection) -> Result<Option<(i64, i64)>, Fault> {
        let Some(rowid) = &self.rowid else { return Ok(None) };
        // Two questions: only one extreme at a time is found without reading all.
        let ask = |what: &str| {
            let query = format!("SELECT {what}({rowid}) FROM main.{}", quoted(&self.name));
            connection.query_row(&query, [], |row| row.get::<_, Option<i64>>(0))
        };
        Ok(ask("min")?.zip(ask("max")?))
    }

    /// As a side tells it.
    pub(super) fn relation(&self, connection: &Connection, bytes: u64) -> Result<Relation, Fault> {
        let unreadable = connection
            .prepare(&format!("SELECT * FROM main.{}", quoted(&self.name)))
            .err()
            .map(|error| error.to_string());
        let extent = if unreadable.is_none() { self.extent(connection)? } else { None };
        let rows = if unreadable.is_none() { self.about_rows(connection, extent, bytes)? } else { 0 };
        let mut columns = Vec::new();
        for column in &self.columns {
            let is_alias = self.alias.as_ref() == Some(&column.name);
            let spread = match extent {
                Some(extent) if is_alias => Some(self.spread(connection, extent)?),
                _ => None,
            };
            columns.push(Column {
                name: column.name.clone(),
                kind: column.kind.clone(),
                methods: Vec::new(),
                spread,
            });
        }
        Ok(Relation {
            schema: String::new(),
            name: self.name.clone(),
            columns,
            key: self.key.clone(),
            rows,
            bytes,
            unreadable,
        })
    }

    /// By the statistics, else by the row ids as far as so many rows have room in the file.
    pub(super) fn about_rows(
        &self,
        connection: &Connection,
        extent: Option<(i64, i64)>,
        bytes: u64,
    ) -> Result<u64, Fault> {
        const LEAST_BYTES_A_ROW: u64 = 8;
        let counted = connection
            .query_row("SELECT stat FROM main.sqlite_stat1 WHERE tbl = ?1", [&self.name], |row| {
                row.get::<_, Option<String>>(0)
            })
            .ok()
            .flatten();
        let first = counted.as_deref().and_then(|stat| stat.split(' ').next()?.parse().ok());
        Ok(match (first, extent) {
            (Some(rows), _) => rows,
            (None, Some((low, high))) => high.abs_diff(low).saturating_add(1).min(bytes / LEAST_BYTES_A_ROW),
            (None, None) if self.rowid.is_some() => 0,
            (None, None) => {
                let query = format!("SELECT count(*) FROM main.{}", quoted(&self.name));
                let rows: i64 = connection.query_row(&query, [], |row| row.get(0))?;
                u64::try_from(rows).unwrap_or_default()
            }
        })
    }

    /// Looks into each hundredth of the row ids whether there is any row at all.
    fn spread(&self, connection: &Connection, (low, high): (i64, i64)) -> Result<Spread, Fault> {
        const PARTS: u64 = 100;
        let width = high.abs_diff(low) / PARTS;
        if width == 0 {
            return Ok(Spread { low, high, fullest: 0.01 });
        }
        let rowid = self.rowid.as_deref().unwrap_or("rowid");
        let query = format!(
            "SELECT EXISTS (SELECT 1 FROM main.{} WHERE {rowid} >= ?1 AND {rowid} < ?2)",
            quoted(&self.name)
        );
        let mut statement = connection.prepare(&query)?;
        let mut full = 0_u32;
        for part in 0..PARTS {
            let from = low.saturating_add_unsigned(part * width);
            let there: bool =
                statement.query_row([from, from.saturating_add_unsigned(width)], |row| row.get(0))?;
            full += u32::from(there);
        }
        Ok(Spread { low, high, fullest: 1.0 / f64::from(full.max(1)) })
    }
}

fn columns(connection: &Connection, table: &str) -> Result<Vec<Declared>, Fault> {
    // Hidden columns of virtual tables (1) are commands, not data.
    let mut statement = connection.prepare(
        "SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?1, 'main')
         WHERE hidden <> 1 ORDER BY cid",
    )?;
    let columns = statement.query_map([table], |row| {
        let kind: String = row.get(1)?;
        Ok(Declared {
            name: row.get(0)?,
            meant: Meant::of(&kind),
            kind,
            never_null: row.get(2)?,
            default: row.get(3)?,
            in_key: row.get(4)?,
            generated: match row.get::<_, i64>(5)? {
                2 => Some("virtual"),
                3 => Some("stored"),
                _ => None,
            },
        })
    })?;
    Ok(columns.collect::<rusqlite::Result<_>>()?)
}

/// The column that is the row id: the one `INTEGER PRIMARY KEY`, unless it got an index of its own (`DESC`).
fn alias(connection: &Connection, table: &str, columns: &[Declared]) -> Result<Option<String>, Fault> {
    let mut in_key = columns.iter().filter(|column| column.in_key > 0);
    let (Some(only), None) = (in_key.next(), in_key.next()) else { return Ok(None) };
    if !only.kind.eq_ignore_ascii_case("INTEGER") {
        return Ok(None);
    }
    let indexed: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM pragma_index_list(?1, 'main') WHERE origin = 'pk')",
        [table],
        |row| row.get(0),
    )?;
    Ok((!indexed).then(|| only.name.clone()))
}

/// The primary key, else the narrowest unique index, as long as no null stands in it: SQLite lets nulls into both.
fn key(
    connection: &Connection,
    table: &str,
    columns: &[Declared],
    without_rowid: bool,
) -> Result<Vec<String>, Fault> {
    let mut primary: Vec<&Declared> = columns.iter().filter(|column| column.in_key > 0).collect();
    primary.sort_by_key(|column| column.in_key);
    let names = |columns: &[&Declared]| columns.iter().map(|column| column.name.clone()).collect();
    if !primary.is_empty() && (without_rowid || !has_nulls(connection, table, &primary)?) {
        return Ok(names(&primary));
    }
    let mut statement = connection.prepare(
        "SELECT name FROM pragma_index_list(?1, 'main') WHERE \"unique\" AND NOT partial AND origin <> 'pk' ORDER BY name",
    )?;
    let indexes = statement.query_map([table], |row| row.get::<_, String>(0))?;
    let mut best: Option<Vec<&Declared>> = None;
    for index in indexes {
        let mut parts =
            connection.prepare("SELECT name FROM pragma_index_info(?1, 'main') ORDER BY seqno")?;
        let parts = parts.query_map([index?], |row| row.get::<_, Option<String>>(0))?;
        let parts = parts.collect::<rusqlite::Result<Vec<_>>>()?;
        let of = |part: &Option<String>| columns.iter().find(|column| Some(&column.name) == part.as_ref());
        // A part without a name is an expression.
        let Some(parts) = parts.iter().map(of).collect::<Option<Vec<_>>>() else { continue };
        if best.as_ref().is_none_or(|best| parts.len() < best.len())
            && parts.iter().all(|part| part.never_null)
        {
            best = Some(parts);
        }
    }
    Ok(best.map_or_else(Vec::new, |best| names(&best)))
}

fn has_nulls(connection: &Connection, table: &str, columns: &[&Declared]) -> Result<bool, Fault> {
    let nullable: Vec<String> = columns
        .iter()
        .filter(|column| !column.never_null)
        .map(|column| format!("{} IS NULL", quoted(&column.name)))
        .collect();
    if nullable.is_empty() {
        return Ok(false);
    }
    let query =
        format!("SELECT EXISTS (SELECT 1 FROM main.{} WHERE {})", quoted(table), nullable.join(" OR "));
    Ok(connection.query_row(&query, [], |row| row.get(0))?)
}
