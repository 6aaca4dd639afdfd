//! A shop whose writers move from one server to another.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use backout_conformance::{Change, HOSTILE_NAMES, World};
use backout_contract::Door;
use backout_core::writes::Tally;
use backout_driver_postgres::Endpoint;
use backout_fixtures::Postgres;
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

use super::servers::{number, one, other, plain};

const PASSWORD: &str = "secret-of-the-mover";
const SECRET: &str = "bcrypt:hunter2hunter2";

fn new_server<const PLAIN: bool>() -> &'static Postgres {
    if PLAIN { plain() } else { other() }
}

/// Two databases, one application, and us. The new side may be on a server without logical decoding.
pub struct Shop<const PLAIN: bool> {
    folder: TempDir,
    number: u64,
    database: String,
    is_hostile: AtomicBool,
    /// The application's session, with what tells it from others.
    session: Mutex<Option<(Client, String)>>,
}

impl<const PLAIN: bool> Shop<PLAIN> {
    pub fn old(&self, sql: &str) -> String {
        one().sql(&self.database, sql)
    }

    pub fn new_side(&self, sql: &str) -> String {
        new_server::<PLAIN>().sql(&self.database, sql)
    }

    /// The application's way to the new side.
    pub fn new_url_of_app(&self) -> String {
        new_server::<PLAIN>().url_as(&format!("app_{}", self.number), "app", &self.database)
    }

    /// Somebody gives the application the right to connect to the new side.
    pub fn open_new_side(&self) {
        let grant = format!("GRANT CONNECT ON DATABASE {} TO app_{}", self.database, self.number);
        new_server::<PLAIN>().sql("postgres", &grant);
    }

    /// The database's name on both sides.
    pub fn database(&self) -> &str {
        &self.database
    }

    fn writers_are_on_the_new_side(&self) -> bool {
        let (app, database) = (format!("app_{}", self.number), &self.database);
        new_server::<PLAIN>()
            .sql("postgres", &format!("SELECT has_database_privilege('{app}', '{database}', 'CONNECT')"))
            == "t"
    }

    fn write_where_writers_are(&self, sql: &str) {
        if self.writers_are_on_the_new_side() {
            self.new_side(sql)
        } else {
            self.old(sql)
        };
    }

    fn recorders_of(&self, server: &Postgres) -> Vec<String> {
        let found = server.sql(
            &self.database,
            "SELECT nspname FROM pg_namespace WHERE nspname = '_backout'
             UNION ALL SELECT pubname FROM pg_publication WHERE starts_with(pubname, '_backout')
             UNION ALL SELECT slot_name FROM pg_replication_slots WHERE database = current_database()
             UNION ALL SELECT tgname FROM pg_trigger WHERE tgname ~ '_backout'
             UNION ALL SELECT relname || ' ' || relreplident::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relreplident = 'f'",
        );
        found.lines().map(str::to_owned).collect()
    }

    fn rows(&self, server: &Postgres, tables: &[String]) -> BTreeMap<String, String> {
        let mut rows = BTreeMap::new();
        for table in tables {
            let query = format!("SELECT coalesce(json_agg(t ORDER BY t::text), '[]') FROM {table} t");
            rows.insert(table.clone(), server.sql(&self.database, &query));
        }
        let sequence = "SELECT CASE WHEN is_called THEN last_value + 1 ELSE last_value END FROM tasks_id_seq";
        rows.insert("next task".to_owned(), server.sql(&self.database, sequence));
        rows
    }

    fn tables(&self) -> Vec<String> {
        let mut tables = vec!["tasks".to_owned(), "notes".to_owned()];
        if self.is_hostile.load(Ordering::Relaxed) {
            tables.extend(HOSTILE_NAMES.iter().map(|name| format!("\"{}\"", name.replace('"', "\"\""))));
        }
        tables
    }

