//! A copy on the same server as the restore point.

use backout_contract::{Certainty, ErrorKind};

use super::*;

/// A shop that was saved so, with a recorder that stood before.
struct Scene {
    server: Postgres,
    context: Context,
    session: DatabaseSession,
    step: StepOrder<State>,
    _folder: tempfile::TempDir,
}

const COPY: &str = "shop.backout-template-1";

impl Scene {
    async fn set(restore_point: &str) -> Self {
        let server = Postgres::start(&Options::default());
        server.sql("postgres", "CREATE DATABASE shop; COMMENT ON DATABASE shop IS 'ours'");
        server.sql("shop", SHOP);
        let folder = tempfile::tempdir().expect("a folder");
        let context = Context { run: None, ..context(folder.path(), &[]) };
        let keys =
            serde_json::json!({ "url": server.url("shop"), "jobs": 2, "restore-point": restore_point });
        let config: super::super::Config = serde_json::from_value(keys).expect("a configuration");
        let session = Database::connect(config.clone(), &context).await.expect("connect");
        session.arm(&context, Occasion::Arm).await.expect("arm");
        server.sql("shop", "INSERT INTO orders (text) VALUES ('saved')");
        let saved = session.capture(&context, Depth::Keep).await.expect("save");
        server.sql("shop", "INSERT INTO orders (text) VALUES ('later')");
        server.sql("shop", &format!("BEGIN; SELECT _backout.migration(); {MIGRATION}; COMMIT"));
        let live = session.capture(&context, Depth::Look).await.expect("look");
        let piece =
            Database::steps(&config, saved.state.as_ref(), live.state.as_ref()).expect("steps").remove(0);
        let (saved, data) = (saved.state, saved.data);
        let after = Seen::Absent;
        let step = StepOrder { effect: piece.effect, saved, data, before: None, after };
        let context = Context { run: Some(backout_core::name::RunId::new("r1").expect("a name")), ..context };
        Self { server, context, session, step, _folder: folder }
    }

    fn databases(&self) -> String {
        let sql = "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database WHERE NOT datistemplate";
        self.server.sql("postgres", sql)
    }

    async fn put_back(&self) {
        self.session.quiesce(&self.context).await.expect("shut");
        let effect = self.session.revert(&self.context, &self.step).await.expect("put back");
        assert!(matches!(effect, Effect::Applied { .. }), "{effect:?}");
        let state = self.session.capture(&self.context, Depth::Look).await.expect("look").state;
        assert!(is_saved(state.as_ref(), &self.step));
        self.session.reopen(&self.context, None).await.expect("open");
    }

