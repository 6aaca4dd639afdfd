//! A connection beside a database: to another one of the same server, from where it is shut, renamed and dropped.

use backout_contract::{DriverError, ErrorKind};
use tokio_postgres::error::SqlState;
use tokio_postgres::{GenericClient, Transaction};

use super::note::Note;
use crate::server::{Address, Fault, Link, connect, identifier, literal, of_postgres};

/// Serialises what processes of ours do to databases of a server; held within transactions only.
const LOCK: i64 = 0x6261_636b_6f75_7400;

/// A connection beside a database.
pub(crate) struct Outside {
    pub(crate) link: Link,
    /// The way to the component's database. Other databases of the server are reached by the same.
    pub(crate) address: Address,
}

/// A database as its server lists it.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Its object number: stays with a rename.
    pub(crate) oid: u32,
    /// Its name.
    pub(crate) name: String,
    /// Changes with every change of its entry: a rename, the shutting and opening of its door.
    pub(crate) version: String,
    /// Whether the server lets anybody in.
    pub(crate) lets_in: bool,
    /// When the server was started, in seconds since 1970.
    pub(crate) started: String,
    /// What people wrote about it.
    pub(crate) comment: String,
    /// What we did.
    pub(crate) note: Note,
}

impl Outside {
    /// Connects to the maintenance database: the given one, else `postgres`, else `template1`.
    ///
    /// # Errors
    /// When none of them lets us in.
    pub(crate) async fn connect(address: &Address, maintenance: Option<&str>) -> Result<Self, DriverError> {
        let usual = ["postgres", "template1"];
        let names: Vec<&str> = match maintenance {
            Some(name) => vec![name],
            None => usual.into_iter().filter(|name| *name != address.database).collect(),
        };
        let mut failed = None;
        for name in names {
            match connect(&address.of_database(name)).await {
                Ok(link) => return Ok(Self { link, address: address.clone() }),
                Err(error) if error.kind == ErrorKind::Unreachable => return Err(error),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        let failed = failed.unwrap_or_else(|| {
            DriverError::new(ErrorKind::Config, "find a database to work from").nothing_happened()
        });
        Err(failed
            .hint("databases are renamed from another one of the same server: name one with `maintenance`"))
    }

    /// A database of the server; none where there is none of that name.
    pub(crate) async fn find(&self, name: &str) -> Result<Option<Entry>, DriverError> {
        let attempted =
            format!("look for {} in the list of databases", self.address.of_database(name).shown());
        entry(&*self.link, name).await.map_err(|fault| fault.while_doing(attempted).nothing_happened())
    }

    /// Whether the server follows another one.
    pub(crate) async fn is_standby(&self) -> Result<bool, DriverError> {
        let row = self.link.query_one("SELECT pg_catalog.pg_is_in_recovery()", &[]).await;
        let attempted = format!("ask whether the server of {} is a standby", self.address.shown());
        Ok(row.map_err(|error| of_postgres(attempted, error).nothing_happened())?.get(0))
    }

    /// Databases whose names begin so.
    pub(crate) async fn list(&self, prefix: &str) -> Result<Vec<Entry>, DriverError> {
        let query = format!("{ENTRY} WHERE starts_with(d.datname::text, $1) ORDER BY d.datname");
        let rows = self
            .link
            .query(&query, &[&prefix])
            .await
            .map_err(|error| of_postgres("list databases", error).nothing_happened())?;
        Ok(rows.iter().map(of_row).collect())
    }

    /// One transaction, which no other process of ours runs beside. What it did is durable when it is committed.
    pub(crate) async fn begin(&mut self) -> Result<Transaction<'_>, Fault> {
        let transaction = self.link.transaction().await?;
        transaction
            .batch_execute(&format!(
                "SET LOCAL synchronous_commit = on; SELECT pg_catalog.pg_advisory_xact_lock({LOCK})"
            ))
            .await?;
        Ok(transaction)
    }

    /// Whether the server lets anybody into a database. A change of that is no secret that needs a transaction.
    pub(crate) async fn let_in(&self, name: &str, whether: bool) -> Result<(), DriverError> {
        let sql = format!("ALTER DATABASE {} ALLOW_CONNECTIONS {whether}", identifier(name));
        let word = if whether { "open" } else { "shut" };
        let shown = self.address.of_database(name).shown();
        self.link.batch_execute(&sql).await.map_err(|error| of_postgres(format!("{word} {shown}"), error))
    }

    /// Changes what a database bears of ours.
    pub(crate) async fn annotate(
        &mut self,
        name: &str,
        change: impl FnOnce(&mut Note) + Send,
    ) -> Result<bool, DriverError> {
        let attempted = format!("write a note at {}", self.address.of_database(name).shown());
        let work = async {
            let transaction = self.begin().await?;
            let Some(mut entry) = entry(&transaction, name).await? else { return Ok(false) };
            let before = entry.note.clone();
            change(&mut entry.note);
            if entry.note != before {
                transaction.batch_execute(&entry.comment_sql(name)).await?;
                transaction.commit().await?;
            }
            Ok(true)
        };
        work.await.map_err(|fault: Fault| fault.while_doing(attempted))
    }
}

impl Entry {
    /// The statement that writes its comment with its note, under this name.
    pub(crate) fn comment_sql(&self, name: &str) -> String {
        let text =
            self.note.to_comment(&self.comment).map_or_else(|| "NULL".to_owned(), |text| literal(&text));
        format!("COMMENT ON DATABASE {} IS {text}", identifier(name))
    }
}

const ENTRY: &str = "SELECT d.oid, d.datname::text, d.xmin::text, d.datallowconn, \
                     coalesce(pg_catalog.shobj_description(d.oid, 'pg_database'), ''), \
                     extract(epoch FROM pg_catalog.pg_postmaster_start_time())::text FROM pg_catalog.pg_database d";

/// A database as the server lists it at this moment, within a transaction or not.
pub(crate) async fn entry(client: &impl GenericClient, name: &str) -> Result<Option<Entry>, Fault> {
    let row = client.query_opt(&format!("{ENTRY} WHERE d.datname = $1"), &[&name]).await?;
    Ok(row.as_ref().map(of_row))
}

fn of_row(row: &tokio_postgres::Row) -> Entry {
    let (comment, note) = Note::of_comment(row.get(4));
    let (version, lets_in, started) = (row.get(2), row.get(3), row.get(5));
    Entry { oid: row.get(0), name: row.get(1), version, lets_in, started, comment, note }
}

/// Whether an error is the server's word for this.
pub(crate) fn is_said_by(error: &tokio_postgres::Error, state: &SqlState) -> bool {
    error.code() == Some(state)
}
