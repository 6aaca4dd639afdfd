//! Takes a recorder out of a database.

use super::objects;
use super::order::Order;
use super::patience::{patiently, whole};
use super::slot;
use super::standing::Here;
use super::triggers;
use crate::server::{Fault, Link, TableName, identifier};

/// Takes the recorder away, and sets back what was set. Whatever is not there is passed over. What stands in our schema
/// besides, about writes that were taken over, stays: it is about what the database has, and no recorder tells it again.
pub(super) async fn clear(link: &Link, order: &Order<'_>) -> Result<(), Fault> {
    let here = Here::look(&link.client).await?;
    // First, and without a word in the log: on a full disk it is what makes room for the rest.
    slot::drop_it(link, &here.slot(), here.database).await?;
    for (oid, stand) in triggers::look(&link.client).await? {
        let sql = "SELECT n.nspname::text, c.relname::text, c.relispartition FROM pg_catalog.pg_class c
                   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1";
        let Some(row) = link.query_opt(sql, &[&oid]).await? else { continue };
        let table = TableName::new(row.get::<_, String>(0), row.get::<_, String>(1));
        // A trigger that came from the table above goes with it.
        let sql = "SELECT tgname::text FROM pg_catalog.pg_trigger WHERE tgrelid = $1 AND tgparentid = 0";
        let own: Vec<String> = link.query(sql, &[&oid]).await?.iter().map(|row| row.get(0)).collect();
        let drops: Vec<String> = stand
            .keys()
            .filter(|name| own.contains(name))
            .map(|name| format!("DROP TRIGGER IF EXISTS {} ON {}", identifier(name), table.sql()))
            .collect();
        if !drops.is_empty() {
            patiently(link, order, &table, &drops.join("; ")).await?;
        }
    }
    // As long as a table is published, its users need an identity.
    link.batch_execute(&format!("DROP PUBLICATION IF EXISTS {}", identifier(objects::PUBLICATION))).await?;
    for original in objects::originals(&link.client).await? {
        let sql = "SELECT n.nspname::text, c.relname::text FROM pg_catalog.pg_class c
                   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1";
        let Some(row) = link.query_opt(sql, &[&original.oid]).await? else { continue };
        let table = TableName::new(row.get::<_, String>(0), row.get::<_, String>(1));
        let identity = match (original.replica_identity, original.index) {
            ('f', _) => continue,
            ('n', _) => "NOTHING".to_owned(),
            ('i', Some(index)) if has_index(link, original.oid, &index).await? => {
                format!("USING INDEX {}", identifier(&index))
            }
            _ => "DEFAULT".to_owned(),
        };
        let sql = format!("ALTER TABLE ONLY {} REPLICA IDENTITY {identity}", table.sql());
        patiently(link, order, &table, &sql).await?;
    }
    whole(link, objects::DROPPED).await
}

/// Takes the whole schema away too, with what was put down about writes that were taken over.
pub(super) async fn disarm(link: &Link, order: &Order<'_>) -> Result<(), Fault> {
    clear(link, order).await?;
    whole(link, "DROP SCHEMA IF EXISTS _backout CASCADE").await
}

async fn has_index(link: &Link, table: u32, index: &str) -> Result<bool, Fault> {
    let sql =
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
               WHERE i.indrelid = $1 AND c.relname = $2 AND i.indisunique AND i.indisvalid)";
    Ok(link.query_one(sql, &[&table, &index]).await?.get(0))
}
