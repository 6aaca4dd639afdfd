//! The recorder of a database, as it was put down.

use std::collections::BTreeSet;

use backout_core::writes::{Gap, Occasion};
use tokio_postgres::GenericClient;

use super::objects;
use super::order::Order;
use super::sealed::Header;
use super::triggers;
use crate::recorder::Told;
use crate::server::{Fault, Link};

/// What stands for every table in a gap.
pub(super) const EVERY_TABLE: &str = "every table";

/// How an era is called that begins with a cutover.
pub(super) const CUTOVER: &str = "cutover";

/// What records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Slot,
    Triggers,
}

impl Way {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Slot => "slot",
            Self::Triggers => "triggers",
        }
    }
}

/// The recorder of a database.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub(super) nonce: String,
    pub(super) way: Way,
    pub(super) component: String,
    pub(super) system: String,
    pub(super) database: u32,
    pub(super) slot: Option<String>,
    /// Where the slot began: it stays there, for nothing is consumed.
    pub(super) confirmed: Option<u64>,
    /// The transaction after whose end everything is recorded.
    pub(super) began: u64,
    /// Of a restored copy: the cluster of what it was copied from, and the first transaction that that one had not seen.
    /// Everything since is recorded too, for nobody came into the copy before.
    pub(super) copied: Option<(String, u64)>,
    /// Why it recorded no further.
    pub(super) let_go: Option<String>,
    /// What was visible when all of it was put into the vault.
    pub(super) sealed: Option<String>,
    pub(super) eras: Vec<Era>,
    /// Where we look now.
    pub(super) here: Here,
}

/// From this one on, tables are recorded as they were when it began.
#[derive(Debug, Clone)]
pub(super) struct Era {
    pub(super) occasion: String,
    pub(super) transaction: u64,
    pub(super) snapshot: String,
    pub(super) interrupted: Vec<Gap>,
}

/// The database that we are connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Here {
    pub(super) system: String,
    pub(super) database: u32,
    pub(super) name: String,
}

impl Here {
    pub(super) async fn look(client: &impl GenericClient) -> Result<Self, Fault> {
        let sql = "SELECT (SELECT s.system_identifier::text FROM pg_catalog.pg_control_system() s), d.oid, d.datname::text
                   FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()";
        let row = client.query_one(sql, &[]).await?;
        Ok(Self { system: row.get(0), database: row.get(1), name: row.get(2) })
    }

    /// The name of this database's slot: one for each database of a cluster, whatever it is called by now.
    pub(super) fn slot(&self) -> String {
        format!("_backout_{:08x}", self.database)
    }
}

impl Standing {
    /// None where there is none, or where it was not put in place as a whole.
    pub(super) async fn look(client: &impl GenericClient) -> Result<Option<Self>, Fault> {
        if !objects::are_there(client).await? {
            return Ok(None);
        }
        let sql = "SELECT nonce, kind, component, system, database, slot, (confirmed - '0/0'::pg_lsn)::bigint, began,
                          let_go, sealed, copied_system, copied_next FROM _backout.recorder WHERE format = $1";
        let Some(row) = client.query_opt(sql, &[&objects::FORMAT]).await? else { return Ok(None) };
        let kind: String = row.get(1);
        let sql = "SELECT occasion, transaction, snapshot, interrupted FROM _backout.era ORDER BY era";
        let eras = client.query(sql, &[]).await?;
        let eras = eras.iter().map(|row| Era {
            occasion: row.get(0),
            transaction: unsigned(row.get(1)),
            snapshot: row.get(2),
            interrupted: serde_json::from_value(row.get(3)).unwrap_or_default(),
        });
        Ok(Some(Self {
            nonce: row.get(0),
            way: if kind == Way::Slot.word() { Way::Slot } else { Way::Triggers },
            component: row.get(2),
            system: row.get(3),
            database: row.get(4),
            slot: row.get(5),
            confirmed: row.get::<_, Option<i64>>(6).map(unsigned),
            began: unsigned(row.get(7)),
            let_go: row.get(8),
            sealed: row.get(9),
            copied: row.get::<_, Option<String>>(10).zip(row.get::<_, Option<i64>>(11).map(unsigned)),
            eras: eras.collect(),
            here: Here::look(client).await?,
        }))
    }

    /// Whether it came along with a copy, and records nothing here.
    pub(super) fn is_of_elsewhere(&self) -> bool {
        self.system != self.here.system || self.database != self.here.database
    }

    /// What a reader needs to know of everything that is recorded up to `end`. To be asked after the end was fixed.
    pub(super) async fn header(&self, link: &Link, order: &Order<'_>, end: u64) -> Result<Header, Fault> {
        let (mut migration, mut merged) = (BTreeSet::new(), BTreeSet::new());
        for row in link.query("SELECT transaction, what FROM _backout.mark", &[]).await? {
            let (transaction, what): (i64, &str) = (row.get(0), row.get(1));
            match what {
                "migration" => drop(migration.insert(unsigned(transaction))),
                "merged" => drop(merged.insert(unsigned(transaction))),
                _ => {}
            }
        }
        if self.way == Way::Triggers && triggers::are_there(&link.client).await? {
            let sql = "SELECT DISTINCT transaction FROM _backout.change WHERE origin = 'm'";
            let rows = link.query(sql, &[]).await?;
            migration.extend(rows.iter().map(|row| unsigned(row.get(0))));
        }
        let sql = "SELECT pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text::bigint";
        let near = unsigned(link.query_one(sql, &[]).await?.get(0));
        let origin = match &order.config.migration {
            Told::Origin(name) => Some(name.clone()),
            _ => None,
        };
        Ok(Header {
            nonce: self.nonce.clone(),
            kind: self.way.word().to_owned(),
            system: self.system.clone(),
            database: self.database,
            name: self.here.name.clone(),
            end,
            near,
            migration,
            merged,
            // Into a copy nobody migrates before it is put in place.
            window: order.config.migration == Told::Window && self.copied.is_none(),
            origin,
            cutovers: self
                .eras
                .iter()
                .filter(|era| era.occasion == CUTOVER)
                .map(|era| (era.transaction, era.snapshot.clone()))
                .collect(),
            began: self.began,
            copied: self.copied.clone(),
            interrupted: self.eras.iter().map(|era| (era.transaction, era.interrupted.clone())).collect(),
        })
    }
}

/// What an occasion is called as the beginning of an era.
pub(super) fn word(occasion: Occasion) -> &'static str {
    if occasion.is_cutover() { CUTOVER } else { "arm" }
}

/// Numbers of transactions and positions of the log, which PostgreSQL has no unsigned type for.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// The same, on the way to it.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
