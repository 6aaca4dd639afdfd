//! An address that leads to a pooler is refused, however the pooler is set.

use backout_contract::ErrorKind;
use backout_fixtures::{PgBouncer, Postgres};

use crate::server::connect;
use crate::testing::{address, database, server};

#[tokio::test]
async fn a_pooler_is_noticed_however_it_is_set() {
    let (name, direct) = database("pooled");
    connect(&direct).await.expect("the server itself");
    let ignoring = "ignore_startup_parameters = options, extra_float_digits";
    let kinds: [&[&str]; 5] = [
        &["pool_mode = transaction"],
        &["pool_mode = transaction", ignoring],
        &["pool_mode = transaction", ignoring, "default_pool_size = 1"],
        &["pool_mode = statement", ignoring],
        &["pool_mode = session", ignoring],
    ];
    for settings in kinds {
        let pooler = PgBouncer::start(server(), &[("postgres", Postgres::PASSWORD)], settings);
        let through = pooler.url_as("postgres", Postgres::PASSWORD, &name);
        // Whoever comes first, and whoever is given a session that others had.
        for _ in 0..3 {
            let error = connect(&address(&through)).await.map(drop).expect_err("a pooler");
            assert_eq!(error.kind, ErrorKind::Config, "{settings:?}");
            assert!(error.chain().contains("a pooler answers there"), "{settings:?}: {}", error.chain());
        }
        // Nothing of ours stays in its sessions.
        let left = "SELECT current_setting('search_path'), current_setting('lock_timeout')";
        let said = server().psql(&through, left);
        assert_eq!(String::from_utf8_lossy(&said.stdout), "\"$user\", public|0\n", "{settings:?}");
    }
}
