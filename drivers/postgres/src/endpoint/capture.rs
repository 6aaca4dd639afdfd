//! The look at both sides.

use std::collections::BTreeMap;

use backout_contract::{Context, DriverError};
use tokio_postgres::IsolationLevel;

use super::config::EndpointConfig;
use super::site::{Bears, Site};
use super::state::{EndpointState, Inside, SideState, Which};
use crate::server::{Fault, Link, Pace, TableName};

/// Looks at both sides, side by side.
pub(super) async fn capture(
    config: &EndpointConfig,
    context: &Context,
) -> Result<EndpointState, DriverError> {
    let (old, new) = tokio::join!(look(config, Which::Old, context), look(config, Which::New, context));
    let ((old, _), (new, marked)) = (old?, new?);
    Ok(EndpointState { old, new, marked })
}

/// The same from outside: who is let in, and nothing of what is in.
pub(super) async fn outside(
    config: &EndpointConfig,
    context: &Context,
) -> Result<EndpointState, DriverError> {
    let (old, new) =
        tokio::join!(from_outside(config, Which::Old, context), from_outside(config, Which::New, context));
    let ((_, old, _), (_, new, marked)) = (old?, new?);
    Ok(EndpointState { old, new, marked })
}

async fn from_outside(
    config: &EndpointConfig,
    which: Which,
    context: &Context,
) -> Result<(Site, SideState, bool), DriverError> {
    let site = Site::connect(config, which, context).await?;
    let entry = site.entry().await?;
    let door = site.door(config, &entry).await?;
    let side = SideState { system: site.system().await?, database: entry.oid, door, inside: None };
    Ok((site, side, Bears::of(&entry.note).marked))
}

async fn look(
    config: &EndpointConfig,
    which: Which,
    context: &Context,
) -> Result<(SideState, bool), DriverError> {
    let (site, mut side, marked) = from_outside(config, which, context).await?;
    let entry = site.entry().await?;
    if let Some(mut link) = site.way_in(&entry, &Pace::of(context)).await? {
        side.inside = Some(inside(&mut link, &site).await?);
    }
    Ok((side, marked))
}

/// Everything of a side, in one snapshot.
pub(super) async fn inside(link: &mut Link, site: &Site) -> Result<Inside, DriverError> {
    let attempted = format!("look at {}", site.shown());
    let work = async {
        let transaction = link
            .build_transaction()
            .isolation_level(IsolationLevel::RepeatableRead)
            .read_only(true)
            .start()
            .await?;
        let found = transaction
            .query(
                "SELECT n.nspname::text, c.relname::text,
                        coalesce((SELECT string_agg(quote_ident(a.attname) || ' ' || pg_catalog.format_type(a.atttypid, a.atttypmod)
                                           || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END, ', ' ORDER BY a.attname)
                         FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '')
                 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                 WHERE c.relkind = 'r' AND n.nspname <> '_backout' AND n.nspname <> 'information_schema'
                   AND n.nspname !~ '^pg_'
                   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass
                                   AND d.objid = c.oid AND d.deptype = 'e')",
                &[],
            )
            .await?;
        let (mut tables, mut rows) = (BTreeMap::new(), BTreeMap::new());
        for row in &found {
            let table = TableName::new(row.get::<_, String>(0), row.get::<_, String>(1)).sql();
            // The sum does not depend on the order of rows, nor is it changed by rows that stand there twice.
            let query = format!(
                "SELECT count(*), coalesce(sum(pg_catalog.hashtextextended(t::text, 7)::numeric), 0)::text FROM ONLY {table} t"
            );
            let counted = transaction.query_one(&query, &[]).await?;
            let count = u64::try_from(counted.get::<_, i64>(0)).unwrap_or_default();
            rows.insert(table.clone(), (count, counted.get(1)));
            tables.insert(table, row.get(2));
        }
        let found = transaction
            .query("SELECT s.schemaname::text, s.sequencename::text FROM pg_catalog.pg_sequences s WHERE s.schemaname <> '_backout'", &[])
            .await?;
        let mut sequences = BTreeMap::new();
        for row in &found {
            let name = TableName::new(row.get::<_, String>(0), row.get::<_, String>(1)).sql();
            let query = format!(
                "SELECT CASE WHEN v.is_called THEN v.last_value + s.seqincrement ELSE v.last_value END
                 FROM {name} v, pg_catalog.pg_sequence s WHERE s.seqrelid = $1::text::regclass"
            );
            let value = transaction.query_one(&query, &[&name]).await?;
            sequences.insert(name, value.get(0));
        }
        Ok(Inside { tables, rows, sequences })
    };
    work.await.map_err(|fault: Fault| fault.while_doing(attempted).nothing_happened())
}
