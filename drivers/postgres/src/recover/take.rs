//! Takes lacking writes over into the target, all within one transaction: killed anywhere, all of it is there or nothing.

use std::collections::{BTreeMap, BTreeSet};

use backout_contract::RecoverOrder;
use backout_core::writes::{Recovered, Winner};
use backout_kit::paper::{Paper, csv_line, file_name, make_folder};
use futures_util::StreamExt;

use super::apply::Applying;
use super::begin::{begin, mark};
use super::decide::{self, Natives};
use super::direction::{askable, askable_there, direction};
use super::gather::{Gathered, Gathering};
use super::ledger::{self, Ranges};
use super::multiset::Settling;
use super::natives::natives;
use super::open::keep_open;
use super::pairs::Pairs;
use super::rule::{Rules, Space};
use super::side::Side;
use super::stage::{Staged, lost, table_of};
use super::tally::Tally;
use super::told::{self, Telling, Told, Topic};
use super::{Changes, Merge, Recorded, lead, quiet, refold, sequences};
use crate::our_side::on_paper;
use crate::server::{Fault, Link, Pace, literal};

/// What taking over needs.
struct Taking<'a> {
    link: &'a Link,
    merge: &'a Merge,
    order: &'a RecoverOrder,
    pace: &'a Pace,
    here: Side,
    told: Told,
    natives: Natives,
    recovered: Recovered,
    /// Files with the map of keys, by table.
    maps: BTreeSet<String>,
}

/// Takes over what the sources have and the target lacks. The transaction is open when it returns.
pub(super) async fn take_over(
    link: &Link,
    merge: &Merge,
    order: &RecoverOrder,
    sources: Vec<Recorded<'_>>,
    written_here: Option<Changes<'_>>,
    pace: &Pace,
) -> Result<Recovered, Fault> {
    make_folder(&order.folder).map_err(on_paper)?;
    begin(link).await?;
    let mut databases: Vec<Option<Link>> = Vec::new();
    let mut rest = Vec::new();
    for source in sources {
        databases.push(source.database);
        rest.push((source.run, source.source, source.changes));
    }
    mark(link).await?;
    let here = Side::read(link).await?;
    let natives = natives(link, &here, written_here, pace).await?;
    let mut taking = Taking {
        link,
        merge,
        order,
        pace,
        here,
        told: Told::new(&order.folder),
        natives,
        recovered: Recovered::default(),
        maps: BTreeSet::new(),
    };
    for (at, (run, source, changes)) in rest.into_iter().enumerate() {
        taking.one(&run, &source, changes, &databases, at).await?;
    }
    let Taking { told, mut recovered, maps, .. } = taking;
    recovered.files = told.write()?;
    recovered.files.extend(maps);
    Ok(recovered)
}

