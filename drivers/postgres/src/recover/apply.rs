//! Does what was decided, table by table: what goes, what changes, what comes.
//!
//! Nothing acts but what is asked for (`quiet`): what triggers and cascades did is recorded, row by row, and taken over
//! as such. Constraints do act. Where a statement about many rows is not admitted, halves of them are tried until the
//! rows are found that are not; they stay out, with everything that then refers to nothing, and the rest is done again.
//! Rows that exchange values that may be there once only are taken out and put in again.

use std::collections::{BTreeMap, BTreeSet};

use backout_core::writes::Winner;

use super::decide::{by_place, hold_other_halves, keep_here};
use super::foreign;
use super::side::{Side, SideTable};
use super::stage::{Staged, lost, table_of};
use super::tally::Tally;
use crate::server::{Fault, Link, Pace, identifier};

/// What doing needs.
pub(super) struct Applying<'a> {
    pub(super) link: &'a Link,
    pub(super) here: &'a Side,
    pub(super) tables: &'a BTreeMap<usize, Staged>,
    pub(super) source: &'a str,
    pub(super) winner: Option<Winner>,
    pub(super) pace: &'a Pace,
}

/// A row that is not admitted.
pub(super) struct Refused {
    pub(super) place: usize,
    pub(super) id: i64,
    pub(super) said: String,
}

/// How one try went.
enum Tried {
    /// All of it is done, but for these; by what was decided, table by table.
    Done(Vec<Refused>, BTreeMap<usize, Tally>),
    /// Rows of a table are in each other's way.
    InTheWay(usize),
}

impl Applying<'_> {
    /// Does all that was decided: what that was in the end, by the places of tables.
    pub(super) async fn all(&self) -> Result<BTreeMap<usize, Tally>, Fault> {
        let mut moved: BTreeSet<usize> = BTreeSet::new();
        loop {
            self.pace.check("take recorded writes over")?;
            self.link.batch_execute("SAVEPOINT backout_all").await?;
            let (refused, tallies) = match self.once(&moved).await? {
                Tried::InTheWay(place) => {
                    self.link.batch_execute("ROLLBACK TO backout_all; RELEASE backout_all").await?;
                    if !moved.insert(place) {
                        return Err(lost("find out which rows the put-back database admits"));
                    }
                    continue;
                }
                Tried::Done(refused, tallies) if refused.is_empty() => {
                    (foreign::caused(self.link, self.here, self.tables).await?, tallies)
                }
                Tried::Done(refused, tallies) => (refused, tallies),
            };
            if refused.is_empty() {
                self.link.batch_execute("RELEASE backout_all").await?;
                return Ok(tallies);
            }
            // What was done meanwhile was done beside rows that now stay out.
            self.link.batch_execute("ROLLBACK TO backout_all; RELEASE backout_all").await?;
            self.leave_out(refused).await?;
        }
    }

    async fn leave_out(&self, refused: Vec<Refused>) -> Result<(), Fault> {
        let fate = if self.winner == Some(Winner::Restored) { "y" } else { "o" };
        let mut places: BTreeMap<usize, (Vec<i64>, Vec<String>)> = BTreeMap::new();
        for row in refused {
            let (ids, said) = places.entry(row.place).or_default();
            ids.push(row.id);
            said.push(row.said);
        }
        for (place, (ids, said)) in places {
            let staged = self.tables.get(&place).ok_or_else(|| lost("find a table again"))?;
            let table = table_of(self.here, staged)?;
            let decided = staged.decided_table();
            let left = self
                .link
                .execute(
                    &format!(
                        "UPDATE {decided} AS d SET fate = '{fate}', cause = 'A', hurt = NULL, said = q.said
                         FROM unnest($1::bigint[], $2::text[]) AS q (id, said)
                         WHERE d.id = q.id AND d.fate NOT IN ('o', 'y', 'x')"
                    ),
                    &[&ids, &said],
                )
                .await?;
            if left == 0 {
                return Err(lost("find out which rows the put-back database admits"));
            }
            hold_other_halves(self.link, staged).await?;
            keep_here(self.link, table, staged, "d.cause = 'A' AND d.here IS NULL").await?;
        }
        Ok(())
    }

    /// One try of everything that does not stay out.
    async fn once(&self, moved: &BTreeSet<usize>) -> Result<Tried, Fault> {
        let mut refused = Vec::new();
        let mut made = Vec::new();
        let mut tallies = BTreeMap::new();
        for (place, staged) in self.tables {
            let table = table_of(self.here, staged)?;
            let tally = Tally::take(self.link, staged).await?;
            let work = Work::of(&tally, table, staged, moved.contains(place));
            if tally.has("u") || tally.has("d") {
                self.link.execute(&work.undo(self.source, table, staged), &[]).await?;
            }
            if let Some(sql) = work.keep_moved(table, staged) {
                self.link.batch_execute(&sql).await?;
            }
            if tally.has("d") || work.moves(table, staged) != "false" {
                self.link.execute(&work.delete(table, staged), &[]).await?;
            }
            made.push((staged, table, work));
            tallies.insert(*place, tally);
        }
        for (staged, table, work) in &made {
            if let Some(sql) = work.update(table, staged)
                && !self.run(staged, table, work, &sql, &mut refused).await?
            {
                return Ok(Tried::InTheWay(staged.place));
            }
        }
        for (staged, table, work) in &made {
            for sql in work.inserts(table, staged) {
                if !self.run(staged, table, work, &sql, &mut refused).await? {
                    return Ok(Tried::InTheWay(staged.place));
                }
            }
        }
        Ok(Tried::Done(refused, tallies))
    }

    /// Runs a statement about many rows; finds those that are not admitted. Not done where rows are in each other's way.
    async fn run(
        &self,
        staged: &Staged,
        table: &SideTable,
        work: &Work,
        sql: &str,
        refused: &mut Vec<Refused>,
    ) -> Result<bool, Fault> {
        self.pace.check("take recorded writes over")?;
        let Some((_, is_unique)) = self.attempt(sql).await? else { return Ok(true) };
        let may_move = !work.is_moving && staged.touched.iter().any(|slot| is_moved(table, *slot));
        if is_unique && may_move {
            return Ok(false);
        }
        self.link
            .batch_execute(&format!(
                "CREATE INDEX IF NOT EXISTS backout_decided_{0}_id ON {1} (id); ANALYZE {1}",
                staged.place,
                staged.decided_table()
            ))
            .await?;
        let rows = i64::try_from(staged.rows).unwrap_or(i64::MAX);
        let mut open = vec![(1, rows)];
        let mut found = 0usize;
        while let Some((low, high)) = open.pop() {
            self.pace.check("take recorded writes over")?;
            let part = format!("{sql} AND d.id BETWEEN {low} AND {high}");
            let Some((said, _)) = self.attempt(&part).await? else { continue };
            if low == high {
                found += 1;
                refused.push(Refused { place: staged.place, id: low, said });
            } else {
                let middle = low + (high - low) / 2;
                // The lower half first: of two that want the same, the earlier has it.
                open.push((middle + 1, high));
                open.push((low, middle));
            }
        }
        Ok(found > 0 || !may_move)
    }

    /// Runs a statement; what the server said where it does not admit a row, and whether that is about a value that may
    /// be there once only.
    async fn attempt(&self, sql: &str) -> Result<Option<(String, bool)>, Fault> {
        self.link.batch_execute("SAVEPOINT backout_one").await?;
        match self.link.execute(sql, &[]).await {
            Ok(_) => {
                self.link.batch_execute("RELEASE backout_one").await?;
                Ok(None)
            }
            Err(error) => {
                let Some(told) = error.as_db_error() else { return Err(error.into()) };
                let code = told.code().code();
                // A value without room, a constraint, a check of a view or of row security, a trigger's word.
                let is_about_rows = ["22", "23", "44"].iter().any(|class| code.starts_with(class));
                if !is_about_rows {
                    return Err(error.into());
                }
                let said = (told.message().to_owned(), ["23505", "23P01"].contains(&code));
                self.link.batch_execute("ROLLBACK TO backout_one; RELEASE backout_one").await?;
                Ok(Some(said))
            }
        }
    }
}

