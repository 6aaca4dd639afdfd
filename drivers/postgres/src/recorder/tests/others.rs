//! What others do to a recorder is found, and said; and others who are in the way are named.

use std::time::Duration;

use backout_core::name::ComponentName;
use backout_core::writes::Occasion;

use super::world::{World, sums};
use crate::recorder::By;

const TABLES: &str =
    "CREATE TABLE tasks (id integer PRIMARY KEY, title text); CREATE TABLE people (id integer PRIMARY KEY);
                      INSERT INTO tasks VALUES (1, 'one')";

#[tokio::test]
async fn what_somebody_alters_is_found_and_set_right() {
    for (by, meddling, table, why) in [
        (By::Slot, "ALTER PUBLICATION _backout_rows DROP TABLE tasks", "tasks", "took it out"),
        (By::Slot, "ALTER TABLE tasks REPLICA IDENTITY DEFAULT", "tasks", "identity was altered"),
        (
            By::Slot,
            "ALTER PUBLICATION _backout_rows SET TABLE tasks (id), people, _backout.mark",
            "tasks",
            "columns out",
        ),
        (By::Slot, "ALTER PUBLICATION _backout_rows SET (publish = 'insert')", "every table", "altered"),
        (By::Slot, "DROP PUBLICATION _backout_rows", "every table", "dropped"),
        (By::Triggers, "DROP TRIGGER \"!_backout_rows\" ON tasks", "tasks", "dropped"),
        (By::Triggers, "ALTER TABLE tasks DISABLE TRIGGER ALL", "tasks", "gone"),
        (By::Triggers, "ALTER TABLE tasks ENABLE TRIGGER \"!_backout_rows\"", "tasks", "gone"),
        (By::Triggers, "DROP TABLE _backout.change", "every table", "gone"),
    ] {
        let mut world = World::new("meddled", by, TABLES).await;
        world.arm(Occasion::Arm).await;
        let target = world.state().await;
        world.sql(meddling).await;
        let coverage = world.coverage().await.expect("a recorder");
        let named: Vec<&str> = coverage.uncovered.iter().map(|gap| gap.table.as_str()).collect();
        assert_eq!(named, [table], "{meddling}");
        assert!(coverage.uncovered[0].why.contains(why), "{meddling}: {coverage:?}");
        assert_eq!(world.count(&target).await.expect("a recorder").gaps, coverage.uncovered, "{meddling}");
        let coverage = world.arm(Occasion::Cutover).await;
        assert_eq!((coverage.covered.len(), coverage.uncovered.len()), (2, 0), "{meddling}: {coverage:?}");
        let named: Vec<&str> = coverage.interrupted.iter().map(|gap| gap.table.as_str()).collect();
        assert_eq!(named, [table], "{meddling}");
        world.sql("UPDATE tasks SET title = 'two'").await;
        let counted = world.count(&target).await.expect("a recorder");
        assert!(!counted.gaps.is_empty(), "{meddling}");
        assert_eq!(counted.users().changed, 1, "{meddling}: {:?}", sums(&counted));
    }
}

#[tokio::test]
async fn somebody_who_reads_from_the_slot_is_found() {
    let mut world = World::new("read", By::Slot, TABLES).await;
    world.arm(Occasion::Arm).await;
    let target = world.state().await;
    world.sql("INSERT INTO tasks VALUES (2, 'two')").await;
    world
        .sql(
            "SELECT count(*) FROM pg_logical_slot_get_binary_changes((SELECT slot FROM _backout.recorder)::name, NULL, NULL,
                'proto_version', '1', 'publication_names', '_backout_rows')",
        )
        .await;
    let counted = world.count(&target).await.expect("a recorder");
    assert!(counted.gaps[0].why.contains("somebody read from its slot"), "{:?}", counted.gaps);
}

#[tokio::test]
async fn who_holds_on_to_a_table_or_has_written_is_named() {
    for (by, held) in [
        (By::Slot, "BEGIN; SELECT * FROM tasks"),
        (By::Triggers, "BEGIN; UPDATE tasks SET title = 'x'"),
        (By::Slot, "BEGIN; SELECT pg_current_xact_id()"),
    ] {
        let mut world = World::new("held", by, TABLES).await;
        world.sql(held).await;
        let process = world.ask("SELECT pg_backend_pid()::text").await;
        world.context.deadline = Duration::from_secs(3);
        let error = world.try_arm(Occasion::Arm).await.expect_err("somebody is in the way");
        assert!(error.chain().contains(&format!("process {process} of postgres")), "{}", error.chain());
        world.sql("COMMIT").await;
        world.context.deadline = Duration::from_secs(120);
        assert_eq!(world.arm(Occasion::Arm).await.covered, ["people", "tasks"]);
    }
}

#[tokio::test]
async fn one_database_has_one_recorder() {
    let mut world = World::new("second", By::Triggers, TABLES).await;
    world.arm(Occasion::Arm).await;
    let mut second = World::at(world.address.clone(), By::Triggers, "SELECT 1").await;
    second.context.component = ComponentName::new("other").expect("a name");
    let error = second.try_arm(Occasion::Arm).await.expect_err("another's");
    assert!(error.chain().contains("the component database records"), "{}", error.chain());
    assert_eq!(world.coverage().await.expect("a recorder").covered, ["people", "tasks"]);
}

#[tokio::test]
async fn what_was_taken_over_outlives_a_recorder_that_begins_anew() {
    let mut world = World::new("taken", By::Slot, TABLES).await;
    world.arm(Occasion::Arm).await;
    world.sql("CREATE TABLE _backout.taken AS SELECT 1 AS a").await;
    world.sql("SELECT pg_drop_replication_slot(slot) FROM _backout.recorder").await;
    world.arm(Occasion::Arm).await;
    assert_eq!(world.ask("SELECT a::text FROM _backout.taken").await, "1");
    world.disarm().await;
    assert_eq!(world.ask("SELECT (to_regnamespace('_backout') IS NULL)::text").await, "true");
}
