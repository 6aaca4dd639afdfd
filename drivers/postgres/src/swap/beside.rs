//! Makes an empty database beside a live one, dresses it as it is to be, and takes it away again.

use std::collections::BTreeSet;
use std::time::Duration;

use backout_contract::{DriverError, ErrorKind};
use tokio_postgres::Transaction;
use tokio_postgres::error::SqlState;

use super::list_value::value_sql;
use super::properties::Properties;
use crate::door::{Note, Outside, ReadOnly, Shut, Stays, empty, is_said_by};
use crate::server::{Fault, Pace, identifier, literal, of_postgres};

/// Makes an empty database with the encoding, locale, owner and place of another. Only its owner comes in.
///
/// # Errors
/// When we may not, when the server has no room, when one of that name is there.
pub(crate) async fn make(outside: &mut Outside, name: &str, like: &Properties) -> Result<(), DriverError> {
    let shown = outside.address.of_database(name).shown();
    let failed = |error| {
        of_postgres(format!("make {shown}"), error)
            .hint("the role of the address has to own the database and to have CREATEDB")
    };
    let database = identifier(name);
    let mut sql = format!(
        "CREATE DATABASE {database} TEMPLATE template0 OWNER {} ENCODING {} LC_COLLATE {} LC_CTYPE {} \
         ALLOW_CONNECTIONS false",
        identifier(&like.owner),
        literal(&like.encoding),
        literal(&like.collation),
        literal(&like.character_type),
    );
    // Whoever names the usual one needs a right for it.
    if like.tablespace != "pg_default" {
        sql.push_str(&format!(" TABLESPACE {}", identifier(&like.tablespace)));
    }
    match (like.provider.as_str(), &like.locale) {
        ("i", Some(locale)) => {
            sql.push_str(&format!(" LOCALE_PROVIDER icu ICU_LOCALE {}", literal(locale)));
            if let Some(rules) = &like.rules {
                sql.push_str(&format!(" ICU_RULES {}", literal(rules)));
            }
        }
        ("b", Some(locale)) => {
            sql.push_str(&format!(" LOCALE_PROVIDER builtin BUILTIN_LOCALE {}", literal(locale)));
        }
        _ => {}
    }
    outside.link.batch_execute(&sql).await.map_err(failed)?;
    backout_kit::failpoint!("postgres-beside-made");
    let note = Note { copy_of: Some(name.to_owned()), ..Note::default() }.to_comment("").unwrap_or_default();
    let sql = format!(
        "BEGIN; COMMENT ON DATABASE {database} IS {}; REVOKE ALL ON DATABASE {database} FROM PUBLIC; \
         ALTER DATABASE {database} ALLOW_CONNECTIONS true; COMMIT",
        literal(&note)
    );
    outside.link.batch_execute(&sql).await.map_err(failed)
}

/// Dresses a database as it is to be once it has its name, and shuts its door, in one transaction.
///
/// # Errors
/// When a setting or a grant is none that we may give.
pub(crate) async fn finish(outside: &mut Outside, name: &str, like: &Properties) -> Result<(), DriverError> {
    let shown = outside.address.of_database(name).shown();
    let work = async {
        let transaction = outside.begin().await?;
        let revoked = dress(&transaction, name, like).await?;
        let key = ("default_transaction_read_only".to_owned(), String::new());
        let read_only = Some(ReadOnly { was: like.settings.get(&key).cloned() });
        let shut = Shut { revoked, read_only, readers: false };
        let note = Note { shut: Some(shut), copy_of: Some(name.to_owned()), ..Note::default() };
        let comment = note.to_comment(&like.comment).unwrap_or_default();
        let database = identifier(name);
        let sql = format!(
            "ALTER DATABASE {database} SET default_transaction_read_only = on; \
             ALTER DATABASE {database} ALLOW_CONNECTIONS false; COMMENT ON DATABASE {database} IS {}",
            literal(&comment)
        );
        transaction.batch_execute(&sql).await?;
        transaction.commit().await?;
        Ok(())
    };
    work.await.map_err(|fault: Fault| fault.while_doing(format!("finish {shown}")))
}

