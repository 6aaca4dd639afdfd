//! Both ends of a logical replication; over 400 lines because each end is a world, and they share what they make.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use backout_conformance::{Change, HOSTILE_NAMES, MapResolver, World, configure, quoted};
use backout_contract::{Context, SessionDyn, StepOrder};
use backout_core::observation::Seen;
use backout_driver_postgres::Replication;
use backout_fixtures::Postgres;
use tempfile::TempDir;

use super::servers::{number, one, other};

const STREAM_PASSWORD: &str = "hunter2-of-the-stream";

fn name(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

fn listed(server: &Postgres, database: &str, query: &str) -> BTreeMap<String, String> {
    let text = server
        .sql(database, &format!("SELECT coalesce(json_object_agg(k, v), '{{}}') FROM ({query}) a (k, v)"));
    serde_json::from_str(&text).unwrap()
}

/// What stands behind `kept as`.
fn kept_name(place: &str) -> String {
    let (_, kept) = place.split_once(" kept as ").unwrap();
    kept.split([',', ';']).next().unwrap().to_owned()
}

/// A database that publishes.
pub struct Publisher {
    folder: TempDir,
    database: String,
    slot: String,
    is_hostile: AtomicBool,
}

impl Publisher {
    /// The slot that the migration makes.
    pub fn slot(&self) -> &str {
        &self.slot
    }

    /// Somebody's SQL.
    pub fn run(&self, sql: &str) -> String {
        one().sql(&self.database, sql)
    }

    fn publications(&self) -> Vec<String> {
        if self.is_hostile.load(Ordering::Relaxed) {
            HOSTILE_NAMES.iter().map(|name| (*name).to_owned()).collect()
        } else {
            vec!["moving".to_owned(), "extra".to_owned()]
        }
    }

    fn drop_slots(&self) {
        self.run(&format!(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = '{}'",
            self.database
        ));
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.drop_slots();
    }
}

#[async_trait]
impl World for Publisher {
    type Driver = Replication;

    async fn new() -> Self {
        let number = number();
        let database = format!("publisher_{number}");
        one().sql("postgres", &format!("CREATE DATABASE {database}"));
        one().sql(
            &database,
            "CREATE TABLE tasks (id int PRIMARY KEY, title text, secret text); CREATE TABLE \"Öl\" (id int PRIMARY KEY);
             CREATE SCHEMA side; CREATE TABLE side.notes (id int PRIMARY KEY);",
        );
        let slot = format!("slot_{number}");
        Self { folder: tempfile::tempdir().unwrap(), database, slot, is_hostile: AtomicBool::new(false) }
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn config(&self) -> String {
        let names: Vec<String> = self.publications().iter().map(|name| quoted(name)).collect();
        format!("url: ${{env:URL}}\npublications: [{}]\nslots: [{}]", names.join(", "), self.slot)
    }

    fn environment(&self) -> BTreeMap<String, String> {
        BTreeMap::from([("URL".to_owned(), one().url(&self.database))])
    }

    async fn set_up(&self) {
        for publication in self.publications().iter().filter(|name| *name != "extra") {
            self.run(&format!(
                "CREATE PUBLICATION {} FOR TABLE tasks (id, title) WHERE (id > 0 AND title <> 'it''s'), \"Öl\"
                 WITH (publish = 'insert, update')",
                name(publication)
            ));
        }
    }

    async fn migrate(&self) {
        let publications = self.publications();
        let first = name(publications.first().unwrap());
        self.run(&format!(
            "ALTER PUBLICATION {first} SET TABLE \"Öl\", TABLES IN SCHEMA side;
             ALTER PUBLICATION {first} SET (publish = 'insert, update, delete, truncate', publish_via_partition_root = true)"
        ));
        if publications.iter().any(|name| name == "extra") {
            self.run("CREATE PUBLICATION extra FOR ALL TABLES");
        }
        self.run(&format!("SELECT pg_create_logical_replication_slot('{}', 'pgoutput')", self.slot));
    }

    async fn drift(&self) {
        let publications = self.publications();
        self.run(&format!(
            "ALTER PUBLICATION {} SET (publish = 'delete')",
            name(publications.first().unwrap())
        ));
    }

    async fn write(&self) -> Change {
        Change::Impossible("nobody writes data into a publication")
    }

    async fn remove(&self) -> Change {
        for publication in self.publications() {
            self.run(&format!("DROP PUBLICATION IF EXISTS {}", name(&publication)));
        }
        self.drop_slots();
        Change::Made
    }

    async fn corrupt(&self) -> Change {
        Change::Impossible("a catalog that cannot be read is a server that does not answer")
    }

    async fn become_hostile(&self) -> Change {
        self.is_hostile.store(true, Ordering::Relaxed);
        Change::Made
    }

    fn secrets(&self) -> Vec<String> {
        vec![Postgres::PASSWORD.to_owned()]
    }

    async fn contents(&self) -> BTreeMap<String, String> {
        let mut all = listed(
            one(),
            &self.database,
            "SELECT quote_literal(p.pubname) || ' ' || quote_nullable(c.oid::regclass::text) || quote_nullable(n.pnnspid::regnamespace::text),
                    (to_jsonb(p) - 'oid' || jsonb_build_object('columns', r.prattrs, 'rows', pg_get_expr(r.prqual, r.prrelid)))::text
             FROM pg_publication p LEFT JOIN pg_publication_rel r ON r.prpubid = p.oid
             LEFT JOIN pg_class c ON c.oid = r.prrelid LEFT JOIN pg_publication_namespace n ON n.pnpubid = p.oid
             WHERE NOT starts_with(p.pubname, '_backout') ORDER BY 1",
        );
        all.extend(listed(
            one(),
            &self.database,
            "SELECT slot_name, plugin FROM pg_replication_slots
             WHERE database = current_database() AND NOT starts_with(slot_name, '_backout')",
        ));
        all
    }

    async fn traces(&self) -> BTreeMap<String, String> {
        let mut all = self.contents().await;
        all.extend(listed(
            one(),
            &self.database,
            "SELECT 'publication ' || oid, xmin::text || quote_literal(pubname) FROM pg_publication",
        ));
        all.extend(listed(
            one(),
            &self.database,
            "SELECT 'slot ' || slot_name, concat_ws(' ', active, restart_lsn, confirmed_flush_lsn)
             FROM pg_replication_slots WHERE database = current_database()",
        ));
        all
    }

    async fn let_read_only(&self) -> Change {
        self.run(&format!("ALTER DATABASE {} SET default_transaction_read_only = on", self.database));
        Change::Made
    }

    async fn let_write(&self) {
        let reset = format!("ALTER DATABASE {} RESET default_transaction_read_only", self.database);
        one().sql("postgres", &reset);
    }

    async fn is_kept(&self, place: &str) -> bool {
        let kept = literal(&kept_name(place));
        let found = self.run(&format!(
            "SELECT count(*) FROM (SELECT pubname FROM pg_publication UNION ALL
             SELECT slot_name FROM pg_replication_slots) a (n) WHERE n = {kept}"
        ));
        found == "1"
    }
}

/// A database that subscribes to another server.
pub struct Subscriber {
    folder: TempDir,
    number: u64,
    database: String,
}

impl Subscriber {
    /// Somebody's SQL in the database that subscribes.
    pub fn run(&self, sql: &str) -> String {
        other().sql(&self.database, sql)
    }

    /// Somebody's SQL in the database that publishes.
    pub fn publish(&self, sql: &str) {
        one().sql(&self.database, sql);
    }

    /// The slots that subscriptions read from.
    pub fn make_slots(&self) {
        self.publish(&format!(
            "SELECT pg_create_logical_replication_slot('copy_{}', 'pgoutput')",
            self.number
        ));
    }

    /// Waits until a query in the database that subscribes says yes.
    pub async fn until(&self, query: &str) {
        while self.run(query) != "t" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the subscription reads from its slot.
    pub async fn until_read(&self) {
        let query =
            format!("SELECT active FROM pg_replication_slots WHERE slot_name = 'copy_{}'", self.number);
        while one().sql(&self.database, &query) != "t" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The other end: a component with the slot that the subscription reads from.
    pub async fn of_the_publisher(&self, context: &Context) -> (Arc<dyn SessionDyn>, Context) {
        let environment = BTreeMap::from([("URL".to_owned(), one().url(&self.database))]);
        let resolver = Arc::new(MapResolver::new(environment, self.folder.path()));
        let context = Context { resolver, ..context.clone() };
        let keys = format!("url: ${{env:URL}}\nslots: [copy_{}]", self.number);
        let configured = configure::<Replication>(&keys).unwrap();
        (configured.connect(&context).await.unwrap(), context)
    }

    /// The step that puts that slot aside.
    pub fn order_to_put_the_slot_aside(
        &self,
        live: Option<&serde_json::Value>,
    ) -> StepOrder<serde_json::Value> {
        let keys = format!("url: ${{env:URL}}\nslots: [copy_{}]", self.number);
        let pieces = configure::<Replication>(&keys).unwrap().steps(None, live).unwrap().unwrap();
        let effect = pieces.first().unwrap().effect.clone();
        StepOrder { effect, saved: None, data: Vec::new(), before: None, after: Seen::Absent }
    }

    fn connection(&self) -> String {
        format!(
            "host=127.0.0.1 port={} user=stream password={STREAM_PASSWORD} dbname={}",
            one().port(),
            self.database
        )
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        // Whatever a test left running is stopped first.
        let slots = format!(
            "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = '{}' AND active",
            self.database
        );
        let subscriptions = self.run(
            "SELECT subname FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid WHERE datname = current_database()",
        );
        for subscription in subscriptions.lines() {
            let subscription = name(subscription);
            self.run(&format!(
                "ALTER SUBSCRIPTION {subscription} DISABLE; ALTER SUBSCRIPTION {subscription} SET (slot_name = NONE);
                 DROP SUBSCRIPTION {subscription}"
            ));
        }
        one().sql("postgres", &slots);
        let drop = format!(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = '{}' AND NOT active",
            self.database
        );
        one().psql(&one().url("postgres"), &drop);
    }
}

#[async_trait]
impl World for Subscriber {
    type Driver = Replication;

    async fn new() -> Self {
        let number = number();
        let database = format!("stream_{number}");
        let tables =
            "CREATE TABLE tasks (id int PRIMARY KEY, title text); CREATE TABLE notes (id int PRIMARY KEY)";
        for server in [one(), other()] {
            server.sql("postgres", &format!("CREATE DATABASE {database}"));
            server.sql(&database, tables);
        }
        one().sql(
            "postgres",
            &format!(
                "SET client_min_messages = error; SELECT pg_advisory_lock(1);
                 DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'stream') THEN
                 CREATE ROLE stream LOGIN REPLICATION SUPERUSER PASSWORD '{STREAM_PASSWORD}'; END IF; END $$"
            ),
        );
        one().sql(
            &database,
            "CREATE PUBLICATION moving FOR TABLE tasks; CREATE PUBLICATION more FOR TABLE notes",
        );
        Self { folder: tempfile::tempdir().unwrap(), number, database }
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn config(&self) -> String {
        "url: ${env:URL}\nsubscriptions: [copy, extra]".to_owned()
    }

    fn environment(&self) -> BTreeMap<String, String> {
        BTreeMap::from([("URL".to_owned(), other().url(&self.database))])
    }

    async fn set_up(&self) {
        self.run(&format!(
            "SET client_min_messages = error; CREATE SUBSCRIPTION copy CONNECTION {} PUBLICATION moving
             WITH (copy_data = false, slot_name = 'copy_{}', connect = false)",
            literal(&self.connection()),
            self.number
        ));
    }

    async fn migrate(&self) {
        self.run(&format!(
            "SET client_min_messages = error;
             ALTER SUBSCRIPTION copy SET PUBLICATION moving, more WITH (refresh = false);
             ALTER SUBSCRIPTION copy SET (binary = true);
             ALTER SUBSCRIPTION copy CONNECTION {};
             ALTER SUBSCRIPTION copy ENABLE;
             CREATE SUBSCRIPTION extra CONNECTION {} PUBLICATION more
             WITH (copy_data = false, slot_name = 'extra_{}', connect = false); ALTER SUBSCRIPTION extra ENABLE",
            literal(&format!("{} application_name=another", self.connection())),
            literal(&self.connection()),
            self.number
        ));
    }

    async fn drift(&self) {
        self.run("ALTER SUBSCRIPTION copy SET (streaming = true)");
    }

    async fn write(&self) -> Change {
        Change::Impossible("nobody writes data into a subscription")
    }

    async fn remove(&self) -> Change {
        Change::Impossible("a subscription that was dropped has lost its place in the log")
    }

    async fn corrupt(&self) -> Change {
        Change::Impossible("a catalog that cannot be read is a server that does not answer")
    }

    async fn become_hostile(&self) -> Change {
        Change::Impossible("the publisher does it")
    }

    fn secrets(&self) -> Vec<String> {
        vec![Postgres::PASSWORD.to_owned(), STREAM_PASSWORD.to_owned()]
    }

    async fn contents(&self) -> BTreeMap<String, String> {
        listed(
            other(),
            &self.database,
            "SELECT subname, (to_jsonb(s) - 'oid')::text FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid
             WHERE datname = current_database() AND NOT starts_with(subname, '_backout')",
        )
    }

    async fn traces(&self) -> BTreeMap<String, String> {
        let mut all = self.contents().await;
        all.extend(listed(
            other(),
            &self.database,
            "SELECT 'subscription ' || s.oid, concat_ws(' ', s.xmin, subname) FROM pg_subscription s
             JOIN pg_database d ON d.oid = s.subdbid WHERE datname = current_database()",
        ));
        all
    }

    async fn let_read_only(&self) -> Change {
        self.run(&format!("ALTER DATABASE {} SET default_transaction_read_only = on", self.database));
        Change::Made
    }

    async fn let_write(&self) {
        let reset = format!("ALTER DATABASE {} RESET default_transaction_read_only", self.database);
        other().sql("postgres", &reset);
    }

    async fn is_kept(&self, place: &str) -> bool {
        let kept = literal(&kept_name(place));
        let found = self.run(&format!(
            "SELECT count(*) FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid
             WHERE datname = current_database() AND subname = {kept}"
        ));
        found == "1"
    }
}
