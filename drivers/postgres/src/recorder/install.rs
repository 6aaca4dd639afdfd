//! Puts a recorder into a live database, and renews it.

use backout_contract::{DriverError, ErrorKind};
use backout_core::writes::{Coverage, Gap, Occasion};
use tokio_postgres::error::SqlState;

use super::config::By;
use super::coverage::{self, Facts};
use super::objects;
use super::order::Order;
use super::patience::{patiently, whole};
use super::remove::clear;
use super::slot::{self, Publication, Slot, bytes};
use super::stamps;
use super::standing::{self, CUTOVER, EVERY_TABLE, Here, Standing, Way, signed};
use super::tables::Found;
use super::triggers;
use crate::server::{Fault, Link, literal};

/// Of what a restored copy is one.
pub(super) struct Copied {
    pub(super) system: String,
    pub(super) next: u64,
}

/// Puts a recorder in place over every table, or renews it, and proves it.
pub(super) async fn arm(link: &mut Link, order: &Order<'_>, occasion: Occasion) -> Result<Coverage, Fault> {
    if order.config.by == By::Timestamps {
        clear(link, order).await?;
        return stamps::coverage(link, order).await;
    }
    let standing = Standing::look(&link.client).await?;
    if let Some(standing) = standing.as_ref().filter(|standing| !standing.is_of_elsewhere()) {
        refuse_anothers(standing, order)?;
    }
    let usable = match &standing {
        Some(standing) => usable(link, order, standing).await?,
        None => Err("recording was not begun".to_owned()),
    };
    let mut coverage = match (&standing, usable) {
        (Some(standing), Ok(())) => {
            renew(link, order, standing, occasion).await?;
            proven(link, order).await?
        }
        (Some(standing), Err(why)) if !standing.is_of_elsewhere() => {
            let gap = Gap {
                table: EVERY_TABLE.to_owned(),
                why: format!("{why}; recording was begun anew at {}", now(link).await?),
            };
            begin(link, order, occasion, &[gap], None).await?
        }
        _ => begin(link, order, occasion, &[], None).await?,
    };
    let_go(link, order, &mut coverage).await?;
    Ok(coverage)
}

fn refuse_anothers(standing: &Standing, order: &Order<'_>) -> Result<(), DriverError> {
    if standing.component == order.context.component.as_str() {
        return Ok(());
    }
    let name = backout_kit::path_text::encode(std::ffi::OsStr::new(&standing.component));
    Err(DriverError::new(ErrorKind::Config, format!("put recorders into {}", order.address.shown()))
        .caused_by(format!("the component {name} records this database already"))
        .hint("let one component stand for the whole database, or `disarm` the other")
        .nothing_happened())
}

/// Whether a recorder can go on; else why not.
async fn usable(link: &Link, order: &Order<'_>, standing: &Standing) -> Result<Result<(), String>, Fault> {
    let wanted = match order.config.by {
        By::Slot => Some(Way::Slot),
        By::Triggers => Some(Way::Triggers),
        By::Auto | By::Timestamps => None,
    };
    if wanted.is_some_and(|wanted| wanted != standing.way) {
        return Ok(Err("what records was changed".to_owned()));
    }
    if let Some(why) = &standing.let_go {
        return Ok(Err(why.clone()));
    }
    Ok(match standing.way {
        _ if standing.is_of_elsewhere() => Err("it came along with a copy".to_owned()),
        Way::Slot => match Slot::look(&link.client, &standing.slot.clone().unwrap_or_default()).await? {
            None => Err("its slot was gone, and with it what was recorded".to_owned()),
            Some(_) if !Publication::look(link).await?.is_there => {
                Err("the recorder's publication was dropped, so that nobody can read what was recorded"
                    .to_owned())
            }
            Some(slot) => slot.fault(standing).map_or(Ok(()), |why| Err(why.to_owned())),
        },
        Way::Triggers if triggers::are_there(&link.client).await? => Ok(()),
        Way::Triggers => Err("what was recorded was gone".to_owned()),
    })
}

