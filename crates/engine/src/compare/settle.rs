//! Rows that have no equal: looked at again where somebody writes, given their values, counted and told.

use std::collections::BTreeMap;
use std::time::Duration;

use backout_contract::compare::{Row, Value};
use backout_core::compare::{Cell, Difference, Key, Kind, Odd, Settled, TableOrder, TableOutcome, TablePlan};
use tokio::time::sleep;

use super::pass::name;
use super::{Comparing, End, Pass};

/// Values that are fetched at once: rows times columns.
const VALUES_AT_ONCE: usize = 10_000;
/// More rows than this, or than are to be told, are not looked at again.
const LOOKED_AGAIN: u64 = 10_000;
/// Between two looks; doubled each time.
const PAUSE: Duration = Duration::from_millis(100);

/// What becomes of the rows of one table that have no equal.
///
/// | somebody wrote since the pass began | in a new snapshot of both sides | it is |
/// |---|---|---|
/// | no | | a difference |
/// | yes | equal, or on neither side | settled |
/// | yes | as before | a difference |
/// | yes | otherwise, and equal or the same twice in a later look | settled, or a difference |
/// | yes | otherwise in every look | a difference that is moving |
/// | yes, and it is beyond what is looked at again, or the table has no key | | a difference; a note says so |
pub(super) struct Settling<'a, 'c> {
    comparing: &'a Comparing<'c>,
    plan: &'a TablePlan,
    left: TableOrder,
    right: TableOrder,
    outcome: &'a mut TableOutcome,
    written: bool,
    /// The snapshots that were held when it was asked whether anybody wrote.
    snapshots: (u32, u32),
    seen: u64,
    told: u64,
    not_looked_at: u64,
}

/// The rows of both sides by key.
type Rows = BTreeMap<Key, (Vec<Row>, Vec<Row>)>;

impl<'a, 'c> Settling<'a, 'c> {
    pub(super) async fn begin(
        comparing: &'a Comparing<'c>,
        plan: &'a TablePlan,
        left: TableOrder,
        right: TableOrder,
        outcome: &'a mut TableOutcome,
        renewed: bool,
    ) -> Result<Self, End> {
        let written = renew(comparing).await?;
        Ok(Self {
            comparing,
            plan,
            left,
            right,
            outcome,
            written: written || renewed,
            snapshots: snapshots(comparing),
            seen: 0,
            told: 0,
            not_looked_at: 0,
        })
    }

    /// Settles some rows.
    pub(super) async fn take(&mut self, odds: BTreeMap<Key, Odd>) -> Result<(), End> {
        let many = (VALUES_AT_ONCE / self.plan.columns.len().max(1)).clamp(10, 2_000);
        let mut odds = odds.into_iter().peekable();
        while odds.peek().is_some() {
            self.comparing.go_on()?;
            let some: BTreeMap<Key, Odd> = odds.by_ref().take(many).collect();
            let count = some.len() as u64;
            let can_look = !self.plan.key.is_empty() && self.seen < LOOKED_AGAIN.max(self.limit());
            let mut rows = Rows::new();
            if !(self.written && can_look) && self.told < self.limit() {
                rows = self.read(some.keys()).await?;
                // A connection was lost meanwhile, and what was read is of another moment.
                self.written |= snapshots(self.comparing) != self.snapshots;
            }
            if self.written && can_look {
                self.look_again(some).await?;
            } else {
                if self.written {
                    self.not_looked_at += count;
                }
                for (key, odd) in some {
                    self.tell(&key, &odd, rows.get(&key), Settled::Stands)?;
                }
            }
            self.seen += count;
            let pass =
                Pass { table: name(&self.left), work: "looking at rows", done: self.seen, of: self.seen };
            self.comparing.tell(|listener| listener.far(&pass));
        }
        Ok(())
    }

    /// Says what was left out.
    pub(super) fn finish(self) {
        // Now the rows are known, and blocks say nothing more.
        self.outcome.notes.clear();
        if self.not_looked_at > 0 {
            self.outcome.notes.push(format!(
                "somebody wrote meanwhile, and {} rows that differ were not looked at again",
                self.not_looked_at
            ));
        }
    }

    fn limit(&self) -> u64 {
        self.comparing.order.limit
    }

    async fn look_again(&mut self, mut some: BTreeMap<Key, Odd>) -> Result<(), End> {
        let mut pause = PAUSE;
        for look in 1..=self.comparing.order.ceiling.looks.max(1) {
            let rows = self.read(some.keys()).await?;
            let mut moved = BTreeMap::new();
            for (key, before) in some {
                let now = odd_of(rows.get(&key));
                if now.left.is_empty() && now.right.is_empty() {
                    self.outcome.settled += 1;
                } else if now == before {
                    self.tell(&key, &now, rows.get(&key), Settled::Stands)?;
                } else if look == self.comparing.order.ceiling.looks.max(1) {
                    self.tell(&key, &now, rows.get(&key), Settled::Moving)?;
                } else {
                    moved.insert(key, now);
                }
            }
            if moved.is_empty() {
                return Ok(());
            }
            some = moved;
            sleep(pause).await;
            pause *= 2;
            self.comparing.go_on()?;
            renew(self.comparing).await?;
        }
        Ok(())
    }

