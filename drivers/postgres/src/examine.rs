//! Whether a database is whole, by the server's own means and without what was saved: comparing is somebody else's.
//!
//! Everything runs within one transaction that only reads. Expressions of constraints are evaluated only where no
//! function of a user's is called by them: whoever may define a constraint must not make us run something.

mod findings;
mod foreign_keys;
mod indexes;
mod questions;
mod sequences;
mod tables;
#[cfg(test)]
mod tests;

use backout_contract::{DriverError, Exactness};
use backout_core::observation::Verdict;

use crate::catalog::{self, Scope};
use crate::look::begin;
use crate::server::{Fault, Link, Pace};
use findings::Findings;

pub use questions::Question;

/// Judges a database or a part of it. Quickly: indexes, constraints that nobody validated, sequences whose column has an
/// index, and the questions of a person. Thoroughly, besides: every table is read to its end, every foreign key and check
/// constraint is tried on every row. One entry a look.
///
/// # Errors
/// When the server does not answer, or the time is up.
pub(crate) async fn examine(
    link: &Link,
    scope: &Scope,
    exactness: Exactness,
    questions: &[Question],
    pace: &Pace,
) -> Result<(Verdict, Vec<String>), DriverError> {
    let attempted = "examine a database";
    let work = async { Ok(all(link, scope, exactness, questions, pace).await) };
    let examined = pace.within(attempted, work).await?;
    // It only read; whatever is wrong with the connection, there is nothing to lose.
    drop(link.batch_execute("ROLLBACK").await);
    examined.map(Findings::judged).map_err(|fault| fault.while_doing(attempted).nothing_happened())
}

async fn all(
    link: &Link,
    scope: &Scope,
    exactness: Exactness,
    questions: &[Question],
    pace: &Pace,
) -> Result<Findings, Fault> {
    begin(link, None, pace).await?;
    link.batch_execute("SAVEPOINT examining").await?;
    let mut findings = Findings::default();
    let tables = catalog::tables(link, link.version, scope).await?;
    indexes::examine(link, &tables, &mut findings).await?;
    sequences::examine(link, &tables, exactness, &mut findings).await?;
    if exactness == Exactness::Data {
        tables::examine(link, &tables, pace, &mut findings).await?;
        foreign_keys::examine(link, &tables, pace, &mut findings).await?;
    }
    questions::ask(link, questions, pace, &mut findings).await?;
    Ok(findings)
}
