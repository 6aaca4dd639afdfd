//! Caps, slots that are gone, servers that die, and tables that cannot be recorded.

use backout_core::plan::Count;
use backout_core::writes::Occasion;
use backout_fixtures::{Options, Postgres};

use super::world::{World, sums};
use crate::recorder::By;
use crate::testing;

const TABLES: &str = "CREATE TABLE tasks (id integer PRIMARY KEY, title text)";

fn whys(gaps: &[backout_core::writes::Gap]) -> String {
    gaps.iter().map(|gap| format!("{}: {}\n", gap.table, gap.why)).collect()
}

#[tokio::test]
async fn a_slot_over_its_cap_is_let_go_loudly() {
    let mut world = World::new("cap", By::Slot, TABLES).await.cap(1 << 20);
    world.arm(Occasion::Arm).await;
    let target = world.state().await;
    world.sql("INSERT INTO tasks SELECT n, repeat('x', 100) FROM generate_series(1, 20000) n").await;
    let counted = world.count(&target).await.unwrap();
    assert_eq!(sums(&counted), ["tasks: 20000/0/0 + 0/0/0, 0"]);
    assert!(whys(&counted.gaps).contains("will be let go"), "{:?}", counted.gaps);
    let coverage = world.arm(Occasion::Cutover).await;
    assert_eq!(coverage.covered, Vec::<String>::new());
    assert!(whys(&coverage.uncovered).contains("let go at"), "{coverage:?}");
    let slots = "SELECT count(*)::text FROM pg_replication_slots WHERE database = current_database()";
    assert_eq!(world.ask(slots).await, "0");
    let counted = world.count(&target).await.unwrap();
    assert!(matches!(counted.writes(), Count::AtLeast(0)), "{counted:?}");
    // Writers go on, and recording can be begun anew.
    world.sql("DELETE FROM tasks WHERE id = 1").await;
    let coverage = world.arm(Occasion::Arm).await;
    assert_eq!(coverage.covered, ["tasks"]);
    assert!(whys(&coverage.interrupted).contains("begun anew"), "{coverage:?}");
    let counted = world.count(&target).await.unwrap();
    assert!(matches!(counted.writes(), Count::AtLeast(_)), "{counted:?}");
}

#[tokio::test]
async fn triggers_at_their_cap_fail_nobody() {
    let mut world = World::new("full", By::Triggers, TABLES).await.cap(256 << 10);
    world.arm(Occasion::Arm).await;
    let target = world.state().await;
    world.sql("INSERT INTO tasks SELECT n, repeat('x', 100) FROM generate_series(1, 5000) n").await;
    assert_eq!(world.ask("SELECT count(*)::text FROM tasks").await, "5000");
    let counted = world.count(&target).await.unwrap();
    let sum = counted.users().sum();
    assert!(sum > 500 && sum < 5000, "{sum}");
    let gaps = whys(&counted.gaps);
    assert!(gaps.contains(&format!("{} writes were let go", 5000 - sum)), "{gaps}");
    assert_eq!(world.coverage().await.unwrap().covered, Vec::<String>::new());
}

#[tokio::test]
async fn a_value_that_cannot_be_put_down_fails_nobody() {
    let table = "CREATE TABLE big (id integer PRIMARY KEY, body bytea)";
    let mut world = World::new("big", By::Triggers, table).await;
    world.arm(Occasion::Arm).await;
    let target = world.state().await;
    let body = "convert_to(repeat('x', 600000000), 'UTF8')";
    world.sql(&format!("INSERT INTO big VALUES (1, {body}); INSERT INTO big VALUES (2, 'small')")).await;
    assert_eq!(world.ask("SELECT count(*)::text FROM big").await, "2");
    let counted = world.count(&target).await.unwrap();
    assert_eq!(sums(&counted), ["big: 1/0/0 + 0/0/0, 0"]);
    assert!(whys(&counted.gaps).contains("1 write was let go"), "{:?}", counted.gaps);
}

