//! Row triggers that write into a table of ours, within the transaction of the writer.

use std::collections::{BTreeMap, HashMap};

use tokio_postgres::GenericClient;

use super::config::Told;
use super::order::Order;
use super::patience::whole;
use super::tables::Found;
use crate::server::{Fault, Link, TableName, literal};

/// Sorts before every name that begins with a letter or `_`, for triggers act in the order of their names: a row's
/// changes have to be put down in the order in which they were made.
const ROWS: &str = "!_backout_rows";
const ALL: &str = "!_backout_all";
const TELL: &str = "!_backout_tell";
const EMPTIED: &str = "!_backout_emptied";

/// What the triggers need besides the objects that every recorder has.
const MADE: &str = "
CREATE SEQUENCE _backout.change_number;
CREATE SEQUENCE _backout.missed;
CREATE TABLE _backout.change (
    number bigint PRIMARY KEY,
    transaction bigint NOT NULL,
    relation oid NOT NULL,
    layout bigint,
    op \"char\" NOT NULL,
    origin \"char\" NOT NULL,
    who text NOT NULL,
    application text NOT NULL,
    before text,
    after text);
CREATE TABLE _backout.layout (
    layout bigint NOT NULL,
    relation oid NOT NULL,
    table_schema text NOT NULL,
    table_name text NOT NULL,
    columns jsonb NOT NULL);
CREATE TABLE _backout.trial (id integer, value text);
";

/// A row that is longer than this, or that cannot be put into words, is let go: a recorder never fails a writer.
const LONGEST: u32 = 64 << 20;
/// From this size on of what a table keeps apart, its values may be too long to be put into words.
const GUARDED: u32 = 1 << 20;

/// Who the migration is, as a condition within a function.
fn told(order: &Order<'_>) -> String {
    let list = |names: &[String]| names.iter().map(|name| literal(name)).collect::<Vec<_>>().join(", ");
    match &order.config.migration {
        Told::Roles(roles) => format!(
            "session_user::text IN ({names}) OR pg_catalog.current_setting('role') IN ({names})",
            names = list(roles)
        ),
        Told::Applications(names) => {
            format!("pg_catalog.current_setting('application_name') IN ({})", list(names))
        }
        Told::Marked | Told::Window | Told::Origin(_) => "false".to_owned(),
    }
}

/// Makes what triggers write to, and the function that they call.
pub(super) async fn make(link: &Link, order: &Order<'_>) -> Result<(), Fault> {
    if !are_there(&link.client).await? {
        whole(link, MADE).await?;
    }
    let sql = "SELECT oid, reltoastrelid FROM pg_catalog.pg_class WHERE oid = '_backout.change'::regclass";
    let row = link.query_one(sql, &[]).await?;
    let (change, apart): (u32, u32) = (row.get(0), row.get(1));
    link.batch_execute(&function(order, change, apart)).await?;
    Ok(())
}

