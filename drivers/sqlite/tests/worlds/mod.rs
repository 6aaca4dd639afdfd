//! A small application's database, with either kind of journal.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use backout_conformance::{Change, HOSTILE_NAMES, World, quoted};
use backout_core::writes::Tally;
use backout_driver_sqlite::Database;
use rusqlite::Connection;
use tempfile::TempDir;

const SIDECARS: [&str; 3] = ["-journal", "-wal", "-shm"];
const SECRET: &str = "bcrypt:hunter2hunter2";

/// A database and what people do to it.
struct Estate {
    folder: TempDir,
    names: Mutex<(String, String)>,
    journal: &'static str,
}

impl Estate {
    fn new(journal: &'static str) -> Self {
        let names = Mutex::new(("todo.db".to_owned(), "notes".to_owned()));
        Self { folder: tempfile::tempdir().unwrap(), names, journal }
    }

    fn names(&self) -> (String, String) {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join(self.names().0)
    }

    fn table(&self) -> String {
        format!("\"{}\"", self.names().1.replace('"', "\"\""))
    }

    fn run(&self, sql: &str) {
        let connection = Connection::open(self.path()).unwrap();
        connection.busy_timeout(Duration::from_secs(20)).unwrap();
        connection.execute_batch(sql).unwrap();
    }

    fn set_up(&self) {
        let table = self.table();
        self.run(&format!(
            "PRAGMA journal_mode = {};
             PRAGMA user_version = 1;
             CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, password TEXT);
             CREATE TABLE {table} (id INTEGER PRIMARY KEY, user INTEGER REFERENCES users, text TEXT, data BLOB);
             CREATE INDEX by_text ON {table} (text);
             INSERT INTO users (name, password) VALUES ('Zoë', '{SECRET}');
             INSERT INTO {table} (user, text, data) VALUES (1, 'milk', x'00ff'), (1, NULL, zeroblob(20000));",
            self.journal
        ));
    }

    fn sidecars(&self) -> [PathBuf; 3] {
        let path = self.path();
        SIDECARS.map(|ending| {
            let mut name = path.clone().into_os_string();
            name.push(ending);
            name.into()
        })
    }

    /// Every row of every table, read from a copy, so that nothing is left beside the database.
    fn contents(&self, path: &Path) -> BTreeMap<String, String> {
        let mut contents = BTreeMap::new();
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy");
        if fs::copy(path, &copy).is_err() {
            return contents;
        }
        for ending in SIDECARS {
            let mut from = path.to_owned().into_os_string();
            from.push(ending);
            let _ = fs::copy(from, folder.path().join(format!("copy{ending}")));
        }
        let connection = Connection::open(&copy).unwrap();
        let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        contents.insert("version".to_owned(), version.to_string());
        let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
        contents.insert("journal".to_owned(), mode);
        let mut schema = connection.prepare("SELECT type, name, sql FROM sqlite_schema").unwrap();
        let entries = schema
            .query_map([], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, Option<String>>(2)?))
            })
            .unwrap();
        for (kind, name, sql) in entries.map(Result::unwrap).filter(|(_, name, _)| !is_ours(name)) {
            if kind == "table" {
                let table = name.replace('"', "\"\"");
                let but_ours = if name == "sqlite_sequence" { "WHERE name NOT LIKE '%backout%'" } else { "" };
                let query = format!("SELECT * FROM \"{table}\" {but_ours}");
                let mut statement = connection.prepare(&query).unwrap();
                let columns = statement.column_count();
                let rows = statement.query_map([], |row| {
                    (0..columns)
                        .map(|at| Ok(format!("{:?}", row.get_ref(at)?)))
                        .collect::<Result<Vec<_>, _>>()
                });
                let rows: Vec<_> = rows.unwrap().map(Result::unwrap).collect();
                contents.insert(format!("rows of {name}"), format!("{rows:?}"));
            }
            contents.insert(format!("{kind} {name}"), sql.unwrap_or_default());
        }
        contents
    }
}

fn is_ours(name: &str) -> bool {
    name.starts_with("_backout_")
}