#[tokio::test]
async fn a_lost_slot_never_claims_to_have_counted() {
    let settings = [
        "wal_level = logical",
        "max_slot_wal_keep_size = 32MB",
        "min_wal_size = 32MB",
        "max_wal_size = 48MB",
    ];
    let server =
        Postgres::start(&Options { settings: settings.map(str::to_owned).to_vec(), ..Options::default() });
    let mut world = World::at(testing::address(&server.url("postgres")), By::Auto, TABLES).await;
    let coverage = world.arm(Occasion::Arm).await;
    assert!(coverage.notes.iter().any(|note| note.contains("slot")), "{coverage:?}");
    let target = world.state().await;
    world.sql("INSERT INTO tasks VALUES (1, 'before')").await;
    for _ in 0..6 {
        world
            .sql(
                "CREATE TABLE wal AS SELECT repeat('x', 1000) FROM generate_series(1, 10000); DROP TABLE wal",
            )
            .await;
        world.sql("SELECT pg_switch_wal()").await;
        world.sql("CHECKPOINT").await;
    }
    assert_eq!(world.ask("SELECT wal_status FROM pg_replication_slots").await, "lost");
    // Triggers that stand for something critical fire after it.
    world.sql("INSERT INTO tasks VALUES (2, 'after')").await;
    for _ in 0..2 {
        let counted = world.count(&target).await.unwrap();
        assert!(matches!(counted.writes(), Count::AtLeast(0)), "{counted:?}");
        assert!(whys(&counted.gaps).contains("broke its slot off"), "{:?}", counted.gaps);
        assert_eq!(world.coverage().await.unwrap().covered, Vec::<String>::new());
    }
    let coverage = world.arm(Occasion::CutoverAtRest).await;
    assert_eq!(coverage.covered, ["tasks"]);
    assert!(whys(&coverage.interrupted).contains("broke its slot off"), "{coverage:?}");
    world.sql("INSERT INTO tasks VALUES (3, 'since')").await;
    let counted = world.count(&target).await.unwrap();
    assert!(matches!(counted.writes(), Count::AtLeast(1)), "{counted:?}");
    // Somebody drops it by hand.
    world.sql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots").await;
    let counted = world.count(&target).await.unwrap();
    assert!(whys(&counted.gaps).contains("its slot is gone"), "{:?}", counted.gaps);
    // Somebody makes one of the same name.
    let name = world.ask("SELECT slot FROM _backout.recorder").await;
    world.sql(&format!("SELECT pg_create_logical_replication_slot('{name}', 'pgoutput')")).await;
    let counted = world.count(&target).await.unwrap();
    assert!(whys(&counted.gaps).contains("made it anew"), "{:?}", counted.gaps);
}

#[tokio::test]
async fn what_was_committed_outlives_the_server() {
    for by in [By::Slot, By::Triggers] {
        let mut server = Postgres::start(&Options {
            settings: vec!["wal_level = logical".into(), "max_prepared_transactions = 5".into()],
            ..Options::default()
        });
        let address = testing::address(&server.url("postgres"));
        let mut world = World::at(address.clone(), by, TABLES).await;
        world.arm(Occasion::Arm).await;
        let target = world.state().await;
        let prepare = "BEGIN; INSERT INTO tasks VALUES (2, 'two'); PREPARE TRANSACTION 'p'";
        let leave = "BEGIN; INSERT INTO tasks VALUES (9, 'never')";
        world.each(&["INSERT INTO tasks VALUES (1, 'one')", prepare, leave]).await;
        server.kill();
        server.go();
        world.link = crate::server::connect(&address).await.expect("connect");
        world.user = world.another().await;
        let counted = world.count(&target).await.unwrap();
        assert_eq!(sums(&counted), ["tasks: 1/0/0 + 0/0/0, 0"], "{by:?}");
        assert!(whys(&counted.gaps).contains("PREPARE TRANSACTION"));
        world.each(&["COMMIT PREPARED 'p'", "INSERT INTO tasks VALUES (3, 'three')"]).await;
        let counted = world.count(&target).await.unwrap();
        assert_eq!(sums(&counted), ["tasks: 3/0/0 + 0/0/0, 0"], "{by:?}");
        assert_eq!(counted.gaps, []);
        assert_eq!(world.coverage().await.unwrap().covered, ["tasks"]);
    }
}