fn function(order: &Order<'_>, change: u32, apart: u32) -> String {
    let cap = order.config.cap(super::config::By::Triggers);
    let told = told(order);
    format!(
        "CREATE OR REPLACE FUNCTION _backout.record() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = '' SET \"DateStyle\" = 'ISO' SET \"IntervalStyle\" = 'postgres' SET extra_float_digits = '3'
SET bytea_output = 'hex' SET \"TimeZone\" = 'UTC' AS $body$
DECLARE
    me text := pg_catalog.pg_current_xact_id()::text;
    marked text := pg_catalog.current_setting('backout.origin', true);
    known text := pg_catalog.current_setting('backout.l' || TG_RELID, true);
    origin \"char\" := 'u';
    hash bigint;
    apart oid;
    told jsonb;
    old_row text;
    new_row text;
BEGIN
    IF pg_catalog.split_part(marked, ':', 1) = me THEN
        origin := CASE pg_catalog.split_part(marked, ':', 2) WHEN 'migration' THEN 'm' ELSE 'x' END;
    ELSIF {told} THEN
        origin := 'm';
    END IF;
    IF origin = 'u' AND pg_catalog.pg_relation_size({change}::oid) + pg_catalog.pg_relation_size({apart}::oid) >= {cap} THEN
        PERFORM pg_catalog.nextval('_backout.missed');
        RETURN NULL;
    END IF;
    -- Once for each transaction and table: how the table looks.
    IF pg_catalog.split_part(known, ':', 1) IS DISTINCT FROM me THEN
        SELECT c.reltoastrelid, (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(a.attname, a.atttypid::bigint, a.atttypmod,
                a.attgenerated <> '') ORDER BY a.attnum)
            FROM pg_catalog.pg_attribute a WHERE a.attrelid = TG_RELID AND a.attnum > 0 AND NOT a.attisdropped)
        INTO apart, told FROM pg_catalog.pg_class c WHERE c.oid = TG_RELID;
        hash := pg_catalog.hashtextextended(TG_ARGV[0]::oid::regclass::text || TG_RELID || (TG_OP = 'TRUNCATE') || told, 0);
        IF NOT EXISTS (SELECT FROM _backout.layout l WHERE l.layout = hash) THEN
            INSERT INTO _backout.layout SELECT hash, c.oid, n.nspname, c.relname, told
            FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE c.oid = CASE WHEN TG_OP = 'TRUNCATE' THEN TG_RELID ELSE TG_ARGV[0]::oid END;
        END IF;
        IF TG_OP <> 'TRUNCATE' THEN
            PERFORM pg_catalog.set_config('backout.l' || TG_RELID, me || ':' || hash || ':' || apart, true);
        END IF;
    ELSE
        hash := pg_catalog.split_part(known, ':', 2);
        apart := pg_catalog.split_part(known, ':', 3);
    END IF;
    IF TG_LEVEL = 'ROW' AND origin <> 'm' THEN
        IF apart <> 0 AND coalesce(pg_catalog.pg_relation_size(apart), {LONGEST}) > {GUARDED} THEN
            BEGIN
                IF (TG_OP = 'INSERT' OR pg_catalog.pg_column_size(OLD) < {LONGEST})
                    AND (TG_OP = 'DELETE' OR pg_catalog.pg_column_size(NEW) < {LONGEST}) THEN
                    IF TG_OP <> 'INSERT' THEN old_row := OLD::text; END IF;
                    IF TG_OP <> 'DELETE' THEN new_row := NEW::text; END IF;
                END IF;
            EXCEPTION WHEN OTHERS THEN
                old_row := NULL; new_row := NULL;
            END;
            IF old_row IS NULL AND new_row IS NULL THEN
                PERFORM pg_catalog.nextval('_backout.missed');
                RETURN NULL;
            END IF;
        ELSE
            IF TG_OP <> 'INSERT' THEN old_row := OLD::text; END IF;
            IF TG_OP <> 'DELETE' THEN new_row := NEW::text; END IF;
        END IF;
    END IF;
    INSERT INTO _backout.change (number, transaction, relation, layout, op, origin, who, application, before, after)
    VALUES (pg_catalog.nextval('_backout.change_number'), me::bigint, TG_RELID, hash,
        CASE TG_OP WHEN 'INSERT' THEN 'I' WHEN 'UPDATE' THEN 'U' WHEN 'DELETE' THEN 'D' ELSE 'T' END, origin,
        session_user, pg_catalog.current_setting('application_name'), old_row, new_row);
    RETURN NULL;
END $body$;
REVOKE ALL ON FUNCTION _backout.record() FROM PUBLIC;"
    )
}

/// What tells a slot's recorder what the log does not say.
pub(super) async fn make_for_slot(link: &Link, order: &Order<'_>) -> Result<(), Fault> {
    make_emptied(link).await?;
    if needs_teller(order) { make_teller(link, order).await } else { Ok(()) }
}