/// Whether a row has to be taken out and put in again for a change of a column, once rows are in each other's way.
fn is_moved(table: &SideTable, slot: usize) -> bool {
    table.unique.contains(&slot) || table.column(slot).is_some_and(|column| column.identity == Some('a'))
}

/// The statements for one table.
struct Work {
    is_moving: bool,
    /// Columns that some update touches.
    updated: Vec<usize>,
    /// Columns that some insert knows, and those that every insert knows.
    inserted: Vec<usize>,
    inserted_by_all: BTreeSet<usize>,
    has_inserts: bool,
}

impl Work {
    fn of(tally: &Tally, table: &SideTable, staged: &Staged, is_moving: bool) -> Self {
        let written = |slot: &usize| table.column(*slot).is_some_and(|column| !column.is_generated);
        let known = |slot: &usize| tally.bit("i", 2 * staged.slots() + slot);
        let columns = || (0..staged.width).filter(written);
        let is_key = |slot: &usize| table.key.contains(slot);
        let has_always = table.columns.iter().any(|column| column.identity == Some('a'));
        let updated: Vec<usize> = columns().filter(|slot| tally.bit("u", *slot).0 && !is_key(slot)).collect();
        // An identity that is always generated cannot be set by an update.
        let is_moving = is_moving
            || (has_always
                && updated
                    .iter()
                    .any(|slot| table.column(*slot).is_some_and(|column| column.identity == Some('a'))));
        Self {
            is_moving,
            updated,
            inserted: columns().filter(|slot| known(slot).0 || staged.defaults.contains_key(slot)).collect(),
            inserted_by_all: columns().filter(|slot| known(slot).1).collect(),
            has_inserts: tally.has("i"),
        }
    }