    /// Who may connect and what is said of the database, without what differs between two worlds.
    fn entry(&self, server: &Postgres) -> String {
        let found = server.sql(
            "postgres",
            &format!(
                "SELECT d.datallowconn, (SELECT string_agg(a.grantee::regrole::text || a.privilege_type, ',' ORDER BY a.grantee::regrole::text, a.privilege_type)
                        FROM aclexplode(d.datacl) a), shobj_description(d.oid, 'pg_database'),
                        (SELECT string_agg(s.setconfig::text, ',') FROM pg_db_role_setting s WHERE s.setdatabase = d.oid)
                 FROM pg_database d WHERE d.datname = '{}'",
                self.database
            ),
        );
        found.replace(&format!("_{}", self.number), "_N")
    }

    /// The rows of a side whose door may be shut, without going in where it is.
    fn rows_if_open(&self, server: &Postgres, what: &str) -> BTreeMap<String, String> {
        let open = format!("SELECT datallowconn FROM pg_database WHERE datname = '{}'", self.database);
        if server.sql("postgres", &open) != "t" {
            return BTreeMap::new();
        }
        let rows = self.rows(server, &self.tables());
        rows.into_iter().map(|(name, rows)| (format!("{what} {name}"), rows)).collect()
    }
}

impl<const PLAIN: bool> Drop for Shop<PLAIN> {
    fn drop(&mut self) {
        for server in [one(), new_server::<PLAIN>()] {
            server.sql(
                "postgres",
                &format!(
                    "ALTER DATABASE {0} ALLOW_CONNECTIONS true;
                     SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = '{0}';
                     DROP DATABASE {0} WITH (FORCE)",
                    self.database
                ),
            );
        }
    }
}

#[async_trait]
impl<const PLAIN: bool> World for Shop<PLAIN> {
    type Driver = Endpoint;
    const TELLS_THE_MOMENT: bool = true;

