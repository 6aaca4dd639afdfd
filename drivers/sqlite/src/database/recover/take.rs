//! Takes lacking writes over into the put-back database, all within one transaction: killed anywhere, all of it is
//! there or nothing.

use std::collections::{BTreeMap, HashSet};

use backout_contract::{DriverError, ErrorKind, RecoverOrder};
use backout_core::writes::Recovered;
use backout_kit::paper;
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::apply::Applying;
use super::config::Merge;
use super::displaced::Displaced;
use super::feeders::Feeders;
use super::foreign::Loose;
use super::gather::{self, Gathering};
use super::keys::{self, Drawer};
use super::mapping::{Direction, Rules};
use super::mirror::Mirror;
use super::pairs::{Pairs, Space};
use super::replaced::Replaced;
use super::rows::Here;
use super::scratch::{Fate, Scratch};
use super::settle::{Found, Settling};
use super::source::{Entry, Known, Op, Source};
use super::table::Tables;
use super::told::{self, Told, Topic};
use crate::database::place::{Place, stat};
use crate::database::revert;
use crate::fault::{Fault, on_paper};
use crate::pace::Pace;

/// How many statements stay prepared: each table has several.
const STATEMENTS: usize = 512;

/// What taking over needs.
struct Taking<'a> {
    live: &'a Connection,
    merge: &'a Merge,
    order: &'a RecoverOrder,
    pace: &'a Pace,
    told: Told<'a>,
    recovered: Recovered,
    /// Maps of keys that were used, by table.
    maps: BTreeMap<String, Space>,
}

/// Takes over what the displaced databases have and the live one lacks.
pub(super) fn take_over(
    place: &Place,
    merge: &Merge,
    order: &RecoverOrder,
    displaced: &[Displaced],
    pace: &Pace,
) -> Result<Recovered, DriverError> {
    let attempted = format!("take recorded writes over into {}", place.shown);
    let error = |fault: Fault| fault.while_doing(&attempted);
    let mut sources = Vec::new();
    for one in displaced {
        let source = Source::of(&one.connection).map_err(|fault| {
            fault.while_doing(&format!("read what is kept as {}", one.shown)).nothing_happened()
        })?;
        sources.extend(source.map(|source| (one.run.as_str(), source)));
    }
    if sources.is_empty() {
        return Ok(Recovered::default());
    }
    if stat(&place.live)?.is_none() {
        return Err(DriverError::new(ErrorKind::Other, attempted.clone())
            .caused_by("no database is there")
            .nothing_happened());
    }
    let live = open(place).map_err(|fault| error(fault).nothing_happened())?;
    let done = within(&live, merge, order, &sources, pace);
    let recovered = match done {
        Ok(recovered) => recovered,
        Err(fault) => {
            let _ = live.execute_batch("ROLLBACK");
            return Err(error(fault).nothing_happened());
        }
    };
    if let Some(refused) = order.refused(&recovered) {
        let _ = live.execute_batch("ROLLBACK");
        return Err(refused);
    }
    backout_kit::failpoint!("sqlite-recovery-told");
    if let Err(failed) = live.execute_batch("COMMIT") {
        let is_busy = failed.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy);
        let rolled_back = live.execute_batch("ROLLBACK").is_ok();
        let failed = error(failed.into());
        return Err(if is_busy && rolled_back { failed.nothing_happened() } else { failed });
    }
    backout_kit::failpoint!("sqlite-recovered");
    Ok(recovered)
}

/// A connection on which nothing acts but what is asked for.
fn open(place: &Place) -> Result<Connection, Fault> {
    let live = revert::open(place)?;
    live.set_prepared_statement_cache_capacity(STATEMENTS);
    live.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    live.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA synchronous = FULL; BEGIN IMMEDIATE")?;
    Ok(live)
}