macro_rules! world {
    ($name:ident, $journal:literal) => {
        pub(crate) struct $name(Estate);

        #[async_trait]
        impl World for $name {
            type Driver = Database;

            async fn new() -> Self {
                Self(Estate::new($journal))
            }

            fn root(&self) -> &Path {
                self.0.folder.path()
            }

            fn config(&self) -> String {
                // The migration gives the table a column that users do not write to.
                let (path, table) = self.0.names();
                let rule = "\nmerge: {tables: {notes: {ignore: [uuid]}}}";
                format!("path: {}{}", quoted(&path), if table == "notes" { rule } else { "" })
            }

            async fn set_up(&self) {
                self.0.set_up();
            }

            async fn migrate(&self) {
                let table = self.0.table();
                self.0.run(&format!(
                    "ALTER TABLE {table} ADD COLUMN uuid TEXT;
                     UPDATE {table} SET uuid = hex(randomblob(16));
                     CREATE TABLE audit (line TEXT);
                     PRAGMA user_version = 2"
                ));
            }

            async fn drift(&self) {
                self.0.run("CREATE TABLE drift (a); PRAGMA user_version = 3");
            }

            async fn write(&self) -> Change {
                self.0.run(&format!("INSERT INTO {} (text) VALUES ('written by users')", self.0.table()));
                Change::Made
            }

            async fn write_as_user(&self) -> Option<Tally> {
                let table = self.0.table();
                self.0.run(&format!(
                    "BEGIN;
                     INSERT INTO {table} (text) VALUES ('one'), ('two'), ('three');
                     UPDATE {table} SET text = text || '!' WHERE text = 'one';
                     UPDATE {table} SET text = text;
                     DELETE FROM {table} WHERE text IN ('two', 'three');
                     INSERT INTO users (name) VALUES ('Ada');
                     UPDATE {table} SET text = 'past' WHERE text = 'one!';
                     COMMIT"
                ));
                Some(Tally { inserted: 4, changed: 2, deleted: 2 })
            }

            async fn write_as_migration(&self) -> Option<u64> {
                let table = self.0.table();
                self.0.run(&format!(
                    "BEGIN;
                     INSERT INTO _backout_writer (origin) VALUES ('migration');
                     INSERT INTO {table} (text) VALUES ('four'), ('five');
                     DELETE FROM {table} WHERE text = 'five';
                     DELETE FROM _backout_writer;
                     COMMIT"
                ));
                Some(3)
            }

            async fn rebuild(&self) -> Change {
                self.0.run(
                    "PRAGMA foreign_keys = OFF;
                     BEGIN;
                     CREATE TABLE users_2 (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, password TEXT);
                     INSERT INTO users_2 SELECT * FROM users;
                     DROP TABLE users;
                     ALTER TABLE users_2 RENAME TO users;
                     COMMIT",
                );
                Change::Made
            }

            async fn drop_recorder(&self) -> Change {
                self.0.run("DROP TRIGGER _backout_d_0");
                Change::Made
            }

            async fn recorders(&self) -> Vec<String> {
                let connection = Connection::open(self.0.path()).unwrap();
                let mut statement =
                    connection.prepare("SELECT name FROM sqlite_schema WHERE name LIKE '%backout%'").unwrap();
                statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
            }

            async fn remove(&self) -> Change {
                let _ = fs::remove_file(self.0.path());
                self.0.sidecars().iter().for_each(|path| drop(fs::remove_file(path)));
                Change::Made
            }

            async fn corrupt(&self) -> Change {
                let mut bytes = fs::read(self.0.path()).unwrap();
                bytes[..64].fill(0xa5);
                fs::write(self.0.path(), bytes).unwrap();
                Change::Made
            }

            async fn become_hostile(&self) -> Change {
                let name: String = HOSTILE_NAMES.concat();
                *self.0.names.lock().unwrap_or_else(PoisonError::into_inner) = (name.clone(), name);
                Change::Made
            }

            fn secrets(&self) -> Vec<String> {
                vec![SECRET.to_owned()]
            }

            async fn contents(&self) -> BTreeMap<String, String> {
                self.0.contents(&self.0.path())
            }

            async fn is_kept(&self, place: &str) -> bool {
                let path = backout_kit::path_text::decode(place).unwrap();
                let contents = self.0.contents(Path::new(&path));
                contents.get("version").is_some_and(|version| version != "1")
            }
        }
    };
}

world!(JournalWorld, "delete");
world!(LogWorld, "wal");
