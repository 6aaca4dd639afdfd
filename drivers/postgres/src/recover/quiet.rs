//! Sees to it that neither triggers nor cascades act while rows are taken over.
//!
//! A role that may play the replica does so for the transaction; triggers that fire even then are switched off and on
//! again. Any other role switches off the triggers of its tables, and takes away the foreign keys, which the server
//! judges anew when they come back at the end. Nobody else ever sees that state: all of it is within the transaction.

use std::collections::BTreeSet;

use super::side::Side;
use crate::server::{Fault, Link, TableName, identifier, literal};

/// What has to be done before the transaction ends.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    again: Vec<String>,
}

/// Locks the tables that are written, and those that refer to them or that they refer to, in the order of their names, and
/// silences them.
pub(super) async fn begin(link: &Link, here: &Side, written: &BTreeSet<usize>) -> Result<Quiet, Fault> {
    let names: BTreeSet<TableName> =
        written.iter().filter_map(|place| here.tables.get(*place)).map(|table| table.name()).collect();
    let mut locked = names.clone();
    for child in &here.tables {
        for key in &child.foreign_keys {
            if names.contains(&key.parent) || names.contains(&child.name()) {
                locked.extend([key.parent.clone(), child.name()]);
            }
        }
    }
    let plays_replica = plays_replica(link).await?;
    if !locked.is_empty() {
        let list: Vec<String> = locked.iter().map(TableName::sql).collect();
        // Whoever cannot play the replica changes the tables themselves, and must not raise its lock later.
        let mode = if plays_replica { "SHARE ROW EXCLUSIVE" } else { "ACCESS EXCLUSIVE" };
        link.batch_execute(&format!("LOCK TABLE {} IN {mode} MODE", list.join(", "))).await?;
    }
    let mut quiet = Quiet::default();
    for name in &names {
        quiet.triggers(link, name, plays_replica).await?;
    }
    if !plays_replica {
        link.batch_execute("SET CONSTRAINTS ALL IMMEDIATE").await?;
        for name in &locked {
            quiet.foreign_keys(link, name, &names).await?;
        }
    }
    Ok(quiet)
}

async fn plays_replica(link: &Link) -> Result<bool, Fault> {
    link.batch_execute("SAVEPOINT backout_replica").await?;
    let can = link.batch_execute("SET LOCAL session_replication_role = replica").await;
    let Err(error) = can else {
        link.batch_execute("RELEASE backout_replica").await?;
        return Ok(true);
    };
    if error.code() != Some(&tokio_postgres::error::SqlState::INSUFFICIENT_PRIVILEGE) {
        return Err(error.into());
    }
    link.batch_execute("ROLLBACK TO backout_replica; RELEASE backout_replica").await?;
    Ok(false)
}

impl Quiet {
    /// Switches off the triggers of a table and of its partitions; those of ours go on recording.
    async fn triggers(&mut self, link: &Link, name: &TableName, plays_replica: bool) -> Result<(), Fault> {
        let fires = if plays_replica { "t.tgenabled IN ('A', 'R')" } else { "t.tgenabled IN ('O', 'A')" };
        let rows = link
            .query(
                &format!(
                    "SELECT n.nspname::text, c.relname::text, t.tgname::text, t.tgenabled::text
                     FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
                     JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_namespace f ON f.oid = p.pronamespace
                     WHERE (c.oid = to_regclass($1::text) OR pg_partition_root(c.oid) = to_regclass($1::text))
                       AND NOT t.tgisinternal AND {fires} AND f.nspname <> '_backout'
                     ORDER BY c.oid, t.tgname"
                ),
                &[&name.sql()],
            )
            .await?;
        for row in rows {
            let table = TableName::new(row.get::<_, String>(0), row.get::<_, String>(1)).sql();
            let trigger = identifier(&row.get::<_, String>(2));
            let enable = match row.get::<_, String>(3).as_str() {
                "A" => "ENABLE ALWAYS",
                "R" => "ENABLE REPLICA",
                _ => "ENABLE",
            };
            link.batch_execute(&format!("ALTER TABLE ONLY {table} DISABLE TRIGGER {trigger}")).await?;
            self.again.push(format!("ALTER TABLE ONLY {table} {enable} TRIGGER {trigger}"));
        }
        Ok(())
    }

    /// Takes away the foreign keys between a table and any of those that are written.
    async fn foreign_keys(
        &mut self,
        link: &Link,
        child: &TableName,
        written: &BTreeSet<TableName>,
    ) -> Result<(), Fault> {
        let rows = link
            .query(
                "SELECT f.conname::text, pg_get_constraintdef(f.oid), obj_description(f.oid, 'pg_constraint'),
                        n.nspname::text, p.relname::text
                 FROM pg_constraint f JOIN pg_class p ON p.oid = f.confrelid
                 JOIN pg_namespace n ON n.oid = p.relnamespace
                 WHERE f.contype = 'f' AND f.conparentid = 0 AND f.conrelid = to_regclass($1::text) ORDER BY f.conname",
                &[&child.sql()],
            )
            .await?;
        for row in rows {
            let parent = TableName::new(row.get::<_, String>(3), row.get::<_, String>(4));
            if !written.contains(child) && !written.contains(&parent) {
                continue;
            }
            let (name, definition): (String, String) = (row.get(0), row.get(1));
            let (table, name) = (child.sql(), identifier(&name));
            link.batch_execute(&format!("ALTER TABLE {table} DROP CONSTRAINT {name}")).await?;
            self.again.push(format!("ALTER TABLE {table} ADD CONSTRAINT {name} {definition}"));
            if let Some(comment) = row.get::<_, Option<String>>(2) {
                self.again.push(format!("COMMENT ON CONSTRAINT {name} ON {table} IS {}", literal(&comment)));
            }
        }
        Ok(())
    }

    /// Everything acts again.
    pub(super) async fn end(self, link: &Link) -> Result<(), Fault> {
        for sql in self.again {
            link.batch_execute(&sql).await?;
        }
        Ok(())
    }
}