#[tokio::test]
async fn triggers_serve_where_the_log_says_too_little() {
    let settings = vec!["wal_level = replica".into()];
    let server = Postgres::start(&Options { settings, ..Options::default() });
    let mut world = World::at(testing::address(&server.url("postgres")), By::Slot, TABLES).await;
    let error = world.try_arm(Occasion::Arm).await.expect_err("no slot");
    assert!(error.chain().contains("wal_level"), "{}", error.chain());
    assert!(error.hints.iter().any(|hint| hint.contains("by: triggers")), "{:?}", error.hints);
    world.config.by = By::Auto;
    let coverage = world.arm(Occasion::Arm).await;
    assert_eq!(coverage.covered, ["tasks"]);
    assert!(coverage.notes.iter().any(|note| note.contains("wal_level is replica")), "{coverage:?}");
}

#[tokio::test]
async fn a_role_without_rights_is_told_so() {
    let (name, _) = testing::database("rights");
    let server = testing::server();
    server.sql(
        &name,
        &format!(
            "CREATE ROLE owner_{name} LOGIN PASSWORD 'x'; GRANT CREATE ON DATABASE {name} TO owner_{name};
             GRANT ALL ON SCHEMA public TO owner_{name}; CREATE TABLE others (id integer PRIMARY KEY)"
        ),
    );
    let url = server.url_as(&format!("owner_{name}"), "x", &name);
    let tables = "CREATE TABLE tasks (id integer PRIMARY KEY); CREATE UNLOGGED TABLE volatile (id integer PRIMARY KEY)";
    let mut world = World::at(testing::address(&url), By::Auto, tables).await;
    let coverage = world.arm(Occasion::Arm).await;
    assert_eq!(coverage.covered, ["tasks", "volatile"]);
    assert!(whys(&coverage.uncovered).contains("others: we may put no trigger on it"), "{coverage:?}");
    assert!(coverage.notes.iter().any(|note| note.contains("REPLICATION")), "{coverage:?}");
    let target = world.state().await;
    world.sql("INSERT INTO tasks VALUES (1)").await;
    let counted = world.count(&target).await.unwrap();
    assert_eq!(sums(&counted), ["tasks: 1/0/0 + 0/0/0, 0"]);
    assert!(matches!(counted.writes(), Count::AtLeast(1)));
    world.config.except.insert("others".into());
    assert!(matches!(world.count(&target).await.unwrap().writes(), Count::Exactly(1)));
}

#[tokio::test]
async fn without_any_recorder_the_count_says_that_it_is_incomplete() {
    let mut world = World::new("stamps", By::Timestamps, TABLES).await;
    world.sql("INSERT INTO tasks SELECT n, 'old' FROM generate_series(1, 10) n").await;
    let coverage = world.arm(Occasion::Arm).await;
    assert_eq!(coverage.covered, Vec::<String>::new());
    assert!(whys(&coverage.uncovered).contains("tasks: incomplete"), "{coverage:?}");
    let target = world.state().await;
    assert_eq!(sums(&world.count(&target).await.unwrap()), Vec::<String>::new());
    world.each(&["INSERT INTO tasks VALUES (11, 'new')", "UPDATE tasks SET title = 'x' WHERE id < 3"]).await;
    world.sql("DELETE FROM tasks WHERE id = 5").await;
    let counted = world.count(&target).await.unwrap();
    assert_eq!(sums(&counted), ["tasks: 0/3/0 + 0/0/0, 0"]);
    assert!(matches!(counted.writes(), Count::AtLeast(3)));
    assert_eq!(world.ask("SELECT (to_regnamespace('_backout') IS NULL)::text").await, "true");
}

