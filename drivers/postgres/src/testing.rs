//! What tests of this crate share: one server for all of them, a database for each, and a context.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use backout_conformance::{FolderVault, MapResolver};
use backout_contract::{Context, Stop};
use backout_core::name::{ComponentName, RunId};
use backout_fixtures::{Options, Postgres};

use crate::server::Address;

static SHARED: LazyLock<Postgres> = LazyLock::new(|| Postgres::start(&Options::default()));

/// The server of all tests that neither kill nor configure one.
pub(crate) fn server() -> &'static Postgres {
    &SHARED
}

/// A fresh, empty database on it, named after the hint, and the way there as the superuser.
pub(crate) fn database(hint: &str) -> (String, Address) {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let name = format!("{hint}_{}", MADE.fetch_add(1, Ordering::Relaxed));
    server().sql("postgres", &format!("CREATE DATABASE {}", crate::server::identifier(&name)));
    let address = address(&server().url(&name));
    (name, address)
}

/// An address that a test knows to be one.
pub(crate) fn address(url: &str) -> Address {
    Address::parse(url).expect("an address")
}

/// A context of the run `r1` with everything in a folder: the scratch folder, a vault of plain files, and what
/// references stand for.
pub(crate) fn context(folder: &Path, environment: &[(&str, &str)]) -> Context {
    for part in ["scratch", "vault"] {
        std::fs::create_dir_all(folder.join(part)).expect("make a folder");
    }
    let environment: BTreeMap<String, String> =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Context {
        component: ComponentName::new("database").expect("a name"),
        root: folder.to_owned(),
        scratch: folder.join("scratch"),
        run: Some(RunId::new("r1").expect("a name")),
        key: "test-database".to_owned(),
        deadline: Duration::from_secs(120),
        stop: Stop::never(),
        vault: Arc::new(FolderVault::new(folder.join("vault"))),
        resolver: Arc::new(MapResolver::new(environment, folder)),
        progress: backout_contract::Progress::default(),
        child_token: "test".to_owned(),
    }
}

#[tokio::test]
async fn every_test_has_a_database_of_its_own() {
    let (one, address) = database("own");
    let (two, _) = database("own");
    assert_ne!(one, two);
    let link = crate::server::connect(&address).await.expect("connect");
    let found: String = link.query_one("SELECT current_database()::text", &[]).await.expect("ask").get(0);
    assert_eq!(found, one);
}
