//! Estates of their own for tests, in a file and on a server.

use backout_demo::{Database, Estate};
use backout_fixtures::{Options, Postgres};
use std::path::PathBuf;
use std::sync::LazyLock;
use tempfile::TempDir;

pub fn estate() -> (TempDir, Estate) {
    let folder = TempDir::new().unwrap();
    let estate = Estate::create(folder.path().join("estate")).unwrap();
    (folder, estate)
}

/// One server for all tests; each has databases of its own.
pub fn server() -> &'static Postgres {
    static SERVER: LazyLock<Postgres> = LazyLock::new(|| Postgres::start(&Options::default()));
    &SERVER
}

pub fn estate_on_server() -> (TempDir, Estate) {
    let folder = TempDir::new().unwrap();
    let estate = Estate::create_on_server(folder.path().join("estate"), &server().url("postgres")).unwrap();
    (folder, estate)
}

/// Two that must be alike: one in a file, one on a server.
pub fn estates() -> [(TempDir, Estate); 2] {
    [estate(), estate_on_server()]
}

pub fn sqlite(estate: &Estate) -> PathBuf {
    match estate.database().unwrap() {
        Database::Sqlite(path) => path,
        Database::Postgres(_) => panic!("it is on a server"),
    }
}

/// Runs statements of a test's own with the rights of the database's owner; what they print.
pub fn sql(estate: &Estate, text: &str) -> String {
    match estate.database().unwrap() {
        Database::Sqlite(path) => {
            rusqlite::Connection::open(path).unwrap().execute_batch(text).unwrap();
            String::new()
        }
        Database::Postgres(url) => {
            let output = server().psql(&url, text);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        }
    }
}
