//! Begins the transaction in which writes are taken over.

use super::ledger;
use crate::server::{Fault, Link};

/// What a transaction that takes writes over is like. Statements about many rows have plain expressions, which are
/// sooner evaluated than compiled. Every row that is compared is mostly written too, so that its page has to be read
/// wherever it lies: reading that page alone beats sorting or hashing a whole table, however many rows are asked for, and
/// no row is asked for twice, so that nothing is to be remembered. How many rows there are is all that statistics have to
/// tell of what was staged.
const BEGIN: &str = "
    BEGIN ISOLATION LEVEL READ COMMITTED;
    SET LOCAL row_security = off; SET LOCAL jit = off; SET LOCAL work_mem = '64MB'; SET LOCAL random_page_cost = 0.1;
    SET LOCAL default_statistics_target = 10; SET LOCAL lock_timeout = '10s'";

/// A setting that servers have since 14.
const SINCE_14: &str = "SET LOCAL enable_memoize = off";
const WITH_MEMOIZE: i32 = 140_000;

/// Begins it, and keeps others from doing the same meanwhile.
pub(super) async fn begin(link: &Link) -> Result<(), Fault> {
    // Has to be said before anything temporary is made; a smaller one does too.
    let _ = link.batch_execute("SET temp_buffers = '64MB'").await;
    link.batch_execute(BEGIN).await?;
    let asks = "SELECT pg_catalog.current_setting('server_version_num')::int";
    if link.query_one(asks, &[]).await?.get::<_, i32>(0) >= WITH_MEMOIZE {
        link.batch_execute(SINCE_14).await?;
    }
    link.batch_execute(ledger::MAKE).await?;
    // Two at once would both take over what neither has.
    link.batch_execute("LOCK TABLE _backout.taken IN EXCLUSIVE MODE").await?;
    Ok(())
}

/// Tells the target's own recorder that what is written here is no user's: it was taken over, and counts where it was
/// recorded first.
pub(super) async fn mark(link: &Link) -> Result<(), Fault> {
    let marks = "SELECT to_regprocedure('_backout.migration()') IS NOT NULL,
                 has_function_privilege(to_regprocedure('_backout.note(text, text)'), 'EXECUTE')";
    let row = link.query_one(marks, &[]).await?;
    if row.get::<_, Option<bool>>(1) == Some(true) {
        link.batch_execute("SELECT _backout.note('merged', '')").await?;
    }
    if row.get(0) {
        link.batch_execute("SELECT _backout.migration()").await?;
    }
    Ok(())
}
