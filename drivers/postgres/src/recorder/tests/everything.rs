//! Every kind of write to every kind of table, recorded by either recorder, and read back in either way.

use backout_core::writes::Occasion;

use super::world::{World, shown, sums};
use crate::catalog;
use crate::recorder::By;

const TABLES: &str = r#"
    CREATE TABLE tasks (id integer PRIMARY KEY, title text, done boolean, due timestamptz, tags text[], data jsonb, blob bytea);
    CREATE SCHEMA "Öl";
    CREATE TABLE "Öl"."a.""b" ("Kéy" text PRIMARY KEY, "drop" numeric);
    CREATE TABLE log (line text);
    CREATE TABLE long (id integer PRIMARY KEY, small integer, body text);
    ALTER TABLE long ALTER body SET STORAGE EXTERNAL;
    CREATE TABLE sum (a integer PRIMARY KEY, b integer, c integer GENERATED ALWAYS AS (a + b) STORED);
    CREATE TABLE part (id integer, region text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
    CREATE TABLE part_eu PARTITION OF part FOR VALUES IN ('eu');
    CREATE TABLE part_us PARTITION OF part FOR VALUES IN ('us');
    CREATE TABLE parent (id integer PRIMARY KEY);
    CREATE TABLE child (id integer PRIMARY KEY, parent integer REFERENCES parent ON DELETE CASCADE);
    CREATE TABLE only_one (a text);
    INSERT INTO long VALUES (1, 1, repeat('x', 100000));
"#;

const WRITES: &str = r#"
    INSERT INTO tasks VALUES (1, 'it''s', true, '2026-01-02 03:04:05.678+00', '{"a b",NULL,"c\\"}', '{"k": 1.50}', '\x00ff');
    INSERT INTO tasks VALUES (2, NULL, NULL, NULL, NULL, NULL, NULL), (3, '', false, NULL, '{}', 'null', '');
    UPDATE tasks SET id = 20, title = 'zwei' WHERE id = 2;
    DELETE FROM tasks WHERE id = 3;
    INSERT INTO "Öl"."a.""b" VALUES ('("x", y\)', 1.2300), (' ', 'NaN');
    INSERT INTO log VALUES ('same'), ('same');
    DELETE FROM log;
    UPDATE long SET small = 2;
    INSERT INTO sum VALUES (1, 2);
    INSERT INTO part VALUES (1, 'eu');
    UPDATE part SET region = 'us';
    INSERT INTO parent VALUES (1);
    INSERT INTO child VALUES (10, 1);
    INSERT INTO only_one VALUES (NULL), ('');
    BEGIN;
    INSERT INTO log VALUES ('kept');
    SAVEPOINT a;
    INSERT INTO log VALUES ('taken back');
    ROLLBACK TO a;
    SAVEPOINT b;
    INSERT INTO log VALUES ('kept too');
    RELEASE b;
    COMMIT;
    BEGIN;
    INSERT INTO log VALUES ('never');
    ROLLBACK;
    DELETE FROM parent;
    TRUNCATE log;
"#;

async fn everything(by: By) {
    let mut world = World::new("everything", by, TABLES).await;
    let coverage = world.arm(Occasion::Arm).await;
    assert_eq!(coverage.uncovered, [], "{coverage:?}");
    assert_eq!(
        coverage.covered,
        ["child", "log", "long", "only_one", "parent", "part", "sum", "tasks", "Öl.a.\"b"]
    );
    let target = world.state().await;
    assert_eq!(world.lacked(&target).await.len(), 0);
    world.sql(WRITES).await;
    let changes = world.lacked(&target).await;
    let mut lines: Vec<String> = changes.iter().map(shown).collect();
    // Which of a parent and its child goes first is not the same in a trigger and in the log.
    let gone = lines
        .iter()
        .position(|line| line.contains(" - ") && (line.starts_with("child") || line.starts_with("parent")));
    let gone = gone.expect("a parent and its child are deleted");
    lines[gone..gone + 2].sort();
    let unwritten = if by == By::Slot { "…" } else { "<100000>" };
    let expected = [
        "tasks + id=1 title=it's done=t due=2026-01-02 03:04:05.678+00 tags={\"a b\",NULL,\"c\\\\\"} data={\"k\": 1.50} blob=\\x00ff".to_owned(),
        "tasks + id=2 title=NULL done=NULL due=NULL tags=NULL data=NULL blob=NULL".into(),
        "tasks + id=3 title= done=f due=NULL tags={} data=null blob=\\x".into(),
        "tasks id=2 title=NULL done=NULL due=NULL tags=NULL data=NULL blob=NULL -> id=20 title=zwei done=NULL due=NULL tags=NULL data=NULL blob=NULL".into(),
        "tasks - id=3 title= done=f due=NULL tags={} data=null blob=\\x".into(),
        "Öl.a.\"b + Kéy=(\"x\", y\\) drop=1.2300".into(),
        "Öl.a.\"b + Kéy=  drop=NaN".into(),
        "log + line=same".into(),
        "log + line=same".into(),
        "log - line=same".into(),
        "log - line=same".into(),
        format!("long id=1 small=1 body=<100000> -> id=1 small=2 body={unwritten}"),
        "sum + a=1 b=2".into(),
        "part + id=1 region=eu".into(),
        "part - id=1 region=eu".into(),
        "part + id=1 region=us".into(),
        "parent + id=1".into(),
        "child + id=10 parent=1".into(),
        "only_one + a=NULL".into(),
        "only_one + a=".into(),
        "log + line=kept".into(),
        "log + line=kept too".into(),
        "child - id=10 parent=1".into(),
        "parent - id=1".into(),
        "log emptied".into(),
    ];
    assert_eq!(lines, expected);
    assert!(changes.windows(2).all(|pair| pair[0].number < pair[1].number), "numbers grow");
    let due = &changes[0].relation.columns[3];
    assert_eq!((due.0.as_str(), due.1.as_str()), ("due", "timestamp with time zone"));
    let counted = world.count(&target).await.expect("a recorder");
    assert_eq!(
        sums(&counted),
        [
            "child: 1/0/1 + 0/0/0, 0",
            "log: 4/0/3 + 0/0/0, 0",
            "long: 0/1/0 + 0/0/0, 0",
            "only_one: 2/0/0 + 0/0/0, 0",
            "parent: 1/0/1 + 0/0/0, 0",
            "part: 2/0/1 + 0/0/0, 0",
            "sum: 1/0/0 + 0/0/0, 0",
            "tasks: 3/1/1 + 0/0/0, 0",
            "Öl.a.\"b: 2/0/0 + 0/0/0, 0",
        ]
    );
    assert_eq!(counted.gaps.len(), 1, "{:?}", counted.gaps);
    assert!(counted.gaps[0].why.contains("TRUNCATE"));
    assert!(world.unread().await);
    let sealed = world.seal(&target).await;
    assert_eq!(sealed.counted.tables, counted.tables);
    let read: Vec<(u64, String)> =
        world.lacked_of(&sealed, &target).await.iter().map(|change| (change.number, shown(change))).collect();
    let live: Vec<(u64, String)> = changes.iter().map(|change| (change.number, shown(change))).collect();
    assert_eq!(read, live);
    assert!(!world.unread().await);
    world.sql("INSERT INTO log VALUES ('later')").await;
    assert!(world.unread().await);
    let later = world.state().await;
    assert_eq!(world.lacked(&later).await.len(), 0);
    assert_eq!(world.count(&later).await.expect("a recorder").tables, []);
}

#[tokio::test]
async fn a_slot_records_everything() {
    everything(By::Slot).await;
}

#[tokio::test]
async fn triggers_record_everything() {
    everything(By::Triggers).await;
}

/// Everything in the catalogs that a recorder could leave behind.
const LEFT: &str = "SELECT concat_ws(' | ',
    (SELECT string_agg(nspname, ',' ORDER BY nspname) FROM pg_namespace WHERE nspname !~ '^pg_'),
    (SELECT string_agg(relname || relreplident::text, ',' ORDER BY relname) FROM pg_class
     WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace),
    (SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal), (SELECT count(*) FROM pg_publication),
    (SELECT count(*) FROM pg_replication_slots WHERE database = current_database()),
    (SELECT count(*) FROM pg_proc WHERE pronamespace <> 'pg_catalog'::regnamespace
                                    AND pronamespace <> 'information_schema'::regnamespace))";

