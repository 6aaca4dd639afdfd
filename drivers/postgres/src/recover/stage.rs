//! Folded rows on their way into temporary tables of the target, one for each of its tables, where they are led over,
//! decided and applied without being carried about again.
//!
//! A staged row: `id` (dense, from 1), `first` and `more` (the numbers of its changes), `grp` (by which way keys are led
//! over), `linked` (one of its changes is also one of another row: a key that was changed), `born`, `gone`, `why` (it
//! cannot be taken over), `m` (three bits for every slot: touched, known before, known after), and for every slot `b` and
//! `l`, the text before and after. The key stands in its `l`, also of a row that is gone. What is after in columns that a
//! change did not touch, and that hold no keys, stands together in `rest`, an array by slots in its text form: it is
//! wanted of few rows, and is only carried along for all others.

use std::collections::{BTreeMap, BTreeSet};

use backout_contract::{DriverError, ErrorKind};
use bytes::{BufMut, BytesMut};

use super::load::Loader;
use super::rule::Space;
use super::side::{Side, SideTable};
use crate::server::{Fault, Link};

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

    /// The text after in a slot, wherever it stands.
    pub(super) fn after(&self, row: &str, slot: usize) -> String {
        if slot >= self.width {
            return format!("{row}.l{slot}");
        }
        format!("coalesce({row}.l{slot}, ({row}.rest::text[])[{}])", slot + 1)
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
             born boolean, gone boolean, why text, m varbit, rest text{slots}) ON COMMIT DROP",
            self.rows_table()
        ))
        .await?;
        self.is_made = true;
        Ok(())
    }

    /// Opens the way for rows.
    pub(super) async fn loader(&mut self, link: &Link) -> Result<Loader, Fault> {
        self.make(link).await?;
        Loader::open(link, self).await
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
