//! The look: everything in one read-only snapshot.

use std::collections::{BTreeMap, BTreeSet};

use backout_contract::DriverError;
use tokio_postgres::{GenericClient, IsolationLevel};

use super::aside;
use super::config::ReplicationConfig;
use super::state::{Publication, PublishedTable, ReplicationState, Slot, Subscription};
use crate::server::{Address, Fault, Link, TableName, Version};

/// What is there under the names of the configuration, and what stands aside, by the names it has there.
pub(super) struct Found {
    pub(super) here: ReplicationState,
    pub(super) aside: ReplicationState,
    /// The cluster's number.
    pub(super) system: String,
}

/// Looks, and tells the identity of the database.
pub(super) async fn capture(
    link: &mut Link,
    address: &Address,
    config: &ReplicationConfig,
) -> Result<(String, ReplicationState), DriverError> {
    let version = link.version;
    let attempted = format!("look at the replication of {}", address.shown());
    let work = async {
        let transaction = link
            .build_transaction()
            .isolation_level(IsolationLevel::RepeatableRead)
            .read_only(true)
            .start()
            .await?;
        find(&transaction, version, config).await
    };
    let found = work.await.map_err(|fault: Fault| fault.while_doing(attempted).nothing_happened())?;
    Ok((crate::state::identity(&found.system, address), found.here))
}

/// Looks within a transaction of the caller's.
pub(super) async fn find(
    client: &impl GenericClient,
    version: Version,
    config: &ReplicationConfig,
) -> Result<Found, Fault> {
    let row =
        client.query_one("SELECT system_identifier::text FROM pg_catalog.pg_control_system()", &[]).await?;
    let system: String = row.get(0);
    let (mut here, mut aside) = (ReplicationState::default(), ReplicationState::default());
    let publications = publications(client, version, &names(&config.publications)).await?;
    share_out(
        publications,
        &config.publications,
        "publication",
        &mut here.publications,
        &mut aside.publications,
        &mut here.aside,
    );
    let subscriptions = subscriptions(client, version, &names(&config.subscriptions)).await?;
    share_out(
        subscriptions,
        &config.subscriptions,
        "subscription",
        &mut here.subscriptions,
        &mut aside.subscriptions,
        &mut here.aside,
    );
    let slots = slots(client, version, &names(&config.slots)).await?;
    share_out(slots, &config.slots, "slot", &mut here.slots, &mut aside.slots, &mut here.aside);
    Ok(Found { here, aside, system })
}

fn names(named: &BTreeSet<String>) -> Vec<&str> {
    named.iter().map(String::as_str).collect()
}

fn share_out<T>(
    all: BTreeMap<String, T>,
    named: &BTreeSet<String>,
    what: &str,
    here: &mut BTreeMap<String, T>,
    aside: &mut BTreeMap<String, T>,
    told: &mut BTreeSet<String>,
) {
    for (name, one) in all {
        if named.contains(&name) {
            here.insert(name, one);
        } else if let Some(original) = aside::original(&name, named) {
            told.insert(format!("{what} {original}"));
            aside.insert(name, one);
        }
    }
}

async fn publications(
    client: &impl GenericClient,
    version: Version,
    names: &[&str],
) -> Result<BTreeMap<String, Publication>, Fault> {
    let generated = if version.major() >= 18 { "p.pubgencols::text" } else { "NULL::text" };
    let rows = client
        .query(
            &format!(
                "SELECT p.pubname::text, pg_catalog.pg_get_userbyid(p.pubowner)::text, p.puballtables, p.pubinsert,
                        p.pubupdate, p.pubdelete, p.pubtruncate, p.pubviaroot, {generated}
                 FROM pg_catalog.pg_publication p WHERE p.pubname::text = ANY ($1) OR p.pubname::text LIKE $2"
            ),
            &[&names, &aside::PATTERN],
        )
        .await?;
    let mut found = BTreeMap::new();
    for row in &rows {
        let words = ["insert", "update", "delete", "truncate"].iter().enumerate();
        let publication = Publication {
            owner: row.get(1),
            all_tables: row.get(2),
            publish: words.filter(|(at, _)| row.get(3 + at)).map(|(_, word)| (*word).to_owned()).collect(),
            via_root: row.get(7),
            generated: row
                .get::<_, Option<String>>(8)
                .map(|kind| if kind == "s" { "stored" } else { "none" }.to_owned()),
            tables: BTreeMap::new(),
            schemas: BTreeSet::new(),
        };
        found.insert(row.get::<_, String>(0), publication);
    }
    let (columns, filter) = if version.major() >= 15 {
        (
            "(SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_catalog.pg_attribute a
              WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs::int2[]))",
            "pg_catalog.pg_get_expr(r.prqual, r.prrelid)",
        )
    } else {
        ("NULL::text[]", "NULL::text")
    };
    let rows = client
        .query(
            &format!(
                "SELECT p.pubname::text, n.nspname::text, c.relname::text, {columns}, {filter}
                 FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid
                 JOIN pg_catalog.pg_class c ON c.oid = r.prrelid
                 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
            ),
            &[],
        )
        .await?;
    for row in &rows {
        if let Some(publication) = found.get_mut(row.get::<_, &str>(0)) {
            let table = TableName::new(row.get::<_, String>(1), row.get::<_, String>(2));
            let published = PublishedTable { columns: row.get(3), rows: row.get(4) };
            publication.tables.insert(table.sql(), published);
        }
    }
    if version.major() >= 15 {
        let rows = client
            .query(
                "SELECT p.pubname::text, n.nspname::text FROM pg_catalog.pg_publication_namespace r
                 JOIN pg_catalog.pg_publication p ON p.oid = r.pnpubid
                 JOIN pg_catalog.pg_namespace n ON n.oid = r.pnnspid",
                &[],
            )
            .await?;
        for row in &rows {
            if let Some(publication) = found.get_mut(row.get::<_, &str>(0)) {
                publication.schemas.insert(row.get(1));
            }
        }
    }
    Ok(found)
}

