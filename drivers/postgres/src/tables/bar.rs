//! The door of a part: a bar on each table that refuses every write, whoever it is from.
//!
//! Rights cannot do it: an owner and a superuser have them anyway, and a pooler writes as whoever it likes. A trigger
//! that always fires holds for all of them, replicas that apply a log too, is put there and lifted in one transaction, and
//! lets readers stay. Placing it waits for every transaction that has written, so that nobody is inside when it stands.
//! Sessions of our own pass it by the name that they give themselves.

use backout_contract::{Door, DriverError, Effect};
use tokio_postgres::GenericClient;

use super::lock::{TRY, Tries};
use super::ours;
use super::part::{Member, Part};
use crate::server::{Fault, Link, Pace, literal};

const WRITTEN: &str = "_backout_bar";
const TRUNCATED: &str = "_backout_bar_all";
/// Where it says so durably that a door is shut, also when no table is there.
const TABLE: &str = "\"_backout_parts\".\"door\"";
const FUNCTION: &str = "\"_backout_parts\".\"bar\"";

/// Shuts it.
pub(super) async fn shut(part: &Part, pace: &Pace) -> Result<Effect, DriverError> {
    let attempted = format!("close {} for writes", part.shown);
    let mut link = part.connect().await?;
    let mut tries = Tries::new(part);
    loop {
        let members = part.members(&*link).await.map_err(|fault| fault.while_doing(&attempted))?;
        if is_shut(&*link, part, &members).await.map_err(|fault| fault.while_doing(&attempted))? {
            return Ok(Effect::AlreadyThere);
        }
        match shut_once(&mut link, part).await {
            Ok(count) => {
                let evidence = format!("{count} tables of {} refuse writes; they can be read", part.shown);
                return Ok(Effect::Applied { evidence });
            }
            Err(fault) => {
                let tables: Vec<u32> = members.iter().map(|member| member.oid).collect();
                tries.again(fault, part, &link, &tables, pace, &attempted).await?;
            }
        }
    }
}

async fn shut_once(link: &mut Link, part: &Part) -> Result<usize, Fault> {
    let transaction = link.client.transaction().await?;
    transaction.batch_execute(TRY).await?;
    make(&transaction).await?;
    let members = part.members(&transaction).await?;
    for member in &members {
        place(&transaction, part, member).await?;
    }
    let note = format!("INSERT INTO {TABLE} (component, told) VALUES ($1, $2) ON CONFLICT DO NOTHING");
    transaction.execute(&note, &[&part.key.as_str(), &part.config.shown()]).await?;
    backout_kit::failpoint!("postgres-tables-door");
    transaction.commit().await?;
    Ok(members.len())
}

/// Makes what a bar needs.
async fn make(client: &impl GenericClient) -> Result<(), Fault> {
    let table =
        format!("CREATE TABLE IF NOT EXISTS {TABLE} (component text PRIMARY KEY, told text NOT NULL)");
    let function = format!(
        "CREATE OR REPLACE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $backout$
        BEGIN
            IF pg_catalog.current_setting('application_name') OPERATOR(pg_catalog.=) 'backout' THEN
                IF TG_OP OPERATOR(pg_catalog.=) 'DELETE' THEN RETURN OLD; END IF;
                IF TG_OP OPERATOR(pg_catalog.=) 'TRUNCATE' THEN RETURN NULL; END IF;
                RETURN NEW;
            END IF;
            RAISE EXCEPTION '% is closed for writes while it is put back', TG_TABLE_NAME
                USING ERRCODE = 'read_only_sql_transaction', HINT = 'Try again when the rollback is over.';
        END $backout$"
    );
    let there: bool =
        client.query_one("SELECT to_regprocedure($1) IS NOT NULL", &[&format!("{FUNCTION}()")]).await?.get(0);
    let mut statements = vec![table.as_str()];
    if !there {
        statements.push(&function);
    }
    ours::make(client, &statements).await
}

/// Places the bar on one table, within a transaction. A lifted one that nobody could remove is used again.
async fn place(client: &impl GenericClient, part: &Part, member: &Member) -> Result<(), Fault> {
    let table = member.name.sql();
    let key = literal(part.key.as_str());
    let there = client
        .query("SELECT tgname::text FROM pg_trigger WHERE tgrelid = $1 AND NOT tgisinternal", &[&member.oid])
        .await?;
    let there: Vec<String> = there.iter().map(|row| row.get(0)).collect();
    let mut wanted = vec![(TRUNCATED, "BEFORE TRUNCATE", "STATEMENT")];
    if member.holds_rows {
        wanted.push((WRITTEN, "BEFORE INSERT OR UPDATE OR DELETE", "ROW"));
    }
    for (name, when, each) in wanted {
        if !there.iter().any(|one| one == name) {
            let text = format!(
                "CREATE TRIGGER {name} {when} ON {table} FOR EACH {each} EXECUTE FUNCTION {FUNCTION}({key})"
            );
            client.batch_execute(&text).await?;
        }
        client.batch_execute(&format!("ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")).await?;
    }
    Ok(())
}

/// Places the bar on what a revert put there, where the door is shut.
pub(super) async fn keep_shut(client: &impl GenericClient, part: &Part) -> Result<(), Fault> {
    if !is_noted(client, part).await? {
        return Ok(());
    }
    for member in part.members(client).await? {
        place(client, part, &member).await?;
    }
    Ok(())
}

