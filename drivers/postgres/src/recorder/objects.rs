//! What the recorder keeps in the database: the schema `_backout`, made, read and taken away. See `FORMAT.md`.

use tokio_postgres::GenericClient;

use crate::server::Fault;

/// The schema that everything of ours is in.
pub(crate) const SCHEMA: &str = "_backout";
/// The publication that a slot reads.
pub(crate) const PUBLICATION: &str = "_backout_rows";
/// Tables of the schema whose rows no dump carries: what was recorded is not part of what is saved. The rows of the
/// others are, so that a copy knows what was set on its tables for the recorder's sake.
pub(crate) const NOT_SAVED: [&str; 2] = ["change", "mark"];

/// The version of what is kept.
pub(super) const FORMAT: i32 = 1;

/// All of it. Everybody may call the functions and see the marks of nobody; only we write here.
pub(super) const MADE: &str = "
CREATE SCHEMA IF NOT EXISTS _backout;
GRANT USAGE ON SCHEMA _backout TO PUBLIC;
CREATE TABLE _backout.recorder (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    format integer NOT NULL,
    nonce text NOT NULL,
    kind text NOT NULL,
    component text NOT NULL,
    system text NOT NULL,
    database oid NOT NULL,
    slot text,
    confirmed pg_lsn,
    began bigint NOT NULL,
    copied_system text,
    copied_next bigint,
    let_go text,
    sealed text);
CREATE TABLE _backout.era (
    era integer PRIMARY KEY,
    occasion text NOT NULL,
    at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    transaction bigint NOT NULL,
    snapshot text NOT NULL,
    interrupted jsonb NOT NULL DEFAULT '[]');
CREATE TABLE _backout.table_recorded (
    relation oid PRIMARY KEY,
    table_schema text NOT NULL,
    table_name text NOT NULL,
    identity \"char\" NOT NULL,
    identity_index text,
    since bigint NOT NULL);
CREATE TABLE _backout.mark (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    transaction bigint NOT NULL DEFAULT pg_catalog.pg_current_xact_id()::text::bigint,
    what text NOT NULL,
    detail text NOT NULL DEFAULT '');
CREATE FUNCTION _backout.note(what text, detail text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = '' AS $body$
DECLARE
    me text := pg_catalog.pg_current_xact_id()::text;
BEGIN
    -- Once for each transaction; taken back with a savepoint like the row is.
    IF pg_catalog.current_setting('backout.noted', true) IS DISTINCT FROM me || note.what || note.detail THEN
        INSERT INTO _backout.mark (what, detail) VALUES (note.what, note.detail);
        PERFORM pg_catalog.set_config('backout.noted', me || note.what || note.detail, true);
        PERFORM pg_catalog.set_config('backout.origin', me || ':' || note.what, true);
    END IF;
END $body$;
REVOKE ALL ON FUNCTION _backout.note(text, text) FROM PUBLIC;
CREATE FUNCTION _backout.migration() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = '' AS $body$ BEGIN PERFORM _backout.note('migration', ''); END $body$;
GRANT EXECUTE ON FUNCTION _backout.migration() TO PUBLIC;
COMMENT ON SCHEMA _backout IS 'What Backout records; taken away by `backout disarm`, `commit` and `close`.';
";

/// All of it away, with what triggers need besides.
pub(super) const DROPPED: &str = "
DROP FUNCTION IF EXISTS _backout.record();
DROP FUNCTION IF EXISTS _backout.tell();
DROP FUNCTION IF EXISTS _backout.emptied();
DROP FUNCTION IF EXISTS _backout.migration();
DROP FUNCTION IF EXISTS _backout.note(text, text);
DROP TABLE IF EXISTS _backout.change, _backout.layout, _backout.trial, _backout.mark, _backout.table_recorded, _backout.era,
    _backout.recorder;
DROP SEQUENCE IF EXISTS _backout.change_number, _backout.missed";

/// Whether a recorder was put into this database.
pub(super) async fn are_there(client: &impl GenericClient) -> Result<bool, Fault> {
    let row = client.query_one("SELECT to_regclass('_backout.recorder') IS NOT NULL", &[]).await?;
    Ok(row.get(0))
}

/// What was set on a table for the recorder's sake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Original {
    /// The table, in this database at this moment.
    pub(crate) oid: u32,
    /// Its `pg_class.relreplident` without a recorder.
    pub(crate) replica_identity: char,
    /// With `i`, the index.
    pub(crate) index: Option<String>,
}

/// What the replica identities of tables are without a recorder; only those that are otherwise while it is there. Works
/// in a copy too, where object numbers are others.
///
/// # Errors
/// When the server cannot be asked.
pub(crate) async fn originals(client: &impl GenericClient) -> Result<Vec<Original>, Fault> {
    if client.query_one("SELECT to_regclass('_backout.table_recorded') IS NULL", &[]).await?.get(0) {
        return Ok(Vec::new());
    }
    let sql = "SELECT DISTINCT ON (c.oid) c.oid, t.identity, t.identity_index
         FROM _backout.table_recorded t LEFT JOIN _backout.recorder r ON true CROSS JOIN pg_catalog.pg_class c
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p') AND c.relreplident = 'f'
           AND CASE WHEN r.database <> (SELECT d.oid FROM pg_catalog.pg_database d
                                        WHERE d.datname = pg_catalog.current_database())
               THEN t.table_schema = n.nspname AND t.table_name = c.relname
               ELSE t.relation = c.oid END
         ORDER BY c.oid, t.since DESC";
    let rows = client.query(sql, &[]).await?;
    Ok(rows
        .iter()
        .map(|row| Original {
            oid: row.get(0),
            replica_identity: char::from(row.get::<_, i8>(1).unsigned_abs()),
            index: row.get(2),
        })
        .collect())
}
