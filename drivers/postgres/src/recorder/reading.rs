//! Counts what was recorded, hands it out, and puts it away.

use backout_contract::DriverError;
use backout_core::checkpoint::DataPart;
use backout_core::writes::{Counted, Gap, SealedWrites};
use futures_util::StreamExt;

use super::changes::Changes;
use super::config::By;
use super::coverage;
use super::judge::Judge;
use super::order::Order;
use super::scribe::{Keep, Scribe, Told};
use super::sealed::{Header, Reader, Written};
use super::slot::{self, Slot};
use super::snapshot::{Since, Snapshot};
use super::standing::{EVERY_TABLE, Standing, Way};
use super::{Reading, captured, chain, stamps, triggers};
use crate::our_side::of_vault;
use crate::recover::{self, Merge};
use crate::server::{Fault, Link};
use crate::state::State;

/// What was drained of a recorder, and why not all of it.
struct Drained {
    header: Header,
    told: Told,
    gaps: Vec<Gap>,
    /// Partitions that were emptied: nobody knows of which rows, and nothing is missing that could be read.
    emptied: Vec<Gap>,
}

/// Something that concerns every table.
pub(super) fn gap(why: impl Into<String>) -> Gap {
    Gap { table: EVERY_TABLE.to_owned(), why: why.into() }
}

/// Reads a recorder from its beginning up to this moment.
async fn drain(
    link: &Link,
    order: &Order<'_>,
    standing: &Standing,
    since: &Since,
    keep: Keep,
    flush: bool,
) -> Result<Drained, Fault> {
    let mut gaps = Vec::new();
    let end = match standing.way {
        Way::Slot => slot::end(link, flush).await?,
        Way::Triggers => 0,
    };
    let header = standing.header(link, order, end).await?;
    let scratch = &order.context.scratch;
    let mut scribe = Scribe::new(&header, since, keep, scratch)?;
    match standing.way {
        _ if standing.is_of_elsewhere() || standing.let_go.is_some() => {}
        Way::Slot => {
            let name = standing.slot.clone().unwrap_or_default();
            let slot = Slot::look(&link.client, &name).await?;
            if slot.is_some_and(|slot| slot.fault(standing).is_none()) {
                match slot::drain(link, &name, end, order, &mut scribe).await {
                    Ok(()) => {}
                    Err(fault) if slot::is_lost(&fault) => {
                        let why = fault.while_doing("read what was recorded").chain();
                        gaps.push(gap(format!("what was recorded can no longer be read ({why})")));
                        scribe = Scribe::new(&header, since, keep, scratch)?;
                    }
                    Err(fault) => return Err(fault),
                }
            }
        }
        Way::Triggers => {
            if triggers::are_there(&link.client).await? {
                captured::drain(link, order, &mut scribe).await?;
            }
        }
    }
    let told = scribe.end(link).await?;
    let emptied = match standing.way {
        Way::Slot => emptied(link, &Judge::new(&header, since)?, &told).await?,
        Way::Triggers => Vec::new(),
    };
    Ok(Drained { header, told, gaps, emptied })
}

/// Partitions that users emptied by themselves; where all of the table was emptied, that is told.
async fn emptied(link: &Link, judge: &Judge, told: &Told) -> Result<Vec<Gap>, Fault> {
    let mut gaps = Vec::new();
    for (transaction, partition, top) in triggers::emptied(&link.client).await? {
        let verdict = judge.of(transaction);
        if verdict.is_wanted && verdict.is_of_users() && !top.is_some_and(|top| told.emptied.contains(&top)) {
            let why = "this partition was emptied (TRUNCATE): how many rows that took away is not known, and nothing takes it over";
            gaps.push(Gap { table: partition.to_string(), why: why.to_owned() });
        }
    }
    Ok(gaps)
}

/// Counts what `target` lacks of what runs have sealed since and of what is held now, and seals all of the latter where
/// that is wanted.
pub(super) async fn count(
    link: &mut Link,
    order: &Order<'_>,
    target: &State,
    merge: Option<&Merge>,
    earlier: &[SealedWrites],
    seals: bool,
) -> Result<Option<(Counted, Vec<DataPart>)>, Fault> {
    if order.config.by == By::Timestamps {
        return Ok(Some((stamps::count(link, order, target).await?, Vec::new())));
    }
    let since = Since::of(&target.taken)?;
    let standing = Standing::look(&link.client).await?;
    let live = standing.as_ref().map(|standing| standing.nonce.as_str());
    let mut chain = chain::fetch_all(order, earlier, live).await?;
    let coverage = match coverage::of(link, order).await? {
        Some(coverage) => coverage,
        None if chain.files.is_empty() => return Ok(None),
        None => coverage::nothing("its recorder was taken away, with what it held"),
    };
    let mut gaps = coverage.uncovered;
    gaps.append(&mut chain.gaps);
    let mut told = Told::default();
    for (place, file) in chain.files.iter_mut().enumerate() {
        gaps.extend(missing(&file.header, &since, place > 0));
        told = told.and(chain::count(file, &since, order)?);
    }
    let mut data = Vec::new();
    let mut written = None;
    if let Some(standing) = standing {
        // What is visible now has its place in the log before the end that is fixed next.
        let visible: String =
            link.query_one("SELECT pg_catalog.pg_current_snapshot()::text", &[]).await?.get(0);
        let keep = match (seals, merge) {
            (true, _) => Keep::All,
            (false, Some(_)) => Keep::Wanted,
            (false, None) => Keep::Nothing,
        };
        let mut drained = drain(link, order, &standing, &since, keep, seals).await?;
        gaps.extend(drained.gaps);
        gaps.extend(drained.emptied);
        gaps.extend(missing(&drained.header, &since, !chain.files.is_empty()));
        gaps.extend(let_go(link, &standing).await?);
        gaps.extend(prepared(link).await?);
        written = drained.told.written.take();
        told = told.and(drained.told);
        if seals {
            if let Some(written) = &written {
                data.push(put_away(order, written).await?);
            }
            link.execute("UPDATE _backout.recorder SET sealed = $1", &[&visible]).await?;
        }
    }
    let unclear = "it was emptied (TRUNCATE): how many rows that took away is not known";
    gaps.extend(told.emptied.iter().map(|table| Gap { table: table.to_string(), why: unclear.to_owned() }));
    gaps.sort();
    gaps.dedup();
    let mut tables = told.tables;
    tables.retain(|table, _| !order.config.leaves_out(table));
    if let Some(merge) = merge {
        let files = chain.files.into_iter().map(Reader::again);
        let live = written.map(Reader::open);
        let changes = all_changes(files.chain(live), &since)?;
        for (table, judged) in recover::judge(link, target, merge, changes, &order.pace).await? {
            if let Some(writes) = tables.get_mut(&table) {
                writes.unmapped = judged.unmapped;
                writes.misfits = judged.misfits;
            }
        }
    }
    let tables = tables.into_values().collect();
    Ok(Some((Counted { tables, gaps, notes: coverage.notes }, data)))
}

