//! A recorder's log, where it is read: in a database that a run displaced, or in a live one that is counted.

use std::collections::{BTreeMap, HashMap, HashSet};

use backout_contract::DriverError;
use rusqlite::Connection;

use super::cell::{Cell, Row, from_image};
use super::fold::Write;
use super::table::Tables;
use crate::database::recorder::image;
use crate::database::recorder::layout::{Layout, Layouts};
use crate::fault::{Fault, bad_data};
use crate::pace::Pace;

/// Rows between two questions whether to go on.
const BETWEEN_CHECKS: u64 = 1024;

/// A recorder's log and what is needed to read it.
pub(super) struct Source<'c> {
    pub(super) connection: &'c Connection,
    /// Tells one recorder from another.
    pub(super) nonce: String,
    gone: String,
    eras: BTreeMap<i64, Layouts>,
    /// The tables as they are in this database.
    pub(super) tables: Tables,
}

/// One row of a log.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) seq: i64,
    /// Tells this write from every other, in every copy of the database.
    pub(super) identity: i64,
    pub(super) era: i64,
    pub(super) table: String,
    pub(super) op: Op,
    pub(super) at: String,
    before: Vec<u8>,
    after: Vec<u8>,
}

/// What was done to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Op {
    Insert,
    Update,
    Delete,
    /// It was settled without touching a row.
    Settled,
}

impl Op {
    pub(super) fn letter(self) -> &'static str {
        match self {
            Self::Insert => "i",
            Self::Update => "u",
            Self::Delete => "d",
            Self::Settled => "s",
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Settled => "settled",
        }
    }

    fn of(letter: &[u8]) -> Option<Self> {
        [Self::Insert, Self::Update, Self::Delete, Self::Settled]
            .into_iter()
            .find(|op| op.letter().as_bytes() == letter)
    }
}

/// Which writes a database has.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Rows of its log that are its own, and those that it shares with whatever it is a copy of.
    pub(super) natives: HashSet<i64>,
    /// Writes taken over from elsewhere: by identity, the row of its log.
    pub(super) taken: HashMap<i64, i64>,
}

impl Known {
    /// Of a recorder's log.
    pub(super) fn read(connection: &Connection) -> Result<Self, Fault> {
        let mut known = Self::default();
        let mut statement =
            connection.prepare("SELECT seq, source, op = 'i' FROM main._backout_log ORDER BY seq")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let seq = row.get(0)?;
            known.natives.insert(seq);
            if let Some(source) = row.get(1)? {
                // What an insert replaced has its identity too, and so has the other half of a change of a key.
                if row.get(2)? {
                    known.taken.insert(source, seq);
                } else {
                    known.taken.entry(source).or_insert(seq);
                }
            }
        }
        Ok(known)
    }

    pub(super) fn has(&self, identity: i64) -> bool {
        self.natives.contains(&identity) || self.taken.contains_key(&identity)
    }

    /// The row of its log that is this write.
    pub(super) fn row_of(&self, identity: i64) -> Option<i64> {
        let native = self.natives.contains(&identity).then_some(identity);
        native.or_else(|| self.taken.get(&identity).copied())
    }

    /// Whether a row of another log is one that both share.
    pub(super) fn shares(&self, entry: &Entry) -> bool {
        self.natives.contains(&entry.seq)
    }
}

