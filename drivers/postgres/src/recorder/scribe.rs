//! Takes down what a recorder tells: counts it, and writes it to a file where one is wanted.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use backout_contract::DriverError;
use backout_core::writes::{TableWrites, Tally};

use super::judge::{Judge, Verdict};
use super::message::{Message, garbled};
use super::objects::SCHEMA;
use super::sealed::{Footer, Header, Writer, Written};
use super::snapshot::Since;
use crate::server::{Fault, Link, TableName};

/// How much of what is told goes into the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// Nothing: it is only counted.
    Nothing,
    /// What somebody lacks.
    Wanted,
    /// All.
    All,
}

/// Takes messages down, one after the other.
pub(super) struct Scribe {
    judge: Judge,
    keep: Keep,
    writer: Option<Writer>,
    number: u64,
    relations: HashMap<u32, (TableName, bool)>,
    types: BTreeSet<(u32, i32)>,
    now: Verdict,
    /// By relation, for it is looked up with every message.
    tallies: HashMap<u32, TableWrites>,
    changes: u64,
    /// What was emptied: nobody knows how many rows that took away.
    emptied: BTreeSet<TableName>,
}

/// What came of it.
#[derive(Default)]
pub(super) struct Told {
    /// By table; tables that nobody wrote to are left out.
    pub(super) tables: BTreeMap<TableName, TableWrites>,
    pub(super) emptied: BTreeSet<TableName>,
    /// The file, where one was wanted.
    pub(super) written: Option<Written>,
}

impl Scribe {
    pub(super) fn new(
        header: &Header,
        since: &Since,
        keep: Keep,
        scratch: &Path,
    ) -> Result<Self, DriverError> {
        let writer = if keep == Keep::Nothing { None } else { Some(Writer::begin(scratch, header)?) };
        Ok(Self {
            judge: Judge::new(header, since)?,
            keep,
            writer,
            number: 0,
            relations: HashMap::new(),
            types: BTreeSet::new(),
            now: Verdict::default(),
            tallies: HashMap::new(),
            changes: 0,
            emptied: BTreeSet::new(),
        })
    }

    /// The number of the next change is another than the one that follows.
    pub(super) fn number(&mut self, number: u64) -> Result<(), DriverError> {
        if number != self.number {
            self.number = number;
            self.write_number()?;
        }
        Ok(())
    }

    fn write_number(&mut self) -> Result<(), DriverError> {
        self.writer.as_mut().map_or(Ok(()), |writer| writer.number(self.number))
    }

    /// One message.
    pub(super) fn message(&mut self, bytes: &[u8]) -> Result<(), DriverError> {
        let mut is_kept = self.keep == Keep::All || self.now.is_wanted;
        match bytes.first() {
            Some(kind @ (b'I' | b'U' | b'D')) => {
                let relation =
                    bytes.get(1..5).and_then(|number| number.try_into().ok()).ok_or_else(garbled)?;
                self.count(*kind, u32::from_be_bytes(relation))?;
            }
            Some(b'B') => {
                if let Message::Begin { transaction } = Message::parse(bytes)? {
                    self.now = self.judge.of(self.judge.widened(transaction));
                }
                is_kept = self.keep == Keep::All || self.now.is_wanted;
                if is_kept && self.keep == Keep::Wanted {
                    self.write_number()?;
                }
            }
            Some(b'O') => {
                if let Message::Origin(name) = Message::parse(bytes)? {
                    self.now.by_migration |= self.judge.is_origin_of_the_migration(name);
                }
            }
            Some(b'R') => {
                is_kept = true;
                if let Message::Relation(layout) = Message::parse(bytes)? {
                    let name = TableName::new(layout.schema, layout.name);
                    let is_ours = layout.schema == SCHEMA;
                    self.types.extend(layout.columns.iter().map(|column| (column.kind, column.modifier)));
                    // Under a name that it bears from here on, it is counted apart.
                    self.close(layout.relation, &name);
                    self.relations.insert(layout.relation, (name, is_ours));
                }
            }
            Some(b'T') => {
                if let Message::Truncate { relations } = Message::parse(bytes)? {
                    for relation in relations {
                        if self.now.is_wanted && self.now.is_of_users() {
                            let (name, _) = self.relations.get(&relation).ok_or_else(garbled)?;
                            self.emptied.insert(name.clone());
                        }
                        self.count(b'D', relation)?;
                    }
                }
            }
            // Commits, names of types, and what others said: nothing that a reader needs.
            _ => is_kept = false,
        }
        match &mut self.writer {
            Some(writer) if is_kept => writer.message(bytes),
            _ => Ok(()),
        }
    }

