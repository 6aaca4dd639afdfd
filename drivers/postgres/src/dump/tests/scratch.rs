//! Databases that are made to be looked at, or to be gone back to.

use backout_contract::{Context, DriverError, ErrorKind};

use super::super::{needs, ready, rehearse, template};
use super::{Held, all_of, save};
use crate::catalog::Scope;
use crate::door::Outside;
use crate::server::{Address, identifier};
use crate::swap;
use crate::testing::{address, context, database, server};

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
    scratch: String,
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
        let scratch = swap::scratch(&name, &context.key);
        Self { context, name, address, held, data, scratch, _folder: folder }
    }

    async fn rehearse<T>(
        &self,
        look: impl AsyncFnOnce(&Address) -> Result<T, DriverError>,
    ) -> Result<T, DriverError> {
        let Self { context, address, held, data, .. } = self;
        rehearse(context, address, None, &held.taken, data, look).await.map(|(found, _)| found)
    }
}

#[tokio::test]
async fn a_rehearsal_shows_what_was_saved_and_leaves_nothing() {
    let scene = Scene::set("rehearsed").await;
    let looked = scene
        .rehearse(async |there: &Address| {
            assert_eq!(there.database, scene.scratch);
            Ok(all_of(&there.database))
        })
        .await
        .expect("rehearse");
    assert_eq!(looked, all_of(&scene.name));
    assert!(!exists(&scene.scratch));

    let failed = || DriverError::new(ErrorKind::Unreadable, "look");
    let error = scene.rehearse(async |_: &Address| Err::<(), _>(failed())).await.expect_err("a failed look");
    assert_eq!(error.kind, ErrorKind::Unreadable);
    assert!(!exists(&scene.scratch));
}

#[tokio::test]
async fn what_a_killed_rehearsal_left_is_dropped_and_nothing_else() {
    let scene = Scene::set("left").await;
    let database = identifier(&scene.scratch);
    let marked = r#"backout: {"copy_of":"left"}"#;
    let others = r#"backout: {"copy_of":"right"}"#;
    for (what, sql, is_ours) in [
        ("never opened", format!("CREATE DATABASE {database} ALLOW_CONNECTIONS false"), true),
        (
            "half full",
            format!("CREATE DATABASE {database}; COMMENT ON DATABASE {database} IS '{marked}'"),
            true,
        ),
        (
            "another's",
            format!("CREATE DATABASE {database}; COMMENT ON DATABASE {database} IS '{others}'"),
            false,
        ),
        ("anybody's", format!("CREATE DATABASE {database}"), false),
        (
            "a shut one",
            format!(
                "CREATE DATABASE {database} ALLOW_CONNECTIONS false; COMMENT ON DATABASE {database} IS 'x'"
            ),
            false,
        ),
    ] {
        for statement in sql.split("; ") {
            server().sql("postgres", statement);
        }
        let rehearsed = scene.rehearse(async |_: &Address| Ok(())).await;
        assert_eq!(rehearsed.is_ok(), is_ours, "{what}");
        assert_eq!(exists(&scene.scratch), !is_ours, "{what}");
        if let Err(error) = rehearsed {
            assert!(error.chain().contains("not known to be ours"), "{what}: {}", error.chain());
            server().sql("postgres", &format!("DROP DATABASE {database}"));
        }
    }
}

#[tokio::test]
async fn an_owner_who_may_make_databases_can_rehearse() {
    let mut scene = Scene::set("owner").await;
    let Scene { name, .. } = &scene;
    server().sql("postgres", "CREATE ROLE owner3 LOGIN CREATEDB PASSWORD 'pass'");
    server().sql(name, &format!("ALTER DATABASE {} OWNER TO owner3", identifier(name)));
    server().sql(name, "DROP SCHEMA public CASCADE; DROP SCHEMA \"S.x\" CASCADE; SELECT lo_unlink(oid) FROM pg_largeobject_metadata");
    server().sql(
        name,
        "SET ROLE owner3; CREATE SCHEMA own; CREATE TABLE own.t (a int); INSERT INTO own.t VALUES (1)",
    );
    let plain = address(&server().url_as("owner3", "pass", name));
    let (held, data) = save(&scene.context, &plain, &Scope::Database).await;
    (scene.held, scene.data, scene.address) = (held, data, plain);
    let rows = scene
        .rehearse(async |there: &Address| Ok(server().sql(&there.database, "SELECT a FROM own.t")))
        .await;
    assert_eq!(rows.expect("rehearse"), "1");
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