    async fn new() -> Self {
        let number = number();
        let database = format!("shop_{number}");
        for server in [one(), new_server::<PLAIN>()] {
            server.sql(
                "postgres",
                &format!(
                    "CREATE ROLE mover_{number} LOGIN SUPERUSER PASSWORD '{PASSWORD}'; CREATE ROLE app_{number} LOGIN PASSWORD 'app';
                     CREATE ROLE stranger_{number} LOGIN; CREATE DATABASE {database} OWNER mover_{number}"
                ),
            );
            server.sql("postgres", &format!("REVOKE ALL ON DATABASE {database} FROM PUBLIC"));
        }
        let (folder, session) = (tempfile::tempdir().unwrap(), Mutex::new(None));
        Self { folder, number, database, is_hostile: AtomicBool::new(false), session }
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn config(&self) -> String {
        "old: ${env:OLD_URL}\nnew: ${env:NEW_URL}".to_owned()
    }

    fn environment(&self) -> BTreeMap<String, String> {
        let of =
            |server: &Postgres| server.url_as(&format!("mover_{}", self.number), PASSWORD, &self.database);
        BTreeMap::from([("OLD_URL".to_owned(), of(one())), ("NEW_URL".to_owned(), of(new_server::<PLAIN>()))])
    }

    async fn set_up(&self) {
        let mut sql = format!(
            "CREATE TABLE tasks (id serial PRIMARY KEY, title text);
             CREATE TABLE notes (id int PRIMARY KEY, text text, secret text);
             INSERT INTO tasks (title) SELECT 'task ' || n FROM generate_series(1, 5) n;
             INSERT INTO notes SELECT n, 'note ' || n, '{SECRET}' FROM generate_series(1, 60) n;"
        );
        for table in self.tables().iter().skip(2) {
            sql.push_str(&format!(
                "CREATE TABLE {table} (id int PRIMARY KEY); INSERT INTO {table} VALUES (1);"
            ));
        }
        // The new side holds a copy already, as a migration prepares it.
        self.old(&sql);
        self.new_side(&sql);
        one().sql("postgres", &format!("GRANT CONNECT ON DATABASE {} TO app_{}", self.database, self.number));
    }

    async fn migrate(&self) {
        let (number, database) = (self.number, &self.database);
        one().sql(
            "postgres",
            &format!(
                "REVOKE CONNECT ON DATABASE {database} FROM app_{number};
                 SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app_{number}'"
            ),
        );
        new_server::<PLAIN>()
            .sql("postgres", &format!("GRANT CONNECT ON DATABASE {database} TO app_{number}"));
    }

    async fn drift(&self) {
        new_server::<PLAIN>().sql(
            "postgres",
            &format!("GRANT CONNECT ON DATABASE {} TO stranger_{}", self.database, self.number),
        );
    }

    async fn write(&self) -> Change {
        self.write_where_writers_are("INSERT INTO tasks (title) VALUES ('another')");
        Change::Made
    }

    async fn write_as_user(&self) -> Option<Tally> {
        // What is written on the old side before the cutover is not lacked there.
        if !self.writers_are_on_the_new_side() && !self.recorders().await.is_empty() {
            return None;
        }
        self.write_where_writers_are(
            "INSERT INTO tasks (title) VALUES ('one'), ('two'); UPDATE notes SET text = text || '!' WHERE id = 1;
             DELETE FROM notes WHERE id = (SELECT max(id) FROM notes)",
        );
        Some(Tally { inserted: 2, changed: 1, deleted: 1 })
    }

    async fn write_as_migration(&self) -> Option<u64> {
        if !self.writers_are_on_the_new_side() {
            return None;
        }
        self.new_side(
            "BEGIN; SELECT _backout.migration(); INSERT INTO notes VALUES (1000, 'filled', ''); COMMIT",
        );
        Some(1)
    }

    async fn rebuild(&self) -> Change {
        self.new_side(
            "CREATE TABLE rebuilt (LIKE notes INCLUDING ALL); INSERT INTO rebuilt SELECT * FROM notes;
             DROP TABLE notes; ALTER TABLE rebuilt RENAME TO notes",
        );
        Change::Made
    }

    async fn drop_recorder(&self) -> Change {
        self.new_side("ALTER PUBLICATION _backout_rows DROP TABLE notes");
        Change::Made
    }

    async fn recorders(&self) -> Vec<String> {
        self.recorders_of(new_server::<PLAIN>())
    }

    async fn remove(&self) -> Change {
        Change::Impossible("both sides live on, whatever becomes of writers")
    }

    async fn corrupt(&self) -> Change {
        Change::Impossible("who may connect is read from a catalog that every connection needs")
    }

    async fn become_hostile(&self) -> Change {
        self.is_hostile.store(true, Ordering::Relaxed);
        Change::Made
    }

    fn secrets(&self) -> Vec<String> {
        vec![PASSWORD.to_owned(), SECRET.to_owned()]
    }

    async fn contents(&self) -> BTreeMap<String, String> {
        let mut all = self.rows_if_open(one(), "old");
        all.insert("old side".to_owned(), self.entry(one()));
        all.insert("new side".to_owned(), self.entry(new_server::<PLAIN>()));
        all
    }

    async fn traces(&self) -> BTreeMap<String, String> {
        let mut all = self.contents().await;
        all.extend(self.rows_if_open(new_server::<PLAIN>(), "new"));
        let slots = format!(
            "SELECT coalesce(json_agg(to_jsonb(s) - 'inactive_since' ORDER BY slot_name), '[]') FROM pg_replication_slots s WHERE database = '{}'",
            self.database
        );
        all.insert("slots".to_owned(), new_server::<PLAIN>().sql("postgres", &slots));
        all
    }

    async fn let_read_only(&self) -> Change {
        for server in [one(), new_server::<PLAIN>()] {
            let alter = format!("ALTER ROLE mover_{} SET default_transaction_read_only = on", self.number);
            server.sql("postgres", &alter);
        }
        Change::Made
    }

    async fn let_write(&self) {
        for server in [one(), new_server::<PLAIN>()] {
            let alter = format!("ALTER ROLE mover_{} RESET default_transaction_read_only", self.number);
            server.sql("postgres", &alter);
        }
    }

    async fn door(&self) -> Option<Door> {
        for server in [one(), new_server::<PLAIN>()] {
            let url = server.url_as(&format!("app_{}", self.number), "app", &self.database);
            if server.psql(&url, "SELECT 1").status.success() {
                return Some(Door::Open);
            }
        }
        Some(Door::Shut)
    }

    async fn started(&self) -> Option<String> {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((client, id)) = session
            && client.simple_query("SELECT 1").await.is_ok()
        {
            *self.session.lock().unwrap_or_else(PoisonError::into_inner) = Some((client, id.clone()));
            return Some(id);
        }
        for server in [one(), new_server::<PLAIN>()] {
            let url = server.url_as(&format!("app_{}", self.number), "app", &self.database);
            let Ok((client, connection)) = tokio_postgres::connect(&url, NoTls).await else { continue };
            tokio::spawn(connection);
            let own =
                "SELECT pid || ' since ' || backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()";
            let id: String = client.query_one(own, &[]).await.ok()?.get(0);
            *self.session.lock().unwrap_or_else(PoisonError::into_inner) = Some((client, id.clone()));
            return Some(id);
        }
        None
    }
}