/// Begins anew, in the way that is wanted or works.
pub(super) async fn begin(
    link: &mut Link,
    order: &Order<'_>,
    occasion: Occasion,
    interrupted: &[Gap],
    copied: Option<&Copied>,
) -> Result<Coverage, Fault> {
    clear(link, order).await?;
    if order.config.by == By::Timestamps {
        return stamps::coverage(link, order).await;
    }
    let ways: &[Way] = match order.config.by {
        By::Slot => &[Way::Slot],
        By::Triggers => &[Way::Triggers],
        By::Auto | By::Timestamps => &[Way::Slot, Way::Triggers],
    };
    let mut why_not = None;
    if ways.len() > 1 {
        why_not = no_slot(link).await?;
    }
    for way in ways.iter().skip(usize::from(why_not.is_some())) {
        match begin_by(link, order, *way, occasion, interrupted, copied).await {
            Ok(()) => {
                let mut coverage = proven(link, order).await?;
                if let Some(why) = why_not {
                    coverage.notes.push(format!("no replication slot is used: {why}"));
                }
                return Ok(coverage);
            }
            Err(fault) if *way != Way::Triggers && ways.len() > 1 && is_a_refusal(&fault) => {
                why_not = Some(fault.while_doing("make a replication slot").chain());
                clear(link, order).await?;
            }
            Err(fault) => return Err(advised(fault, *way, order)),
        }
    }
    Ok(Coverage::default())
}

/// Why a slot would not work here, as far as a look tells.
async fn no_slot(link: &Link) -> Result<Option<String>, Fault> {
    let sql = "SELECT pg_catalog.current_setting('wal_level'), r.rolsuper OR r.rolreplication
          OR coalesce((SELECT pg_catalog.bool_or(pg_catalog.pg_has_role(m.oid, 'MEMBER')) FROM pg_catalog.pg_roles m
                       WHERE m.rolname IN ('rds_replication', 'cloudsqlsuperuser', 'azure_pg_admin')), false),
          (SELECT count(*) FROM pg_catalog.pg_replication_slots) < pg_catalog.current_setting('max_replication_slots')::bigint
        FROM pg_catalog.pg_roles r WHERE r.rolname = current_user";
    let row = link.query_one(sql, &[]).await?;
    let level: &str = row.get(0);
    Ok(if level != "logical" {
        Some(format!("wal_level is {level}, not logical"))
    } else if !row.get::<_, bool>(1) {
        Some("our role has no right to replicate (REPLICATION)".to_owned())
    } else if !row.get::<_, bool>(2) {
        Some("all slots that max_replication_slots allows are taken".to_owned())
    } else {
        None
    })
}

fn is_a_refusal(fault: &Fault) -> bool {
    let codes = [
        SqlState::INSUFFICIENT_PRIVILEGE,
        SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
        SqlState::CONFIGURATION_LIMIT_EXCEEDED,
    ];
    fault.code().is_some_and(|code| codes.contains(code))
}

fn advised(fault: Fault, way: Way, order: &Order<'_>) -> Fault {
    let is_refusal = is_a_refusal(&fault);
    let error = fault.while_doing(format!("put recorders into {}", order.address.shown()));
    Fault::Said(match way {
        Way::Slot if is_refusal => error.hint(
            "a slot needs wal_level = logical, room in max_replication_slots, and a role with REPLICATION that may create in the database and owns its tables; or say `recorder: {by: triggers}`",
        ),
        Way::Triggers if is_refusal => {
            error.hint("triggers need a role that may create a schema in the database and has TRIGGER on its tables")
        }
        _ => error,
    })
}

async fn begin_by(
    link: &mut Link,
    order: &Order<'_>,
    way: Way,
    occasion: Occasion,
    interrupted: &[Gap],
    copied: Option<&Copied>,
) -> Result<(), Fault> {
    let here = Here::look(&link.client).await?;
    whole(link, objects::MADE).await?;
    backout_kit::failpoint!("postgres-recorder-objects");
    if way == Way::Slot {
        slot::publish(link, &Publication::look(link).await?).await?;
    }
    put_on_tables(link, order, way).await?;
    backout_kit::failpoint!("postgres-recorder-on-tables");
    let mut confirmed = None;
    if way == Way::Slot {
        confirmed = Some(slot::make(link, &here.slot(), order).await?);
    }
    backout_kit::failpoint!("postgres-recorder-slot");
    // What is not visible to a state that was looked at after this transaction had ended was committed later, and so is
    // recorded.
    let sql = format!(
        "INSERT INTO _backout.recorder (format, nonce, kind, component, system, database, slot, confirmed, began,
                                        copied_system, copied_next)
         VALUES ({format}, pg_catalog.replace(pg_catalog.gen_random_uuid()::text, '-', ''), {kind}, {component}, {system},
                 {database}, {slot}, {confirmed}, pg_catalog.pg_current_xact_id()::text::bigint, {copied_system},
                 {copied_next});
         {era}",
        format = objects::FORMAT,
        kind = literal(way.word()),
        component = literal(order.context.component.as_str()),
        system = literal(&here.system),
        database = here.database,
        slot = if way == Way::Slot { literal(&here.slot()) } else { "NULL".to_owned() },
        confirmed = confirmed.map_or_else(|| "NULL".to_owned(), |at| format!("'{:X}/{:X}'", at >> 32, at & 0xffff_ffff)),
        copied_system = copied.map_or_else(|| "NULL".to_owned(), |copied| literal(&copied.system)),
        copied_next = copied.map_or_else(|| "NULL".to_owned(), |copied| signed(copied.next).to_string()),
        era = era(standing::word(occasion), interrupted),
    );
    whole(link, &sql).await
}

