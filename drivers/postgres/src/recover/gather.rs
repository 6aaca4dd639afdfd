//! Folds recorded changes to one for each row, in the columns of the target, and stages them.
//!
//! A million changes fit into little memory; of more, what was folded so far is staged, and rows that come up again are
//! folded together from there (`refold`).

use std::collections::{BTreeMap, HashMap};

use futures_util::StreamExt;

use super::Changes;
use super::fits::first;
use super::fold::{Cell, Folded, Row, Write, pack, unpack};
use super::ledger::Ranges;
use super::multiset::{self, Multisets};
use super::rule::{Rule, Rules, shown};
use super::side::SideTable;
use super::stage::{Numbers, Staged, lost};
use super::told::{Told, Topic};
use crate::recorder::{Change, Image, Kind};
use crate::server::{Fault, Link, Pace};

/// How much is folded in memory.
const ROOM: usize = 256 * 1024 * 1024;

#[cfg(test)]
tokio::task_local! {
    /// A test's own, that much folding does not fit into.
    pub(super) static SMALL_ROOM: usize;
}

fn room() -> usize {
    #[cfg(test)]
    if let Ok(small) = SMALL_ROOM.try_with(|room| *room) {
        return small;
    }
    ROOM
}

/// What one entry takes besides its bytes, about.
const OVERHEAD: usize = 136;

/// What was gathered of one source.
pub(super) struct Gathered {
    pub(super) tables: BTreeMap<usize, Staged>,
    /// Rows of tables without a key.
    pub(super) multisets: Multisets,
    /// Changes that were taken over, or settled, before.
    pub(super) already: u64,
    /// Changes without a place, or without all of a place.
    pub(super) unmapped: u64,
    /// The numbers of those without any.
    pub(super) left: Ranges,
    /// The lowest and the highest number that was lacking.
    pub(super) span: Option<(u64, u64)>,
    /// The highest integer in columns of a table, also of rows that are gone again.
    pub(super) highest: BTreeMap<(usize, usize), i64>,
    /// Tables of which the migration deleted rows, so that keys may have been given again.
    pub(super) reused: Vec<usize>,
    /// Tables of which all rows were taken away at once.
    pub(super) emptied: Vec<usize>,
}

struct Entry {
    bytes: Box<[u8]>,
    numbers: Numbers,
}

type Rows = HashMap<(u16, Box<[u8]>), Entry>;

/// Gathering.
pub(super) struct Gathering<'a, 'r> {
    pub(super) link: &'a Link,
    pub(super) rules: &'a mut Rules<'r>,
    pub(super) told: &'a mut Told,
    pub(super) run: &'a str,
    pub(super) pace: &'a Pace,
    room: usize,
    rows: BTreeMap<usize, Rows>,
    size: usize,
    found: Gathered,
}

impl<'a, 'r> Gathering<'a, 'r> {
    pub(super) fn new(
        link: &'a Link,
        rules: &'a mut Rules<'r>,
        told: &'a mut Told,
        run: &'a str,
        pace: &'a Pace,
    ) -> Self {
        let found = Gathered {
            tables: BTreeMap::new(),
            multisets: Multisets::default(),
            already: 0,
            unmapped: 0,
            left: Ranges::default(),
            span: None,
            highest: BTreeMap::new(),
            reused: Vec::new(),
            emptied: Vec::new(),
        };
        Self { link, rules, told, run, pace, room: room(), rows: BTreeMap::new(), size: 0, found }
    }

