//! Says how far `pg_dump` and `pg_restore` are, as the server sees it, until they are done.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use backout_contract::{Context, Far};
use tokio_postgres::types::Oid;

use crate::server::Link;

/// How often it is looked at.
const EVERY: Duration = Duration::from_millis(700);

/// Says how many bytes of the tables were read. Never returns.
pub(super) async fn watch_dump(context: &Context, link: &Link) -> Infallible {
    match look_at_dump(context, link).await {
        // Servers before 14 do not tell, and nothing rests on it.
        Err(_) => std::future::pending().await,
        Ok(never) => never,
    }
}

async fn look_at_dump(context: &Context, link: &Link) -> Result<Infallible, tokio_postgres::Error> {
    let rows = link
        .query(
            "SELECT c.oid, (c.relpages + COALESCE(t.relpages, 0))::bigint \
               * pg_catalog.current_setting('block_size')::bigint \
             FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_class t ON t.oid = c.reltoastrelid \
             WHERE c.relkind = 'r' AND c.oid >= 16384",
            &[],
        )
        .await?;
    let mut tables = Tables::new(rows.iter().map(|row| (row.get(0), unsigned(row.get(1)))));
    loop {
        tokio::time::sleep(EVERY).await;
        let rows = link
            .query(
                "SELECT relid, bytes_processed FROM pg_catalog.pg_stat_progress_copy \
                 WHERE command = 'COPY TO' AND datname = pg_catalog.current_database() AND relid IS NOT NULL",
                &[],
            )
            .await?;
        tables.look(rows.iter().map(|row| (row.get(0), unsigned(row.get(1)))));
        let (done, of) = tables.far();
        let component = context.component.clone();
        context.progress.tell(|| Far { component, work: "dump", done, of: Some(of) });
    }
}

/// Says how much the database has grown, of what it was. Never returns.
pub(super) async fn watch_restore(context: &Context, link: &Link, of: u64) -> Infallible {
    loop {
        tokio::time::sleep(EVERY).await;
        let asked = link.query_one("SELECT pg_catalog.pg_database_size(pg_catalog.current_database())", &[]);
        let Ok(row) = asked.await else { return std::future::pending().await };
        let done = unsigned(row.get(0)).min(of);
        let component = context.component.clone();
        context.progress.tell(|| Far { component, work: "restore", done, of: Some(of) });
    }
}

fn unsigned(bytes: i64) -> u64 {
    u64::try_from(bytes).unwrap_or_default()
}

/// What is known of each table: how much it holds, and how much of that was read. One that was being read and no longer
/// is was read to its end.
struct Tables {
    sizes: BTreeMap<Oid, u64>,
    read: BTreeMap<Oid, u64>,
}

impl Tables {
    fn new(sizes: impl Iterator<Item = (Oid, u64)>) -> Self {
        Self { sizes: sizes.collect(), read: BTreeMap::new() }
    }

    fn look(&mut self, being_read: impl Iterator<Item = (Oid, u64)>) {
        for (table, bytes) in &mut self.read {
            *bytes = self.sizes.get(table).copied().unwrap_or_default();
        }
        for (table, bytes) in being_read {
            let most = self.sizes.get(&table).copied().unwrap_or_default();
            self.read.insert(table, bytes.min(most));
        }
    }

    fn far(&self) -> (u64, u64) {
        (self.read.values().sum(), self.sizes.values().sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_is_no_longer_read_is_done() {
        let mut tables = Tables::new([(1, 100), (2, 50), (3, 10)].into_iter());
        for (being_read, far) in [
            (vec![], (0, 160)),
            (vec![(1, 30), (2, 20)], (50, 160)),
            (vec![(1, 60), (9, 5)], (110, 160)),
            (vec![(3, 40)], (160, 160)),
        ] {
            tables.look(being_read.into_iter());
            assert_eq!(tables.far(), far);
        }
    }
}
