//! Reads the rows of an order: added up, hashed, or with their values.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use backout_contract::compare::{Hashed, Row};
use backout_contract::{DriverError, ErrorKind, Stop, StopLevel};
use backout_core::compare::{Block, HashedHere, Key, TableOrder, Tallies};
use rusqlite::{Connection, Params, params_from_iter};
use tokio::sync::mpsc;

use super::query::{Cuts, conditions, ranges, select};
use super::relation::Table;
use super::written::{Meant, read, value, written};
use crate::database::rows::quoted;
use crate::fault::Fault;

/// Rows between two questions whether to go on.
const BETWEEN_CHECKS: u32 = 1024;
/// Rows that are handed over at once.
const BATCH: usize = 4096;

/// What one reading works with.
pub(super) struct Reader<'a> {
    pub(super) connection: &'a Connection,
    pub(super) order: &'a TableOrder,
    pub(super) stop: &'a Stop,
    /// Raised when nobody waits for the answer any more.
    pub(super) is_dropped: &'a AtomicBool,
}

/// A row that was read: its hash and the texts of its values.
struct Found<'a> {
    hashed: HashedHere,
    cells: &'a [Option<Cow<'a, str>>],
}

impl Reader<'_> {
    /// Adds up the rows of one piece.
    pub(super) fn tally(&self, cuts: Cuts, piece: u32) -> Result<Tallies, Fault> {
        let table = self.table()?;
        let part = table.rowid.as_deref().and_then(|rowid| cuts.condition(piece, rowid));
        let mut tallies = Tallies::default();
        self.each(&table, &conditions(self.order, part), (), |found| {
            tallies.add(found.hashed.block, found.hashed.tally);
            Ok(())
        })?;
        Ok(tallies)
    }

    /// Hands over key and hash of the rows of these blocks, or of all.
    pub(super) fn keys(
        &self,
        blocks: Option<&BTreeSet<Block>>,
        to: &mpsc::Sender<Vec<Hashed>>,
    ) -> Result<(), Fault> {
        let table = self.table()?;
        let by_range = blocks.and_then(|blocks| ranges(self.order, &table, blocks));
        let mut batch = Vec::with_capacity(BATCH);
        let mut is_heard = true;
        let mut take = |found: Found<'_>| {
            if blocks.is_none_or(|blocks| blocks.contains(&found.hashed.block)) {
                batch.push(Hashed { key: found.hashed.key, hash: found.hashed.hash });
            }
            if batch.len() == BATCH && to.blocking_send(std::mem::take(&mut batch)).is_err() {
                is_heard = false;
                return Err(gone().into());
            }
            Ok(())
        };
        let read = match (by_range, &table.rowid) {
            (Some(ranges), Some(rowid)) => ranges.into_iter().try_for_each(|(low, high)| {
                let range = format!("{rowid} BETWEEN ?1 AND ?2");
                self.each(&table, &conditions(self.order, [range]), [low, high], &mut take)
            }),
            _ => self.each(&table, &conditions(self.order, None), (), &mut take),
        };
        if !is_heard {
            return Ok(());
        }
        read?;
        // Whoever does not listen any more does not miss the rest.
        let _ = to.blocking_send(batch);
        Ok(())
    }

    /// The rows with these keys: found by an index where there is one, else all are read once.
    pub(super) fn rows(&self, keys: &[Key]) -> Result<Vec<Row>, Fault> {
        let table = self.table()?;
        let wanted: BTreeSet<&Key> = keys.iter().collect();
        let mut rows = Vec::new();
        let mut take = |found: Found<'_>| {
            if wanted.contains(&found.hashed.key) {
                let values = found.cells.iter().map(|cell| cell.as_deref().map(value)).collect();
                rows.push(Row { key: found.hashed.key, hash: found.hashed.hash, values });
            }
            Ok(())
        };
        match self.lookup(&table)? {
            Some((condition, meant)) => {
                for key in &wanted {
                    let parts = key.parts().into_iter().zip(&meant);
                    let parts = parts.map(|(part, meant)| part.map(|part| read(&part, *meant)));
                    self.each(&table, &condition, params_from_iter(parts), &mut take)?;
                }
            }
            None => self.each(&table, &conditions(self.order, None), (), &mut take)?,
        }
        Ok(rows)
    }

    /// The condition for one key and what its columns are meant for, where an index finds it.
    fn lookup(&self, table: &Table) -> Result<Option<(String, Vec<Meant>)>, Fault> {
        let mut parts = Vec::new();
        let mut meant = Vec::new();
        for (at, place) in self.order.key.iter().enumerate() {
            let Some(column) = self.order.columns.get(*place) else { return Ok(None) };
            let declared = table.columns.iter().find(|one| one.name == column.name);
            let (None, Some(declared)) = (&column.expression, declared) else { return Ok(None) };
            // `IS` finds nulls too. What a collation finds beside the key itself is left out afterwards.
            parts.push(format!("{} IS ?{}", quoted(&column.name), at + 1));
            meant.push(declared.meant);
        }
        if parts.is_empty() {
            return Ok(None);
        }
        let condition = conditions(self.order, [parts.join(" AND ")]);
        let (select, _) = select(self.order, table);
        let mut statement = self.connection.prepare(&format!("EXPLAIN QUERY PLAN {select}{condition}"))?;
        let nulls = vec![rusqlite::types::Null; parts.len()];
        let details = statement.query_map(params_from_iter(nulls), |row| row.get::<_, String>(3))?;
        let details = details.collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(details.iter().any(|detail| detail.starts_with("SEARCH")).then_some((condition, meant)))
    }

    /// Reads the rows under a condition, each once.
    fn each(
        &self,
        table: &Table,
        condition: &str,
        parameters: impl Params,
        mut take: impl FnMut(Found<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let (select, meant) = select(self.order, table);
        let mut statement = self.connection.prepare_cached(&format!("{select}{condition}"))?;
        let mut rows = statement.query(parameters)?;
        let mut until_check = 0;
        while let Some(row) = rows.next()? {
            if until_check == 0 {
                self.go_on()?;
                until_check = BETWEEN_CHECKS;
            }
            until_check -= 1;
            let mut cells = Vec::with_capacity(meant.len());
            for (at, meant) in meant.iter().enumerate() {
                cells.push(written(row.get_ref(at)?, *meant));
            }
            let bytes: Vec<Option<&[u8]>> =
                cells.iter().map(|cell| cell.as_deref().map(str::as_bytes)).collect();
            let hashed = self.order.hash_here(&bytes);
            take(Found { hashed, cells: &cells })?;
        }
        Ok(())
    }

    fn table(&self) -> Result<Table, Fault> {
        let name = &self.order.name;
        Table::read(self.connection, name)?.ok_or_else(|| {
            let error = DriverError::new(ErrorKind::Config, format!("read the table {name}"));
            error.caused_by("there is no such table or view").nothing_happened().into()
        })
    }

    fn go_on(&self) -> Result<(), DriverError> {
        if self.is_dropped.load(Ordering::Relaxed) || self.stop.level() >= StopLevel::Abandon {
            return Err(gone());
        }
        Ok(())
    }
}

fn gone() -> DriverError {
    DriverError::new(ErrorKind::Other, "read the rows of a database: stopped on the way").nothing_happened()
}
