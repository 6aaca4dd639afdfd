//! What is worked out on the way, in temporary tables: there may be millions of writes.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension};

use super::cell::{Row, from_list, list_of};
use super::decide::Action;
use super::fold::{Folded, Write};
use super::source::Op;
use crate::fault::{Fault, bad_data};

/// All lacking writes of one row, and what is to become of them.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) id: i64,
    /// The place of its table here.
    pub(super) table: u32,
    /// Its key here.
    pub(super) key: Row,
    pub(super) folded: Folded,
    /// As it stood here before anything was taken over.
    pub(super) here: Option<Row>,
    pub(super) action: Action,
}

/// How far a row has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Something is to be done, or was.
    Take,
    /// Both sides are equal.
    Equal,
    /// What is there stands by somebody's choice.
    Yielded,
    /// It waits for a person.
    Open,
}

impl Fate {
    fn letter(self) -> &'static str {
        match self {
            Self::Take => "t",
            Self::Equal => "e",
            Self::Yielded => "y",
            Self::Open => "o",
        }
    }
}

pub(super) struct Scratch<'c> {
    pub(super) connection: &'c Connection,
}

impl<'c> Scratch<'c> {
    /// With nothing in it.
    pub(super) fn new(connection: &'c Connection) -> Result<Self, Fault> {
        connection.execute_batch(
            "CREATE TEMP TABLE IF NOT EXISTS backout_rows (id INTEGER PRIMARY KEY, tab INTEGER, key TEXT,
             first INTEGER, base TEXT, last TEXT, touched TEXT, here TEXT, action TEXT, fate TEXT,
             UNIQUE (tab, key));
             CREATE TEMP TABLE IF NOT EXISTS backout_writes (identity INTEGER, row INTEGER, seq INTEGER, op TEXT);
             CREATE INDEX IF NOT EXISTS temp.backout_writes_by_row ON backout_writes (row, seq);
             CREATE INDEX IF NOT EXISTS temp.backout_writes_by_identity ON backout_writes (identity);
             CREATE TEMP TABLE IF NOT EXISTS backout_native (tab INTEGER, key TEXT, born INTEGER,
             PRIMARY KEY (tab, key)) WITHOUT ROWID;
             CREATE TEMP TABLE IF NOT EXISTS backout_redrawn (tab INTEGER, there TEXT, here TEXT,
             PRIMARY KEY (tab, there)) WITHOUT ROWID;
             DELETE FROM temp.backout_rows; DELETE FROM temp.backout_writes; DELETE FROM temp.backout_native;
             DELETE FROM temp.backout_redrawn",
        )?;
        Ok(Self { connection })
    }

    /// Adds a write to what is known of its row.
    pub(super) fn fold(
        &self,
        table: u32,
        key: &Row,
        write: Write,
        (identity, seq, op): (i64, i64, Op),
    ) -> Result<(), Fault> {
        let key = list_of(key);
        let known = self
            .connection
            .prepare_cached(
                "SELECT id, base, last, touched FROM temp.backout_rows WHERE tab = ?1 AND key = ?2",
            )?
            .query_row((table, &key), |row| {
                Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .optional()?;
        let row = match known {
            Some((id, base, last, touched)) => {
                let mut folded = folded(base, last, touched)?;
                folded.then(write);
                self.connection
                    .prepare_cached(
                        "UPDATE temp.backout_rows SET base = ?2, last = ?3, touched = ?4 WHERE id = ?1",
                    )?
                    .execute((id, of_row(&folded.base), of_row(&folded.last), of_flags(&folded.touched)))?;
                id
            }
            None => {
                let folded = Folded::of(write);
                self.connection
                    .prepare_cached(
                        "INSERT INTO temp.backout_rows (tab, key, first, base, last, touched)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    )?
                    .execute((
                        table,
                        key,
                        seq,
                        of_row(&folded.base),
                        of_row(&folded.last),
                        of_flags(&folded.touched),
                    ))?;
                self.connection.last_insert_rowid()
            }
        };
        self.note(identity, Some(row), seq, op)
    }

    /// Notes a write; without a row, it was settled elsewhere.
    pub(super) fn note(&self, identity: i64, row: Option<i64>, seq: i64, op: Op) -> Result<(), Fault> {
        self.connection
            .prepare_cached(
                "INSERT INTO temp.backout_writes (identity, row, seq, op) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((identity, row, seq, op.letter()))?;
        Ok(())
    }

    /// All rows, in the order in which they were first written to.
    pub(super) fn ids(&self) -> Result<Vec<i64>, Fault> {
        self.ids_where("1")
    }

    /// Rows to which something is to be done.
    pub(super) fn ids_to_take(&self) -> Result<Vec<i64>, Fault> {
        self.ids_where("fate = 't'")
    }

    fn ids_where(&self, condition: &str) -> Result<Vec<i64>, Fault> {
        let mut query = self
            .connection
            .prepare(&format!("SELECT id FROM temp.backout_rows WHERE {condition} ORDER BY first, id"))?;
        Ok(query.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
    }

    pub(super) fn load(&self, id: i64) -> Result<Record, Fault> {
        let mut query = self.connection.prepare_cached(
            "SELECT tab, key, base, last, touched, here, action FROM temp.backout_rows WHERE id = ?1",
        )?;
        type Stored = (u32, String, Option<String>, Option<String>, String, Option<String>, Option<String>);
        let (table, key, base, last, touched, here, action): Stored = query.query_row([id], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?))
        })?;
        Ok(Record {
            id,
            table,
            key: from_list(&key)?,
            folded: folded(base, last, touched)?,
            here: here.map(|here| from_list(&here)).transpose()?,
            action: action.as_deref().map_or(Ok(Action::Nothing), from_text)?,
        })
    }

    /// Whether a row of a table is among those with lacking writes.
    pub(super) fn find(&self, table: u32, key: &Row) -> Result<Option<i64>, Fault> {
        Ok(self
            .connection
            .prepare_cached("SELECT id FROM temp.backout_rows WHERE tab = ?1 AND key = ?2")?
            .query_row((table, list_of(key)), |row| row.get(0))
            .optional()?)
    }

    /// The same, where something is to be done to it.
    pub(super) fn find_to_take(&self, table: u32, key: &Row) -> Result<Option<i64>, Fault> {
        Ok(self
            .connection
            .prepare_cached("SELECT id FROM temp.backout_rows WHERE tab = ?1 AND key = ?2 AND fate = 't' AND action <> 'n'")?
            .query_row((table, list_of(key)), |row| row.get(0))
            .optional()?)
    }

    /// A row to which something is to be done and that had these values in these columns.
    pub(super) fn find_that_had(
        &self,
        table: u32,
        columns: &[usize],
        values: &Row,
    ) -> Result<Option<i64>, Fault> {
        for id in self.ids_where("fate = 't' AND action NOT IN ('i', 'n')")? {
            let record = self.load(id)?;
            let had =
                |row: &Row| columns.iter().zip(values).all(|(column, value)| row.get(*column) == Some(value));
            if record.table == table && record.here.as_ref().is_some_and(had) {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// The places of tables to which something is to be done.
    pub(super) fn tables_to_take(&self) -> Result<BTreeSet<u32>, Fault> {
        let mut query =
            self.connection.prepare("SELECT DISTINCT tab FROM temp.backout_rows WHERE fate = 't'")?;
        Ok(query.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
    }

    /// The places of all tables with lacking writes.
    pub(super) fn tables(&self) -> Result<BTreeSet<u32>, Fault> {
        let mut query = self.connection.prepare("SELECT DISTINCT tab FROM temp.backout_rows")?;
        Ok(query.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
    }

    /// Whether users wrote to a row here.
    pub(super) fn is_native(&self, table: u32, key: &Row) -> Result<bool, Fault> {
        let mut query = self.connection.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM temp.backout_native WHERE tab = ?1 AND key = ?2)",
        )?;
        Ok(query.query_row((table, list_of(key)), |row| row.get(0))?)
    }

    /// Notes that users wrote to a row here, or that it was born here.
    pub(super) fn note_native(&self, table: u32, key: &Row, is_born: bool) -> Result<(), Fault> {
        self.connection
            .prepare_cached(
                "INSERT INTO temp.backout_native (tab, key, born) VALUES (?1, ?2, ?3)
                 ON CONFLICT (tab, key) DO UPDATE SET born = max(born, excluded.born)",
            )?
            .execute((table, list_of(key), is_born))?;
        Ok(())
    }

    /// Another key and other references, once keys were drawn.
    pub(super) fn rewrite(&self, record: &Record) -> Result<(), Fault> {
        self.connection
            .prepare_cached("UPDATE temp.backout_rows SET key = ?2, base = ?3, last = ?4 WHERE id = ?1")?
            .execute((
                record.id,
                list_of(&record.key),
                of_row(&record.folded.base),
                of_row(&record.folded.last),
            ))?;
        Ok(())
    }

    /// What is to become of a row.
    pub(super) fn settle(
        &self,
        id: i64,
        here: Option<&Row>,
        action: &Action,
        fate: Fate,
    ) -> Result<(), Fault> {
        self.connection
            .prepare_cached("UPDATE temp.backout_rows SET here = ?2, action = ?3, fate = ?4 WHERE id = ?1")?
            .execute((id, here.map(list_of), text_of(action), fate.letter()))?;
        Ok(())
    }

    pub(super) fn set_fate(&self, id: i64, fate: Fate) -> Result<(), Fault> {
        self.connection
            .prepare_cached("UPDATE temp.backout_rows SET fate = ?2 WHERE id = ?1")?
            .execute((id, fate.letter()))?;
        Ok(())
    }

    /// How many writes the rows of a fate have, each counted once.
    pub(super) fn count(&self, fate: Fate) -> Result<u64, Fault> {
        let count: i64 = self.connection.query_row(
            "SELECT count(DISTINCT identity) FROM temp.backout_writes AS w
             JOIN temp.backout_rows AS r ON r.id = w.row WHERE r.fate = ?1",
            [fate.letter()],
            |row| row.get(0),
        )?;
        Ok(count.unsigned_abs())
    }

    /// The identities of the writes of a row, in order.
    pub(super) fn identities(&self, id: i64) -> Result<Vec<i64>, Fault> {
        let mut query = self
            .connection
            .prepare_cached("SELECT identity FROM temp.backout_writes WHERE row = ?1 ORDER BY seq")?;
        Ok(query.query_map([id], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
    }

    /// The rows that share a write with one of these: a change of a key is a write of two rows, and both or none of
    /// them are taken over.
    pub(super) fn with_their_other_halves(&self, rows: &BTreeSet<i64>) -> Result<BTreeSet<i64>, Fault> {
        let mut query = self.connection.prepare_cached(
            "SELECT DISTINCT other.row FROM temp.backout_writes AS one
             JOIN temp.backout_writes AS other ON other.identity = one.identity
             WHERE one.row = ?1 AND other.row IS NOT NULL",
        )?;
        let mut all = rows.clone();
        let mut open: Vec<i64> = rows.iter().copied().collect();
        while let Some(row) = open.pop() {
            for other in query.query_map([row], |row| row.get::<_, i64>(0))? {
                let other = other?;
                if all.insert(other) {
                    open.push(other);
                }
            }
        }
        Ok(all)
    }
}

fn folded(base: Option<String>, last: Option<String>, touched: String) -> Result<Folded, Fault> {
    Ok(Folded {
        base: base.map(|base| from_list(&base)).transpose()?,
        last: last.map(|last| from_list(&last)).transpose()?,
        touched: touched.bytes().map(|flag| flag == b'1').collect(),
    })
}

fn of_row(row: &Option<Row>) -> Option<String> {
    row.as_ref().map(list_of)
}

fn of_flags(flags: &[bool]) -> String {
    flags.iter().map(|flag| if *flag { '1' } else { '0' }).collect()
}

fn text_of(action: &Action) -> String {
    match action {
        Action::Nothing => "n".to_owned(),
        Action::Insert => "i".to_owned(),
        Action::Delete => "d".to_owned(),
        Action::Update(columns) => {
            let columns: Vec<String> = columns.iter().map(usize::to_string).collect();
            format!("u{}", columns.join(","))
        }
    }
}

fn from_text(text: &str) -> Result<Action, Fault> {
    match (text, text.strip_prefix('u')) {
        ("n", _) => Ok(Action::Nothing),
        ("i", _) => Ok(Action::Insert),
        ("d", _) => Ok(Action::Delete),
        (_, Some(columns)) => columns
            .split(',')
            .map(|column| column.parse().map_err(|_| bad_data("read what was decided").into()))
            .collect::<Result<_, Fault>>()
            .map(Action::Update),
        _ => Err(bad_data("read what was decided").into()),
    }
}
