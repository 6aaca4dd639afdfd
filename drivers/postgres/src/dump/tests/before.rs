//! What is known before a dump is put back, and copies within a server.

use backout_contract::Context;

use super::super::{needs, ready};
use super::{Held, save};
use crate::catalog::Scope;
use crate::door::Outside;
use crate::server::Address;
use crate::testing::{context, database, server};

struct Scene {
    context: Context,
    address: Address,
    held: Held,
    data: Vec<backout_core::checkpoint::DataPart>,
    _folder: tempfile::TempDir,
}

impl Scene {
    async fn set(hint: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut context = context(folder.path(), &[]);
        context.key = hint.to_owned();
        let (name, address) = database(hint);
        server().sql(&name, super::round_trip::OBJECTS);
        let (held, data) = save(&context, &address, &Scope::Database).await;
        Self { context, address, held, data, _folder: folder }
    }
}

#[tokio::test]
async fn readiness_names_what_is_missing_and_what_is_needed() {
    let scene = Scene::set("ready").await;
    let Scene { context, address, held, data, .. } = &scene;
    let outside = Outside::connect(address, None).await.expect("connect");
    let missing = ready(context, address, &outside.link, &held.taken, data).await.expect("look");
    assert_eq!(missing, Vec::<String>::new());
    let needs = needs(context, &outside.link, &held.taken, data).await.expect("look");
    assert!(needs.here > 1_000 && needs.server > 5_000_000 && needs.free_here > 0, "{needs:?}");
    server().sql("postgres", "CREATE ROLE nobody1 LOGIN PASSWORD 'pass'");
    let plain = crate::testing::address(&server().url_as("nobody1", "pass", "postgres"));
    let link = crate::server::connect(&plain).await.expect("connect");
    let missing = ready(context, &plain, &link, &held.taken, data).await.expect("look");
    assert_eq!(missing, ["things in it belong to the role postgres, which nobody1 is no member of"]);
    let missing = ready(context, address, &outside.link, &held.taken, &data[1..]).await.expect("look");
    assert_eq!(missing.len(), 1, "{missing:?}");
}