/// An option of a subscription: its column, since which major version, and how its value is written.
type SubscriptionOption = (&'static str, u32, &'static str);

/// Those that can be set.
const OPTIONS: [SubscriptionOption; 7] = [
    ("synchronous_commit", 13, "s.subsynccommit"),
    ("binary", 14, "s.subbinary::text"),
    (
        "streaming",
        14,
        "CASE s.substream::text WHEN 'p' THEN 'parallel' WHEN 't' THEN 'true' WHEN 'true' THEN 'true' ELSE 'false' END",
    ),
    ("disable_on_error", 15, "s.subdisableonerr::text"),
    ("origin", 16, "s.suborigin"),
    ("password_required", 16, "s.subpasswordrequired::text"),
    ("run_as_owner", 16, "s.subrunasowner::text"),
];

/// Those that are chosen when it is made.
const FIXED: [SubscriptionOption; 2] =
    [("two_phase", 15, "(s.subtwophasestate <> 'd')::text"), ("failover", 17, "s.subfailover::text")];

async fn subscriptions(
    client: &impl GenericClient,
    version: Version,
    names: &[&str],
) -> Result<BTreeMap<String, Subscription>, Fault> {
    let columns = |options: &[SubscriptionOption]| -> String {
        let known =
            options.iter().map(|(_, since, sql)| if version.major() >= *since { sql } else { "NULL::text" });
        known.collect::<Vec<_>>().join(", ")
    };
    // Only superusers may read connections, unless they granted it.
    let may: bool = client
        .query_one(
            "SELECT pg_catalog.has_column_privilege('pg_catalog.pg_subscription', 'subconninfo', 'SELECT')",
            &[],
        )
        .await?
        .get(0);
    let connection = if may { "s.subconninfo" } else { "NULL::text" };
    let rows = client
        .query(
            &format!(
                "SELECT s.subname::text, pg_catalog.pg_get_userbyid(s.subowner)::text, s.subenabled, {connection},
                        s.subslotname::text, s.subpublications, {}, {}
                 FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d ON d.oid = s.subdbid
                 WHERE d.datname = pg_catalog.current_database()
                   AND (s.subname::text = ANY ($1) OR s.subname::text LIKE $2)",
                columns(&OPTIONS),
                columns(&FIXED)
            ),
            &[&names, &aside::PATTERN],
        )
        .await?;
    let mut found = BTreeMap::new();
    for row in &rows {
        let values = |options: &[SubscriptionOption], from: usize| -> BTreeMap<String, String> {
            let read = options.iter().enumerate().filter_map(|(at, (name, ..))| {
                Some(((*name).to_owned(), row.get::<_, Option<String>>(from + at)?))
            });
            read.collect()
        };
        let subscription = Subscription {
            owner: row.get(1),
            enabled: row.get(2),
            connection: row.get(3),
            slot: row.get(4),
            publications: row.get::<_, Vec<String>>(5).into_iter().collect(),
            options: values(&OPTIONS, 6),
            fixed: values(&FIXED, 6 + OPTIONS.len()),
        };
        found.insert(row.get::<_, String>(0), subscription);
    }
    Ok(found)
}

async fn slots(
    client: &impl GenericClient,
    version: Version,
    names: &[&str],
) -> Result<BTreeMap<String, Slot>, Fault> {
    let two_phase = if version.major() >= 14 { "s.two_phase" } else { "false" };
    let failover = if version.major() >= 17 { "s.failover" } else { "false" };
    let rows = client
        .query(
            &format!(
                "SELECT s.slot_name::text, s.plugin::text, s.database::text, s.temporary, {two_phase}, {failover}
                 FROM pg_catalog.pg_replication_slots s
                 WHERE s.slot_name::text = ANY ($1) OR s.slot_name::text LIKE $2"
            ),
            &[&names, &aside::PATTERN],
        )
        .await?;
    let of_row = |row: &tokio_postgres::Row| {
        let slot = Slot {
            plugin: row.get(1),
            database: row.get(2),
            temporary: row.get(3),
            two_phase: row.get(4),
            failover: row.get(5),
        };
        (row.get(0), slot)
    };
    Ok(rows.iter().map(of_row).collect())
}