impl Taking<'_> {
    async fn one(
        &mut self,
        run: &str,
        source: &str,
        changes: Changes<'_>,
        databases: &[Option<Link>],
        at: usize,
    ) -> Result<(), Fault> {
        let link = self.link;
        let database = databases.get(at).and_then(Option::as_ref);
        let taken = ledger::read(link, source).await?;
        let there = match database {
            Some(database) => Some(Side::read(database).await?),
            None => None,
        };
        let here = self.here.clone();
        let asked_here = askable(link, self.merge).await?;
        let asked_there = match database {
            Some(database) => askable_there(database, self.merge).await?,
            None => BTreeSet::new(),
        };
        let sided = there.as_ref().map(|side| (side, &asked_there));
        let direction = direction(self.merge, sided, (&here, &asked_here));
        let mut rules = Rules::new(&here, there.as_ref(), self.merge, direction);
        let gathering = Gathering::new(link, &mut rules, &mut self.told, run, self.pace);
        let mut gathered = gathering.all(changes, &taken).await?;
        self.recovered.already += gathered.already;
        self.recovered.unmapped += gathered.unmapped;
        if gathered.span.is_none() {
            return Ok(());
        }
        backout_kit::failpoint!("postgres-recovery-staged");

        let mut pairs = Pairs::new(link, self.merge, direction).await?;
        for other in databases.iter().skip(at).flatten() {
            pairs.add_kept_of(other).await?;
        }
        pairs.add_kept_here().await?;
        pairs.ask(database).await?;
        pairs.settle().await?;
        let mut drawn = self.lead_over(&here, &mut pairs, &mut gathered, database).await?;

        let mut places: BTreeSet<usize> = gathered.tables.keys().copied().collect();
        places.extend(gathered.multisets.sets.iter().map(|set| set.place));
        let quiet = quiet::begin(link, &here, &places).await?;
        self.take_emptied(&here, &mut gathered).await?;
        let winner = self.order.winner.or(self.merge.conflicts.winner());
        drawn += self.decide(&here, &mut pairs, &gathered).await?;
        for staged in gathered.tables.values() {
            decide::settle(link, &here, staged, winner).await?;
            decide::hold_other_halves(link, staged).await?;
        }
        let multisets = &gathered.multisets;
        let settling = Settling { link, here: &here, multisets, source, winner, pace: self.pace };
        settling.decide().await?;
        backout_kit::failpoint!("postgres-recovery-decided");
        let applying =
            Applying { link, here: &here, tables: &gathered.tables, source, winner, pace: self.pace };
        let tallies = settling.around(&applying).await?;
        backout_kit::failpoint!("postgres-recovery-applied");
        for staged in gathered.tables.values() {
            let keeps = match rules.space_of(&table_of(&here, staged)?.name()) {
                Space::Same(_) => true,
                Space::Paired(_) => false,
            };
            sequences::move_on(link, &here, staged, &gathered.highest, database, keeps).await?;
        }
        for set in &gathered.multisets.sets {
            let staged =
                Staged::new(set.place, here.tables.get(set.place).ok_or_else(|| lost("find a table again"))?);
            sequences::move_on(link, &here, &staged, &gathered.highest, database, true).await?;
        }
        quiet.end(link).await?;

        let mut left = self.tell(run, source, &here, &gathered, &tallies, winner).await?;
        left.extend(settling.tell(run, &mut self.told, &mut self.recovered).await?);
        settling.end().await?;
        self.put_down(source, taken, &gathered, left).await?;
        if !pairs.known.is_empty() || drawn > 0 {
            pairs.count().await?;
            pairs.keep().await?;
            self.write_maps(&pairs).await?;
            self.recovered.keys_drawn += drawn;
        }
        let mut temporary = vec!["backout_pair".to_owned(), "backout_heard".to_owned()];
        for place in &places {
            temporary.push(format!("backout_rows_{place}"));
            temporary.push(format!("backout_decided_{place}"));
            temporary.push(format!("backout_moved_{place}"));
        }
        let temporary: Vec<String> = temporary.iter().map(|name| format!("pg_temp.{name}")).collect();
        link.batch_execute(&format!("DROP TABLE IF EXISTS {}", temporary.join(", "))).await?;
        Ok(())
    }

    /// Leads all keys over; how many were drawn.
    async fn lead_over(
        &self,
        here: &Side,
        pairs: &mut Pairs<'_>,
        gathered: &mut Gathered,
        database: Option<&Link>,
    ) -> Result<u64, Fault> {
        let link = self.link;
        let mut drawn = 0;
        for staged in gathered.tables.values_mut() {
            staged.make(link).await?;
            drawn += pairs.draw_for_born(here, staged, database).await?;
        }
        // Whoever refers to a row without a place has none either, and so on.
        let mut spaces = gathered.tables.values().flat_map(|staged| staged.groups.iter().flatten());
        let has_pairs = spaces.any(|(_, space)| matches!(space, Space::Paired(_)));
        if has_pairs {
            loop {
                let mut again = false;
                for staged in gathered.tables.values() {
                    again |= lead::refuse_unknown(link, here, staged).await?;
                }
                if !again {
                    break;
                }
            }
        }
        for staged in gathered.tables.values_mut() {
            lead::lead(link, pairs, staged, false).await?;
            lead::compute(link, here, staged).await?;
            refold::refold(link, here, staged).await?;
            let key = table_of(here, staged)?.key.iter().map(|slot| format!("l{slot}")).collect::<Vec<_>>();
            link.batch_execute(&format!("ANALYZE {} ({})", staged.rows_table(), key.join(", "))).await?;
        }
        Ok(drawn)
    }

    /// Rows of a table that was emptied at once, and that nobody named, are gone too.
    async fn take_emptied(&self, here: &Side, gathered: &mut Gathered) -> Result<(), Fault> {
        for place in &gathered.emptied {
            let Some(staged) = gathered.tables.get_mut(place) else { continue };
            let table = table_of(here, staged)?;
            let columns: Vec<String> = table.key.iter().map(|slot| format!("l{slot}")).collect();
            let values: Vec<String> =
                table.key.iter().filter_map(|slot| table.column(*slot)).map(decide::printed).collect();
            let rows = staged.rows_table();
            let added = self
                .link
                .execute(
                    &format!(
                        "INSERT INTO {rows} (id, first, grp, linked, born, gone, m, {})
                         SELECT {} + row_number() OVER (), 0, 0, false, false, true, repeat('0', {})::varbit, {}
                         FROM {} AS h WHERE NOT EXISTS (SELECT FROM {rows} AS s WHERE {})",
                        columns.join(", "),
                        staged.rows,
                        3 * staged.slots(),
                        values.join(", "),
                        table.only(),
                        decide::by_key(table),
                    ),
                    &[],
                )
                .await?;
            staged.rows += added;
        }
        Ok(())
    }

    /// Decides every row; how many got another key because theirs is taken here.
    async fn decide(&self, here: &Side, pairs: &mut Pairs<'_>, gathered: &Gathered) -> Result<u64, Fault> {
        let link = self.link;
        let mut drawn = 0;
        loop {
            let mut again = Vec::new();
            for staged in gathered.tables.values() {
                let table = table_of(here, staged)?;
                let is_reused = gathered.reused.contains(&staged.place);
                let sql = decide::statement(table, staged, self.natives, is_reused);
                link.batch_execute(&sql).await?;
                if decide::may_draw(table, self.natives, is_reused) {
                    let asks =
                        format!("SELECT EXISTS (SELECT FROM {} WHERE fate = 'w')", staged.decided_table());
                    if link.query_one(&asks, &[]).await?.get(0) {
                        again.push(staged);
                    }
                }
                self.pace.check("compare recorded writes with the put-back database")?;
            }
            if again.is_empty() {
                break;
            }
            for staged in again {
                drawn += self.draw_anew(here, pairs, staged).await?;
            }
            pairs.count().await?;
            for staged in gathered.tables.values() {
                lead::lead(link, pairs, staged, true).await?;
                link.batch_execute(&format!("DROP TABLE {}", staged.decided_table())).await?;
            }
        }
        for staged in gathered.tables.values() {
            link.batch_execute(&format!("ANALYZE {} (id, tid, fate)", staged.decided_table())).await?;
        }
        Ok(drawn)
    }

    /// Draws another key for rows whose key another row has here.
    async fn draw_anew(&self, here: &Side, pairs: &Pairs<'_>, staged: &Staged) -> Result<u64, Fault> {
        let table = table_of(here, staged)?;
        let (Some(key), Some(drawing)) = (table.single_key(), pairs.drawing(here, staged).await?) else {
            return Err(lost("draw a key for a row whose key is taken"));
        };
        Ok(self
            .link
            .execute(
                &format!(
                    "INSERT INTO pg_temp.backout_pair
                     SELECT {}, l{key}, ({drawing})::text, true FROM (
                       SELECT l{key}, row_number() OVER (ORDER BY first, id) AS backout_nth
                       FROM {} WHERE fate = 'w') AS q
                     ON CONFLICT (space, there) DO UPDATE SET here = excluded.here, drawn = true",
                    literal(&Space::Same(table.name()).name()),
                    staged.decided_table()
                ),
                &[],
            )
            .await?)
    }

    /// Tells of conflicts and of rows without a place, and counts; the numbers of what stays lacking.
    async fn tell(
        &mut self,
        run: &str,
        source: &str,
        here: &Side,
        gathered: &Gathered,
        tallies: &BTreeMap<usize, Tally>,
        winner: Option<Winner>,
    ) -> Result<Vec<u64>, Fault> {
        let link = self.link;
        let mut left = Vec::new();
        link.execute("DELETE FROM _backout.conflict WHERE source = $1", &[&source]).await?;
        for (place, staged) in &gathered.tables {
            let table = table_of(here, staged)?;
            let tally = tallies.get(place).ok_or_else(|| lost("find a table again"))?;
            self.recovered.applied += tally.writes(link, staged, &["i", "u", "d", "n"]).await?;
            self.recovered.already += tally.writes(link, staged, &["e"]).await?;
            self.recovered.unmapped += tally.writes(link, staged, &["x"]).await?;
            if tally.caused == 0 && !tally.has("x") {
                continue;
            }
            let query = told::query(staged, table, "d.cause IS NOT NULL OR d.fate = 'x'");
            let rows = link.query_raw(&query, std::iter::empty::<String>()).await?;
            let mut rows = Box::pin(rows);
            let mut open = Vec::new();
            while let Some(row) = rows.next().await {
                let telling = Telling::of(&row?, staged, table);
                let first = telling.numbers.first().copied().unwrap_or_default();
                match telling.named(table, winner) {
                    Some(conflict) => {
                        self.recovered.push_conflict(conflict);
                        self.told.tell(Topic::Conflicts, first, &telling.conflict(table, run, winner))?;
                        if telling.is_open() {
                            left.extend(&telling.numbers);
                            open.push(telling);
                        }
                    }
                    None => {
                        left.extend(&telling.numbers);
                        self.told.tell(Topic::Unmapped, first, &telling.unmapped(table, run))?;
                    }
                }
            }
            drop(rows);
            keep_open(link, source, &table.name().sql(), &open).await?;
        }
        Ok(left)
    }

    /// Puts down which changes are settled now.
    async fn put_down(
        &self,
        source: &str,
        taken: Ranges,
        gathered: &Gathered,
        left: Vec<u64>,
    ) -> Result<(), Fault> {
        let Some(span) = gathered.span else { return Ok(()) };
        let mut but = gathered.left.clone();
        but.extend(left);
        let now = taken.with_span_but(span, &but);
        ledger::write(self.link, source, &now).await
    }

    /// The maps of keys that were used, for people.
    async fn write_maps(&mut self, pairs: &Pairs<'_>) -> Result<(), Fault> {
        for (table, space) in pairs.used() {
            let mut paper = Paper::new(&self.order.folder, &format!("keys-{}.csv", file_name(&table)))
                .map_err(on_paper)?;
            paper.write(&csv_line(["key recorded", "key here"])).map_err(on_paper)?;
            let query =
                "SELECT there, here FROM pg_temp.backout_pair WHERE space = $1 ORDER BY there COLLATE \"C\"";
            let mut rows = Box::pin(self.link.query_raw(query, [space.clone()]).await?);
            while let Some(row) = rows.next().await {
                let row = row?;
                paper.write(&csv_line([row.get::<_, &str>(0), row.get::<_, &str>(1)])).map_err(on_paper)?;
            }
            self.maps.insert(paper.finish().map_err(on_paper)?);
        }
        Ok(())
    }
}
