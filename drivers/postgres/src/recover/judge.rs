//! Judges, before anything is put back, which recorded changes would not be taken over.

use std::collections::{BTreeMap, HashMap, HashSet};

use backout_core::writes::{LISTED, Misfit};
use futures_util::StreamExt;

use super::direction::{askable_there, direction};
use super::fits::first;
use super::fold::{Row, Write};
use super::gather::key_of;
use super::pairs::each;
use super::rule::{Direction, Rule, Rules, Space, shown};
use super::side::{Side, SideTable};
use super::{Changes, Judged, Merge, multiset, saved};
use crate::recorder::{Change, Kind};
use crate::server::{Fault, Link, Pace, TableName};
use crate::state::State;

/// Longer keys are cut.
const LONGEST_KEY: usize = 80;

/// Keys that are known, by a number made from each: there may be millions, and that two share one is as good as never.
type Known = HashMap<Space, HashSet<u64>>;

/// A row of which some change does not fit.
struct Odd {
    changes: u64,
    misfit: Option<Misfit>,
}

/// Judges all changes.
pub(super) async fn judge(
    live: &Link,
    saved: &State,
    merge: &Merge,
    mut changes: Changes<'_>,
    pace: &Pace,
) -> Result<BTreeMap<TableName, Judged>, Fault> {
    let (here, there) = (saved::side(saved), Side::read(live).await?);
    let asked_there = askable_there(live, merge).await?;
    // What was saved cannot be asked; what the live side cannot tell is told there.
    let asked_here = merge.rules().map(|(new, ..)| new).filter(|new| !asked_there.contains(new)).collect();
    let direction = direction(merge, Some((&there, &asked_there)), (&here, &asked_here));
    let mut known = known(live, merge, direction).await?;
    let mut rules = Rules::new(&here, Some(&there), merge, direction);
    let mut judged: BTreeMap<TableName, Judged> = BTreeMap::new();
    let mut odd: BTreeMap<TableName, HashMap<Box<[u8]>, Odd>> = BTreeMap::new();
    let mut count = 0u64;
    while let Some(change) = changes.next().await {
        let change = change?;
        count += 1;
        if count.is_multiple_of(4096) {
            pace.check("judge recorded changes")?;
        }
        if change.by_migration {
            continue;
        }
        let name = &change.relation.table;
        let made = rules.of(&change.relation);
        let is_lost = match made.as_ref() {
            Err(_) => true,
            Ok(rule) if change.kind == Kind::Truncated => {
                here.tables.get(rule.table).is_some_and(|table| table.key.is_empty())
            }
            Ok(rule) => {
                let Some(table) = here.tables.get(rule.table) else { continue };
                let rows = odd.entry(name.clone()).or_default();
                match of_row(rule, table, &change, &mut known) {
                    Some(write) if table.key.is_empty() => {
                        let (before, after) = images(&change);
                        !rule.loses(before, after).is_empty() || has_no_room(rule, table, write)
                    }
                    Some(write) => {
                        note_fit(rule, table, &write, rows);
                        let (before, after) = images(&change);
                        !rule.loses(before, after).is_empty()
                    }
                    None => true,
                }
            }
        };
        if is_lost {
            judged.entry(name.clone()).or_default().unmapped += 1;
        }
    }
    for (name, rows) in odd {
        let mut misfits: Vec<Misfit> = Vec::new();
        let mut lost = 0;
        for row in rows.into_values() {
            if let Some(misfit) = row.misfit {
                lost += row.changes;
                misfits.push(misfit);
            }
        }
        if lost > 0 {
            // By number where keys are numbers.
            misfits.sort_by(|a, b| (a.key.len(), &a.key).cmp(&(b.key.len(), &b.key)));
            misfits.truncate(LISTED);
            let judged = judged.entry(name).or_default();
            judged.unmapped += lost;
            judged.misfits = misfits;
        }
    }
    judged.retain(|_, judged| judged.unmapped > 0);
    Ok(judged)
}

fn images(change: &Change) -> (Option<&crate::recorder::Image>, Option<&crate::recorder::Image>) {
    match &change.kind {
        Kind::Inserted { after } => (None, Some(after)),
        Kind::Changed { before, after } => (Some(before), Some(after)),
        Kind::Deleted { before } => (Some(before), None),
        Kind::Truncated => (None, None),
    }
}

