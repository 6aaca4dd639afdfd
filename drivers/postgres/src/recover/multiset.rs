//! Writes to tables without a key: their rows are told apart by all of their columns, and those that are equal are counted.
//!
//! Of every row that comes up, what counts is how many more or fewer of it users left than they found. Rows between which
//! changes led are one part: a part is taken over as a whole or not at all, for what one change took away and what it put
//! there belong together.

mod settle;

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use futures_util::SinkExt;

pub(super) use settle::Settling;

use super::fits::first;
use super::fold::{Cell, Row, Write};
use super::rule::{Rule, Space, shown};
use super::side::SideTable;
use super::stage::{escape, lost};
use crate::server::{Fault, Link};

/// How much is sent at once.
const PIECE: usize = 128 * 1024;

/// What one row takes in memory besides its bytes, about.
const OVERHEAD: usize = 160;

/// What was gathered of tables without a key.
#[derive(Default)]
pub(super) struct Multisets {
    pub(super) sets: Vec<Multiset>,
    /// For every part the one that it was joined to, or itself.
    parts: Vec<usize>,
}

/// Rows of one table, by one way of leading them over.
pub(super) struct Multiset {
    /// The place of the table here.
    pub(super) place: usize,
    /// The columns here that something leads to: what a row is.
    pub(super) slots: Vec<usize>,
    /// Those that hold keys of a table.
    pub(super) references: Vec<(usize, Space)>,
    /// What other columns get.
    pub(super) defaults: Vec<(usize, String)>,
    /// How many rows are staged; some of them may be equal.
    pub(super) staged: u64,
    is_made: bool,
    rows: HashMap<Box<[u8]>, Entry>,
}

struct Entry {
    part: usize,
    net: i64,
    numbers: Vec<u64>,
    why: Option<String>,
}

/// The columns of a table to which a rule leads.
fn slots_of(rule: &Rule, table: &SideTable) -> Vec<usize> {
    let columns = table.columns.iter().zip(&rule.origins).enumerate();
    let led = columns.filter(|(_, (column, origin))| origin.is_some() && !column.is_generated);
    led.map(|(slot, _)| slot).collect()
}

/// The row that a write took away and the one that it left, in the columns that something leads to; none where not all of
/// them are known.
pub(super) fn rows_of(rule: &Rule, table: &SideTable, write: Write) -> Option<(Option<Row>, Option<Row>)> {
    let (before, after) = match write {
        Write::Insert { after } => (None, Some(after)),
        Write::Delete { before } => (Some(before), None),
        Write::Update { before, after } => {
            let kept = after.into_iter().zip(&before);
            let after = kept.map(|(after, before)| if after.is_known() { after } else { before.clone() });
            let after = after.collect();
            (Some(before), Some(after))
        }
    };
    let slots = slots_of(rule, table);
    let is_whole = |row: &Row| slots.iter().all(|slot| row.get(*slot).is_some_and(Cell::is_known));
    let is_told = !slots.is_empty() && before.iter().chain(&after).all(is_whole);
    is_told.then_some((before, after))
}

/// The first value of a row that has no room here: its column, and why.
pub(super) fn misfit(rule: &Rule, table: &SideTable, row: &Row) -> Option<(String, String)> {
    first(&rule.narrowed, row, table, |_| true)
}

impl Multisets {
    /// Adds what one change took away and what it left; how much memory that took.
    pub(super) fn add(
        &mut self,
        rule: &Rule,
        table: &SideTable,
        (before, after): (Option<Row>, Option<Row>),
        number: u64,
    ) -> usize {
        let slots = slots_of(rule, table);
        let is_of = |set: &Multiset| {
            (set.place, &set.slots, &set.references) == (rule.table, &slots, &rule.references)
        };
        let at = self.sets.iter().position(is_of).unwrap_or_else(|| {
            let defaults = rule.defaults.iter().filter(|(slot, _)| !slots.contains(slot));
            self.sets.push(Multiset {
                place: rule.table,
                references: rule.references.clone(),
                defaults: defaults.map(|(slot, text)| (*slot, text.clone())).collect(),
                slots,
                staged: 0,
                is_made: false,
                rows: HashMap::new(),
            });
            self.sets.len() - 1
        });
        let mut size = 0;
        let mut joined = None;
        for (row, step) in [(before, -1), (after, 1)] {
            let (Some(row), Some(set)) = (row, self.sets.get_mut(at)) else { continue };
            let bytes = pack(&row, &set.slots);
            let length = bytes.len();
            let next = self.parts.len();
            let entry = set.rows.entry(bytes).or_insert_with(|| {
                self.parts.push(next);
                size += OVERHEAD + length;
                let why = misfit(rule, table, &row);
                let why = why.map(|(column, why)| format!("its {} does not fit: {why}", shown(&column)));
                Entry { part: next, net: 0, numbers: Vec::new(), why }
            });
            entry.net += step;
            if entry.numbers.last() != Some(&number) {
                entry.numbers.push(number);
                size += 8;
            }
            let part = entry.part;
            match joined {
                Some(other) => self.join(other, part),
                None => joined = Some(part),
            }
        }
        size
    }

