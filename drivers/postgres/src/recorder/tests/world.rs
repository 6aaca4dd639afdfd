//! A database with a recorder, and what tests ask of it.

use std::collections::BTreeMap;

use backout_contract::{Context, Sealed};
use backout_core::migration::Size;
use backout_core::writes::{Counted, Coverage, Occasion};
use futures_util::StreamExt;
use tempfile::TempDir;

use crate::catalog::{Schema, Scope};
use crate::recorder::{self, By, Change, Config, Image, Kind, Order, Reading, Since, Told, Value};
use crate::server::{Address, Link, connect};
use crate::state::{State, Taken};
use crate::testing;

pub(super) struct World {
    pub(super) address: Address,
    pub(super) link: Link,
    /// Somebody who uses the database.
    pub(super) user: Link,
    pub(super) config: Config,
    pub(super) context: Context,
    pub(super) scope: Scope,
    _folder: TempDir,
}

impl World {
    /// A fresh database of the shared server.
    pub(super) async fn new(hint: &str, by: By, sql: &str) -> Self {
        let (_, address) = testing::database(hint);
        Self::at(address, by, sql).await
    }

    pub(super) async fn at(address: Address, by: By, sql: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        let context = testing::context(folder.path(), &[]);
        let link = connect(&address).await.expect("connect");
        let user = user(&address).await;
        user.batch_execute(sql).await.expect("prepare a database");
        let config = Config { by, ..Config::default() };
        Self { address, link, user, config, context, scope: Scope::Database, _folder: folder }
    }

    pub(super) fn told(mut self, told: Told) -> Self {
        self.config.migration = told;
        self
    }

    pub(super) fn cap(mut self, bytes: u64) -> Self {
        self.config.cap = Some(Size { bytes });
        self
    }