/// Grants and settings. Connecting is left out; the roles that shall have it are told.
async fn dress(
    transaction: &Transaction<'_>,
    name: &str,
    like: &Properties,
) -> Result<BTreeSet<String>, Fault> {
    let database = identifier(name);
    let rows = transaction.query("SELECT rolname::text FROM pg_catalog.pg_roles", &[]).await?;
    let roles: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
    let mut revoked = BTreeSet::new();
    let mut sql = format!("REVOKE ALL ON DATABASE {database} FROM PUBLIC, {}; ", identifier(&like.owner));
    // Whoever is no longer there can be given nothing.
    for (role, rights) in like.grants.iter().filter(|(role, _)| role.is_empty() || roles.contains(*role)) {
        let to = if role.is_empty() { "PUBLIC".to_owned() } else { identifier(role) };
        for right in rights {
            let (right, option) = match right.strip_suffix('*') {
                Some(right) => (right, " WITH GRANT OPTION"),
                None => (right.as_str(), ""),
            };
            if right == "CONNECT" && option.is_empty() && *role != like.owner {
                revoked.insert(role.clone());
            } else if ["CONNECT", "CREATE", "TEMPORARY"].contains(&right) {
                sql.push_str(&format!("GRANT {right} ON DATABASE {database} TO {to}{option}; "));
            }
        }
    }
    for ((setting, role), value) in &like.settings {
        let value = value_sql(setting, value);
        // Names of settings may have dots, and then each piece is a name.
        let setting: Vec<String> = setting.split('.').map(identifier).collect();
        let setting = setting.join(".");
        if role.is_empty() {
            sql.push_str(&format!("ALTER DATABASE {database} SET {setting} = {value}; "));
        } else if roles.contains(role) {
            let role = identifier(role);
            sql.push_str(&format!("ALTER ROLE {role} IN DATABASE {database} SET {setting} = {value}; "));
        }
    }
    if like.limit != -1 {
        sql.push_str(&format!("ALTER DATABASE {database} CONNECTION LIMIT {}; ", like.limit));
    }
    if like.is_template {
        sql.push_str(&format!("ALTER DATABASE {database} IS_TEMPLATE true; "));
    }
    transaction.batch_execute(&sql).await?;
    Ok(revoked)
}

/// How long those are waited for whom neither we nor the server may end for us.
const PATIENCE: Duration = Duration::from_secs(5);

/// Takes a database of ours away with everybody in it. One that is not there is taken away.
///
/// The server ends only those whom our role may end. A superuser who is inside (monitoring, mostly) is kept from coming
/// again, and waited for.
///
/// # Errors
/// When somebody uses it who cannot be ended: a prepared transaction, a subscription, the reader of a slot, a superuser
/// who stays.
pub(crate) async fn remove(outside: &Outside, name: &str, pace: &Pace) -> Result<(), DriverError> {
    let shown = outside.address.of_database(name).shown();
    let database = identifier(name);
    let unmarked = outside.link.batch_execute(&format!("ALTER DATABASE {database} IS_TEMPLATE false")).await;
    match unmarked {
        Err(error) if is_said_by(&error, &SqlState::UNDEFINED_DATABASE) => return Ok(()),
        // An invalid one (a drop that was cut off) takes no change any more, and can be dropped.
        _ => {}
    }
    let sql = format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)");
    let mut dropped = outside.link.batch_execute(&sql).await;
    if dropped.as_ref().is_err_and(|error| is_said_by(error, &SqlState::INSUFFICIENT_PRIVILEGE))
        && let Some(found) = outside.find(name).await?
    {
        outside.let_in(name, false).await?;
        empty(outside, name, found.oid, Stays::Nobody, PATIENCE, pace).await.map_err(|error| {
            let error = DriverError { attempted: format!("drop {shown}"), ..error };
            error.hint("nobody comes in there any more: the same command again drops it once they are gone")
        })?;
        dropped = outside.link.batch_execute(&sql).await;
    }
    dropped.map_err(|error| {
        let is_used = is_said_by(&error, &SqlState::OBJECT_IN_USE);
        let error = of_postgres(format!("drop {shown}"), error);
        if is_used || error.kind == ErrorKind::Locked {
            error.hint("a prepared transaction, a subscription or the reader of a replication slot holds it: end that first")
        } else {
            error
        }
    })
}
