//! Opening a door, and looking where it is.

use backout_contract::{Door, DriverError, Effect, ErrorKind};

use super::close::grantee;
use super::outside::{Outside, entry};
use crate::server::{Fault, connect, identifier, literal};

/// Where a door is. Nobody comes into what is not there.
pub(crate) async fn whereabouts(outside: &Outside, name: &str) -> Result<Door, DriverError> {
    Ok(match outside.find(name).await? {
        None => Door::Shut,
        Some(found) if !found.lets_in => Door::Shut,
        Some(found) if found.note.shut.as_ref().is_some_and(|shut| shut.readers) => Door::Shut,
        Some(_) => Door::Open,
    })
}

/// Opens a door as it was before it was shut, in one transaction, and goes in to see that it is.
///
/// # Errors
/// When somebody else shut it: whoever shut a door has a reason.
pub(crate) async fn reopen(outside: &mut Outside, name: &str) -> Result<Effect, DriverError> {
    let shown = outside.address.of_database(name).shown();
    let work = async {
        let transaction = outside.begin().await?;
        let Some(mut found) = entry(&transaction, name).await? else { return Ok(None) };
        let Some(shut) = found.note.shut.take() else { return Ok((!found.lets_in).then_some(false)) };
        let database = identifier(name);
        let mut sql = String::new();
        for role in &shut.revoked {
            // Whoever is no longer there needs no right.
            let exists = "SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = $1";
            if role.is_empty() || transaction.query_opt(exists, &[role]).await?.is_some() {
                sql.push_str(&format!("GRANT CONNECT ON DATABASE {database} TO {}; ", grantee(role)));
            }
        }
        if let Some(read_only) = shut.read_only {
            sql.push_str(&match read_only.was {
                Some(was) => {
                    let was = literal(&was);
                    format!("ALTER DATABASE {database} SET default_transaction_read_only = {was}; ")
                }
                None => format!("ALTER DATABASE {database} RESET default_transaction_read_only; "),
            });
        }
        sql.push_str(&format!("ALTER DATABASE {database} ALLOW_CONNECTIONS true; "));
        sql.push_str(&found.comment_sql(name));
        transaction.batch_execute(&sql).await?;
        backout_kit::failpoint!("postgres-door-half-open");
        transaction.commit().await?;
        Ok(Some(true))
    };
    match work.await.map_err(|fault: Fault| fault.while_doing(format!("open {shown}")))? {
        None => Ok(Effect::AlreadyThere),
        Some(true) => {
            connect(&outside.address.of_database(name)).await?;
            Ok(Effect::Applied {
                evidence: format!("{shown} lets everybody in who came in before, and answers"),
            })
        }
        Some(false) => Err(DriverError::new(ErrorKind::Denied, format!("open {shown}"))
            .caused_by("its door was shut by somebody else")
            .hint("open it yourself when they are done: ALTER DATABASE … ALLOW_CONNECTIONS true")
            .nothing_happened()),
    }
}