    async fn missing(&self) -> Vec<String> {
        let ready = self.session.ready(&self.context, self.step.saved.as_ref(), &self.step.data).await;
        ready.expect("look")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_put_back_and_kept_until_release() {
    let scene = Scene::set("template").await;
    assert_eq!(scene.databases(), format!("postgres shop {COPY}"));
    assert_eq!(scene.step.data.len(), 1, "a dump was made too");
    assert_eq!(scene.missing().await, Vec::<String>::new());
    let told = scene.session.displaced(&scene.context).await.expect("list");
    assert!(told.len() == 1 && told[0].contains("the restore point"), "{told:?}");
    let advice = scene.session.advice(&scene.context).await.expect("ask").join("\n");
    assert!(advice.contains("dies with the server"), "{advice}");
    let saved = scene.step.saved.as_ref().expect("a state");
    let counted = scene.session.count(&scene.context, saved, &[]).await.expect("count").expect("a recorder");
    assert_eq!(counted.users().sum(), 1, "what came after the copy, and nothing else: {counted:?}");
    assert_eq!(counted.gaps, []);
    assert!(matches!(
        scene.session.stage(&scene.context, &scene.step).await.expect("stage"),
        Effect::Applied { .. }
    ));
    assert_eq!(scene.session.stage(&scene.context, &scene.step).await.expect("stage"), Effect::AlreadyThere);
    scene.put_back().await;
    assert_eq!(scene.server.sql("shop", "SELECT count(*) FROM orders WHERE text = 'saved'"), "1");
    assert_eq!(scene.databases(), format!("postgres shop shop.backout-displaced-r1 {COPY}"));
    scene.server.sql("postgres", "DROP DATABASE \"shop.backout-displaced-r1\"");
    scene.session.release(&scene.context).await.expect("release");
    assert_eq!(scene.databases(), "postgres shop");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_somebody_touched_is_refused_by_name() {
    let scene = Scene::set("template").await;
    let open = format!("ALTER DATABASE \"{COPY}\" ALLOW_CONNECTIONS true");
    scene.server.sql("postgres", &open);
    scene.server.sql(
        COPY,
        "SET default_transaction_read_only = off; UPDATE orders SET text = 'changed' WHERE id = 7",
    );
    scene.server.sql("postgres", &open.replace("true", "false"));
    for what in ["is not what was saved", "was dropped or renamed", "is another database"] {
        match what {
            "was dropped or renamed" => {
                drop(scene.server.sql("postgres", &format!("DROP DATABASE \"{COPY}\"")))
            }
            "is another database" => {
                drop(scene.server.sql("postgres", &format!("CREATE DATABASE \"{COPY}\"")))
            }
            _ => {}
        }
        let error = scene.session.stage(&scene.context, &scene.step).await.expect_err("it was put beside");
        assert_eq!((error.kind, error.certainty), (ErrorKind::BadData, Certainty::NothingHappened));
        assert!(error.chain().contains(what), "{}", error.chain());
        assert!(!scene.databases().contains("beside"), "{}", scene.databases());
        let missing = scene.missing().await;
        assert_eq!(
            missing.iter().any(|one| one.contains(what)),
            what != "is not what was saved",
            "{missing:?}"
        );
    }
    assert_eq!(scene.server.sql("shop", "SELECT count(*) FROM orders WHERE text = 'later'"), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_beside_the_copy_outlives_it() {
    let scene = Scene::set("both").await;
    let saved = scene.step.saved.as_ref().expect("a state");
    let proven = scene.session.rehearse(&scene.context, saved, &scene.step.data).await.expect("rehearse");
    assert!(proven.is_some_and(|proven| is_exactly(&proven, saved)));
    scene.server.sql("postgres", &format!("DROP DATABASE \"{COPY}\""));
    assert_eq!(scene.missing().await, Vec::<String>::new());
    scene.session.stage(&scene.context, &scene.step).await.expect("stage");
    scene.put_back().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_cannot_be_made_leaves_the_door_open_and_nothing_behind() {
    let server = Postgres::start(&Options {
        settings: vec!["max_prepared_transactions = 2".to_owned()],
        ..Options::default()
    });
    server.sql("postgres", "CREATE DATABASE shop");
    server.sql(
        "shop",
        &format!("{SHOP}; BEGIN; INSERT INTO orders (text) VALUES ('held'); PREPARE TRANSACTION 'p'"),
    );
    let folder = tempfile::tempdir().expect("a folder");
    let context = Context { run: None, ..context(folder.path(), &[]) };
    let keys = serde_json::json!({ "url": server.url("shop"), "restore-point": "template", "door": { "wait": "1s" } });
    let config = serde_json::from_value(keys).expect("a configuration");
    let session: DatabaseSession = Database::connect(config, &context).await.expect("connect");
    let error = session.capture(&context, Depth::Keep).await.map(drop).expect_err("it was copied");
    assert!(error.chain().contains("prepared"), "{}", error.chain());
    server.sql("shop", "INSERT INTO orders (text) VALUES ('served'); COMMIT PREPARED 'p'");
    assert!(session.displaced(&context).await.expect("list").is_empty());
    assert!(session.capture(&context, Depth::Keep).await.expect("save").state.is_some());
}
