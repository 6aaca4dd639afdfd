//! Puts a dump into an empty database.

use std::ffi::OsString;
use std::fs;

use backout_contract::{Context, DriverError, ErrorKind};

use super::fetch::Fetched;
use super::leave_out::select;
use super::program::{Program, major_of};
use super::progress::watch_restore;
use super::rights::Rights;
use crate::our_side::of_file;
use crate::server::{Address, Version, connect, of_postgres};

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Restored {
    /// What our role cannot put back and nothing else needs: one sentence each, for people. A comparison of the schema
    /// shows it too.
    pub(crate) left_out: Vec<String>,
}

/// Puts a dump into a database that the caller made empty, straight through a connection. Durable after the next commit
/// that waits for the disk.
///
/// # Errors
/// Before the database is touched, when the server or our programs are too old for it, or our role cannot do what it
/// needs; after that, what the server said first. The database is then good for nothing but to be dropped.
pub(crate) async fn restore(
    context: &Context,
    fetched: &Fetched,
    into: &Address,
    version: Version,
    jobs: usize,
) -> Result<Restored, DriverError> {
    let attempted = format!("put a dump into {}", into.shown());
    let program = major_of(context, version).await?;
    fetched.header.fits(version, program)?;
    let link = connect(into).await?;
    let rights =
        Rights::of(&link).await.map_err(|error| of_postgres(attempted.clone(), error).nothing_happened())?;
    let selection = select(&fetched.header, &rights).map_err(|obstacles| {
        let error = DriverError::new(ErrorKind::Denied, attempted.clone()).nothing_happened();
        error.caused_by(obstacles.join("; "))
    })?;
    for numbers in [&selection.first, &selection.numbers].into_iter().filter(|numbers| !numbers.is_empty()) {
        let list = fetched.folder().with_extension("list");
        let lines: String = numbers.iter().map(|number| format!("{number}\n")).collect();
        fs::write(&list, lines).map_err(|error| of_file("write", &list, error))?;
        let arguments: [OsString; 9] = [
            "--exit-on-error".into(),
            format!("--jobs={}", jobs.max(1)).into(),
            "--format=directory".into(),
            "--no-password".into(),
            "--use-list".into(),
            list.into(),
            "--dbname".into(),
            named(&into.database).into(),
            fetched.folder().into(),
        ];
        let program = Program::new(context, into, "pg_restore", version, attempted.clone())
            .await?
            .arguments(arguments)
            // What was put back is looked at before anybody relies on it: waiting for the disk at every statement is
            // of no use.
            .setting("synchronous_commit=off");
        tokio::select! {
            ran = program.run() => drop(ran?),
            never = watch_restore(context, &link, fetched.header.contents.database_bytes) => match never {},
        }
    }
    Ok(Restored { left_out: selection.left_out })
}

/// A database as programs take it in an argument: a bare name with a `=` in it would be read as an address.
fn named(database: &str) -> String {
    format!("dbname='{}'", database.replace('\\', "\\\\").replace('\'', "\\'"))
}