    /// All changes of a source that were not taken over before.
    pub(super) async fn all(mut self, mut changes: Changes<'_>, taken: &Ranges) -> Result<Gathered, Fault> {
        let mut count = 0u64;
        while let Some(change) = changes.next().await {
            let change = change?;
            count += 1;
            if count.is_multiple_of(4096) {
                self.pace.check("read recorded changes")?;
            }
            if change.by_migration {
                self.of_migration(&change);
            } else if taken.has(change.number) {
                self.found.already += 1;
            } else {
                self.one(change).await?;
            }
            if self.size > self.room {
                self.stage().await?;
                self.found.tables.values_mut().for_each(|staged| staged.is_parted = true);
            }
        }
        self.stage().await?;
        for staged in self.found.tables.values_mut() {
            staged.is_parted |= staged.groups.len() > 1;
        }
        Ok(self.found)
    }

    fn of_migration(&mut self, change: &Change) {
        if matches!(change.kind, Kind::Deleted { .. } | Kind::Truncated)
            && let Ok(rule) = self.rules.of(&change.relation).as_ref()
            && !self.found.reused.contains(&rule.table)
        {
            self.found.reused.push(rule.table);
        }
    }

    async fn one(&mut self, change: Change) -> Result<(), Fault> {
        let number = change.number;
        let (lowest, highest) = self.found.span.unwrap_or((number, number));
        self.found.span = Some((lowest.min(number), highest.max(number)));
        let made = self.rules.of(&change.relation);
        let rule = match made.as_ref() {
            Ok(rule) => rule,
            Err(why) => return self.tell(&change, &why.0, true),
        };
        let Some(table) = self.rules.here.tables.get(rule.table) else {
            return Err(lost("find a table again"));
        };
        if table.key.is_empty() {
            return self.without_key(&change, rule, table);
        }
        self.enter(rule);
        let (before, after) = match &change.kind {
            Kind::Inserted { after } => (None, Some(after)),
            Kind::Changed { before, after } => (Some(before), Some(after)),
            Kind::Deleted { before } => (Some(before), None),
            Kind::Truncated => return self.emptied(rule.table, number).await,
        };
        let key = |image: &Image| rule.key_of(image, &table.key);
        // Some recorders name the key before only where it was changed.
        let new = after.map(|after| key(after).or_else(|| key(before?)));
        let old = before.map(|before| key(before).or_else(|| new.clone()?));
        if matches!(old, Some(None)) || matches!(new, Some(None)) {
            return self.tell(&change, "its key is not known, or NULL, which names no row", true);
        }
        self.tell_lost(&change, &rule.loses(before, after))?;
        let Some(write) = rule.write(change.kind) else { return Ok(()) };
        self.note_highest(rule.table, &write);
        let place = rule.table;
        let Some(staged) = self.found.tables.get_mut(&place) else { return Err(lost("find a table again")) };
        let group = u16::try_from(staged.group(&rule.references)).unwrap_or(u16::MAX);
        match (old.flatten(), new.flatten()) {
            (Some(old), Some(new)) if old != new => {
                let Write::Update { before, after } = write else { return Err(lost("read a change")) };
                let after: Row = after
                    .into_iter()
                    .zip(&before)
                    .map(|(after, before)| if after.is_known() { after } else { before.clone() })
                    .collect();
                self.fold(place, (group, old), Write::Delete { before }, number, true)?;
                self.fold(place, (group, new), Write::Insert { after }, number, true)
            }
            (Some(key), _) | (None, Some(key)) => self.fold(place, (group, key), write, number, false),
            (None, None) => Ok(()),
        }
    }

    /// A change of a row that nothing but all of its columns tells from others.
    fn without_key(&mut self, change: &Change, rule: &Rule, table: &SideTable) -> Result<(), Fault> {
        let (before, after) = match &change.kind {
            Kind::Inserted { after } => (None, Some(after)),
            Kind::Changed { before, after } => (Some(before), Some(after)),
            Kind::Deleted { before } => (Some(before), None),
            Kind::Truncated => {
                return self.tell(change, "its table was emptied at once, and has no key", true);
            }
        };
        let Some(write) = rule.write(change.kind.clone()) else { return Ok(()) };
        self.note_highest(rule.table, &write);
        let Some(rows) = multiset::rows_of(rule, table, write) else {
            let why = "its table has no key, and not all of its columns were recorded";
            return self.tell(change, why, true);
        };
        self.tell_lost(change, &rule.loses(before, after))?;
        self.size += self.found.multisets.add(rule, table, rows, change.number);
        Ok(())
    }