/// The statement that begins an era.
fn era(word: &str, interrupted: &[Gap]) -> String {
    let interrupted = serde_json::to_string(interrupted).unwrap_or_else(|_| "[]".to_owned());
    format!(
        "INSERT INTO _backout.era (era, occasion, transaction, snapshot, interrupted)
         SELECT coalesce(max(era), 0) + 1, {}, pg_catalog.pg_current_xact_id()::text::bigint,
                pg_catalog.pg_current_snapshot()::text, {}::jsonb FROM _backout.era",
        literal(word),
        literal(&interrupted)
    )
}

/// Puts the recorder on every table that it is not on. A table that others hold on to stops it.
async fn put_on_tables(link: &Link, order: &Order<'_>, way: Way) -> Result<(), Fault> {
    if way == Way::Triggers {
        triggers::make(link, order).await?;
    } else {
        triggers::make_for_slot(link, order).await?;
    }
    let tells = triggers::needs_teller(order);
    // Partitions come last: a trigger on the table at their top is put on them with it.
    for pass in [false, true] {
        let facts = Facts::look(link, order).await?;
        let of_pass = facts.tables.values().filter(|table| table.root.is_some() == pass);
        for table in of_pass.filter(|table| table.obstacle(way).is_none()) {
            if facts.lacks(table, way, order).is_none() && !facts.misses_emptying(table, way) {
                continue;
            }
            let statements = statements(table, &facts, way, tells);
            patiently(link, order, &table.name, &statements).await?;
        }
    }
    Ok(())
}

/// What puts the recorder on a table, whole or not at all.
fn statements(table: &Found, facts: &Facts, way: Way, tells: bool) -> String {
    let (mut sql, mut identity) = (String::new(), 'f');
    if way == Way::Slot {
        sql += &table.published_by(facts.publication.tables.get(&table.oid).copied());
        identity = table.identity;
    }
    let emptying = triggers::wanted_for_emptying(table).filter(|_| way == Way::Slot);
    for (_, statement) in triggers::wanted(table, way, tells).into_iter().chain(emptying) {
        sql += &statement;
    }
    let index = table.identity_index.as_ref().filter(|_| identity == 'i');
    sql += &format!(
        "INSERT INTO _backout.table_recorded (relation, table_schema, table_name, identity, identity_index, since)
         VALUES ({}, {}, {}, {}, {}, pg_catalog.pg_current_xact_id()::text::bigint)
         ON CONFLICT (relation) DO UPDATE SET since = excluded.since,
             identity = CASE excluded.identity WHEN 'f' THEN table_recorded.identity ELSE excluded.identity END,
             identity_index = CASE excluded.identity WHEN 'f' THEN table_recorded.identity_index
                                                     ELSE excluded.identity_index END",
        table.oid,
        literal(&table.name.schema),
        literal(&table.name.name),
        literal(&identity.to_string()),
        index.map_or_else(|| "NULL".to_owned(), |index| literal(index)),
    );
    sql
}