fn within(
    live: &Connection,
    merge: &Merge,
    order: &RecoverOrder,
    sources: &[(&str, Source<'_>)],
    pace: &Pace,
) -> Result<Recovered, Fault> {
    let Some(log) = Source::of(live)? else {
        let error = DriverError::new(ErrorKind::BadData, "find the recorder of what was put back")
            .caused_by("it has none, so that nobody could tell what was taken over already")
            .hint("its checkpoint was made before `backout arm`; `writes: review` writes files instead");
        return Err(error.into());
    };
    if let Some((run, _)) = sources.iter().find(|(_, source)| source.nonce != log.nonce) {
        let error =
            DriverError::new(ErrorKind::BadData, format!("tell which writes of run {run} are lacking"))
                .caused_by("what was put back has another recorder than what was displaced")
                .hint("the recorder was disarmed in between; `writes: review` writes files instead");
        return Err(error.into());
    }
    paper::make_folder(&order.folder).map_err(on_paper)?;
    let mut taking = Taking {
        live,
        merge,
        order,
        pace,
        told: Told::new(live)?,
        recovered: Recovered::default(),
        maps: BTreeMap::new(),
    };
    for (at, (run, source)) in sources.iter().enumerate() {
        // What a later one has as well was taken over to it, and is taken from there as it was settled there.
        let mut later = HashSet::new();
        for (_, source) in sources.iter().skip(at + 1) {
            let known = Known::read(source.connection)?;
            later.extend(known.natives);
            later.extend(known.taken.into_keys());
        }
        taking.one(run, source, &log, &later)?;
    }
    taking.recovered.files = taking.told.write(&order.folder)?;
    let maps = std::mem::take(&mut taking.maps);
    taking.recovered.files.extend(maps.into_keys());
    Ok(taking.recovered)
}

impl Taking<'_> {
    fn one(
        &mut self,
        run: &str,
        source: &Source<'_>,
        log: &Source<'_>,
        later: &HashSet<i64>,
    ) -> Result<(), Fault> {
        let (known, there) = (Known::read(self.live)?, Known::read(source.connection)?);
        let lacks = |entry: &Entry| !known.has(entry.identity) && !later.contains(&entry.identity);
        let mut lacking = 0u64;
        source.each(self.pace, &mut |entry| {
            if lacks(entry) {
                lacking += 1;
            } else if known.has(entry.identity) && !known.shares(entry) && entry.op != Op::Settled {
                self.recovered.already += 1;
            }
            Ok(())
        })?;
        if lacking == 0 {
            return Ok(());
        }
        let tables = Tables::read(self.live)?;
        let pairs = Pairs::new(self.live)?;
        let direction =
            keys::direction(self.merge, (source.connection, &source.tables), (self.live, &tables));
        let is_shared = |era: i64| source.shares_era(log, era);
        let rules = Rules::new(&source.tables, &tables, self.merge, direction, &pairs, &is_shared);
        gather::correspond(source, log, &known, &rules, &pairs, self.pace)?;
        keys::add_kept(source.connection, self.merge, direction, true, &pairs)?;
        keys::add_kept(self.live, self.merge, direction, false, &pairs)?;
        let new_side = if direction == Direction::Back { source.connection } else { self.live };
        keys::add_asked(new_side, self.merge, direction, &pairs)?;

        let mut drawer = Drawer::default();
        self.note_keys(source, &rules, &lacks, &mut drawer)?;
        let born = gather::births(
            source,
            &rules,
            &lacks,
            &mut |place, table| drawer.draw(self.live, place, table),
            self.pace,
        )?;
        let (scratch, mirror) = (Scratch::new(self.live)?, Mirror::new(self.live));
        gather::natives(log, &there, &tables, &scratch, self.pace)?;
        let told = &self.told;
        let replaced = Replaced::new(source, &rules, &scratch)?;
        let mut gathering = Gathering {
            source,
            rules: &rules,
            scratch: &scratch,
            mirror: &mirror,
            told,
            replaced: &replaced,
            drawer: &mut drawer,
            run,
        };
        self.recovered.unmapped += gathering.all(&lacks, self.pace)?;

        let here = Here::of(log)?;
        let winner = self.order.winner.or(self.merge.conflicts.winner());
        let mut settling = Settling {
            scratch: &scratch,
            here: &here,
            tables: &tables,
            rules: &rules,
            drawer: &mut drawer,
            winner,
            reused: reused(source, &rules)?,
            pace: self.pace,
        };
        let settled = settling.all()?;
        backout_kit::failpoint!("sqlite-recovery-decided");
        let applying = Applying {
            scratch: &scratch,
            here: &here,
            log,
            tables: &tables,
            loose: &Loose::of(source, &rules),
            winner,
            pace: self.pace,
        };
        let feeders = Feeders::act(self.live)?;
        let refused = applying.all()?;
        drop(feeders);
        self.settle_rest(&here, &scratch, &tables)?;
        // Where nothing was put down, keys that were drawn were drawn for rows that wait.
        if here.has_put_down()? {
            count_on(self.live, &tables, &drawer)?;
            self.keep_keys(&pairs, direction)?;
            self.recovered.keys_drawn += born + settled.keys_drawn;
        }
        backout_kit::failpoint!("sqlite-recovery-applied");

        self.recovered.applied += scratch.count(Fate::Take)?;
        self.recovered.already += scratch.count(Fate::Equal)?;
        self.tell_conflicts(settled.conflicts, refused, &scratch, &tables, run)
    }

    /// No key is drawn that was ever given, here or there.
    fn note_keys(
        &self,
        source: &Source<'_>,
        rules: &Rules<'_>,
        lacks: &gather::Lacks<'_>,
        drawer: &mut Drawer,
    ) -> Result<(), Fault> {
        for (place, table) in rules.here.iter() {
            drawer.look(self.live, place, table)?;
            if table.single_key().is_some() {
                rules.pairs.each(&rules.space_of(&table.name), &mut |_, here| {
                    if let Some(Some(here)) = super::cell::from_list(here)?.first() {
                        drawer.note(place, here);
                    }
                    Ok(())
                })?;
            }
        }
        gather::note_counted(source, rules, drawer)?;
        gather::note_inserted(source, rules, lacks, drawer, self.pace)
    }

    /// Writes that need nothing more are put down as settled, so that they are not lacking any longer.
    fn settle_rest(&self, here: &Here<'_>, scratch: &Scratch<'_>, tables: &Tables) -> Result<(), Fault> {
        here.settle_rest("", None)?;
        for place in scratch.tables()? {
            if let Some(table) = tables.at(place) {
                here.settle_rest(&table.name, Some(place))?;
            }
        }
        Ok(())
    }

    /// Keeps the whole map of keys in the put-back database, and in files.
    fn keep_keys(&mut self, pairs: &Pairs<'_>, direction: Direction) -> Result<(), Fault> {
        self.live.execute_batch(
            "CREATE TABLE IF NOT EXISTS main._backout_keys (tab TEXT NOT NULL, new TEXT NOT NULL,
             old TEXT NOT NULL, PRIMARY KEY (tab, new)) WITHOUT ROWID",
        )?;
        let mut keep = self
            .live
            .prepare("INSERT OR REPLACE INTO main._backout_keys (tab, new, old) VALUES (?1, ?2, ?3)")?;
        for (new_name, rule) in self.merge.tables.iter().filter(|(_, rule)| rule.keys.is_some()) {
            let name_there = match direction {
                Direction::Back => new_name.as_str(),
                Direction::Forth => rule.old_name(new_name),
            };
            let space = Space::Paired(name_there.to_owned());
            if pairs.is_empty(&space) {
                continue;
            }
            let file = told::keys(&self.order.folder, new_name, |then| {
                pairs.each(&space, &mut |there, here| {
                    match direction {
                        Direction::Back => keep.execute((new_name, there, here))?,
                        Direction::Forth => keep.execute((new_name, here, there))?,
                    };
                    then(there, here)
                })
            })?;
            self.maps.insert(file, space);
        }
        Ok(())
    }

    fn tell_conflicts(
        &mut self,
        decided: Vec<Found>,
        refused: Vec<Found>,
        scratch: &Scratch<'_>,
        tables: &Tables,
        run: &str,
    ) -> Result<(), Fault> {
        // What was not admitted after all says more than what was decided before.
        let last: HashSet<i64> = refused.iter().map(|found| found.row).collect();
        let decided = decided.into_iter().filter(|found| !last.contains(&found.row));
        for found in decided.chain(refused) {
            let record = scratch.load(found.row)?;
            let Some(table) = tables.at(record.table) else { continue };
            self.recovered.push_conflict(told::named(&found, &record, table));
            let writes = scratch.identities(found.row)?;
            let line = told::conflict(&found, &record, table, &writes, run);
            // Two rows may share their first write: a change of a key.
            self.told.tell(Topic::Conflicts, writes.first().copied().unwrap_or_default(), &line)?;
        }
        Ok(())
    }
}

/// Tables of which the migration deleted rows; its writes are counted, without images.
fn reused(source: &Source<'_>, rules: &Rules<'_>) -> Result<HashSet<u32>, Fault> {
    let mut query = source
        .connection
        .prepare("SELECT DISTINCT tab FROM main._backout_log WHERE origin = 'migration' AND op = 'd'")?;
    let names = query.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(names.iter().filter_map(|name| rules.here.place(&rules.name_here(name))).collect())
}

/// Moves what `AUTOINCREMENT` counts past everything that was taken over, and everything that was ever given there.
fn count_on(live: &Connection, tables: &Tables, drawer: &Drawer) -> Result<(), Fault> {
    for (place, table) in tables.iter().filter(|(_, table)| table.counts_keys) {
        let Some(highest) = drawer.highest(place).filter(|highest| *highest > 0) else { continue };
        let moved = live.execute(
            "UPDATE main.sqlite_sequence SET seq = max(CAST(seq AS INTEGER), ?2) WHERE name = ?1",
            (&table.name, highest),
        )?;
        if moved == 0 {
            live.execute(
                "INSERT INTO main.sqlite_sequence (name, seq) VALUES (?1, ?2)",
                (&table.name, highest),
            )?;
        }
    }
    Ok(())
}