    fn tell_lost(&mut self, change: &Change, columns: &[&str]) -> Result<(), Fault> {
        if columns.is_empty() {
            return Ok(());
        }
        let columns: Vec<String> = columns.iter().map(|column| shown(column)).collect();
        self.tell(change, &format!("no column has a place for {}", columns.join(", ")), false)
    }

    /// Makes room for the rows of a table.
    fn enter(&mut self, rule: &Rule) {
        let here = self.rules.here;
        let Some(table) = here.tables.get(rule.table) else { return };
        let staged = self.found.tables.entry(rule.table).or_insert_with(|| Staged::new(rule.table, table));
        if staged.extras.is_empty() && staged.rows == 0 {
            staged.extras = rule.extras.clone();
        }
        if !rule.narrowed.is_empty() && staged.narrowed != rule.narrowed {
            staged.narrowed.extend(rule.narrowed.clone());
        }
        if staged.expressions.is_empty() && staged.defaults.is_empty() {
            (staged.expressions, staged.defaults) = (rule.expressions.clone(), rule.defaults.clone());
        }
    }

    fn fold(
        &mut self,
        place: usize,
        at: (u16, Box<[u8]>),
        write: Write,
        number: u64,
        is_linked: bool,
    ) -> Result<(), Fault> {
        let rows = self.rows.entry(place).or_default();
        match rows.entry(at) {
            std::collections::hash_map::Entry::Occupied(mut entry) => {
                let entry = entry.get_mut();
                let mut folded = unpack(&entry.bytes).ok_or_else(|| lost("read a folded row again"))?;
                folded.then(write);
                let bytes = pack(&folded);
                self.size = (self.size + bytes.len() + 8).saturating_sub(entry.bytes.len());
                entry.bytes = bytes;
                entry.numbers.is_linked |= is_linked;
                if entry.numbers.first != number && entry.numbers.more.last() != Some(&number) {
                    entry.numbers.more.push(number);
                }
            }
            std::collections::hash_map::Entry::Vacant(entry) => {
                let bytes = pack(&Folded::of(write));
                self.size += bytes.len() + entry.key().1.len() + OVERHEAD;
                entry
                    .insert(Entry { bytes, numbers: Numbers { first: number, more: Vec::new(), is_linked } });
            }
        }
        Ok(())
    }

    /// All rows of a table were taken away at once.
    async fn emptied(&mut self, place: usize, number: u64) -> Result<(), Fault> {
        for entry in self.rows.get_mut(&place).into_iter().flat_map(|rows| rows.values_mut()) {
            let mut folded: Folded<&str> =
                unpack(&entry.bytes).ok_or_else(|| lost("read a folded row again"))?;
            folded.last = None;
            let bytes = pack(&folded);
            entry.bytes = bytes;
        }
        let Some(staged) = self.found.tables.get_mut(&place) else { return Ok(()) };
        staged.make(self.link).await?;
        self.link.execute(&format!("UPDATE {} SET gone = true", staged.rows_table()), &[]).await?;
        if !self.found.emptied.contains(&place) {
            self.found.emptied.push(place);
        }
        // It is no change of a row, and settled with the table.
        let _ = number;
        Ok(())
    }

    fn note_highest(&mut self, place: usize, write: &Write) {
        let (Write::Insert { after } | Write::Update { after, .. }) = write else { return };
        let Some(table) = self.rules.here.tables.get(place) else { return };
        for (slot, column) in table.columns.iter().enumerate() {
            let counts = column.identity.is_some()
                || column.default.as_deref().is_some_and(|default| default.starts_with("nextval("));
            if counts
                && let Some(value) =
                    after.get(slot).and_then(Cell::text).and_then(|text| text.parse::<i64>().ok())
            {
                let highest = self.found.highest.entry((place, slot)).or_insert(value);
                *highest = (*highest).max(value);
            }
        }
    }