    async fn read(&self, keys: impl Iterator<Item = &Key>) -> Result<Rows, End> {
        let keys: Vec<Key> = keys.cloned().collect();
        let (here, there) = (&self.comparing.left, &self.comparing.right);
        let (left, right) = tokio::try_join!(
            here.ask(|| here.side.rows(&self.left, &keys)),
            there.ask(|| there.side.rows(&self.right, &keys))
        )
        .map_err(End::of)?;
        let mut rows = Rows::new();
        for row in left {
            rows.entry(row.key.clone()).or_default().0.push(row);
        }
        for row in right {
            rows.entry(row.key.clone()).or_default().1.push(row);
        }
        Ok(rows)
    }

    /// Counts a key's rows, and tells them unless enough were.
    fn tell(
        &mut self,
        key: &Key,
        odd: &Odd,
        rows: Option<&(Vec<Row>, Vec<Row>)>,
        settled: Settled,
    ) -> Result<(), End> {
        let pairs = odd.left.len().max(odd.right.len());
        if self.plan.key.is_empty() {
            let kind = if odd.right.is_empty() { Kind::OnlyLeft } else { Kind::OnlyRight };
            self.count(kind, pairs as u64, settled);
            let row = rows.and_then(|(left, right)| left.first().or(right.first()));
            let times = Some((odd.left.len() as u64, odd.right.len() as u64));
            return self.say(kind, Vec::new(), row, row, times, settled);
        }
        for at in 0..pairs {
            let (left, right) = (odd.left.get(at), odd.right.get(at));
            let kind = match (left, right) {
                (Some(_), Some(_)) => Kind::Changed,
                (_, None) => Kind::OnlyLeft,
                (None, _) => Kind::OnlyRight,
            };
            self.count(kind, 1, settled);
            let find =
                |hash: Option<&u64>, rows: &'_ [Row]| rows.iter().position(|row| Some(&row.hash) == hash);
            let (here, there) = match rows {
                Some((lefts, rights)) => (
                    find(left, lefts).and_then(|at| lefts.get(at)),
                    find(right, rights).and_then(|at| rights.get(at)),
                ),
                None => (None, None),
            };
            self.say(kind, self.shown_key(key), here, there, None, settled)?;
        }
        Ok(())
    }

    fn count(&mut self, kind: Kind, rows: u64, settled: Settled) {
        match kind {
            Kind::OnlyLeft => self.outcome.only_left += rows,
            Kind::OnlyRight => self.outcome.only_right += rows,
            Kind::Changed => self.outcome.changed += rows,
        }
        if settled == Settled::Moving {
            self.outcome.moving += rows;
        }
    }

    fn say(
        &mut self,
        kind: Kind,
        key: Vec<(String, Option<String>)>,
        left: Option<&Row>,
        right: Option<&Row>,
        times: Option<(u64, u64)>,
        settled: Settled,
    ) -> Result<(), End> {
        if self.told >= self.limit() {
            return Ok(());
        }
        self.told += 1;
        let difference = Difference {
            table: name(&self.left),
            kind,
            key,
            columns: self.cells(kind, left, right),
            times,
            settled,
        };
        let mut told = Ok(());
        self.comparing.tell(|listener| told = listener.difference(&difference));
        told.map_err(End::Deaf)
    }

    fn shown_key(&self, key: &Key) -> Vec<(String, Option<String>)> {
        let shown = |column: &String, part: Option<String>| {
            let masked = self.comparing.order.masked.contains(column);
            (column.clone(), if masked { part.map(|_| Cell::MASKED.to_owned()) } else { part })
        };
        self.plan.key.iter().zip(key.parts()).map(|(column, part)| shown(column, part)).collect()
    }

    /// The values that differ; all but the key's where the row is on one side only.
    fn cells(&self, kind: Kind, left: Option<&Row>, right: Option<&Row>) -> Vec<Cell> {
        let mut cells = Vec::new();
        for (at, column) in self.plan.columns.iter().enumerate() {
            let value = |row: Option<&Row>| row.and_then(|row| row.values.get(at).cloned().flatten());
            let (mut here, mut there) = (value(left), value(right));
            match kind {
                Kind::Changed if here == there => continue,
                Kind::Changed => {}
                Kind::OnlyLeft => there = None,
                Kind::OnlyRight => here = None,
            }
            if kind != Kind::Changed && self.plan.key.contains(&column.left) {
                continue;
            }
            let masked = self.comparing.order.masked.contains(&column.left);
            let shown = |value: Option<Value>| {
                value.map(|value| if masked { Cell::MASKED.to_owned() } else { text(value) })
            };
            cells.push(Cell { column: column.left.clone(), left: shown(here), right: shown(there) });
        }
        cells
    }
}

fn snapshots(comparing: &Comparing<'_>) -> (u32, u32) {
    (comparing.left.snapshots(), comparing.right.snapshots())
}

/// New snapshots on both sides; whether anything may have been written.
async fn renew(comparing: &Comparing<'_>) -> Result<bool, End> {
    let (left, right) = tokio::try_join!(comparing.left.renew(), comparing.right.renew()).map_err(End::of)?;
    Ok(left || right)
}

/// What has no equal among the rows of a key.
fn odd_of(rows: Option<&(Vec<Row>, Vec<Row>)>) -> Odd {
    let mut odd = Odd::default();
    let Some((left, right)) = rows else { return odd };
    odd.right = right.iter().map(|row| row.hash).collect();
    for row in left {
        match odd.right.iter().position(|hash| *hash == row.hash) {
            Some(at) => {
                odd.right.swap_remove(at);
            }
            None => odd.left.push(row.hash),
        }
    }
    odd
}

fn text(value: Value) -> String {
    match value.cut {
        None => value.text,
        Some((bytes, _)) => format!("{}… ({bytes} bytes)", value.text),
    }
}
