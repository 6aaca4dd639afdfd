//! Reads and writes single rows of the put-back database, and puts down what was written.

use rusqlite::{Connection, OptionalExtension, params_from_iter};

use super::cell::{Cell, Row, list};
use super::source::{Op, Source};
use super::table::Table;
use crate::database::recorder::image;
use crate::database::rows::quoted;
use crate::fault::Fault;

/// The put-back database, within the one transaction.
pub(super) struct Here<'c> {
    pub(super) connection: &'c Connection,
    gone: String,
    era: i64,
    /// The last row of the log when it began.
    began: i64,
}

impl<'c> Here<'c> {
    /// With the era that its recorder is in.
    pub(super) fn of(source: &Source<'c>) -> Result<Self, Fault> {
        let era = source.connection.query_row(
            "SELECT coalesce(max(era), 0) FROM main._backout_era",
            [],
            |row| row.get(0),
        )?;
        let began = last_of_log(source.connection)?;
        Ok(Self { connection: source.connection, gone: image::gone(&source.nonce), era, began })
    }

    /// Whether anything was put down.
    pub(super) fn has_put_down(&self) -> Result<bool, Fault> {
        Ok(last_of_log(self.connection)? > self.began)
    }

    /// A row; none when there is none with that key.
    pub(super) fn read(&self, table: &Table, key: &Row) -> Result<Option<Row>, Fault> {
        let query = format!(
            "SELECT {} FROM main.{} WHERE {}",
            table.names().join(", "),
            quoted(&table.name),
            table.has_key()
        );
        let mut statement = self.connection.prepare_cached(&query)?;
        let cells = |row: &rusqlite::Row<'_>| {
            (0..table.columns.len()).map(|at| Ok(Some(Cell::from_sql(row.get_ref(at)?)))).collect()
        };
        Ok(statement.query_row(params_from_iter(key.iter().flatten()), cells).optional()?)
    }

    pub(super) fn insert(&self, table: &Table, row: &Row) -> rusqlite::Result<()> {
        let names = table.names();
        let known: Vec<(&String, &Cell)> =
            names.iter().zip(row).filter_map(|(name, cell)| Some((name, cell.as_ref()?))).collect();
        let columns: Vec<&str> = known.iter().map(|(name, _)| name.as_str()).collect();
        let statement = format!(
            "INSERT INTO main.{} ({}) VALUES ({})",
            quoted(&table.name),
            columns.join(", "),
            vec!["?"; known.len()].join(", ")
        );
        let cells = known.iter().map(|(_, cell)| *cell);
        self.connection.prepare_cached(&statement)?.execute(params_from_iter(cells)).map(drop)
    }

    pub(super) fn update(
        &self,
        table: &Table,
        key: &Row,
        columns: &[usize],
        row: &Row,
    ) -> rusqlite::Result<()> {
        let first = table.key.len() + 1;
        let chosen: Vec<(&str, &Cell)> = columns
            .iter()
            .filter_map(|place| Some((table.columns.get(*place)?.name.as_str(), row.get(*place)?.as_ref()?)))
            .collect();
        if chosen.is_empty() {
            return Ok(());
        }
        let set: Vec<String> =
            chosen.iter().zip(first..).map(|((name, _), at)| format!("{} = ?{at}", quoted(name))).collect();
        let statement =
            format!("UPDATE main.{} SET {} WHERE {}", quoted(&table.name), set.join(", "), table.has_key());
        let cells = key.iter().flatten().chain(chosen.iter().map(|(_, cell)| *cell));
        self.connection.prepare_cached(&statement)?.execute(params_from_iter(cells)).map(drop)
    }

    pub(super) fn delete(&self, table: &Table, key: &Row) -> rusqlite::Result<()> {
        let statement = format!("DELETE FROM main.{} WHERE {}", quoted(&table.name), table.has_key());
        self.connection.prepare_cached(&statement)?.execute(params_from_iter(key.iter().flatten())).map(drop)
    }

    /// Puts down what was done to a row, as the recorder does it. Its triggers are not asked: they may have been
    /// dropped behind our back, and then a write would be taken over again and again.
    pub(super) fn put_down(
        &self,
        log: &Source<'_>,
        table: &Table,
        op: Op,
        identity: i64,
        before: Option<&Row>,
        after: Option<&Row>,
    ) -> Result<(), Fault> {
        let image = |row: &Row| self.image(log, table, row);
        let (before, after) = (before.map(image), after.map(image));
        let bytes = before.as_ref().map_or(0, String::len) + after.as_ref().map_or(0, String::len);
        self.connection
            .prepare_cached(
                "INSERT INTO main._backout_log (era, tab, op, origin, source, \"before\", \"after\", at)
                 VALUES (?1, ?2, ?3, 'merged', ?4, ?5, ?6, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))",
            )?
            .execute((self.era, &table.name, op.letter(), identity, before, after))?;
        self.connection
            .prepare_cached("UPDATE main._backout_recorder SET held = held + ?1")?
            .execute([i64::try_from(bytes).unwrap_or(0)])?;
        Ok(())
    }

    /// Puts down as settled what needs nothing more: writes of rows that are equal or yielded, and of rows that were
    /// taken over all but the write that stands for them. `place` is that of a table; none is for writes that were
    /// settled elsewhere.
    pub(super) fn settle_rest(&self, table: &str, place: Option<u32>) -> Result<(), Fault> {
        self.connection.execute(
            "INSERT INTO main._backout_log (era, tab, op, origin, source, at)
             SELECT ?1, ?2, 's', 'merged', w.identity, strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
             FROM temp.backout_writes AS w LEFT JOIN temp.backout_rows AS r ON r.id = w.row
             WHERE r.tab IS ?3 AND (w.row IS NULL OR r.fate IN ('e', 'y') OR r.fate = 't' AND w.identity <>
             (SELECT f.identity FROM temp.backout_writes AS f WHERE f.row = w.row ORDER BY f.seq LIMIT 1))
             GROUP BY w.identity ORDER BY min(w.seq)",
            (self.era, table, place),
        )?;
        Ok(())
    }

    fn image(&self, log: &Source<'_>, table: &Table, row: &Row) -> String {
        let cell = |place: usize| row.get(place).and_then(Option::as_ref);
        let Some(layout) = log.layout(self.era, &table.name) else {
            return list(row.iter().map(Option::as_ref));
        };
        let rowid = layout.rowid.then(|| cell(0));
        let columns = layout.columns.iter().map(|name| table.column(name).and_then(cell));
        let literals = rowid.into_iter().chain(columns);
        literals
            .map(|cell| cell.map_or_else(|| self.gone.clone(), Cell::literal))
            .collect::<Vec<_>>()
            .join(",")
    }
}

fn last_of_log(connection: &Connection) -> Result<i64, Fault> {
    Ok(connection.query_row("SELECT coalesce(max(seq), 0) FROM main._backout_log", [], |row| row.get(0))?)
}

/// Whether a statement failed because of what a row holds, and not because of the database.
pub(super) fn is_about_the_row(error: &rusqlite::Error) -> bool {
    match error.sqlite_error() {
        Some(error) => matches!(
            error.extended_code & 0xff,
            rusqlite::ffi::SQLITE_CONSTRAINT | rusqlite::ffi::SQLITE_MISMATCH | rusqlite::ffi::SQLITE_ERROR
        ),
        None => false,
    }
}

/// Whether it failed because another row has a value that may be there once only.
pub(super) fn is_taken(error: &rusqlite::Error) -> bool {
    use rusqlite::ffi::{SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_ROWID, SQLITE_CONSTRAINT_UNIQUE};
    let codes = [SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_ROWID, SQLITE_CONSTRAINT_UNIQUE];
    error.sqlite_error().is_some_and(|error| codes.contains(&error.extended_code))
}
