//! Takes counted rows over: as many more or fewer of each as users left.
//!
//! | fate | what becomes of the row |
//! |---|---|
//! | none | as many come or go as it says; of one with a cause, as many as there are |
//! | `x` | nothing leads there: it is told and left |
//! | `o` | it stays open, and stands as it stands here |
//! | `y` | it is settled: what stands here stands |

use std::collections::BTreeMap;

use backout_core::writes::{Recovered, Winner};
use serde_json::{Map, Value};

use super::{Multiset, Multisets, counted_table, staged_table};
use crate::recover::apply::Applying;
use crate::recover::decide::printed;
use crate::recover::open::keep_open;
use crate::recover::rule::Space;
use crate::recover::side::{Side, SideTable, list};
use crate::recover::stage::lost;
use crate::recover::tally::Tally;
use crate::recover::told::{Telling, Told, Topic};
use crate::server::{Fault, Link, Pace, identifier, literal};

/// What taking counted rows over needs.
pub(in crate::recover) struct Settling<'a> {
    pub(in crate::recover) link: &'a Link,
    pub(in crate::recover) here: &'a Side,
    pub(in crate::recover) multisets: &'a Multisets,
    pub(in crate::recover) source: &'a str,
    pub(in crate::recover) winner: Option<Winner>,
    pub(in crate::recover) pace: &'a Pace,
}

/// A row that is not admitted: the set that it is of, its number there, and what the server said.
type Refused = (usize, i64, String);