/// Lifts it.
pub(super) async fn open(part: &Part, pace: &Pace) -> Result<Effect, DriverError> {
    let attempted = format!("open {} for writes", part.shown);
    let mut link = part.connect().await?;
    let mut tries = Tries::new(part);
    loop {
        let barred = barred(&*link, part).await.map_err(|fault| fault.while_doing(&attempted))?;
        let noted = is_noted(&*link, part).await.map_err(|fault| fault.while_doing(&attempted))?;
        if !noted && !barred.iter().any(|one| one.holds) {
            return Ok(Effect::AlreadyThere);
        }
        match open_once(&mut link, part, &barred).await {
            Ok(()) => {
                // What stays does nothing.
                let _ = clear(&mut link, part).await;
                let evidence = format!("{} can be written to again", part.shown);
                return Ok(Effect::Applied { evidence });
            }
            Err(fault) => {
                let tables: Vec<u32> = barred.iter().map(|one| one.oid).collect();
                tries.again(fault, part, &link, &tables, pace, &attempted).await?;
            }
        }
    }
}

async fn open_once(link: &mut Link, part: &Part, barred: &[Barred]) -> Result<(), Fault> {
    let transaction = link.client.transaction().await?;
    transaction.batch_execute(TRY).await?;
    for one in barred {
        // Waits for no reader, as removing it would.
        let text = format!("ALTER TABLE {} DISABLE TRIGGER {}", one.table, one.trigger);
        transaction.batch_execute(&text).await?;
    }
    if ours::stands(&transaction, "door").await? {
        transaction
            .execute(&format!("DELETE FROM {TABLE} WHERE component = $1"), &[&part.key.as_str()])
            .await?;
    }
    backout_kit::failpoint!("postgres-tables-open");
    transaction.commit().await?;
    Ok(())
}

/// Removes lifted bars, where no reader stands in the way; one that is left does nothing, and is used or removed later.
pub(super) async fn clear(link: &mut Link, part: &Part) -> Result<(), Fault> {
    let lifted: Vec<Barred> = barred(&**link, part).await?.into_iter().filter(|one| !one.holds).collect();
    for one in &lifted {
        let transaction = link.client.transaction().await?;
        transaction.batch_execute(TRY).await?;
        let text = format!("DROP TRIGGER {} ON {}", one.trigger, one.table);
        if transaction.batch_execute(&text).await.is_ok() {
            transaction.commit().await?;
        }
    }
    if ours::stands(&link.client, "door").await? {
        sweep(&link.client).await?;
    }
    Ok(())
}

/// Removes what a bar needs, when no door is shut and no bar is left.
async fn sweep(client: &impl GenericClient) -> Result<(), Fault> {
    ours::tidy_with(client, "door", &format!("DROP FUNCTION IF EXISTS {FUNCTION}()")).await
}

/// Where it is.
pub(super) async fn door(part: &Part) -> Result<Door, DriverError> {
    let attempted = format!("look whether {} can be written to", part.shown);
    let link = part.connect().await?;
    let members = part.members(&*link).await.map_err(|fault| fault.while_doing(&attempted))?;
    let shut = is_shut(&*link, part, &members).await.map_err(|fault| fault.while_doing(&attempted))?;
    Ok(if shut { Door::Shut } else { Door::Open })
}

/// Whether every table refuses writes, and it is written down.
async fn is_shut(client: &impl GenericClient, part: &Part, members: &[Member]) -> Result<bool, Fault> {
    if !is_noted(client, part).await? {
        return Ok(false);
    }
    let tables: Vec<u32> = members.iter().map(|member| member.oid).collect();
    let query = "
        SELECT count(*) FROM unnest($1::oid[]) AS t (oid) JOIN pg_class AS c ON c.oid = t.oid
        WHERE (SELECT count(*) FROM pg_trigger AS g WHERE g.tgrelid = c.oid AND g.tgenabled = 'A'
            AND g.tgname IN ('_backout_bar', '_backout_bar_all')) < CASE c.relkind WHEN 'r' THEN 2 ELSE 1 END";
    Ok(client.query_one(query, &[&tables]).await?.get::<_, i64>(0) == 0)
}

async fn is_noted(client: &impl GenericClient, part: &Part) -> Result<bool, Fault> {
    if !ours::stands(client, "door").await? {
        return Ok(false);
    }
    let query = format!("SELECT EXISTS (SELECT FROM {TABLE} WHERE component = $1)");
    Ok(client.query_one(&query, &[&part.key.as_str()]).await?.get(0))
}

/// A table that bears the bar of this part, wherever it stands by now.
struct Barred {
    oid: u32,
    table: String,
    trigger: String,
    /// Whether it keeps anybody out.
    holds: bool,
}

async fn barred(client: &impl GenericClient, part: &Part) -> Result<Vec<Barred>, Fault> {
    let query = "
        SELECT c.oid, format('%I.%I', n.nspname, c.relname), g.tgname::text, g.tgenabled <> 'D' FROM pg_trigger AS g
        JOIN pg_class AS c ON c.oid = g.tgrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE g.tgname IN ('_backout_bar', '_backout_bar_all') AND g.tgargs = $1 ORDER BY 2, 3";
    let mut arguments = part.key.as_str().as_bytes().to_vec();
    arguments.push(0);
    let rows = client.query(query, &[&arguments]).await?;
    let read = |row: &tokio_postgres::Row| Barred {
        oid: row.get(0),
        table: row.get(1),
        trigger: row.get(2),
        holds: row.get(3),
    };
    Ok(rows.iter().map(read).collect())
}
