//! What others hang on the tables.

use backout_contract::{Door, Session};

use super::Shared;
use crate::catalog::Scope;
use crate::look::look_at;
use crate::server::Pace;
use crate::testing::{address, server};

const NOTES: &str = "
    CREATE TABLE notes (id int PRIMARY KEY, text text);
    INSERT INTO notes VALUES (1, 'milk'), (2, 'bread');
    CREATE TABLE audit (id int PRIMARY KEY, note int CONSTRAINT of_note REFERENCES notes ON DELETE CASCADE);
    INSERT INTO audit VALUES (1, 1), (2, NULL);
    CREATE VIEW report AS SELECT id, upper(text) AS text FROM notes;
    CREATE FUNCTION newest() RETURNS text STABLE BEGIN ATOMIC SELECT text FROM notes ORDER BY id DESC LIMIT 1; END;";

const MIGRATED: &str =
    "ALTER TABLE notes ADD COLUMN migrated int; UPDATE notes SET text = 'gone' WHERE id = 1";

#[tokio::test]
async fn foreign_keys_and_views_of_others_mean_what_was_put_back() {
    let shared = Shared::new("outside", NOTES, &["notes"]).await;
    let saved = shared.keep().await;
    let was = shared.number("notes");
    shared.sql(MIGRATED);
    shared.back(&saved).await;
    assert_ne!(shared.number("notes"), was, "it was exchanged whole");
    assert_eq!(shared.rows("report"), "(1,MILK) (2,BREAD)");
    assert_eq!(shared.sql("SELECT newest()"), "bread");
    assert_eq!(shared.rows("audit"), "(1,1) (2,)");
    assert!(shared.refused("INSERT INTO audit VALUES (3, 77)").contains("of_note"));
    shared.sql("DELETE FROM notes WHERE id = 1");
    assert_eq!(shared.rows("audit"), "(2,)", "the new table's rows take theirs along");
}

#[tokio::test]
async fn a_table_that_is_defined_as_it_was_stays_and_keeps_what_hangs_on_it() {
    let shared = Shared::new("stays", NOTES, &["notes"]).await;
    // It could not be said again.
    shared.sql("CREATE MATERIALIZED VIEW totals AS SELECT count(*) FROM notes");
    let saved = shared.keep().await;
    let was = shared.number("notes");
    shared.sql("UPDATE notes SET text = 'changed' WHERE id = 1; INSERT INTO notes VALUES (3, 'new'); DELETE FROM notes WHERE id = 2");
    shared.back(&saved).await;
    assert_eq!(shared.number("notes"), was);
    assert_eq!(shared.rows("audit"), "(1,1) (2,)", "no cascade went through");
    assert!(shared.refused("INSERT INTO audit VALUES (3, 77)").contains("of_note"));
}

#[tokio::test]
async fn rows_that_would_refer_to_nothing_are_counted_before_anything_changes() {
    for migrated in [MIGRATED, "SELECT"] {
        let shared = Shared::new("orphans", NOTES, &["notes"]).await;
        let saved = shared.keep().await;
        shared.sql(migrated);
        shared.sql("INSERT INTO notes (id) VALUES (7); INSERT INTO audit VALUES (7, 7), (8, 7)");
        let before = (shared.rows("notes"), shared.rows("audit"), shared.number("notes"));
        let error = shared.try_back(&saved).await.expect_err("rows refer to nothing");
        assert!(error.chain().contains("audit.note -> notes: 2 rows"), "{}", error.chain());
        assert_eq!((shared.rows("notes"), shared.rows("audit"), shared.number("notes")), before);
        shared.sql("DELETE FROM audit WHERE note = 7");
        shared.back(&saved).await;
    }
}

#[tokio::test]
async fn what_cannot_be_said_again_is_named_before_anything_changes() {
    let shared = Shared::new("obstacle", NOTES, &["notes"]).await;
    let saved = shared.keep().await;
    shared.sql(MIGRATED);
    shared.sql("CREATE MATERIALIZED VIEW totals AS SELECT count(*) FROM notes");
    let before = shared.rows("notes");
    let error = shared.try_back(&saved).await.expect_err("a materialised view stands on it");
    assert!(error.chain().contains("totals"), "{}", error.chain());
    assert_eq!(shared.rows("notes"), before);
}

#[tokio::test]
async fn the_whole_database_looks_the_same_while_tables_are_staged_in_it() {
    let shared = Shared::new("beside", NOTES, &["notes"]).await;
    shared.sql("CREATE TABLE counted (id serial PRIMARY KEY); INSERT INTO counted DEFAULT VALUES");
    let saved = shared.keep().await;
    let database = address(&server().url(&shared.database));
    let pace = Pace::of(&shared.context);
    let whole = async || look_at(&database, &Scope::Database, 2, &pace).await.expect("look at the database");
    shared.sql(MIGRATED);
    let before = whole().await;
    let order = shared.order(&saved).await;
    shared.session.stage(&shared.context, &order).await.expect("stage");
    shared.session.write_marker(&shared.context, Some(&serde_json::json!({"by": "us"}))).await.expect("mark");
    shared.session.quiesce(&shared.context).await.expect("shut");
    assert_eq!(shared.session.door(&shared.context).await.expect("ask"), Door::Shut);
    assert!(shared.sql("SELECT count(*) FROM pg_namespace WHERE nspname LIKE '\\_backout\\_%'") != "0");
    let now = whole().await;
    assert_eq!(now.schema, before.schema);
    assert_eq!((now.rows, now.sequences, now.notes), (before.rows, before.sequences, before.notes));
}
