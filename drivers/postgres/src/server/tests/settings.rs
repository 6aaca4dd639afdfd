//! Roles that are given settings which would change what our statements do.

use backout_contract::ErrorKind;

use crate::server::connect;
use crate::testing::{address, database, server};

/// Under `session_replication_role = replica` neither triggers nor foreign keys act on what is written.
#[tokio::test]
async fn a_role_for_whom_triggers_do_not_act_is_set_back_or_refused() {
    let (name, _) = database("replica");
    server().sql(
        "postgres",
        "CREATE ROLE mighty LOGIN SUPERUSER PASSWORD 'm'; ALTER ROLE mighty SET session_replication_role = replica;
         CREATE ROLE meek LOGIN PASSWORD 'm'; ALTER ROLE meek SET session_replication_role = replica",
    );
    let link = connect(&address(&server().url_as("mighty", "m", &name))).await.expect("set back");
    let role: String = link.query_one("SHOW session_replication_role", &[]).await.expect("ask").get(0);
    assert_eq!(role, "origin");
    let error = connect(&address(&server().url_as("meek", "m", &name))).await.map(drop).expect_err("may not");
    assert_eq!(error.kind, ErrorKind::Denied);
    assert!(error.hints.iter().any(|hint| hint.contains("session_replication_role")), "{:?}", error.hints);
}
