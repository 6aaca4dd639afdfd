//! Who holds the tables, and who may write to them.

use backout_contract::{Door, ErrorKind, Session};

use super::Shared;
use crate::server::connect;
use crate::testing::{address, server};

const ITEMS: &str =
    "CREATE TABLE items (id int PRIMARY KEY, text text); INSERT INTO items VALUES (1, 'one');";

#[tokio::test]
async fn whoever_holds_a_table_is_named_and_nothing_waits_for_ever() {
    let config = serde_json::json!({ "tables": ["items"], "door": { "patience": "1s", "ends": "nobody" } });
    let shared = Shared::with("held", ITEMS, config).await;
    let saved = shared.keep().await;
    shared.sql("ALTER TABLE items ADD COLUMN migrated int");
    let holder = connect(&address(&server().url(&shared.database))).await.expect("connect");
    holder
        .batch_execute("SET application_name = 'nightly report'; BEGIN; SELECT FROM public.items")
        .await
        .expect("read");
    let error = shared.try_back(&saved).await.expect_err("somebody reads");
    assert_eq!(error.kind, ErrorKind::Locked);
    assert!(error.chain().contains("nightly report"), "{}", error.chain());
    holder.batch_execute("COMMIT").await.expect("let go");
    shared.back(&saved).await;
}

#[tokio::test]
async fn readers_wait_for_a_try_and_no_longer() {
    let config = serde_json::json!({ "tables": ["items"], "door": { "patience": "60s", "ends": "nobody" } });
    let shared = Shared::with("readers", ITEMS, config).await;
    let saved = shared.keep().await;
    shared.sql("ALTER TABLE items ADD COLUMN migrated int");
    let at = address(&server().url(&shared.database));
    let (holder, reader) = (connect(&at).await.expect("connect"), connect(&at).await.expect("connect"));
    holder.batch_execute("BEGIN; SELECT FROM public.items").await.expect("read");
    // A reader that had to wait for all of our patience would be ended by this.
    reader.batch_execute("SET lock_timeout = '2500ms'").await.expect("set");
    let waits =
        "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'public.items'::regclass)";
    let reads = async {
        for _ in 0..2 {
            while !reader.query_one(waits, &[]).await.expect("ask").get::<_, bool>(0) {}
            // Behind whoever waits.
            reader.batch_execute("SELECT FROM public.items").await.expect("readers get their turn");
        }
        holder.batch_execute("COMMIT").await.expect("let go");
    };
    let (put, ()) = tokio::join!(shared.try_back(&saved), reads);
    put.expect("put back when the holder had let go");
    shared.is_as(&saved).await;
}

#[tokio::test]
async fn the_bar_stops_everybody_and_is_no_part_of_the_shape() {
    let shared = Shared::new("barred", ITEMS, &["items"]).await;
    let owner = format!("{}_owner", shared.database);
    shared.sql(&format!("CREATE ROLE {owner} LOGIN PASSWORD 'owns'; ALTER TABLE items OWNER TO {owner}; GRANT ALL ON SCHEMA public TO {owner}"));
    let before = shared.look().await.expect("tables");
    shared.session.quiesce(&shared.context).await.expect("shut");
    assert_eq!(shared.session.door(&shared.context).await.expect("ask"), Door::Shut);
    assert_eq!(shared.look().await.expect("tables").schema, before.schema);
    let as_owner = server().url_as(&owner, "owns", &shared.database);
    for url in [server().url(&shared.database), as_owner] {
        for change in [
            "INSERT INTO items VALUES (2, 'two')",
            "UPDATE items SET text = 'changed'",
            "DELETE FROM items",
            "TRUNCATE items",
        ] {
            let output = server().psql(&url, change);
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(told.contains("items is closed for writes"), "{change}: {told}");
        }
    }
    // As a replica, ordinary triggers are still.
    let told = shared.refused("SET session_replication_role = replica; DELETE FROM items");
    assert!(told.contains("items is closed for writes"), "{told}");
    assert_eq!(shared.rows("items"), "(1,one)");
    shared.session.reopen(&shared.context, None).await.expect("open");
    shared.sql("INSERT INTO items VALUES (2, 'two')");
    assert_eq!(shared.look().await.expect("tables").schema, before.schema);
}
