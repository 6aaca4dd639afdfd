//! What a role that is no superuser can put back, and how the rest is named.

use super::super::{jobs, restore};
use super::{empty, save, taken_out};
use crate::catalog::Scope;
use crate::server::Address;
use crate::testing::{address, context, database, server};

/// An empty database of a plain role, and its way there.
fn of_plain(role: &str, name: &str) -> Address {
    empty(name, role);
    address(&server().url_as(role, "pass", "postgres")).of_database(name)
}

#[tokio::test]
async fn an_owner_restores_all_but_what_is_reserved() {
    let folder = tempfile::tempdir().expect("a folder");
    let context = context(folder.path(), &[]);
    server().sql("postgres", "CREATE ROLE owner1 LOGIN CREATEDB PASSWORD 'pass'; CREATE ROLE reader1; CREATE ROLE team1; GRANT team1 TO owner1");
    let (name, from) = database("reserved");
    server().sql(&name, &format!("ALTER DATABASE \"{name}\" OWNER TO owner1"));
    server().sql(
        &name,
        "GRANT ALL ON SCHEMA public TO team1; CREATE EXTENSION pg_stat_statements; COMMENT ON EXTENSION pg_stat_statements IS 'x'; \
         CREATE FUNCTION guard() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; \
         ALTER FUNCTION guard() OWNER TO owner1; \
         CREATE EVENT TRIGGER guard ON ddl_command_end EXECUTE FUNCTION guard(); COMMENT ON EVENT TRIGGER guard IS 'y'; \
         SET ROLE owner1; \
         CREATE EXTENSION citext; COMMENT ON EXTENSION citext IS 'z'; \
         CREATE TABLE t (a int PRIMARY KEY, b citext); INSERT INTO t VALUES (1, 'x'); GRANT SELECT ON t TO reader1; \
         CREATE TABLE u (a int); ALTER TABLE u OWNER TO team1; \
         SELECT lo_from_bytea(77, 'abc'); GRANT SELECT ON LARGE OBJECT 77 TO reader1",
    );
    server().sql(
        &name,
        "CREATE PUBLICATION every FOR ALL TABLES; CREATE PUBLICATION pieces FOR TABLES IN SCHEMA public; \
        SET ROLE owner1; CREATE PUBLICATION one FOR TABLE t",
    );
    // A publication of somebody else's would be in the way as a whole.
    server().sql(&name, "ALTER PUBLICATION pieces OWNER TO postgres");
    let (held, data) = save(&context, &from, &Scope::Database).await;
    let fetched = taken_out(&context, &held, &data).await;
    let into = of_plain("owner1", &format!("{name} copy"));
    let error =
        restore(&context, &fetched, &into, held.version(), jobs()).await.expect_err("another's publication");
    let told = error.chain();
    assert!(told.contains("belong to the role postgres, which owner1 is no member of"), "{told}");
    assert_eq!(server().sql(&into.database, "SELECT count(*) FROM pg_class WHERE oid >= 16384"), "0");

    server().sql(&name, "DROP PUBLICATION pieces");
    drop(held);
    let (held, data) = save(&context, &from, &Scope::Database).await;
    let fetched = taken_out(&context, &held, &data).await;
    let restored = restore(&context, &fetched, &into, held.version(), jobs()).await.expect("restore");
    assert_eq!(
        restored.left_out,
        [
            "event trigger guard: only a superuser may make it",
            "extension pg_stat_statements: only a superuser may make it",
            "publication every: only a superuser may make it",
        ]
    );
    assert_eq!(server().sql(&into.database, "SELECT a, b FROM t"), "1|x");
    assert_eq!(
        server().sql(&into.database, "SELECT relowner::regrole FROM pg_class WHERE relname = 'u'"),
        "team1"
    );
    assert_eq!(server().sql(&into.database, "SELECT pubname FROM pg_publication"), "one");
    assert_eq!(server().sql(&into.database, "SELECT has_table_privilege('reader1', 't', 'select')"), "t");
}

#[tokio::test]
async fn what_is_missing_on_the_target_is_named_before_anything() {
    let folder = tempfile::tempdir().expect("a folder");
    let context = context(folder.path(), &[]);
    let sql = "CREATE ROLE gone1; CREATE ROLE \"gone 2\"; CREATE ROLE \"gone3\"; CREATE ROLE unused1; CREATE ROLE there1; \
               CREATE ROLE owner2 LOGIN CREATEDB PASSWORD 'pass'";
    server().sql("postgres", sql);
    let (name, from) = database("missing");
    server().sql(
        &name,
        "CREATE TABLE t (a int); ALTER TABLE t OWNER TO gone1; GRANT SELECT ON t TO \"gone 2\"; \
         CREATE POLICY p ON t TO gone3 USING (true); CREATE TABLE u (a int); ALTER TABLE u OWNER TO there1; \
         CREATE TABLE v (a int); ALTER TABLE v OWNER TO owner2; \
         CREATE FUNCTION c(internal) RETURNS internal LANGUAGE internal AS 'int4in'; ALTER FUNCTION c(internal) OWNER TO owner2; \
         CREATE TEXT SEARCH TEMPLATE odd (LEXIZE = dsimple_lexize); \
         CREATE TEXT SEARCH DICTIONARY uses (TEMPLATE = odd); ALTER TEXT SEARCH DICTIONARY uses OWNER TO owner2",
    );
    let (held, data) = save(&context, &from, &Scope::Database).await;
    server().sql(&name, "ALTER ROLE gone1 RENAME TO away1; ALTER ROLE \"gone 2\" RENAME TO away2; ALTER ROLE gone3 RENAME TO away3; DROP ROLE unused1");
    let fetched = taken_out(&context, &held, &data).await;
    let into = of_plain("owner2", &format!("{name} copy"));
    let error = restore(&context, &fetched, &into, held.version(), jobs()).await.expect_err("obstacles");
    let told = error.chain();
    for expected in [
        "the role gone 2 does not exist",
        "the role gone1 does not exist",
        "the role gone3 does not exist",
        "belong to the role there1",
        "text search dictionary public.uses needs text search template public.odd",
    ] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    assert!(!told.contains("unused1") && !told.contains("function"), "{told}");
    assert_eq!(error.certainty, backout_contract::Certainty::NothingHappened);
    assert_eq!(server().sql(&into.database, "SELECT count(*) FROM pg_class WHERE oid >= 16384"), "0");
}
