//! A named point in the log, for those who archive it and could go back by it without us.

use crate::server::Link;

/// Sets a restore point where the log is archived and we may, and gives its name. Its place in the log is the position
/// that is noted beside it, or a little later.
///
/// # Errors
/// When the server cannot be asked; a right that is missing is no error.
pub(crate) async fn set_restore_point(
    link: &Link,
    of: &str,
) -> Result<Option<String>, tokio_postgres::Error> {
    let may: bool = link
        .query_one(
            "SELECT pg_catalog.current_setting('archive_mode') <> 'off' \
             AND pg_catalog.current_setting('wal_level') <> 'minimal' AND NOT pg_catalog.pg_is_in_recovery() \
             AND pg_catalog.has_function_privilege('pg_catalog.pg_create_restore_point(text)', 'EXECUTE')",
            &[],
        )
        .await?
        .get(0);
    if !may {
        return Ok(None);
    }
    let name = name(of);
    link.query_one("SELECT pg_catalog.pg_create_restore_point($1)::text", &[&name]).await?;
    Ok(Some(name))
}

/// At most 63 bytes.
fn name(of: &str) -> String {
    let mut name = format!("backout-{of}");
    while name.len() > 63 {
        name.pop();
    }
    name
}

#[cfg(test)]
mod tests {
    use backout_fixtures::{Options, Postgres};

    use super::*;
    use crate::server::connect;
    use crate::testing::{address, server};

    #[tokio::test]
    async fn it_is_set_where_the_log_is_archived_and_we_may() {
        let link = connect(&address(&server().url("postgres"))).await.expect("connect");
        assert_eq!(set_restore_point(&link, "a").await.expect("ask"), None, "nothing is archived");
        let settings = ["archive_mode = on", "archive_command = 'true'"].map(str::to_owned).to_vec();
        let archiving = Postgres::start(&Options { settings, ..Options::default() });
        let link = connect(&address(&archiving.url("postgres"))).await.expect("connect");
        let long = "ö".repeat(40);
        let set = set_restore_point(&link, &long).await.expect("set").expect("a name");
        assert_eq!(set, format!("backout-{}", "ö".repeat(27)));
        archiving.sql("postgres", "CREATE ROLE plain LOGIN PASSWORD 'x'");
        let link = connect(&address(&archiving.url_as("plain", "x", "postgres"))).await.expect("connect");
        assert_eq!(set_restore_point(&link, "b").await.expect("ask"), None, "we may not");
    }
}