#[tokio::test]
async fn what_a_slot_cannot_see_is_named() {
    let tables = "CREATE TABLE tasks (id integer PRIMARY KEY); CREATE UNLOGGED TABLE volatile (id integer PRIMARY KEY);
        CREATE TABLE keyless (a integer); CREATE TEMPORARY TABLE mine (a integer);
        CREATE MATERIALIZED VIEW seen AS SELECT * FROM tasks;
        CREATE TABLE part (a integer) PARTITION BY LIST (a); CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1);
        CREATE TABLE base (a integer PRIMARY KEY); CREATE TABLE heir (b integer) INHERITS (base)";
    let mut world = World::new("named", By::Slot, tables).await;
    let coverage = world.arm(Occasion::Arm).await;
    assert_eq!(coverage.covered, ["base", "heir", "keyless", "part", "tasks"]);
    let named: Vec<&str> = coverage.uncovered.iter().map(|gap| gap.table.as_str()).collect();
    assert_eq!(named, ["volatile"]);
    for table in ["heir", "keyless", "part"] {
        assert!(
            coverage.notes.iter().any(|note| note.starts_with(&format!("{table} has no key"))),
            "{coverage:?}"
        );
    }
    let target = world.state().await;
    // A partition that comes later fails nobody, and is named.
    world
        .sql(
            "CREATE TABLE part_2 PARTITION OF part FOR VALUES IN (2); INSERT INTO part VALUES (1), (2);
               UPDATE part SET a = a; INSERT INTO heir VALUES (1, 2); UPDATE base SET a = 3",
        )
        .await;
    let coverage = world.coverage().await.unwrap();
    assert!(whys(&coverage.uncovered).contains("part_2"), "{coverage:?}");
    let counted = world.count(&target).await.unwrap();
    assert_eq!(sums(&counted), ["heir: 1/1/0 + 0/0/0, 0", "part_1: 1/1/0 + 0/0/0, 0"]);
}

#[tokio::test]
async fn a_partition_that_is_emptied_alone_is_told() {
    let tables = "CREATE TABLE part (a integer PRIMARY KEY) PARTITION BY LIST (a);
        CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1); CREATE TABLE part_2 PARTITION OF part FOR VALUES IN (2);
        INSERT INTO part VALUES (1), (2)";
    let mut world = World::new("emptied", By::Slot, tables).await;
    let coverage = world.arm(Occasion::Arm).await;
    assert_eq!((coverage.covered, coverage.uncovered), (vec!["part".to_owned()], vec![]));
    let target = world.state().await;
    world
        .each(&[
            "BEGIN; SELECT _backout.migration(); TRUNCATE part_1; COMMIT",
            "BEGIN; TRUNCATE part_2; ROLLBACK",
        ])
        .await;
    assert_eq!(world.count(&target).await.unwrap().gaps, []);
    world.each(&["INSERT INTO part VALUES (1)", "TRUNCATE part_1"]).await;
    let counted = world.count(&target).await.unwrap();
    assert_eq!(
        counted.gaps.iter().map(|gap| gap.table.as_str()).collect::<Vec<_>>(),
        ["part_1"],
        "{counted:?}"
    );
    assert!(
        matches!(counted.writes(), Count::AtLeast(1)) && whys(&counted.gaps).contains("emptied"),
        "{counted:?}"
    );
    assert_eq!(world.lacked(&target).await.len(), 1, "what was recorded can be read all the same");
    // A state that has it already lacks nothing.
    let later = world.state().await;
    assert_eq!(world.count(&later).await.unwrap().gaps, []);
    // One that comes later is recorded at once, and told of its own emptying from the next look on.
    world.sql("CREATE TABLE part_3 PARTITION OF part FOR VALUES IN (3); INSERT INTO part VALUES (3)").await;
    let coverage = world.coverage().await.unwrap();
    assert_eq!((coverage.covered.len(), coverage.uncovered.len()), (1, 0), "{coverage:?}");
    assert!(coverage.notes.iter().any(|note| note.starts_with("part_3 is a partition")), "{coverage:?}");
    let coverage = world.arm(Occasion::Cutover).await;
    assert!(!coverage.notes.iter().any(|note| note.contains("part_3")), "{coverage:?}");
    let target = world.state().await;
    world.sql("TRUNCATE part_3").await;
    assert!(world.count(&target).await.unwrap().gaps.iter().any(|gap| gap.table == "part_3"));
    // All of the table at once is told under its own name.
    let target = world.state().await;
    world.sql("TRUNCATE part").await;
    let gaps = world.count(&target).await.unwrap().gaps;
    assert_eq!(gaps.iter().map(|gap| gap.table.as_str()).collect::<Vec<_>>(), ["part"]);
    world.disarm().await;
    let left = "SELECT count(*)::text FROM pg_trigger WHERE tgname LIKE '%backout%'";
    assert_eq!(world.ask(left).await, "0");
}