/// Sets the recorder right that stands there, and begins an era where there is a reason to.
async fn renew(
    link: &mut Link,
    order: &Order<'_>,
    standing: &Standing,
    occasion: Occasion,
) -> Result<(), Fault> {
    let facts = Facts::look(link, order).await?;
    let mut interrupted = Vec::new();
    let mut is_as_it_should = true;
    let sql = "SELECT relation FROM _backout.table_recorded";
    let known: Vec<u32> = link.query(sql, &[]).await?.iter().map(|row| row.get(0)).collect();
    for table in facts.tables.values() {
        if table.obstacle(standing.way).is_some() || facts.lacks(table, standing.way, order).is_none() {
            continue;
        }
        is_as_it_should = false;
        if occasion == Occasion::CutoverAtRest {
            continue;
        }
        let was_known = known.contains(&table.oid);
        if was_known || (table.holds_rows() && holds_rows(link, table).await) {
            let why = if was_known { "its recorder was gone" } else { "it had no recorder yet" };
            interrupted.push(table.gap(format!(
                "{why} until {}: what was written meanwhile is not recorded",
                now(link).await?
            )));
        }
    }
    if standing.way == Way::Slot {
        slot::publish(link, &facts.publication).await?;
        if facts.publication.is_there && !facts.publication.is_whole {
            is_as_it_should = false;
            let why =
                "the recorder's publication was altered: not every kind of write was recorded meanwhile";
            interrupted.push(Gap { table: EVERY_TABLE.to_owned(), why: why.to_owned() });
        }
    }
    put_on_tables(link, order, standing.way).await?;
    let is_cut_over = standing.eras.last().is_some_and(|era| era.occasion == CUTOVER);
    let goes_on = occasion == Occasion::Arm || is_cut_over;
    // By these names a copy finds what its tables were.
    let mut sql = String::from(
        "UPDATE _backout.table_recorded t SET table_schema = n.nspname, table_name = c.relname
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE c.oid = t.relation AND (t.table_schema, t.table_name) IS DISTINCT FROM (n.nspname::text, c.relname::text);",
    );
    if occasion == Occasion::CutoverAtRest {
        // What an earlier cutover had to take for a gap was none; what is gone as a whole stays one.
        sql += "UPDATE _backout.era SET interrupted = coalesce((SELECT pg_catalog.jsonb_agg(gap)
                    FROM pg_catalog.jsonb_array_elements(interrupted) gap WHERE gap->>'table' = 'every table'), '[]')
                WHERE occasion = 'cutover';";
    }
    if !(goes_on && is_as_it_should) {
        sql += &era(standing::word(occasion), &interrupted);
    }
    whole(link, &sql).await
}

/// Whether a table has rows; so too where we may not look.
async fn holds_rows(link: &Link, table: &Found) -> bool {
    let sql = format!("SELECT EXISTS (SELECT FROM ONLY {})", table.name.sql());
    link.query_one(&sql, &[]).await.map_or(true, |row| row.get(0))
}

/// What a look tells, and that a write of ours comes through.
async fn proven(link: &mut Link, order: &Order<'_>) -> Result<Coverage, Fault> {
    let Some(standing) = Standing::look(&link.client).await? else { return Ok(Coverage::default()) };
    let works = match standing.way {
        Way::Slot => {
            let sql = "INSERT INTO _backout.mark (what) VALUES ('proof') RETURNING transaction";
            let transaction: i64 = link.query_one(sql, &[]).await?.get(0);
            let name = standing.slot.clone().unwrap_or_default();
            slot::end(link, true).await?;
            slot::shows(link, &name, standing::unsigned(transaction)).await?
        }
        Way::Triggers => triggers::works(link).await?,
    };
    let mut coverage = coverage::of(link, order).await?.unwrap_or_default();
    if !works {
        coverage.covered.clear();
        let why = "a write that was made for proof was not recorded";
        coverage.uncovered.push(Gap { table: EVERY_TABLE.to_owned(), why: why.to_owned() });
    }
    Ok(coverage)
}

/// Beyond its cap a slot is dropped: the server's disk belongs to the writers.
async fn let_go(link: &Link, order: &Order<'_>, coverage: &mut Coverage) -> Result<(), Fault> {
    let Some(standing) = Standing::look(&link.client).await? else { return Ok(()) };
    let (Way::Slot, Some(name)) = (standing.way, &standing.slot) else { return Ok(()) };
    let Some(slot) = Slot::look(&link.client, name).await? else { return Ok(()) };
    let cap = order.config.cap(By::Slot);
    if slot.held <= cap {
        return Ok(());
    }
    let why = format!(
        "the recorder let go at {}: the server kept {} of its log for it, over the cap of {}; let `recorder.cap` be higher and arm again",
        now(link).await?,
        bytes(slot.held),
        bytes(cap)
    );
    link.execute("UPDATE _backout.recorder SET let_go = $1", &[&why]).await?;
    slot::drop_it(link, name, standing.here.database).await?;
    coverage.covered.clear();
    coverage.uncovered = vec![Gap { table: EVERY_TABLE.to_owned(), why }];
    Ok(())
}

async fn now(link: &Link) -> Result<String, Fault> {
    let sql = "SELECT pg_catalog.to_char(pg_catalog.clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')";
    Ok(link.query_one(sql, &[]).await?.get(0))
}
