//! What a hostile server could put into a dump executes nothing on our side, and nothing on the server's with more rights
//! than our role has.

use super::super::{jobs, restore};
use super::{all_of, empty, save, taken_out};
use crate::catalog::Scope;
use crate::testing::{address, context, database, server};

#[tokio::test]
async fn commands_of_psql_in_names_and_texts_are_inert() {
    let folder = tempfile::tempdir().expect("a folder");
    let context = context(folder.path(), &[]);
    let (name, from) = database("hostile\n\\! touch x");
    let proof = folder.path().join("executed");
    let command = format!("\n\\! touch {}\n\\c template1\n--", proof.display());
    server().sql(
        &name,
        &"SET standard_conforming_strings = on; \
          DO $do$ BEGIN \
            EXECUTE format('CREATE TABLE %I (%I text DEFAULT %L)', c, c, c); \
            EXECUTE format('COMMENT ON TABLE %I IS %L', c, c); \
            EXECUTE format('INSERT INTO %I VALUES (%L)', c, c); \
            EXECUTE format('CREATE SCHEMA %I CREATE VIEW v AS SELECT %L::text AS x', 's' || c, c); \
            EXECUTE format('CREATE FUNCTION %I() RETURNS int LANGUAGE sql AS %L', 'f' || c, 'SELECT 1 /*' || c || '*/'); \
          END $do$"
        .replace(" BEGIN ", &format!(" DECLARE c text := substr($t${command}$t$, 1, 63); BEGIN ")),
    );
    let (held, data) = save(&context, &from, &Scope::Database).await;
    let fetched = taken_out(&context, &held, &data).await;
    let into = empty(&format!("{name} copy"), "postgres");
    let restored = restore(&context, &fetched, &into, held.version(), jobs()).await.expect("restore");
    assert_eq!(restored.left_out, Vec::<String>::new());
    assert_eq!(all_of(&into.database), all_of(&name));
    assert!(!proof.exists());
}

#[tokio::test]
async fn a_function_of_theirs_runs_with_our_roles_rights_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let context = context(folder.path(), &[]);
    let (name, from) = database("check");
    server().sql("postgres", "CREATE ROLE restorer LOGIN CREATEDB PASSWORD 'pass-of-restorer'");
    let proof = server().data().join("executed");
    server().sql(
        &name,
        &format!(
            "GRANT ALL ON SCHEMA public TO restorer; SET ROLE restorer; \
             CREATE FUNCTION odd(int) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN true; END'; \
             CREATE TABLE t (a int CHECK (public.odd(a))); INSERT INTO t VALUES (1); \
             CREATE OR REPLACE FUNCTION odd(int) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN \
               COPY (SELECT 'secret-row') TO PROGRAM 'touch {}'; RETURN true; END$$",
            proof.display()
        ),
    );
    let (held, data) = save(&context, &from, &Scope::Database).await;
    let fetched = taken_out(&context, &held, &data).await;
    let target = empty(&format!("{name} copy"), "restorer");
    server().sql(&target.database, "GRANT ALL ON SCHEMA public TO restorer");
    let url = server().url_as("restorer", "pass-of-restorer", "postgres");
    let into = address(&url).of_database(&target.database);
    let error =
        restore(&context, &fetched, &into, held.version(), 1).await.expect_err("refused by the server");
    let told = error.chain();
    assert!(told.contains("external program"), "{told}");
    assert_eq!(error.kind, backout_contract::ErrorKind::Denied);
    assert!(!told.contains("secret-row") && !told.contains("pass-of-restorer"), "{told}");
    assert!(!proof.exists());
}

#[tokio::test]
async fn an_error_tells_no_row() {
    let folder = tempfile::tempdir().expect("a folder");
    let context = context(folder.path(), &[]);
    let (name, from) = database("error");
    server().sql(
        &name,
        "CREATE FUNCTION fits(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true'; \
         CREATE TABLE t (a text CHECK (fits(a))); INSERT INTO t VALUES ('4111-1111'); \
         CREATE OR REPLACE FUNCTION fits(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1::int > 0'",
    );
    let (held, data) = save(&context, &from, &Scope::Database).await;
    let fetched = taken_out(&context, &held, &data).await;
    let into = empty(&format!("{name} copy"), "postgres");
    let error = restore(&context, &fetched, &into, held.version(), 1).await.expect_err("no number");
    let told = error.chain();
    assert!(told.contains("COPY failed for table \"t\"") && !told.contains("4111"), "{told}");
}
