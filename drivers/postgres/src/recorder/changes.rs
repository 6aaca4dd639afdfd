//! Reads recorded messages as changes.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use backout_contract::DriverError;

use super::change::{Change, Kind, Relation};
use super::judge::Judge;
use super::message::{Layout, Message, garbled};
use super::sealed::{Reader, Record};
use super::snapshot::Since;
use super::{objects, scribe};
use crate::server::TableName;

/// The changes of a file, in order, as far as somebody lacks them.
pub(super) struct Changes {
    reader: Reader,
    judge: Judge,
    relations: HashMap<u32, Known>,
    number: u64,
    transaction: u64,
    is_wanted: bool,
    by_migration: bool,
    since_cutover: bool,
    /// Of a message that speaks of several tables, those that were not handed out yet.
    waiting: VecDeque<Change>,
    is_over: bool,
}

struct Known {
    relation: Arc<Relation>,
    /// Whether what a row was is known as a whole.
    is_full: bool,
    /// Which columns are known of a row that is known in part.
    is_key: Vec<bool>,
    is_ours: bool,
}

impl Changes {
    pub(super) fn new(reader: Reader, since: &Since) -> Result<Self, DriverError> {
        let judge = Judge::new(&reader.header, since)?;
        Ok(Self {
            reader,
            judge,
            relations: HashMap::new(),
            number: 0,
            transaction: 0,
            is_wanted: false,
            by_migration: false,
            since_cutover: false,
            waiting: VecDeque::new(),
            is_over: false,
        })
    }

    fn step(&mut self) -> Result<Option<Change>, DriverError> {
        loop {
            if let Some(change) = self.waiting.pop_front() {
                return Ok(Some(change));
            }
            match self.reader.next()? {
                None => return Ok(None),
                Some(Record::Number(number)) => {
                    self.number = number;
                    continue;
                }
                Some(Record::Message) => {}
            }
            if !self.is_wanted && matches!(self.reader.buffer.first(), Some(b'I' | b'U' | b'D')) {
                self.number += 1;
                continue;
            }
            let (relation, kind) = match Message::parse(&self.reader.buffer)? {
                Message::Begin { transaction } => {
                    self.transaction = self.judge.widened(transaction);
                    let verdict = self.judge.of(self.transaction);
                    self.is_wanted = verdict.is_wanted;
                    self.by_migration = !verdict.is_of_users();
                    self.since_cutover = verdict.since_cutover;
                    continue;
                }
                Message::Origin(name) => {
                    self.by_migration |= self.judge.is_origin_of_the_migration(name);
                    continue;
                }
                Message::Relation(layout) => {
                    let known = known(&layout, &self.reader.footer.types);
                    self.relations.insert(layout.relation, known);
                    continue;
                }
                Message::Commit | Message::Other => continue,
                Message::Truncate { relations } => {
                    for relation in relations {
                        let known = self.relations.get(&relation).ok_or_else(garbled)?;
                        if self.is_wanted && !known.is_ours {
                            let relation = Arc::clone(&known.relation);
                            let change = self.change(relation, Kind::Truncated);
                            self.waiting.push_back(change);
                        }
                        self.number += 1;
                    }
                    continue;
                }
                Message::Insert { relation, after } => {
                    let known = self.relations.get(&relation).ok_or_else(garbled)?;
                    let after = after.image(known.relation.columns.len(), false)?;
                    (known, Kind::Inserted { after })
                }
                Message::Update { relation, before, after } => {
                    let known = self.relations.get(&relation).ok_or_else(garbled)?;
                    let columns = known.relation.columns.len();
                    let after = after.image(columns, false)?;
                    let before = match before {
                        Some(before) => before.image(columns, !known.is_full)?,
                        // Under an identity by key, no word of what the row was means that its key is what it was.
                        None => {
                            let keys = known.is_key.iter().zip(&after);
                            keys.map(|(is_key, value)| value.clone().filter(|_| *is_key)).collect()
                        }
                    };
                    (known, Kind::Changed { before, after })
                }
                Message::Delete { relation, before } => {
                    let known = self.relations.get(&relation).ok_or_else(garbled)?;
                    let before = before.image(known.relation.columns.len(), !known.is_full)?;
                    (known, Kind::Deleted { before })
                }
            };
            let is_ours = relation.is_ours;
            let relation = Arc::clone(&relation.relation);
            let change = self.change(relation, kind);
            self.number += 1;
            if !is_ours {
                return Ok(Some(change));
            }
        }
    }

    fn change(&self, relation: Arc<Relation>, kind: Kind) -> Change {
        Change {
            transaction: self.transaction,
            number: self.number,
            by_migration: self.by_migration,
            since_cutover: self.since_cutover,
            relation,
            kind,
        }
    }
}

fn known(layout: &Layout<'_>, types: &std::collections::BTreeMap<String, String>) -> Known {
    let columns = layout.columns.iter().map(|column| {
        let known = types.get(&scribe::type_key(column.kind, column.modifier));
        (column.name.to_owned(), known.cloned().unwrap_or_else(|| "text".to_owned()))
    });
    Known {
        relation: Arc::new(Relation {
            table: TableName::new(layout.schema, layout.name),
            columns: columns.collect(),
        }),
        is_full: layout.identity == b'f',
        is_key: layout.columns.iter().map(|column| column.is_key).collect(),
        is_ours: layout.schema == objects::SCHEMA,
    }
}

impl Iterator for Changes {
    type Item = Result<Change, DriverError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let step = self.step().transpose();
        self.is_over = !matches!(step, Some(Ok(_)));
        step
    }
}