    /// Which updates are moves.
    fn moves(&self, table: &SideTable, staged: &Staged) -> String {
        let touched: Vec<String> = self
            .updated
            .iter()
            .filter(|slot| self.is_moving && is_moved(table, **slot))
            .map(|slot| staged.is_touched("d", *slot))
            .collect();
        if touched.is_empty() { "false".to_owned() } else { format!("({})", touched.join(" OR ")) }
    }

    fn moved_table(staged: &Staged) -> String {
        format!("pg_temp.backout_moved_{}", staged.place)
    }

    /// Keeps what is changed or deleted, as it was.
    fn undo(&self, source: &str, table: &SideTable, staged: &Staged) -> String {
        format!(
            "INSERT INTO _backout.undo (source, tab, op, row) SELECT {}, {}, d.fate, h::text
             FROM {} AS d JOIN {} AS h ON {} WHERE d.fate IN ('u', 'd')",
            crate::server::literal(source),
            crate::server::literal(&table.name().sql()),
            staged.decided_table(),
            table.only(),
            by_place(table, "h"),
        )
    }

    /// Keeps rows that are taken out and put in again.
    fn keep_moved(&self, table: &SideTable, staged: &Staged) -> Option<String> {
        let moves = self.moves(table, staged);
        (moves != "false").then(|| {
            format!(
                "CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT d.id AS backout_id, h.* FROM {} AS d JOIN {} AS h
                 ON {} WHERE d.fate = 'u' AND {moves}",
                Self::moved_table(staged),
                staged.decided_table(),
                table.only(),
                by_place(table, "h"),
            )
        })
    }

    fn delete(&self, table: &SideTable, staged: &Staged) -> String {
        format!(
            "DELETE FROM {} AS t USING {} AS d WHERE {} AND (d.fate = 'd' OR (d.fate = 'u' AND {}))",
            table.only(),
            staged.decided_table(),
            by_place(table, "t"),
            self.moves(table, staged)
        )
    }

    fn update(&self, table: &SideTable, staged: &Staged) -> Option<String> {
        let set = |slot: &usize| {
            let column = table.column(*slot)?;
            let name = identifier(&column.name);
            Some(format!(
                "{name} = CASE WHEN {} THEN d.l{slot}::{} ELSE t.{name} END",
                staged.is_touched("d", *slot),
                column.cast
            ))
        };
        let is_possible =
            |slot: &&usize| table.column(**slot).is_some_and(|column| column.identity != Some('a'));
        let sets: Vec<String> = self.updated.iter().filter(is_possible).filter_map(set).collect();
        (!sets.is_empty()).then(|| {
            format!(
                "UPDATE {} AS t SET {} FROM {} AS d WHERE {} AND d.fate = 'u' AND NOT {}",
                table.only(),
                sets.join(", "),
                staged.decided_table(),
                by_place(table, "t"),
                self.moves(table, staged)
            )
        })
    }

    fn inserts(&self, table: &SideTable, staged: &Staged) -> Vec<String> {
        let mut all = Vec::new();
        let name = |slot: &usize| table.column(*slot).map(|column| identifier(&column.name));
        let moves = self.moves(table, staged);
        if moves != "false" {
            let written: Vec<usize> = (0..staged.width)
                .filter(|slot| table.column(*slot).is_some_and(|column| !column.is_generated))
                .collect();
            let value = |slot: &usize| {
                let column = table.column(*slot)?;
                let name = identifier(&column.name);
                if !self.updated.contains(slot) {
                    return Some(format!("m.{name}"));
                }
                let touched = staged.is_touched("d", *slot);
                Some(format!("CASE WHEN {touched} THEN d.l{slot}::{} ELSE m.{name} END", column.cast))
            };
            all.push(format!(
                "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {} AS m JOIN {} AS d ON d.id = m.backout_id
                 WHERE d.fate = 'u'",
                table.name().sql(),
                written.iter().filter_map(name).collect::<Vec<_>>().join(", "),
                written.iter().filter_map(value).collect::<Vec<_>>().join(", "),
                Self::moved_table(staged),
                staged.decided_table(),
            ));
        }
        if self.has_inserts {
            let value = |slot: &usize| {
                let column = table.column(*slot)?;
                let text = format!("{}::{}", staged.after("d", *slot), column.cast);
                if self.inserted_by_all.contains(slot) {
                    return Some(text);
                }
                let declared = staged.defaults.get(slot).or(column.default.as_ref());
                let usual = declared.map_or("NULL".to_owned(), |default| format!("({default})"));
                Some(format!("CASE WHEN {} THEN {text} ELSE {usual} END", staged.is_known_after("d", *slot)))
            };
            all.push(format!(
                "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {} AS d WHERE d.fate = 'i'",
                table.name().sql(),
                self.inserted.iter().filter_map(name).collect::<Vec<_>>().join(", "),
                self.inserted.iter().filter_map(value).collect::<Vec<_>>().join(", "),
                staged.decided_table(),
            ));
        }
        all
    }
}
