//! Folded rows on their way into temporary tables of the target, one for each of its tables, where they are led over,
//! decided and applied without being carried about again.
//!
//! A staged row: `id` (dense, from 1), `first` and `more` (the numbers of its changes), `grp` (by which way keys are led
//! over), `linked` (one of its changes is also one of another row: a key that was changed), `born`, `gone`, `why` (it
//! cannot be taken over), `m` (three bits for every slot: touched, known before, known after), and for every slot `b` and
//! `l`, the text before and after. The key stands in its `l`, also of a row that is gone.

use std::collections::{BTreeMap, BTreeSet};

use backout_contract::{DriverError, ErrorKind};
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::SinkExt;
use tokio_postgres::CopyInSink;

use super::fold::{Cell, Folded};
use super::rule::Space;
use super::side::{Side, SideTable};
use crate::server::{Fault, Link};

/// How much is sent at once.
const PIECE: usize = 128 * 1024;

/// What is staged for one table of the target.
#[derive(Debug, Clone)]
pub(super) struct Staged {
    /// Its place in the target's list.
    pub(super) place: usize,
    /// How many columns it has; slots beyond are read by expressions.
    pub(super) width: usize,
    /// What those are called, and their types.
    pub(super) extras: Vec<(String, String)>,
    /// The ways in which keys are led over.
    pub(super) groups: Vec<Vec<(usize, Space)>>,
    /// Types of columns there whose values may have no room here, by slot.
    pub(super) narrowed: BTreeMap<usize, String>,
    /// What stands in columns to which nothing leads, in born rows.
    pub(super) defaults: BTreeMap<usize, String>,
    /// What columns are computed from.
    pub(super) expressions: BTreeMap<usize, String>,
    /// Slots that any row touches.
    pub(super) touched: BTreeSet<usize>,
    /// Slots that any row knows after.
    pub(super) known: BTreeSet<usize>,
    /// How many rows were put there.
    pub(super) rows: u64,
    /// Whether any is linked to another.
    pub(super) is_linked: bool,
    /// Whether a row may be there in several parts.
    pub(super) is_parted: bool,
    is_made: bool,
}

/// The numbers of the changes of a row.
#[derive(Debug, Clone, Default)]
pub(super) struct Numbers {
    pub(super) first: u64,
    pub(super) more: Vec<u64>,
    pub(super) is_linked: bool,
}

impl Staged {
    pub(super) fn new(place: usize, table: &SideTable) -> Self {
        Self {
            place,
            width: table.columns.len(),
            extras: Vec::new(),
            groups: Vec::new(),
            narrowed: BTreeMap::new(),
            defaults: BTreeMap::new(),
            expressions: BTreeMap::new(),
            touched: BTreeSet::new(),
            known: BTreeSet::new(),
            rows: 0,
            is_linked: false,
            is_parted: false,
            is_made: false,
        }
    }

    /// How many slots a row has.
    pub(super) fn slots(&self) -> usize {
        self.width + self.extras.len()
    }

    /// The temporary table of staged rows.
    pub(super) fn rows_table(&self) -> String {
        format!("pg_temp.backout_rows_{}", self.place)
    }

    /// And of decided ones.
    pub(super) fn decided_table(&self) -> String {
        format!("pg_temp.backout_decided_{}", self.place)
    }

    /// Whether a slot is touched, before its column of `m`.
    pub(super) fn is_touched(&self, row: &str, slot: usize) -> String {
        format!("get_bit({row}.m, {slot}) = 1")
    }

    /// Whether it is known how it was before.
    pub(super) fn is_known_before(&self, row: &str, slot: usize) -> String {
        format!("get_bit({row}.m, {}) = 1", self.slots() + slot)
    }

    /// Whether it is known how it is after.
    pub(super) fn is_known_after(&self, row: &str, slot: usize) -> String {
        format!("get_bit({row}.m, {}) = 1", 2 * self.slots() + slot)
    }

    /// The number of a group, made where it is new.
    pub(super) fn group(&mut self, references: &[(usize, Space)]) -> usize {
        match self.groups.iter().position(|group| group == references) {
            Some(found) => found,
            None => {
                self.groups.push(references.to_vec());
                self.groups.len() - 1
            }
        }
    }

    /// Makes the temporary table, unless it is there.
    pub(super) async fn make(&mut self, link: &Link) -> Result<(), Fault> {
        if self.is_made {
            return Ok(());
        }
        let slots: String = (0..self.slots()).map(|slot| format!(", b{slot} text, l{slot} text")).collect();
        link.batch_execute(&format!(
            "CREATE TEMPORARY TABLE {} (id bigint, first bigint, more bigint[], grp smallint, linked boolean, \
             born boolean, gone boolean, why text, m varbit{slots}) ON COMMIT DROP",
            self.rows_table()
        ))
        .await?;
        self.is_made = true;
        Ok(())
    }

    /// Opens the way for rows.
    pub(super) async fn loader(&mut self, link: &Link) -> Result<Loader, Fault> {
        self.make(link).await?;
        let sink = link.copy_in(&format!("COPY {} FROM STDIN", self.rows_table())).await?;
        Ok(Loader { sink: Box::pin(sink), piece: BytesMut::with_capacity(PIECE + 4096) })
    }
}