#[tokio::test]
async fn disarming_leaves_nothing_behind() {
    for by in [By::Slot, By::Triggers] {
        let mut world = World::new("disarm", by, TABLES).await;
        world
            .sql(
                "ALTER TABLE log REPLICA IDENTITY NOTHING; CREATE UNIQUE INDEX second ON tasks (id);
                 ALTER TABLE tasks REPLICA IDENTITY USING INDEX second;
                 ALTER TABLE sum REPLICA IDENTITY FULL",
            )
            .await;
        let before = world.ask(LEFT).await;
        world.disarm().await;
        let first = world.arm(Occasion::Arm).await;
        assert_ne!(world.ask(LEFT).await, before);
        let again = world.arm(Occasion::Arm).await;
        assert_eq!(first.covered, again.covered);
        assert_eq!(world.ask("SELECT count(*)::text FROM _backout.era").await, "1");
        assert_eq!(world.coverage().await.expect("a recorder").covered, first.covered);
        // Killed before the last thing that arming does.
        world.link.batch_execute("DELETE FROM _backout.recorder").await.expect("half a recorder");
        assert_eq!(world.coverage().await.expect("half a recorder").covered, Vec::<String>::new());
        assert_eq!(world.arm(Occasion::Arm).await.covered, first.covered);
        world.disarm().await;
        assert_eq!(world.ask(LEFT).await, before);
        assert_eq!(world.coverage().await, None);
        let state = world.state().await;
        assert_eq!(world.count(&state).await, None);
    }
}

#[tokio::test]
async fn the_shape_does_not_know_of_it() {
    for by in [By::Slot, By::Triggers] {
        let mut world = World::new("shape", by, TABLES).await;
        world.sql("ALTER TABLE log REPLICA IDENTITY NOTHING; ALTER TABLE sum REPLICA IDENTITY FULL").await;
        let before = catalog::schema(&world.link, world.link.version, &world.scope).await.expect("a schema");
        world.arm(Occasion::Arm).await;
        assert_eq!(
            catalog::schema(&world.link, world.link.version, &world.scope).await.expect("a schema"),
            before,
            "{by:?}"
        );
        world.disarm().await;
        assert_eq!(
            catalog::schema(&world.link, world.link.version, &world.scope).await.expect("a schema"),
            before,
            "{by:?}"
        );
    }
}