impl Settling<'_> {
    fn sets(&self) -> impl Iterator<Item = (usize, &Multiset)> {
        self.multisets.sets.iter().enumerate().filter(|(_, set)| set.staged > 0)
    }

    fn table(&self, set: &Multiset) -> Result<&SideTable, Fault> {
        self.here.tables.get(set.place).ok_or_else(|| lost("find a table again"))
    }

    /// Decides what becomes of every row. Keys are paired and drawn by now, and the tables are locked.
    pub(in crate::recover) async fn decide(&self) -> Result<(), Fault> {
        for (at, set) in self.sets() {
            self.pace.check("compare recorded writes with the put-back database")?;
            let table = self.table(set)?;
            self.lead(at, set).await?;
            self.print(at, set, table).await?;
            let (staged, counted) = (staged_table(at), counted_table(at));
            self.link
                .batch_execute(&format!(
                    "CREATE TEMPORARY TABLE {counted} ON COMMIT DROP AS
                     SELECT row_number() OVER (ORDER BY first) AS id, q.*, NULL::text AS fate, NULL::text AS cause,
                            NULL::text AS said, 0::bigint AS had
                     FROM (SELECT vals, sum(net)::bigint AS net, min(numbers[1]) AS first, max(why) AS why
                           FROM {staged} GROUP BY vals) AS q;
                     UPDATE {staged} AS s SET set = c.id FROM {counted} AS c WHERE c.vals = s.vals;
                     UPDATE {counted} SET fate = 'x' WHERE why IS NOT NULL;
                     ANALYZE {staged}; ANALYZE {counted}"
                ))
                .await?;
            self.spread(at, "x").await?;
            let asks = format!("SELECT EXISTS (SELECT FROM {counted} WHERE net < 0 AND fate IS NULL)");
            if !self.link.query_one(&asks, &[]).await?.get::<_, bool>(0) {
                continue;
            }
            let fate = match self.winner {
                Some(Winner::Recorded) => "NULL",
                Some(Winner::Restored) => "'y'",
                None => "'o'",
            };
            self.link
                .batch_execute(&format!(
                    "UPDATE {counted} AS c SET had = q.had FROM (
                       SELECT c.id, count(*) AS had FROM {} AS h JOIN {counted} AS c ON c.vals = {}
                       WHERE c.net < 0 AND c.fate IS NULL GROUP BY c.id) AS q
                     WHERE q.id = c.id;
                     UPDATE {counted} SET cause = 'C', fate = {fate} WHERE fate IS NULL AND net < 0 AND had < -net",
                    table.only(),
                    row_here(set, table),
                ))
                .await?;
            self.spread(at, fate.trim_matches('\'')).await?;
        }
        Ok(())
    }

    /// Writes the keys here over those there.
    async fn lead(&self, at: usize, set: &Multiset) -> Result<(), Fault> {
        let staged = staged_table(at);
        for (slot, space) in &set.references {
            let Some(value) = value(set, "d", *slot) else { continue };
            let name = literal(&space.name());
            if matches!(space, Space::Paired(_)) {
                self.link
                    .batch_execute(&format!(
                        "UPDATE {staged} AS d SET why = 'it refers to a row whose old key is not known'
                         WHERE why IS NULL AND {value} IS NOT NULL AND NOT EXISTS (
                           SELECT FROM pg_temp.backout_pair AS p WHERE p.space = {name} AND p.there = {value})"
                    ))
                    .await?;
            }
            self.link
                .batch_execute(&format!(
                    "UPDATE {staged} AS d SET {} = p.here FROM pg_temp.backout_pair AS p
                     WHERE d.why IS NULL AND p.space = {name} AND p.there = {value}",
                    value.trim_start_matches("d."),
                ))
                .await?;
        }
        Ok(())
    }

    /// Lets the types here print the values, so that equal ones have equal texts.
    async fn print(&self, at: usize, set: &Multiset, table: &SideTable) -> Result<(), Fault> {
        let staged = staged_table(at);
        let cast = |slot: &usize| {
            let column = table.column(*slot)?;
            let value = value(set, "d", *slot)?;
            Some(format!("{value}::{} AS {}", column.type_name, identifier(&column.name)))
        };
        let casts: Vec<String> = set.slots.iter().filter_map(cast).collect();
        let sql = format!(
            "UPDATE {staged} AS d SET vals = (SELECT {} FROM (SELECT {}) AS h) WHERE d.why IS NULL",
            row_here(set, table),
            casts.join(", "),
        );
        for (_, id, said) in self.attempt(at, &sql, set.staged).await? {
            let sql = format!("UPDATE {staged} SET why = $1 WHERE id = $2");
            self.link.execute(&sql, &[&format!("it has no room: {said}"), &id]).await?;
        }
        Ok(())
    }

    /// What one change did to several rows is done as a whole: what becomes of one becomes of its part.
    async fn spread(&self, at: usize, fate: &str) -> Result<(), Fault> {
        let (staged, counted) = (staged_table(at), counted_table(at));
        let sql = format!(
            "UPDATE {counted} SET fate = $1 WHERE fate IS NULL AND id IN (
               SELECT b.set FROM {counted} AS c JOIN {staged} AS a ON a.set = c.id JOIN {staged} AS b ON b.part = a.part
               WHERE c.fate = $1)"
        );
        while self.link.execute(&sql, &[&fate]).await? > 0 {}
        Ok(())
    }

    /// Takes out what goes, lets the others be applied, and puts in what comes; without the parts that are not admitted.
    pub(in crate::recover) async fn around(
        &self,
        applying: &Applying<'_>,
    ) -> Result<BTreeMap<usize, Tally>, Fault> {
        loop {
            self.link.batch_execute("SAVEPOINT backout_sets").await?;
            self.take_out().await?;
            let tallies = applying.all().await?;
            let refused = self.put_in().await?;
            if refused.is_empty() {
                self.link.batch_execute("RELEASE backout_sets").await?;
                return Ok(tallies);
            }
            self.link.batch_execute("ROLLBACK TO backout_sets; RELEASE backout_sets").await?;
            let fate = if self.winner == Some(Winner::Restored) { "y" } else { "o" };
            for (at, id, said) in refused {
                let sql = format!(
                    "UPDATE {} SET fate = $1, cause = 'A', said = $2 WHERE id = $3 AND fate IS NULL",
                    counted_table(at)
                );
                if self.link.execute(&sql, &[&fate, &said, &id]).await? == 0 {
                    return Err(lost("find out which rows the put-back database admits"));
                }
            }
            for (at, _) in self.sets() {
                self.spread(at, fate).await?;
            }
        }
    }

    async fn take_out(&self) -> Result<(), Fault> {
        for (at, set) in self.sets() {
            let table = self.table(set)?;
            let (counted, only, row) = (counted_table(at), table.only(), row_here(set, table));
            let sql = format!(
                "WITH gone AS (DELETE FROM {only} AS h USING (
                   SELECT q.tab, q.tid FROM (
                     SELECT h.tableoid AS tab, h.ctid AS tid, c.net, row_number() OVER (PARTITION BY c.id) AS nth
                     FROM {only} AS h JOIN {counted} AS c ON c.vals = {row} WHERE c.net < 0 AND c.fate IS NULL) AS q
                   WHERE q.nth <= -q.net) AS d
                 WHERE h.tableoid = d.tab AND h.ctid = d.tid RETURNING h::text)
                 INSERT INTO _backout.undo (source, tab, op, row) SELECT {}, {}, 'd', gone.* FROM gone",
                literal(self.source),
                literal(&table.name().sql()),
            );
            let asks = format!("SELECT EXISTS (SELECT FROM {counted} WHERE net < 0 AND fate IS NULL)");
            if self.link.query_one(&asks, &[]).await?.get(0) {
                self.link.execute(&sql, &[]).await?;
            }
        }
        Ok(())
    }

    async fn put_in(&self) -> Result<Vec<Refused>, Fault> {
        let mut refused = Vec::new();
        for (at, set) in self.sets() {
            let table = self.table(set)?;
            let counted = counted_table(at);
            let mut values: Vec<String> =
                set.slots.iter().filter_map(|slot| typed(set, table, *slot)).collect();
            values.extend(set.defaults.iter().map(|(_, text)| format!("({text})")));
            let mut slots = set.slots.clone();
            slots.extend(set.defaults.iter().map(|(slot, _)| *slot));
            let sql = format!(
                "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {counted} AS d, generate_series(1, d.net)
                 WHERE d.net > 0 AND d.fate IS NULL",
                table.name().sql(),
                list(table, &slots, "").join(", "),
                values.join(", "),
            );
            let found = self.attempt(at, &sql, set.staged).await?;
            let is_whole = found.is_empty();
            refused.extend(found);
            // Foreign keys are asked once all else is there.
            for key in table.foreign_keys.iter().filter(|_| is_whole) {
                let values: Option<Vec<String>> =
                    key.columns.iter().map(|slot| typed(set, table, *slot)).collect();
                let (Some(values), Some(parent)) = (values, self.here.find(&key.parent)) else { continue };
                let there = values.iter().map(|value| format!("{value} IS NOT NULL")).collect::<Vec<_>>();
                let pairs = key.parent_columns.iter().zip(&values);
                let leads =
                    pairs.map(|(to, value)| format!("p.{} = {value}", identifier(to))).collect::<Vec<_>>();
                let sql = format!(
                    "SELECT d.id FROM {counted} AS d WHERE d.net > 0 AND d.fate IS NULL AND {}
                     AND NOT EXISTS (SELECT FROM {} AS p WHERE {})",
                    there.join(" AND "),
                    parent.only(),
                    leads.join(" AND "),
                );
                let said = format!("its foreign key to {} leads nowhere", key.parent);
                let rows = self.link.query(&sql, &[]).await?;
                refused.extend(rows.iter().map(|row| (at, row.get(0), said.clone())));
            }
        }
        refused.sort();
        refused.dedup_by_key(|(at, id, _)| (*at, *id));
        Ok(refused)
    }

    /// Runs a statement about many rows `d`; where it is not admitted, halves of them, down to those that are not.
    async fn attempt(&self, at: usize, sql: &str, rows: u64) -> Result<Vec<Refused>, Fault> {
        let mut refused = Vec::new();
        let mut open = vec![(1, i64::try_from(rows).unwrap_or(i64::MAX))];
        while let Some((low, high)) = open.pop() {
            self.pace.check("take recorded writes over")?;
            self.link.batch_execute("SAVEPOINT backout_one").await?;
            let part = format!("{sql} AND d.id BETWEEN {low} AND {high}");
            let Err(error) = self.link.execute(&part, &[]).await else {
                self.link.batch_execute("RELEASE backout_one").await?;
                continue;
            };
            let Some(told) = error.as_db_error() else { return Err(error.into()) };
            // A value without room, a constraint, a check of a view or of row security.
            if !["22", "23", "44"].iter().any(|class| told.code().code().starts_with(class)) {
                return Err(error.into());
            }
            let said = told.message().to_owned();
            self.link.batch_execute("ROLLBACK TO backout_one; RELEASE backout_one").await?;
            if low == high {
                refused.push((at, low, said));
            } else {
                let middle = low + (high - low) / 2;
                // The lower half first: of two that want the same, the earlier has it.
                open.push((middle + 1, high));
                open.push((low, middle));
            }
        }
        Ok(refused)
    }

    /// Tells of rows that stay, and counts; the numbers of the changes that stay lacking.
    pub(in crate::recover) async fn tell(
        &self,
        run: &str,
        told: &mut Told,
        recovered: &mut Recovered,
    ) -> Result<Vec<u64>, Fault> {
        let mut left = Vec::new();
        for (at, set) in self.sets() {
            let table = self.table(set)?;
            let (staged, counted) = (staged_table(at), counted_table(at));
            let count = format!(
                "SELECT count(DISTINCT n) FILTER (WHERE c.fate IS NULL), count(DISTINCT n) FILTER (WHERE c.fate = 'x'),
                        array_agg(DISTINCT n) FILTER (WHERE c.fate IN ('x', 'o'))
                 FROM {staged} AS s JOIN {counted} AS c ON c.id = s.set, unnest(s.numbers) AS n"
            );
            let row = self.link.query_one(&count, &[]).await?;
            let number = |number: i64| u64::try_from(number).unwrap_or_default();
            recovered.applied += number(row.get(0));
            recovered.unmapped += number(row.get(1));
            let numbers: Vec<i64> = row.get::<_, Option<Vec<i64>>>(2).unwrap_or_default();
            left.extend(numbers.into_iter().map(number));
            let query = format!(
                "SELECT c.id, c.net, c.vals, c.fate, c.cause, c.said, coalesce(c.why, 'another row of one of its changes has no place'),
                        q.numbers
                 FROM {counted} AS c JOIN (SELECT s.set, array_agg(DISTINCT n ORDER BY n) AS numbers
                   FROM {staged} AS s, unnest(s.numbers) AS n GROUP BY s.set) AS q ON q.set = c.id
                 WHERE c.cause IS NOT NULL OR c.fate = 'x' ORDER BY c.id"
            );
            let mut open = Vec::new();
            for row in self.link.query(&query, &[]).await? {
                let texts: Vec<Option<String>> = row.get(2);
                let cells = set.slots.iter().zip(texts);
                let cells =
                    cells.filter_map(|(slot, text)| Some((table.column(*slot)?.name.clone(), text.into())));
                let version = Value::Object(cells.collect::<Map<_, _>>());
                let net: i64 = row.get(1);
                let (before, after) = if net < 0 { (version, Value::Null) } else { (Value::Null, version) };
                let telling = Telling::of_counted(&row, before, after);
                let first = telling.numbers.first().copied().unwrap_or_default();
                match telling.named(table, self.winner) {
                    Some(conflict) => {
                        recovered.push_conflict(conflict);
                        told.tell(Topic::Conflicts, first, &telling.conflict(table, run, self.winner))?;
                        if telling.is_open() {
                            open.push(telling);
                        }
                    }
                    None => told.tell(Topic::Unmapped, first, &telling.unmapped(table, run))?,
                }
            }
            keep_open(self.link, self.source, &table.name().sql(), &open).await?;
        }
        Ok(left)
    }

    /// Lets the temporary tables go.
    pub(in crate::recover) async fn end(&self) -> Result<(), Fault> {
        for (at, _) in self.sets() {
            let sql = format!("DROP TABLE {}, {}", staged_table(at), counted_table(at));
            self.link.batch_execute(&sql).await?;
        }
        Ok(())
    }
}

/// A row `h` here, as texts.
fn row_here(set: &Multiset, table: &SideTable) -> String {
    let texts: Vec<String> = set.slots.iter().filter_map(|slot| table.column(*slot)).map(printed).collect();
    format!("ARRAY[{}]::text[]", texts.join(", "))
}

/// The text of a column in a staged or counted row.
fn value(set: &Multiset, row: &str, slot: usize) -> Option<String> {
    Some(format!("{row}.vals[{}]", set.slots.iter().position(|other| *other == slot)? + 1))
}

/// And its value.
fn typed(set: &Multiset, table: &SideTable, slot: usize) -> Option<String> {
    Some(format!("{}::{}", value(set, "d", slot)?, table.column(slot)?.cast))
}