#[tokio::test]
async fn a_copy_gets_a_recorder_of_its_own() {
    for by in [By::Slot, By::Triggers] {
        let mut world = World::new("copied", by, TABLES).await;
        world.arm(Occasion::Arm).await;
        world.sql("INSERT INTO tasks VALUES (1, 'saved')").await;
        let saved = world.state().await;
        world.sql("INSERT INTO tasks VALUES (2, 'later')").await;
        let name = world.address.database.clone();
        let copy = format!("{name}_copy");
        // What a dump carries of ours: definitions, and the rows of all but two tables.
        let server = testing::server();
        server.sql("postgres", &format!("CREATE DATABASE {copy}"));
        let dump = std::process::Command::new(server.programs().join("pg_dump"))
            .args(["-d", &server.url(&name)])
            .args(crate::recorder::NOT_SAVED.map(|table| format!("--exclude-table-data=_backout.{table}")))
            .output()
            .expect("pg_dump");
        assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
        server.sql(&copy, &String::from_utf8(dump.stdout).expect("text"));
        let mut beside =
            World::at(testing::address(&server.url(&copy)), by, "DELETE FROM tasks WHERE id = 2").await;
        let coverage = beside.coverage().await.expect("what came along");
        assert!(whys(&coverage.uncovered).contains("came along with a copy"), "{coverage:?}");
        let originals = crate::recorder::originals(&beside.link.client).await.expect("originals");
        let expected = if by == By::Slot { vec!['d'] } else { vec![] };
        assert_eq!(originals.iter().map(|original| original.replica_identity).collect::<Vec<_>>(), expected);
        let coverage = beside.place_again(&saved).await;
        assert_eq!((coverage.covered, coverage.uncovered), (vec!["tasks".to_owned()], vec![]));
        beside.sql("INSERT INTO tasks VALUES (3, 'on the copy')").await;
        let counted = beside.count(&saved).await.unwrap();
        assert_eq!((sums(&counted), counted.gaps), (vec!["tasks: 1/0/0 + 0/0/0, 0".to_owned()], vec![]));
        // The first one goes on by itself.
        let counted = world.count(&saved).await.unwrap();
        assert_eq!((sums(&counted), counted.gaps), (vec!["tasks: 1/0/0 + 0/0/0, 0".to_owned()], vec![]));
        // A state of before the copy's origin was saved is not told of.
        let before = crate::state::State {
            taken: crate::state::Taken { snapshot: "3:3:".into(), ..saved.taken.clone() },
            ..saved.clone()
        };
        assert!(!beside.count(&before).await.unwrap().gaps.is_empty());
        beside.disarm().await;
        assert_eq!(world.coverage().await.unwrap().covered, ["tasks"]);
    }
}