    fn part(&mut self, part: usize) -> usize {
        let mut top = part;
        while let Some(next) = self.parts.get(top).copied().filter(|next| *next != top) {
            top = next;
        }
        // The way there is short from now on.
        let mut at = part;
        while at != top {
            let Some(next) = self.parts.get_mut(at) else { break };
            at = std::mem::replace(next, top);
        }
        top
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.part(one), self.part(other));
        if let Some(part) = self.parts.get_mut(one.max(other)) {
            *part = one.min(other);
        }
    }

    /// Stages all that is in memory. Rows may be staged several times: they are counted together there.
    pub(super) async fn stage(&mut self, link: &Link) -> Result<(), Fault> {
        for at in 0..self.sets.len() {
            let Some(set) = self.sets.get_mut(at) else { continue };
            let (rows, width) = (std::mem::take(&mut set.rows), set.slots.len());
            set.staged += rows.len() as u64;
            if rows.is_empty() {
                continue;
            }
            if !std::mem::replace(&mut set.is_made, true) {
                link.batch_execute(&format!(
                    "CREATE TEMPORARY TABLE {} (id bigint GENERATED ALWAYS AS IDENTITY, part bigint, net bigint, numbers bigint[], why text,
                     vals text[], set bigint) ON COMMIT DROP",
                    staged_table(at)
                ))
                .await?;
            }
            let sql = format!("COPY {} (part, net, numbers, why, vals) FROM STDIN", staged_table(at));
            let mut sink = Box::pin(link.copy_in::<_, Bytes>(&sql).await?);
            let mut piece = BytesMut::new();
            for (bytes, entry) in rows {
                let numbers: Vec<String> = entry.numbers.iter().map(u64::to_string).collect();
                let head = format!("{}\t{}\t{{{}}}\t", self.part(entry.part), entry.net, numbers.join(","));
                piece.extend_from_slice(head.as_bytes());
                match &entry.why {
                    Some(why) => escape(&mut piece, why),
                    None => piece.extend_from_slice(b"\\N"),
                }
                piece.extend_from_slice(b"\t");
                let texts = unpack(&bytes, width).ok_or_else(|| lost("read a counted row again"))?;
                escape(&mut piece, &array(&texts));
                piece.extend_from_slice(b"\n");
                if piece.len() > PIECE {
                    sink.send(piece.split().freeze()).await?;
                }
            }
            sink.send(piece.freeze()).await?;
            sink.as_mut().finish().await?;
        }
        Ok(())
    }
}

/// The temporary table of rows as they were gathered.
fn staged_table(at: usize) -> String {
    format!("pg_temp.backout_set_{at}")
}

/// And of rows that are all different, with what becomes of them.
fn counted_table(at: usize) -> String {
    format!("pg_temp.backout_counted_{at}")
}

fn pack(row: &Row, slots: &[usize]) -> Box<[u8]> {
    let mut bytes = Vec::with_capacity(48);
    for slot in slots {
        match row.get(*slot).and_then(Cell::text) {
            Some(text) => {
                bytes.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX - 1).to_le_bytes());
                bytes.extend_from_slice(text.as_bytes());
            }
            None => bytes.extend_from_slice(&u32::MAX.to_le_bytes()),
        }
    }
    bytes.into_boxed_slice()
}

fn unpack(mut rest: &[u8], width: usize) -> Option<Vec<Option<&str>>> {
    let mut texts = Vec::with_capacity(width);
    for _ in 0..width {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length);
        rest = after;
        if length == u32::MAX {
            texts.push(None);
            continue;
        }
        let (text, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        texts.push(Some(std::str::from_utf8(text).ok()?));
        rest = after;
    }
    Some(texts)
}

/// An array of texts as the server reads it.
fn array(texts: &[Option<&str>]) -> String {
    let quoted = |text: &Option<&str>| match text {
        None => "NULL".to_owned(),
        Some(text) => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
    };
    format!("{{{}}}", texts.iter().map(quoted).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_row_is_the_row() {
        let row = vec![Cell::Text("a\"\\b".into()), Cell::Unknown, Cell::Null, Cell::Text("".into())];
        let bytes = pack(&row, &[0, 2, 3]);
        let texts = unpack(&bytes, 3).unwrap();
        assert_eq!(texts, [Some("a\"\\b"), None, Some("")]);
        assert_eq!(array(&texts), r#"{"a\"\\b",NULL,""}"#);
        assert_eq!(unpack(&bytes, 4), None);
    }

    #[test]
    fn parts_are_joined_over_any_way() {
        let mut sets = Multisets { parts: (0..6).collect(), ..Multisets::default() };
        sets.join(1, 2);
        sets.join(4, 5);
        sets.join(5, 2);
        let parts: Vec<usize> = (0..6).map(|part| sets.part(part)).collect();
        assert_eq!(parts, [0, 1, 1, 3, 1, 1]);
    }
}
