//! What was saved comes back.

use super::super::{jobs, restore};
use super::{all_of, empty, save, taken_out};
use crate::catalog::Scope;
use crate::server::TableName;
use crate::testing::{context, database, server};

/// One of everything.
pub(super) const OBJECTS: &str = r#"
CREATE SCHEMA "S.x";
CREATE TYPE mood AS ENUM ('good', 'b''ad');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2';
CREATE TABLE parent (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text NOT NULL DEFAULT 'x', how mood,
  doubled int GENERATED ALWAYS AS (twice(n)) STORED, n positive);
CREATE TABLE "S.x"."tä ""bl" (id serial PRIMARY KEY, "Wert
neu" text, parent bigint REFERENCES parent DEFERRABLE INITIALLY DEFERRED, b bytea);
CREATE TABLE parts (a int, b text) PARTITION BY RANGE (a);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (500);
CREATE TABLE parts_2 PARTITION OF parts DEFAULT;
CREATE TABLE base (a int); CREATE TABLE derived (b int) INHERITS (base);
CREATE UNLOGGED TABLE quick (a int);
CREATE TABLE "no columns" ();
CREATE SEQUENCE alone START 7 INCREMENT 3;
CREATE INDEX ON parent (twice(n)) WHERE v <> 'y';
CREATE VIEW seen AS SELECT id, v FROM parent;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS c FROM parent;
CREATE EXTENSION citext;
CREATE TABLE folded (name citext);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.v := NEW.v; RETURN NEW; END$$;
CREATE TRIGGER touch BEFORE UPDATE ON parent FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE parent ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON parent USING (v = current_user);
COMMENT ON TABLE parent IS 'a; \! comment
over lines';
INSERT INTO parent (v, how, n) SELECT 'v' || i, 'b''ad', i FROM generate_series(1, 1000) i;
INSERT INTO "S.x"."tä ""bl" ("Wert
neu", parent, b) SELECT E'tab\t\\.\n' || i, i, decode(md5(i::text), 'hex') FROM generate_series(1, 700) i;
INSERT INTO parts SELECT i, i FROM generate_series(1, 900) i;
INSERT INTO base VALUES (1); INSERT INTO derived VALUES (2, 3); INSERT INTO quick VALUES (4);
INSERT INTO folded VALUES ('ÄB'), (NULL);
INSERT INTO "no columns" DEFAULT VALUES;
SELECT nextval('alone'), nextval('alone');
SELECT lo_from_bytea(0, decode(repeat('00ff', 3000), 'hex')), lo_from_bytea(0, '');
REFRESH MATERIALIZED VIEW counted;
"#;

#[tokio::test]
async fn everything_comes_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let context = context(folder.path(), &[]);
    let (name, from) = database("everything");
    server().sql(&name, OBJECTS);
    server().sql(
        &name,
        "CREATE FUNCTION guard() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; \
        CREATE EVENT TRIGGER guard ON ddl_command_end EXECUTE FUNCTION guard(); \
        CREATE PUBLICATION every FOR ALL TABLES; CREATE PUBLICATION one FOR TABLE parent; \
        CREATE SCHEMA _backout; CREATE TABLE _backout.change (a int); INSERT INTO _backout.change VALUES (1)",
    );
    let (held, data) = save(&context, &from, &Scope::Database).await;
    // Later than the snapshot.
    server().sql(&name, "TRUNCATE parts; SELECT nextval('alone')");
    let fetched = taken_out(&context, &held, &data).await;
    let into = empty(&format!("{name}'s=copy"), "postgres");
    let restored = restore(&context, &fetched, &into, held.version(), jobs()).await.expect("restore");
    assert_eq!(restored.left_out, Vec::<String>::new());
    server().sql(&name, "INSERT INTO parts SELECT i, i FROM generate_series(1, 900) i; SELECT setval('alone', 10); TRUNCATE _backout.change");
    assert_eq!(all_of(&into.database), all_of(&name));
    // Nothing of it stays in the scratch folder.
    drop(fetched);
    assert_eq!(std::fs::read_dir(&context.scratch).expect("read").count(), 0);
}

#[tokio::test]
async fn an_empty_database_comes_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let context = context(folder.path(), &[]);
    let (name, from) = database("empty");
    let (held, data) = save(&context, &from, &Scope::Database).await;
    let fetched = taken_out(&context, &held, &data).await;
    let into = empty(&format!("{name} copy"), "postgres");
    restore(&context, &fetched, &into, held.version(), 2).await.expect("restore");
    assert_eq!(all_of(&into.database), all_of(&name));
}

#[tokio::test]
async fn what_components_of_tables_keep_in_it_stays_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let context = context(folder.path(), &[]);
    let (name, from) = database("beside");
    server().sql(
        &name,
        "CREATE TABLE items (id int); INSERT INTO items VALUES (1);
         CREATE SCHEMA _backout_parts; CREATE TABLE _backout_parts.marker (component text);
         CREATE FUNCTION _backout_parts.bar() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''closed''; END';
         CREATE TRIGGER _backout_bar BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION _backout_parts.bar('k');
         ALTER TABLE items ENABLE ALWAYS TRIGGER _backout_bar;
         CREATE SCHEMA _backout_stage_k_r1_1; CREATE TABLE _backout_stage_k_r1_1.items (id int)",
    );
    let (held, data) = save(&context, &from, &Scope::Database).await;
    let fetched = taken_out(&context, &held, &data).await;
    let into = empty(&format!("{name} copy"), "postgres");
    let restored = restore(&context, &fetched, &into, held.version(), 2).await.expect("restore");
    assert_eq!(restored.left_out, ["trigger public.items _backout_bar: it is the door of tables"]);
    let ours = "SELECT count(*) FROM pg_namespace WHERE starts_with(nspname, '_backout')";
    assert_eq!(server().sql(&into.database, ours), "0");
    server().sql(&into.database, "INSERT INTO items VALUES (2)");
}

#[tokio::test]
async fn a_part_comes_back_without_the_rest() {
    let folder = tempfile::tempdir().expect("a folder");
    let context = context(folder.path(), &[]);
    let (name, from) = database("part");
    server().sql(&name, OBJECTS);
    let scope = Scope::Part {
        schemas: vec!["S.x".to_owned()],
        tables: vec![TableName::new("public", "parts"), TableName::new("public", "folded")],
    };
    let (held, data) = save(&context, &from, &scope).await;
    let fetched = taken_out(&context, &held, &data).await;
    let into = empty(&format!("{name} copy"), "postgres");
    let restored = restore(&context, &fetched, &into, held.version(), 2).await.expect("restore");
    let [left] = restored.left_out.as_slice() else { panic!("{:?}", restored.left_out) };
    assert!(left.starts_with("fk constraint S.x.tä \"bl"), "{left}");
    let (_, mut rows) = all_of(&into.database);
    let sequences = rows.remove("sequences").expect("sequences");
    assert!(sequences.contains(",alone,") && sequences.contains("_id_seq"), "{sequences}");
    let (_, mut expected) = all_of(&name);
    expected.insert("large objects".to_owned(), "0|".to_owned());
    expected.retain(|table, _| rows.contains_key(table));
    assert_eq!(rows, expected);
    let tables: Vec<&str> = rows.keys().map(String::as_str).collect();
    assert_eq!(
        tables,
        ["\"S.x\".\"tä \"\"bl\"", "large objects", "public.folded", "public.parts_1", "public.parts_2"]
    );
}