/// Rows under way.
pub(super) struct Loader {
    sink: std::pin::Pin<Box<CopyInSink<Bytes>>>,
    piece: BytesMut,
}

impl Loader {
    /// Adds a row.
    pub(super) async fn add(
        &mut self,
        staged: &mut Staged,
        key: &[(usize, Option<String>)],
        group: usize,
        folded: &Folded,
        numbers: &Numbers,
        why: Option<&str>,
    ) -> Result<(), Fault> {
        staged.rows += 1;
        staged.is_linked |= numbers.is_linked;
        let slots = staged.slots();
        let number = |number: u64| {
            i64::try_from(number)
                .map_err(|_| DriverError::new(ErrorKind::BadData, "read the number of a recorded change"))
        };
        let piece = &mut self.piece;
        let (born, gone) = (folded.base.is_none(), folded.last.is_none());
        let head = format!("{}\t{}\t", staged.rows, number(numbers.first)?);
        piece.extend_from_slice(head.as_bytes());
        if numbers.more.is_empty() {
            piece.extend_from_slice(b"\\N");
        } else {
            let more: Result<Vec<String>, _> =
                numbers.more.iter().map(|more| number(*more).map(|more| more.to_string())).collect();
            piece.extend_from_slice(format!("{{{}}}", more?.join(",")).as_bytes());
        }
        let mark = |yes: bool| if yes { 't' } else { 'f' };
        let marks = format!("\t{group}\t{}\t{}\t{}\t", mark(numbers.is_linked), mark(born), mark(gone));
        piece.extend_from_slice(marks.as_bytes());
        match why {
            Some(why) => escape(piece, why),
            None => piece.extend_from_slice(b"\\N"),
        }
        piece.put_u8(b'\t');
        let at = |row: &Option<Vec<Cell>>, slot: usize| -> Cell {
            row.as_ref().and_then(|row| row.get(slot)).cloned().unwrap_or(Cell::Unknown)
        };
        let mut touched = vec![false; slots];
        if born {
            for (slot, touched) in touched.iter_mut().enumerate() {
                *touched = at(&folded.last, slot).is_known();
            }
        } else {
            for slot in folded.changed() {
                if let Some(touched) = touched.get_mut(slot) {
                    *touched = true;
                }
            }
        }
        let mut cells = Vec::with_capacity(slots);
        for (slot, touched) in touched.iter().enumerate() {
            let of_key = key.iter().find(|(key, _)| *key == slot);
            let is_key = of_key.is_some();
            let base = at(&folded.base, slot);
            let last = match of_key.filter(|_| gone) {
                Some((_, Some(text))) => Cell::Text(text.as_str().into()),
                _ => at(&folded.last, slot),
            };
            // What is before is of use where it was changed, or where nothing is after.
            let base = if (*touched && !born) || (gone && !is_key) { base } else { Cell::Unknown };
            if *touched {
                staged.touched.insert(slot);
            }
            if last.is_known() {
                staged.known.insert(slot);
            }
            cells.push((base, last));
        }
        let bit = |yes: bool| if yes { b'1' } else { b'0' };
        touched.iter().for_each(|touched| piece.put_u8(bit(*touched)));
        cells.iter().for_each(|(base, _)| piece.put_u8(bit(base.is_known())));
        cells.iter().for_each(|(_, last)| piece.put_u8(bit(last.is_known())));
        for (base, last) in &cells {
            for cell in [base, last] {
                piece.put_u8(b'\t');
                match cell.text() {
                    Some(text) => escape(piece, text),
                    None => piece.extend_from_slice(b"\\N"),
                }
            }
        }
        piece.put_u8(b'\n');
        if piece.len() >= PIECE {
            self.send().await?;
        }
        Ok(())
    }

    async fn send(&mut self) -> Result<(), Fault> {
        let piece = self.piece.split().freeze();
        self.piece.reserve(PIECE + 4096);
        Ok(self.sink.send(piece).await?)
    }

    /// All of it is there.
    pub(super) async fn finish(mut self) -> Result<u64, Fault> {
        self.send().await?;
        Ok(self.sink.as_mut().finish().await?)
    }
}

/// A text as `COPY` takes it.
pub(super) fn escape(to: &mut BytesMut, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'\\' => to.extend_from_slice(b"\\\\"),
            b'\n' => to.extend_from_slice(b"\\n"),
            b'\r' => to.extend_from_slice(b"\\r"),
            b'\t' => to.extend_from_slice(b"\\t"),
            other => to.put_u8(other),
        }
    }
}

/// The table of what is staged.
pub(super) fn table_of<'s>(side: &'s Side, staged: &Staged) -> Result<&'s SideTable, Fault> {
    side.tables.get(staged.place).ok_or_else(|| lost("find a table again"))
}

/// Something of ours is not as it must be.
pub(super) fn lost(what: &str) -> Fault {
    DriverError::new(ErrorKind::BadData, what).into()
}