/// The function by which a slot's recorder learns who the migration is.
async fn make_teller(link: &Link, order: &Order<'_>) -> Result<(), Fault> {
    let told = told(order);
    let sql = format!(
        "CREATE OR REPLACE FUNCTION _backout.tell() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
         SET search_path = '' AS $body$ BEGIN
             IF {told} THEN PERFORM _backout.note('migration', ''); END IF;
             RETURN NULL;
         END $body$;
         REVOKE ALL ON FUNCTION _backout.tell() FROM PUBLIC;"
    );
    link.batch_execute(&sql).await?;
    Ok(())
}

/// The function by which a slot's recorder learns that a partition was emptied: one that is published with the table at
/// its top sends no TRUNCATE of its own.
async fn make_emptied(link: &Link) -> Result<(), Fault> {
    let sql =
        "CREATE OR REPLACE FUNCTION _backout.emptied() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
         SET search_path = '' AS $body$ BEGIN
             INSERT INTO _backout.mark (what, detail) VALUES ('emptied',
                 pg_catalog.json_build_array(TG_ARGV[0], TG_TABLE_SCHEMA, TG_TABLE_NAME)::text);
             RETURN NULL;
         END $body$;
         REVOKE ALL ON FUNCTION _backout.emptied() FROM PUBLIC;";
    link.batch_execute(sql).await?;
    Ok(())
}

/// What a slot needs on a partition to be told that it is emptied, by name and statement; none for other tables.
pub(super) fn wanted_for_emptying(table: &Found) -> Option<(&'static str, String)> {
    let Some((top, true)) = table.root.filter(|_| table.holds_rows()) else { return None };
    let on = table.name.sql();
    let sql = format!(
        "DROP TRIGGER IF EXISTS \"{EMPTIED}\" ON {on}; CREATE TRIGGER \"{EMPTIED}\" BEFORE TRUNCATE ON {on}
         FOR EACH STATEMENT EXECUTE FUNCTION _backout.emptied('{top}');
         ALTER TABLE ONLY {on} ENABLE ALWAYS TRIGGER \"{EMPTIED}\";"
    );
    Some((EMPTIED, sql))
}

/// Partitions that were emptied while a slot recorded them, each with the transaction and the table at its top.
pub(super) async fn emptied(
    client: &impl GenericClient,
) -> Result<Vec<(u64, TableName, Option<TableName>)>, Fault> {
    let sql = "SELECT m.transaction, m.detail::json->>1, m.detail::json->>2, n.nspname::text, c.relname::text
        FROM _backout.mark m LEFT JOIN pg_catalog.pg_class c ON c.oid = (m.detail::json->>0)::oid
        LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE m.what = 'emptied' ORDER BY m.number";
    let rows = client.query(sql, &[]).await?;
    let told = rows.iter().map(|row| {
        let top = row.get::<_, Option<String>>(3).zip(row.get::<_, Option<String>>(4));
        let partition = TableName::new(row.get::<_, String>(1), row.get::<_, String>(2));
        (
            super::standing::unsigned(row.get(0)),
            partition,
            top.map(|(schema, name)| TableName::new(schema, name)),
        )
    });
    Ok(told.collect())
}

/// Whether a slot's recorder needs to be told who writes.
pub(super) fn needs_teller(order: &Order<'_>) -> bool {
    matches!(order.config.migration, Told::Roles(_) | Told::Applications(_))
}

/// The triggers of ours that stand on each table, by name, and whether they act whatever a session says.
pub(super) type Triggers = HashMap<u32, BTreeMap<String, bool>>;

/// Looks for them.
pub(super) async fn look(client: &impl GenericClient) -> Result<Triggers, Fault> {
    let sql = "SELECT t.tgrelid, t.tgname::text, t.tgenabled = 'A'
        FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
        JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = '_backout'";
    let mut tables = Triggers::new();
    for row in client.query(sql, &[]).await? {
        tables.entry(row.get(0)).or_default().insert(row.get(1), row.get(2));
    }
    Ok(tables)
}