    pub(super) async fn sql(&self, sql: &str) {
        self.user.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    /// One statement, or one transaction, after the other: what is sent at once is one transaction.
    pub(super) async fn each(&self, steps: &[&str]) {
        for sql in steps {
            self.sql(sql).await;
        }
    }

    pub(super) async fn ask(&self, sql: &str) -> String {
        let row = self.user.query_one(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        row.get(0)
    }

    /// Another connection.
    pub(super) async fn another(&self) -> Link {
        user(&self.address).await
    }

    /// What a look at this moment knows, as far as recorders care.
    pub(super) async fn state(&self) -> State {
        state(&self.link).await
    }

    pub(super) async fn arm(&mut self, occasion: Occasion) -> Coverage {
        self.try_arm(occasion).await.unwrap_or_else(|error| panic!("{}", error.chain()))
    }

    pub(super) async fn try_arm(
        &mut self,
        occasion: Occasion,
    ) -> Result<Coverage, backout_contract::DriverError> {
        let order = Order::new(&self.address, &self.scope, &self.config, &self.context);
        recorder::arm(&mut self.link, &order, occasion).await
    }

    pub(super) async fn place_again(&mut self, state: &State) -> Coverage {
        let order = Order::new(&self.address, &self.scope, &self.config, &self.context);
        let placed = recorder::place_again(&mut self.link, &order, state).await;
        placed.unwrap_or_else(|error| panic!("{}", error.chain()))
    }

    pub(super) async fn disarm(&mut self) {
        let order = Order::new(&self.address, &self.scope, &self.config, &self.context);
        recorder::disarm(&mut self.link, &order).await.unwrap_or_else(|error| panic!("{}", error.chain()));
    }

    pub(super) async fn coverage(&self) -> Option<Coverage> {
        let order = Order::new(&self.address, &self.scope, &self.config, &self.context);
        recorder::coverage(&self.link, &order).await.unwrap_or_else(|error| panic!("{}", error.chain()))
    }

    pub(super) async fn count(&mut self, target: &State) -> Option<Counted> {
        let order = Order::new(&self.address, &self.scope, &self.config, &self.context);
        let counted = recorder::count(&mut self.link, &order, target, None, &[]).await;
        counted.unwrap_or_else(|error| panic!("{}", error.chain()))
    }

    pub(super) async fn seal(&mut self, target: &State) -> Sealed {
        let order = Order::new(&self.address, &self.scope, &self.config, &self.context);
        let sealed = recorder::seal(&mut self.link, &order, target, None, &[]).await;
        sealed.unwrap_or_else(|error| panic!("{}", error.chain())).expect("a recorder")
    }

    pub(super) async fn unread(&mut self) -> bool {
        let order = Order::new(&self.address, &self.scope, &self.config, &self.context);
        recorder::unread(&mut self.link, &order).await.unwrap_or_else(|error| panic!("{}", error.chain()))
    }

    /// What the recorder holds that a state lacks.
    pub(super) async fn lacked(&self, target: &State) -> Vec<Change> {
        let since = Since::of(&target.taken).expect("a state says what it saw");
        let order = Order::new(&self.address, &self.scope, &self.config, &self.context);
        let reading = recorder::read_live(&self.link, &order, &since).await;
        all(reading.unwrap_or_else(|error| panic!("{}", error.chain())).expect("a recorder")).await
    }

    /// The same, out of the vault.
    pub(super) async fn lacked_of(&self, sealed: &Sealed, target: &State) -> Vec<Change> {
        let since = Since::of(&target.taken).expect("a state says what it saw");
        let order = Order::new(&self.address, &self.scope, &self.config, &self.context);
        let part = sealed.data.first().expect("a part");
        assert!(recorder::is_sealed_writes(part));
        let reading = recorder::read_sealed(part, &order, &since).await;
        all(reading.unwrap_or_else(|error| panic!("{}", error.chain()))).await
    }
}

async fn user(address: &Address) -> Link {
    let link = connect(address).await.expect("connect");
    link.batch_execute("RESET search_path; SET application_name = 'app'").await.expect("be a user");
    link
}

pub(super) async fn state(link: &Link) -> State {
    let sql = "SELECT s.system_identifier::text, d.oid, pg_current_snapshot()::text
               FROM pg_control_system() s, pg_database d WHERE d.datname = current_database()";
    let row = link.query_one(sql, &[]).await.expect("look");
    State {
        schema: Schema::default(),
        rows: BTreeMap::new(),
        sequences: BTreeMap::new(),
        large_objects: None,
        notes: Vec::new(),
        taken: Taken {
            version: link.version,
            system: row.get(0),
            database: row.get(1),
            snapshot: row.get(2),
            position: 0,
            timeline: 1,
            restore_point: None,
        },
    }
}

async fn all(reading: Reading) -> Vec<Change> {
    reading.changes.map(|change| change.unwrap_or_else(|error| panic!("{}", error.chain()))).collect().await
}

/// A change on one line: `tasks + id=1 title=NULL`.
pub(super) fn shown(change: &Change) -> String {
    let table = &change.relation.table;
    let image = |image: &Image| {
        let pairs = change.relation.columns.iter().zip(image).map(|((name, _), value)| match value {
            None => format!("{name}?"),
            Some(Value::Null) => format!("{name}=NULL"),
            Some(Value::Untouched) => format!("{name}=…"),
            Some(Value::Text(text)) if text.len() > 40 => format!("{name}=<{}>", text.len()),
            Some(Value::Text(text)) => format!("{name}={text}"),
        });
        pairs.collect::<Vec<_>>().join(" ")
    };
    match &change.kind {
        Kind::Inserted { after } => format!("{table} + {}", image(after)),
        Kind::Changed { before, after } => format!("{table} {} -> {}", image(before), image(after)),
        Kind::Deleted { before } => format!("{table} - {}", image(before)),
        Kind::Truncated => format!("{table} emptied"),
    }
}

/// `table: inserted/changed/deleted before + since the cutover, the migration's`.
pub(super) fn sums(counted: &Counted) -> Vec<String> {
    let line = |table: &backout_core::writes::TableWrites| {
        let (a, b) = (table.before_cutover, table.since_cutover);
        format!(
            "{}: {}/{}/{} + {}/{}/{}, {}",
            table.table, a.inserted, a.changed, a.deleted, b.inserted, b.changed, b.deleted, table.migration
        )
    };
    counted.tables.iter().map(line).collect()
}
