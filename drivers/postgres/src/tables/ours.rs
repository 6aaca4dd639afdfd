//! What we keep in a database of others: small tables in a schema of our own, gone when nothing is in them.

use tokio_postgres::GenericClient;

use crate::server::{Fault, identifier};

/// The schema that everything of ours is in.
pub(super) const SCHEMA: &str = "_backout_parts";

/// Only one of us at a time makes or removes things there: `CREATE … IF NOT EXISTS` twice at once is an error.
const TURN: &str = "SELECT pg_advisory_xact_lock(7165190421)";

/// Whether a relation of ours is there.
pub(super) async fn stands(client: &impl GenericClient, name: &str) -> Result<bool, Fault> {
    let full = format!("{}.{}", identifier(SCHEMA), identifier(name));
    Ok(client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&full]).await?.get(0))
}

/// Makes things of ours, each once, within a transaction.
pub(super) async fn make(client: &impl GenericClient, statements: &[&str]) -> Result<(), Fault> {
    client.batch_execute(TURN).await?;
    // Who may not make schemas may still use one that an administrator made.
    let there =
        client.query_one("SELECT to_regnamespace($1) IS NOT NULL", &[&SCHEMA]).await?.get::<_, bool>(0);
    if !there {
        client.batch_execute(&format!("CREATE SCHEMA IF NOT EXISTS {}", identifier(SCHEMA))).await?;
    }
    for statement in statements {
        client.batch_execute(statement).await?;
    }
    Ok(())
}

/// Removes a table of ours when nothing is in it, and the schema when it was the last thing there.
pub(super) async fn tidy(client: &impl GenericClient, table: &str) -> Result<(), Fault> {
    tidy_with(client, table, "NULL").await
}

/// The same, with something that goes along with the table.
pub(super) async fn tidy_with(client: &impl GenericClient, table: &str, also: &str) -> Result<(), Fault> {
    let full = format!("{}.{}", identifier(SCHEMA), identifier(table));
    let text = format!(
        "DO $backout$ BEGIN
            PERFORM pg_advisory_xact_lock(7165190421);
            IF to_regclass('{full}') IS NOT NULL AND NOT EXISTS (SELECT FROM {full}) THEN
                DROP TABLE {full};
                {also};
            END IF;
            BEGIN
                IF NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.refclassid = 'pg_namespace'::regclass
                    AND d.refobjid = to_regnamespace('{SCHEMA}')) THEN
                    DROP SCHEMA IF EXISTS {schema};
                END IF;
            EXCEPTION WHEN insufficient_privilege OR dependent_objects_still_exist THEN NULL;
            END;
        END $backout$",
        schema = identifier(SCHEMA),
    );
    client.batch_execute(&text).await?;
    Ok(())
}