    fn count(&mut self, kind: u8, relation: u32) -> Result<(), DriverError> {
        self.number += 1;
        self.changes += 1;
        if !self.now.is_wanted {
            return Ok(());
        }
        let (name, is_ours) = self.relations.get(&relation).ok_or_else(garbled)?;
        if *is_ours {
            return Ok(());
        }
        let writes = self.tallies.entry(relation).or_insert_with(|| nothing(name));
        if self.now.is_taken_over {
            writes.taken_over += 1;
            return Ok(());
        }
        if self.now.by_migration {
            writes.migration += 1;
            return Ok(());
        }
        let tally =
            if self.now.since_cutover { &mut writes.since_cutover } else { &mut writes.before_cutover };
        match kind {
            b'I' => tally.inserted += 1,
            b'U' => tally.changed += 1,
            _ => tally.deleted += 1,
        }
        Ok(())
    }

    /// A relation that is called otherwise from here on: what was counted so far is kept under a number that no relation
    /// has.
    fn close(&mut self, relation: u32, name: &TableName) {
        if self.relations.get(&relation).is_some_and(|(known, _)| known != name)
            && let (Some(writes), Some((known, _))) =
                (self.tallies.remove(&relation), self.relations.get(&relation))
        {
            let mut free = u32::MAX;
            while self.relations.contains_key(&free) {
                free -= 1;
            }
            self.relations.insert(free, (known.clone(), false));
            self.tallies.insert(free, writes);
        }
    }

    /// Ends, with the names of the types that were met.
    ///
    /// # Errors
    /// When the server or the file fails.
    pub(super) async fn end(mut self, link: &Link) -> Result<Told, Fault> {
        let written = match self.writer.take() {
            None => None,
            Some(writer) => {
                let types = names_of_types(link, &self.types).await?;
                Some(writer.end(&Footer { types, changes: self.changes })?)
            }
        };
        Ok(Told { written, ..self.counted() })
    }

    /// Ends where no file was wanted.
    pub(super) fn counted(self) -> Told {
        let mut told = Told { tables: BTreeMap::new(), emptied: self.emptied, written: None };
        for (relation, writes) in self.tallies {
            let Some((name, _)) = self.relations.get(&relation) else { continue };
            told.add(name, &writes);
        }
        told
    }
}

impl Told {
    fn add(&mut self, name: &TableName, writes: &TableWrites) {
        let sum = self.tables.entry(name.clone()).or_insert_with(|| nothing(name));
        sum.before_cutover = sum.before_cutover.plus(writes.before_cutover);
        sum.since_cutover = sum.since_cutover.plus(writes.since_cutover);
        sum.migration += writes.migration;
        sum.taken_over += writes.taken_over;
    }

    /// What another recorder told besides.
    pub(super) fn and(mut self, other: Self) -> Self {
        other.tables.iter().for_each(|(name, writes)| self.add(name, writes));
        self.emptied.extend(other.emptied);
        self
    }
}

fn nothing(name: &TableName) -> TableWrites {
    TableWrites {
        table: name.to_string(),
        before_cutover: Tally::default(),
        since_cutover: Tally::default(),
        unmapped: 0,
        migration: 0,
        taken_over: 0,
        misfits: Vec::new(),
    }
}

/// What a type is looked up by.
pub(super) fn type_key(number: u32, modifier: i32) -> String {
    format!("{number}:{modifier}")
}

async fn names_of_types(
    link: &Link,
    types: &BTreeSet<(u32, i32)>,
) -> Result<BTreeMap<String, String>, Fault> {
    let (numbers, modifiers): (Vec<u32>, Vec<i32>) = types.iter().copied().unzip();
    let sql = "SELECT n, m, pg_catalog.format_type(n, m)
         FROM unnest($1::oid[], $2::int4[]) AS t(n, m) WHERE EXISTS (SELECT FROM pg_catalog.pg_type WHERE oid = n)";
    let rows = link.query(sql, &[&numbers, &modifiers]).await?;
    Ok(rows.iter().map(|row| (type_key(row.get(0), row.get(1)), row.get(2))).collect())
}