/// Which triggers a table should have, with their statements.
pub(super) fn wanted(table: &Found, way: super::standing::Way, tells: bool) -> Vec<(&'static str, String)> {
    let on = table.name.sql();
    if way == super::standing::Way::Slot {
        let tell = format!(
            "DROP TRIGGER IF EXISTS \"{TELL}\" ON {on}; CREATE TRIGGER \"{TELL}\" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {on}
             FOR EACH STATEMENT EXECUTE FUNCTION _backout.tell();
             ALTER TABLE ONLY {on} ENABLE ALWAYS TRIGGER \"{TELL}\";"
        );
        return if tells { vec![(TELL, tell)] } else { Vec::new() };
    }
    let top = table.root.map_or(table.oid, |(root, _)| root);
    let mut triggers = vec![(
        ALL,
        format!(
            "DROP TRIGGER IF EXISTS \"{ALL}\" ON {on}; CREATE TRIGGER \"{ALL}\" AFTER TRUNCATE ON {on}
             FOR EACH STATEMENT EXECUTE FUNCTION _backout.record('{top}');
             ALTER TABLE ONLY {on} ENABLE ALWAYS TRIGGER \"{ALL}\";"
        ),
    )];
    // On a partitioned table it is put on every partition, on those too that come later.
    let rows = if table.root.is_none() {
        format!(
            "DROP TRIGGER IF EXISTS \"{ROWS}\" ON {on}; CREATE TRIGGER \"{ROWS}\" AFTER INSERT OR UPDATE OR DELETE ON {on}
             FOR EACH ROW EXECUTE FUNCTION _backout.record('{top}');
             ALTER TABLE ONLY {on} ENABLE ALWAYS TRIGGER \"{ROWS}\";"
        )
    } else {
        format!("ALTER TABLE ONLY {on} ENABLE ALWAYS TRIGGER \"{ROWS}\";")
    };
    triggers.push((ROWS, rows));
    triggers
}

/// Whether what triggers write to is there.
pub(super) async fn are_there(client: &impl GenericClient) -> Result<bool, Fault> {
    let sql = "SELECT to_regclass('_backout.change') IS NOT NULL AND to_regclass('_backout.layout') IS NOT NULL
               AND to_regclass('_backout.missed') IS NOT NULL AND to_regclass('_backout.change_number') IS NOT NULL";
    Ok(client.query_one(sql, &[]).await?.get(0))
}

/// How many writes were let go.
pub(super) async fn missed(client: &impl GenericClient) -> Result<i64, Fault> {
    let sql = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM _backout.missed";
    Ok(client.query_one(sql, &[]).await?.get(0))
}

/// Bytes that are held.
pub(super) async fn held(client: &impl GenericClient) -> Result<u64, Fault> {
    let sql = "SELECT pg_catalog.pg_table_size('_backout.change'::regclass)";
    Ok(super::standing::unsigned(client.query_one(sql, &[]).await?.get(0)))
}

/// Tries the function on a table of ours, and takes it back.
pub(super) async fn works(link: &mut Link) -> Result<bool, Fault> {
    let transaction = link.client.transaction().await?;
    let sql = format!(
        "CREATE TRIGGER \"{ROWS}\" AFTER INSERT OR UPDATE OR DELETE ON _backout.trial FOR EACH ROW
           EXECUTE FUNCTION _backout.record('0');
         INSERT INTO _backout.trial VALUES (1, 'it''s'); UPDATE _backout.trial SET id = 2; DELETE FROM _backout.trial;"
    );
    transaction.batch_execute(&sql).await?;
    let sql = "SELECT count(*) FROM _backout.change
               WHERE transaction = pg_catalog.pg_current_xact_id()::text::bigint AND relation = '_backout.trial'::regclass";
    let count: i64 = transaction.query_one(sql, &[]).await?.get(0);
    transaction.rollback().await?;
    Ok(count == 3)
}
