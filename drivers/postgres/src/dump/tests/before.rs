//! What is known before a dump is put back, and copies within a server.

use backout_contract::{Context, ErrorKind};

use super::super::{needs, ready, template};
use super::{Held, all_of, save};
use crate::catalog::Scope;
use crate::door::Outside;
use crate::server::Address;
use crate::testing::{context, database, server};

fn exists(name: &str) -> bool {
    let sql = format!("SELECT count(*) FROM pg_database WHERE datname = '{}'", name.replace('\'', "''"));
    server().sql("postgres", &sql) == "1"
}

struct Scene {
    context: Context,
    name: String,
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
        Self { context, name, address, held, data, _folder: folder }
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

#[tokio::test]
async fn a_template_is_a_copy_that_nobody_changes() {
    let scene = Scene::set("template").await;
    let Scene { context, name, address, held, .. } = scene;
    let mut outside = Outside::connect(&address, None).await.expect("connect");
    let error = template::keep(&context, &mut outside).await.expect_err("somebody is connected");
    assert!(
        error.kind == ErrorKind::Locked
            && error.hints.iter().any(|hint| hint.contains("nobody is connected"))
    );
    let saved = all_of(&name);
    drop(held);
    let activity = format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'");
    while server().sql("postgres", &activity) != "0" {
        tokio::task::yield_now().await;
    }
    let restore_point = template::keep(&context, &mut outside).await.expect("copy");
    let refused = server().psql(&server().url(&restore_point), "SELECT 1");
    assert!(!refused.status.success(), "nobody comes in");
    server().sql(&name, "DROP TABLE parts; INSERT INTO folded VALUES ('later')");
    let copy = format!("{name} copy");
    template::take(&mut outside, &restore_point, &copy).await.expect("copy back");
    outside.let_in(&copy, true).await.expect("open");
    assert_eq!(all_of(&copy), saved);

    let other = Context { key: "other".to_owned(), ..context.clone() };
    template::release(&other, &outside).await.expect("nothing of that key");
    assert!(exists(&restore_point));
    template::release(&context, &outside).await.expect("release");
    template::release(&context, &outside).await.expect("twice is once");
    assert!(!exists(&restore_point));
}