    /// Stages all that was folded.
    async fn stage(&mut self) -> Result<(), Fault> {
        for (place, rows) in std::mem::take(&mut self.rows) {
            let Some(staged) = self.found.tables.get_mut(&place) else { continue };
            let Some(table) = self.rules.here.tables.get(place) else { continue };
            // In the order of their first changes: of two rows that want the same, the earlier has it, and rows that were
            // born one after the other lie beside each other again.
            let mut rows: Vec<_> = rows.into_iter().collect();
            rows.sort_unstable_by_key(|(_, entry)| entry.numbers.first);
            let mut loader = staged.loader(self.link).await?;
            for ((group, key), entry) in rows {
                let folded: Folded<&str> =
                    unpack(&entry.bytes).ok_or_else(|| lost("read a folded row again"))?;
                let key = texts_of(&key, &table.key);
                let why = without_room(&folded, &key, staged, table);
                loader.add(staged, &key, usize::from(group), &folded, &entry.numbers, why.as_deref()).await?;
            }
            loader.finish(staged).await?;
        }
        self.found.multisets.stage(self.link).await?;
        self.size = 0;
        Ok(())
    }

    fn tell(&mut self, change: &Change, why: &str, is_left: bool) -> Result<(), Fault> {
        self.found.unmapped += 1;
        if is_left {
            self.found.left.add(change.number);
        }
        let mut line = super::review::line(change);
        if let Some(line) = line.as_object_mut() {
            line.insert("run".to_owned(), self.run.into());
            line.insert("because".to_owned(), why.into());
        }
        Ok(self.told.tell(Topic::Unmapped, change.number, &line)?)
    }
}

/// Why the last version of a row has no room in the target; of one that is gone, its key.
pub(super) fn without_room<T: AsRef<str>>(
    folded: &Folded<T>,
    key: &[(usize, Option<&str>)],
    staged: &Staged,
    table: &SideTable,
) -> Option<String> {
    if staged.narrowed.is_empty() {
        return None;
    }
    let found = match &folded.last {
        Some(last) => {
            let is_new =
                |slot: usize| folded.base.is_none() || folded.touched.get(slot).copied().unwrap_or_default();
            first(&staged.narrowed, last, table, is_new)
        }
        None => {
            let mut row = vec![Cell::Unknown; staged.slots()];
            for (slot, text) in key {
                if let (Some(cell), Some(text)) = (row.get_mut(*slot), text) {
                    *cell = Cell::Text(*text);
                }
            }
            first(&staged.narrowed, &row, table, |_| true)
        }
    };
    found.map(|(column, why)| format!("its {} does not fit: {why}", shown(&column)))
}

/// The key of a row, as bytes; none where a part of it is not known or NULL.
pub(super) fn key_of(row: &Row, places: &[usize]) -> Option<Box<[u8]>> {
    packed(places.iter().map(|place| row.get(*place)?.text()))
}

/// The parts of a key as bytes; none where one is missing.
pub(super) fn packed<'t>(texts: impl Iterator<Item = Option<&'t str>>) -> Option<Box<[u8]>> {
    let mut bytes = Vec::with_capacity(24);
    for text in texts {
        let text = text?;
        bytes.extend_from_slice(&u32::try_from(text.len()).ok()?.to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    Some(bytes.into_boxed_slice())
}

/// The texts of a key, from its bytes.
fn texts_of<'b>(mut bytes: &'b [u8], places: &[usize]) -> Vec<(usize, Option<&'b str>)> {
    let mut next = || {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (text, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        bytes = rest;
        std::str::from_utf8(text).ok()
    };
    places.iter().map(|place| (*place, next())).collect()
}
