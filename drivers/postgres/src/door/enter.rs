//! Getting in behind a door that we shut: it stands open for as long as connecting takes.
//!
//! Whoever shares our role, or is a superuser, can slip in meanwhile. They are ended before anything is looked at, so
//! that a look sees what they wrote, and nothing comes after it.

use std::time::Duration;

use backout_contract::{DriverError, ErrorKind};
use futures_util::future::join_all;

use super::inside::{Stays, empty};
use super::outside::Outside;
use crate::server::{Link, Pace, connect};

/// How long those are waited for who slipped in.
const PATIENCE: Duration = Duration::from_secs(30);

/// So many connections into a database whose door is open, or which we shut.
///
/// # Errors
/// When it is not there, when somebody else shut it, when it cannot be read.
pub(crate) async fn enter(
    outside: &Outside,
    name: &str,
    how_many: usize,
    pace: &Pace,
) -> Result<Vec<Link>, DriverError> {
    held_open(outside, name, pace, || async {
        let address = outside.address.of_database(name);
        let mut connecting = Vec::new();
        for _ in 0..how_many.max(1) {
            connecting.push(connect(&address));
        }
        join_all(connecting).await.into_iter().collect()
    })
    .await
}

/// Does something for which a database that we shut has to stand open (a program that connects by itself), and gets
/// everybody else out afterwards.
///
/// # Errors
/// As for [`enter`], and what the work says.
pub(crate) async fn held_open<T, F: Future<Output = Result<T, DriverError>>>(
    outside: &Outside,
    name: &str,
    pace: &Pace,
    work: impl FnOnce() -> F,
) -> Result<T, DriverError> {
    let shown = outside.address.of_database(name).shown();
    let Some(found) = outside.find(name).await? else {
        return Err(DriverError::new(ErrorKind::Unreadable, format!("find {shown}")).nothing_happened());
    };
    let is_ours = found.note.shut.as_ref().is_some_and(|shut| !shut.readers || !found.lets_in);
    if !is_ours {
        if found.lets_in {
            return work().await;
        }
        return Err(DriverError::new(ErrorKind::Denied, format!("connect to {shown}"))
            .caused_by("its door was shut by somebody else")
            .hint("open it yourself when they are done: ALTER DATABASE … ALLOW_CONNECTIONS true")
            .nothing_happened());
    }
    outside.let_in(name, true).await?;
    backout_kit::failpoint!("postgres-door-ajar");
    let done = work().await;
    outside.let_in(name, false).await?;
    let done = done?;
    empty(outside, name, found.oid, Stays::We, PATIENCE, pace).await?;
    Ok(done)
}