impl<'c> Source<'c> {
    /// None where there is no recorder whose log could be read.
    pub(super) fn of(connection: &'c Connection) -> Result<Option<Self>, Fault> {
        let parts: i64 = connection.query_row(
            "SELECT count(*) FROM main.sqlite_schema
             WHERE type = 'table' AND name IN ('_backout_recorder', '_backout_log', '_backout_era')",
            [],
            |row| row.get(0),
        )?;
        if parts < 3 {
            return Ok(None);
        }
        let nonce: String =
            match connection.query_row("SELECT nonce FROM main._backout_recorder", [], |row| row.get(0)) {
                Ok(nonce) => nonce,
                Err(rusqlite::Error::QueryReturnedNoRows) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
        let eras = eras(connection)?;
        let tables = Tables::read(connection)?;
        Ok(Some(Self { connection, gone: image::gone(&nonce), nonce, eras, tables }))
    }

    /// How a table was recorded.
    pub(super) fn layout(&self, era: i64, table: &str) -> Option<&Layout> {
        self.eras.get(&era)?.get(table)
    }

    /// Whether another recorder of the same database knows the very same era.
    pub(super) fn shares_era(&self, other: &Self, era: i64) -> bool {
        self.eras.get(&era).is_some_and(|tables| other.eras.get(&era) == Some(tables))
    }

    /// Every write of users, in order, its own and those it took over.
    pub(super) fn each(
        &self,
        pace: &Pace,
        then: &mut dyn FnMut(&Entry) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut statement = self.connection.prepare(
            "SELECT seq, source, era, tab, op, \"before\", \"after\", at FROM main._backout_log
             WHERE origin IN ('user', 'merged') ORDER BY seq",
        )?;
        let mut rows = statement.query([])?;
        let mut count = 0u64;
        while let Some(row) = rows.next()? {
            if count.is_multiple_of(BETWEEN_CHECKS) {
                pace.check("read recorded writes")?;
            }
            count += 1;
            then(&entry(row)?)?;
        }
        Ok(())
    }

    /// One row of the log.
    pub(super) fn entry(&self, seq: i64) -> Result<Option<Entry>, Fault> {
        let mut statement = self.connection.prepare_cached(
            "SELECT seq, source, era, tab, op, \"before\", \"after\", at FROM main._backout_log WHERE seq = ?1",
        )?;
        let mut rows = statement.query([seq])?;
        rows.next()?.map(entry).transpose()
    }

    /// The rows that a write is about, in the columns of its era.
    pub(super) fn write(&self, entry: &Entry) -> Result<Write, DriverError> {
        Ok(match entry.op {
            Op::Insert => Write::Insert { after: self.row(&entry.after)? },
            Op::Update => Write::Update { before: self.row(&entry.before)?, after: self.row(&entry.after)? },
            Op::Delete => Write::Delete { before: self.row(&entry.before)? },
            Op::Settled => return Err(bad_data("read a write that is none")),
        })
    }

    fn row(&self, image: &[u8]) -> Result<Row, DriverError> {
        // In the encoding of the database, which is not always ours.
        let decoded = |bytes: Vec<u8>| {
            let decoded = self
                .connection
                .prepare_cached("SELECT CAST(?1 AS TEXT)")
                .and_then(|mut query| query.query_row([bytes], |row| Ok(Cell::from_sql(row.get_ref(0)?))));
            decoded.map_err(|error| bad_data("read a text of a recorded row").caused_by(error))
        };
        from_image(image, &self.gone, &decoded)
    }
}

fn eras(connection: &Connection) -> Result<BTreeMap<i64, Layouts>, Fault> {
    let mut statement = connection.prepare("SELECT era, tables FROM main._backout_era")?;
    let listed = statement
        .query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?
        .collect::<rusqlite::Result<Vec<(i64, String)>>>()?;
    let parsed = listed.into_iter().map(|(era, tables)| Ok((era, serde_json::from_str(&tables)?)));
    parsed
        .collect::<serde_json::Result<_>>()
        .map_err(|error| Fault::Said(bad_data("read the eras of a recorder").caused_by(error)))
}

fn entry(row: &rusqlite::Row<'_>) -> Result<Entry, Fault> {
    let bytes = |place| -> rusqlite::Result<Vec<u8>> {
        Ok(row.get_ref(place)?.as_bytes_or_null()?.unwrap_or_default().to_vec())
    };
    let seq = row.get(0)?;
    let op = Op::of(&bytes(4)?).ok_or_else(|| bad_data("read a recorded write of an unknown sort"))?;
    Ok(Entry {
        seq,
        identity: row.get::<_, Option<i64>>(1)?.unwrap_or(seq),
        era: row.get(2)?,
        table: String::from_utf8_lossy(&bytes(3)?).into_owned(),
        op,
        at: String::from_utf8_lossy(&bytes(7)?).into_owned(),
        before: bytes(5)?,
        after: bytes(6)?,
    })
}
