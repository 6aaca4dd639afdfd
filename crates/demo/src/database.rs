//! The data of an estate: a file of SQLite's, or a database on a server of PostgreSQL's. Everything else says what it
//! wants in SQL that both understand, with parameters `$1`, `$2`, … that first occur in this order.

mod postgres;
mod sqlite;
mod value;

use crate::identifier::IdType;
use anyhow::{Context, Result};
use std::fmt;
use std::path::{Path, PathBuf};

pub(crate) use value::{Row, Value, values};

/// Where the data of an estate is. Prints without a password.
#[derive(Clone)]
pub enum Database {
    /// A file of SQLite's.
    Sqlite(PathBuf),
    /// A database on a server, by its address: `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`.
    Postgres(String),
}

/// Which of the two it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

impl Database {
    /// What a settings file says: an address, or a path that begins in a folder.
    pub(crate) fn named(text: &str, folder: &Path) -> Self {
        match text.starts_with("postgres://") || text.starts_with("postgresql://") {
            true => Self::Postgres(text.to_owned()),
            false => Self::Sqlite(folder.join(text)),
        }
    }

    /// Which of the two it is.
    pub fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    /// Opens an existing database for reading and writing; a missing one is an error, not a new empty one.
    pub(crate) fn open(&self) -> Result<Connection> {
        match self {
            Self::Sqlite(path) => sqlite::open(path).map(Connection::Sqlite),
            Self::Postgres(url) => postgres::open(url).map(Connection::Postgres),
        }
        .with_context(|| format!("open the database {self}"))
    }

    /// Opens an existing database and refuses to write to it.
    pub(crate) fn open_to_read(&self) -> Result<Connection> {
        let mut connection = self.open()?;
        connection.batch(match self {
            // The file is opened for writing all the same: a reader without that right leaves the files of the
            // write-ahead log behind.
            Self::Sqlite(_) => "PRAGMA query_only = 1",
            Self::Postgres(_) => "SET default_transaction_read_only = on",
        })?;
        Ok(connection)
    }

    /// Creates what has to be there before the first table.
    pub(crate) fn create(&self) -> Result<Connection> {
        match self {
            Self::Sqlite(path) => sqlite::create(path).map(Connection::Sqlite),
            // A server's database was made together with those who may use it.
            Self::Postgres(_) => self.open(),
        }
    }
}

impl fmt::Display for Database {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(out, "{}", path.display()),
            Self::Postgres(url) => out.write_str(&postgres::shown(url)),
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// An open database.
pub(crate) enum Connection {
    Sqlite(rusqlite::Connection),
    Postgres(::postgres::Client),
}

impl Connection {
    /// Runs statements that give nothing back.
    pub fn batch(&mut self, sql: &str) -> Result<()> {
        match self {
            Self::Sqlite(connection) => Ok(connection.execute_batch(sql)?),
            Self::Postgres(client) => Ok(client.batch_execute(sql)?),
        }
    }

    /// Runs one statement; how many rows it wrote.
    pub fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64> {
        match self {
            Self::Sqlite(connection) => {
                Ok(connection.execute(sql, rusqlite::params_from_iter(values))? as u64)
            }
            Self::Postgres(client) => Ok(client.execute(sql, &postgres::parameters(values))?),
        }
    }

    /// The rows that one statement gives.
    pub fn rows(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite(connection) => sqlite::rows(connection, sql, values),
            Self::Postgres(client) => postgres::rows(client, sql, values),
        }
    }

    /// The first of them, if there is one.
    pub fn row(&mut self, sql: &str, values: &[Value]) -> Result<Option<Row>> {
        Ok(self.rows(sql, values)?.into_iter().next())
    }

    /// Does work in one transaction that keeps other writers out of its way.
    pub fn change<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.batch(match self {
            Self::Sqlite(_) => "BEGIN IMMEDIATE",
            Self::Postgres(_) => "BEGIN",
        })?;
        match work(self) {
            Ok(done) => self.batch("COMMIT").map(|()| done),
            Err(error) => {
                // What went wrong first is what matters; an open transaction ends with the connection.
                let _ = self.batch("ROLLBACK");
                Err(error)
            }
        }
    }

    /// Which of the two it is.
    pub fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    /// Whether the other side has hung up, as servers do.
    pub fn is_closed(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(client) => client.is_closed(),
        }
    }

    /// What the keys of tasks are: integers before the migration, UUIDs after it.
    pub fn id_type(&mut self) -> Result<IdType> {
        let sql = match self {
            Self::Sqlite(_) => "SELECT lower(type) FROM pragma_table_info('tasks') WHERE name = 'id'",
            Self::Postgres(_) => {
                "SELECT data_type::text FROM information_schema.columns
                 WHERE table_schema = 'public' AND table_name = 'tasks' AND column_name = 'id'"
            }
        };
        let found: String = self.row(sql, &[])?.context("find the table tasks")?.take(0)?;
        Ok(if found == "integer" { IdType::Integer } else { IdType::Uuid })
    }
}
