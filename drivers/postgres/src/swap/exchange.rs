//! The exchange of names: one transaction, which checks within itself that what is renamed is what was compared.
//!
//! | live | beside | after |
//! |---|---|---|
//! | there | there | live is displaced, beside is live |
//! | there | none | live is displaced |
//! | none | there | beside is live |
//!
//! Killed at any instant, the server's transaction has happened or not. The door of the new one is shut as that of the old
//! one was; the displaced one lets nobody in: it would go on with whatever works by itself (subscriptions, jobs).

use std::time::{Duration, Instant};

use backout_contract::DriverError;
use backout_core::name::RunId;
use tokio_postgres::error::SqlState;

use super::name;
use crate::door::{
    self, Entry, Note, Outside, Proven, PutBack, Stays, closed_by_this, closing_sql, empty, entry, is_said_by,
};
use crate::server::{Fault, Pace, identifier};

/// What is exchanged.
pub(crate) struct Exchange<'a> {
    /// The live name.
    pub(crate) live: &'a str,
    /// Live as it was when it was compared; none where nothing was there.
    pub(crate) compared: Option<&'a Entry>,
    /// What takes its place; none where nothing was saved.
    pub(crate) beside: Option<&'a Entry>,
    /// The run that does it.
    pub(crate) run: Option<&'a RunId>,
    /// Whether readers come into the new one at once.
    pub(crate) read_only: bool,
}

/// What became of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Exchanged {
    /// It happened; what stood there has this name now.
    Done(Option<String>),
    /// Something is not as it was when it was compared. Nothing was changed.
    Overtaken(&'static str),
}

/// Exchanges the names. Whoever is inside is ended, for so long.
///
/// # Errors
/// When somebody stays inside, or we may not rename.
pub(crate) async fn exchange(
    outside: &mut Outside,
    what: &Exchange<'_>,
    patience: Duration,
    pace: &Pace,
) -> Result<Exchanged, DriverError> {
    let shown = outside.address.of_database(what.live).shown();
    let attempted = format!("exchange {shown} with the saved one");
    let began = Instant::now();
    loop {
        pace.check(&attempted)?;
        match attempt(outside, what).await {
            Ok(done) => return Ok(done),
            Err(Fault::Postgres(error)) if is_in_use(&error) && began.elapsed() < patience => {}
            Err(fault) => {
                let is_denied = fault.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE);
                // The server says that it did nothing; a connection that broke says nothing.
                let is_certain = fault.code().is_some();
                let error = fault.while_doing(attempted);
                let error = if is_certain { error.nothing_happened() } else { error };
                return Err(if is_denied {
                    error.hint("the role of the address has to own the database and to have CREATEDB")
                } else {
                    error
                });
            }
        }
        for database in [what.compared, what.beside].into_iter().flatten() {
            let left = patience.saturating_sub(began.elapsed());
            empty(outside, &database.name, database.oid, Stays::Nobody, left, pace).await?;
        }
    }
}

fn is_in_use(error: &tokio_postgres::Error) -> bool {
    is_said_by(error, &SqlState::OBJECT_IN_USE) || is_said_by(error, &SqlState::LOCK_NOT_AVAILABLE)
}

async fn attempt(outside: &mut Outside, what: &Exchange<'_>) -> Result<Exchanged, Fault> {
    let transaction = outside.begin().await?;
    transaction.batch_execute("SET LOCAL lock_timeout = '5s'").await?;
    let old = entry(&transaction, what.live).await?;
    let as_compared = match (&old, what.compared) {
        (None, None) => true,
        (Some(now), Some(then)) => (now.oid, &now.version) == (then.oid, &then.version),
        _ => false,
    };
    if !as_compared {
        return Ok(Exchanged::Overtaken(
            "somebody renamed, opened or changed the database at this very moment",
        ));
    }
    let new = match what.beside {
        None => None,
        Some(beside) => {
            let found = entry(&transaction, &beside.name).await?;
            match found.filter(|now| now.oid == beside.oid && now.note.staged == beside.note.staged) {
                None => return Ok(Exchanged::Overtaken("what was put beside is not there any more")),
                Some(new) => Some(new),
            }
        }
    };
    let marker = old.as_ref().and_then(|old| old.note.marker.clone());
    let run = what.run.map(|run| run.as_str().to_owned());
    let mut sql = String::new();
    let mut kept = None;
    if let Some(mut old) = old {
        // Shut as well where it could not be read: nobody shall work in it under its new name.
        sql.push_str(&closing_sql(&transaction, &mut old, false).await?);
        let mut number = 1;
        while entry(&transaction, &name::displaced(what.live, what.run, number)).await?.is_some() {
            number += 1;
        }
        let displaced = name::displaced(what.live, what.run, number);
        old.note = Note {
            shut: old.note.shut.take(),
            displaced: Some(run.clone().unwrap_or_default()),
            ..Note::default()
        };
        sql.push_str(&rename(what.live, &displaced));
        sql.push_str(&format!("{}; ", old.comment_sql(&displaced)));
        kept = Some(displaced);
    }
    if let Some(mut new) = new {
        let unreached = new.closed();
        let put_back = match new.note.staged.take() {
            None => None,
            Some(staged) => {
                // Readers come in at once, and one of them may ask for a transaction that writes.
                let is_proven = staged.closed.is_some() && staged.closed == unreached && !what.read_only;
                let proven = match is_proven {
                    true => Some(Proven {
                        saved: staged.saved,
                        closed: closed_by_this(&transaction, &new).await?,
                    }),
                    false => None,
                };
                Some(PutBack { run: run.unwrap_or_default(), taken: staged.taken, proven })
            }
        };
        new.note = Note { marker, shut: new.note.shut.take(), put_back, ..Note::default() };
        if what.read_only {
            sql.push_str(&door::readers_only_sql(&transaction, &mut new).await?);
        }
        sql.push_str(&rename(&new.name, what.live));
        sql.push_str(&format!("{}; ", new.comment_sql(what.live)));
    }
    backout_kit::failpoint!("postgres-before-exchange");
    transaction.batch_execute(&sql).await?;
    backout_kit::failpoint!("postgres-before-commit");
    transaction.commit().await?;
    backout_kit::failpoint!("postgres-exchanged");
    Ok(Exchanged::Done(kept))
}

fn rename(from: &str, to: &str) -> String {
    format!("ALTER DATABASE {} RENAME TO {}; ", identifier(from), identifier(to))
}