/// What a recorder did not see of what a state lacks.
fn missing(header: &Header, since: &Since, follows: bool) -> Vec<Gap> {
    let mut gaps = header.interruptions(since);
    if !header.tells(since, follows) {
        gaps.push(gap("recording began only after that state was saved"));
    }
    gaps
}

/// What triggers no longer kept.
async fn let_go(link: &Link, standing: &Standing) -> Result<Option<Gap>, Fault> {
    if standing.way != Way::Triggers || !triggers::are_there(&link.client).await? {
        return Ok(None);
    }
    let missed = triggers::missed(&link.client).await?;
    let writes = if missed == 1 { "1 write was".to_owned() } else { format!("{missed} writes were") };
    let why = "let go, because the recorder had reached its cap or a row was too long";
    Ok((missed > 0).then(|| gap(format!("{writes} {why}"))))
}

/// The changes of all of them, one after the other.
fn all_changes(
    files: impl Iterator<Item = Result<Reader, DriverError>>,
    since: &Since,
) -> Result<recover::Changes<'static>, DriverError> {
    let mut all: recover::Changes<'static> = Box::pin(futures_util::stream::empty());
    for file in files {
        let changes = Changes::new(file?, since)?;
        all = Box::pin(all.chain(futures_util::stream::iter(changes)));
    }
    Ok(all)
}

/// Writes that nobody can see yet, and that will be there once somebody says so.
async fn prepared(link: &Link) -> Result<Vec<Gap>, Fault> {
    let sql =
        "SELECT count(*) FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database()";
    let count: i64 = link.query_one(sql, &[]).await?.get(0);
    let why = "transactions stand prepared here (PREPARE TRANSACTION): what they wrote is recorded once they are committed";
    Ok(if count > 0 { vec![gap(format!("{count} {why}"))] } else { Vec::new() })
}

async fn put_away(order: &Order<'_>, written: &Written) -> Result<DataPart, DriverError> {
    let put = order.context.vault.put_file(&written.path).await;
    let (blob, bytes) = put.map_err(|error| of_vault("put recorded writes into the vault", error))?;
    Ok(DataPart { name: super::SEALED_NAME.to_owned(), blob, bytes })
}

fn reading(written: Written, since: &Since) -> Result<Reading, DriverError> {
    let reader = Reader::open(written)?;
    let (source, database) = (reader.header.nonce.clone(), reader.header.database);
    let changes = Changes::new(reader, since)?;
    Ok(Reading { source, database, changes: Box::pin(futures_util::stream::iter(changes)) })
}

/// Takes what was sealed out of the vault, into a private file.
pub(super) async fn fetch(part: &DataPart, order: &Order<'_>) -> Result<Written, DriverError> {
    let written = Written::expected(&order.context.scratch, part.bytes)?;
    let taken = order.context.vault.get_file(&part.blob, &written.path).await;
    taken.map_err(|error| of_vault("take recorded writes out of the vault", error))?;
    Ok(written)
}

pub(super) async fn sealed(
    part: &DataPart,
    order: &Order<'_>,
    since: &Since,
) -> Result<Reading, DriverError> {
    reading(fetch(part, order).await?, since)
}

pub(super) async fn live(link: &Link, order: &Order<'_>, since: &Since) -> Result<Option<Reading>, Fault> {
    let Some(standing) = Standing::look(&link.client).await? else { return Ok(None) };
    let drained = drain(link, order, &standing, since, Keep::Wanted, false).await?;
    if let Some(gap) = drained.gaps.first() {
        return Err(DriverError::new(backout_contract::ErrorKind::Unreadable, "read what was recorded")
            .caused_by(gap.why.clone())
            .nothing_happened()
            .into());
    }
    Ok(drained.told.written.map(|written| reading(written, since)).transpose()?)
}

/// Whether there are writes of users that were not put into the vault.
pub(super) async fn unread(link: &Link, order: &Order<'_>) -> Result<bool, Fault> {
    let Some(standing) = Standing::look(&link.client).await? else { return Ok(false) };
    if standing.is_of_elsewhere() {
        return Ok(false);
    }
    let since = match &standing.sealed {
        None => Since::Everything,
        Some(snapshot) => Since::State {
            system: standing.system.clone(),
            database: standing.database,
            snapshot: Snapshot::parse(snapshot)?,
        },
    };
    let drained = drain(link, order, &standing, &since, Keep::Nothing, true).await?;
    Ok(drained.told.tables.values().any(|writes| writes.users().sum() > 0))
}
