//! Roles that are no superuser.

use backout_contract::{Depth, ErrorKind, Session};

use super::Shared;
use crate::testing::server;

/// A database with tables, and a role of a team that owns some of them.
async fn team(hint: &str, tables: &[&str]) -> (Shared, Shared, String) {
    let made = "
        CREATE TABLE items (id int PRIMARY KEY, text text); INSERT INTO items VALUES (1, 'one'), (2, 'two');
        CREATE TABLE lines (id serial PRIMARY KEY, item int REFERENCES items); INSERT INTO lines (item) VALUES (2);
        CREATE TABLE hidden (id int)";
    let all = Shared::new(hint, made, tables).await;
    let role = format!("{}_team", all.database);
    all.sql(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'team'; GRANT CREATE ON DATABASE {} TO {role};
         ALTER TABLE items OWNER TO {role}; ALTER TABLE lines OWNER TO {role}; GRANT SELECT ON hidden TO {role}",
        all.database
    ));
    let url = server().url_as(&role, "team", &all.database);
    let config = serde_json::json!({ "tables": tables });
    let team = Shared::at(all.database.clone(), &url, config).await;
    (all, team, role)
}

#[tokio::test]
async fn whoever_owns_the_tables_puts_them_back() {
    for migrated in ["ALTER TABLE items ADD COLUMN migrated int", "SELECT"] {
        let (all, team, role) = team("owner", &["items"]).await;
        all.sql(&format!("GRANT CREATE ON SCHEMA public TO {role}"));
        let saved = team.keep().await;
        let missing =
            team.session.ready(&team.context, saved.state.as_ref(), &saved.data).await.expect("ask");
        assert_eq!(missing, Vec::<String>::new());
        all.sql(migrated);
        all.sql("UPDATE items SET text = 'changed'; DELETE FROM items WHERE id = 1; INSERT INTO items VALUES (3, 'new')");
        team.back(&saved).await;
        assert!(all.refused("INSERT INTO lines (item) VALUES (77)").contains("lines_item_fkey"));
    }
}

#[tokio::test]
async fn what_a_role_may_not_do_is_named() {
    let (all, team, role) = team("rights", &["items", "hidden"]).await;
    let saved = team.keep().await;
    let missing = team.session.ready(&team.context, saved.state.as_ref(), &saved.data).await.expect("ask");
    let told = missing.join("; ");
    assert_eq!(missing.len(), 2, "{told}");
    assert!(told.contains("into the schema public") && told.contains("does not own public.hidden"), "{told}");
    all.sql(&format!("REVOKE SELECT ON hidden FROM {role}"));
    let looked = team.session.capture(&team.context, Depth::Look).await;
    let error = looked.expect_err("a table cannot be read");
    assert_eq!(error.kind, ErrorKind::Denied);
    assert!(error.chain().contains("hidden"), "{}", error.chain());
}