/// The change in the columns of the saved table, if its keys are known; a row that is born is known from then on.
fn of_row(rule: &Rule, table: &SideTable, change: &Change, known: &mut Known) -> Option<Write> {
    let write = rule.write(change.kind.clone())?;
    let (old, new) = match &write {
        Write::Insert { after } => (None, Some(after)),
        Write::Update { before, after } => (Some(before), Some(after)),
        Write::Delete { before } => (Some(before), None),
    };
    let single = table.single_key();
    let is_born = old.is_none();
    let is_known = |known: &Known, slot: usize, space: &Space, row: &Row| match row
        .get(slot)
        .and_then(|cell| cell.text())
    {
        Some(text) => known.get(space).is_some_and(|keys| keys.contains(&number_of(text))),
        None => true,
    };
    let paired = rule.references.iter().filter(|(_, space)| matches!(space, Space::Paired(_)));
    let mut own = None;
    for (slot, space) in paired {
        if single == Some(*slot) && is_born {
            own = Some((*slot, space));
            continue;
        }
        // Of a row that goes, only what names it has to be known.
        let versions = [old, new];
        let asked = versions.iter().flatten().filter(|_| table.key.contains(slot) || new.is_some());
        if !asked.clone().all(|row| is_known(known, *slot, space, row)) {
            return None;
        }
    }
    if let (Some((slot, space)), Some(row)) = (own, new) {
        let text = row.get(slot)?.text()?;
        // Declared keys that tell nothing at all are a mistake, and then nothing is guessed.
        known.get_mut(space)?.insert(number_of(text));
    }
    key_of(new.or(old)?, &table.key).or_else(|| key_of(old?, &table.key))?;
    Some(write)
}

/// Whether a write to a table without a key could not be taken over.
fn has_no_room(rule: &Rule, table: &SideTable, write: Write) -> bool {
    let Some((before, after)) = multiset::rows_of(rule, table, write) else { return true };
    before.iter().chain(&after).any(|row| multiset::misfit(rule, table, row).is_some())
}

/// Notes whether the row fits now.
fn note_fit(rule: &Rule, table: &SideTable, write: &Write, rows: &mut HashMap<Box<[u8]>, Odd>) {
    if rule.narrowed.is_empty() {
        return;
    }
    let row = match write {
        Write::Insert { after } | Write::Update { after, .. } => after,
        Write::Delete { before } => {
            if let Some(key) = key_of(before, &table.key) {
                rows.remove(&key);
            }
            return;
        }
    };
    let Some(key) = key_of(row, &table.key) else { return };
    let found = first(&rule.narrowed, row, table, |_| true).map(|(column, why)| {
        let texts = table.key.iter().filter_map(|slot| row.get(*slot).and_then(|cell| cell.text()));
        let texts: Vec<&str> = texts.collect();
        Misfit {
            key: shown(&texts.join(", ")).chars().take(LONGEST_KEY).collect(),
            column: shown(&column),
            why,
        }
    });
    match rows.get_mut(&key) {
        Some(row) => {
            row.changes += 1;
            row.misfit = found;
        }
        None if found.is_some() => drop(rows.insert(key, Odd { changes: 1, misfit: found })),
        None => {}
    }
}

/// The keys that are known on the side that recorded.
async fn known(live: &Link, merge: &Merge, direction: Direction) -> Result<Known, Fault> {
    let mut known = Known::new();
    for (new, _, rule) in merge.rules() {
        let Some(query) = rule.keys.as_ref() else { continue };
        let mut keys = HashSet::new();
        let space = Space::Paired(new.clone());
        each(live, &space, query, direction, &mut |key| {
            keys.insert(number_of(key));
        })
        .await?;
        let is_silent = keys.is_empty() && {
            let count = format!("SELECT EXISTS (SELECT FROM {})", new.sql());
            live.query_one(&count, &[]).await.map_or(true, |row| row.get(0))
        };
        if !is_silent {
            known.insert(space, keys);
        }
    }
    Ok(known)
}

fn number_of(text: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
