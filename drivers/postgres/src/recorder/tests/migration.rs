//! What the migration writes is told apart, and what it does to tables is survived or named.

use backout_core::writes::Occasion;

use super::world::{World, shown, sums};
use crate::recorder::{By, Told};

const TABLES: &str = "CREATE TABLE tasks (id integer PRIMARY KEY, title text);
                      CREATE TABLE people (id integer PRIMARY KEY, name text);
                      INSERT INTO tasks VALUES (1, 'one'); INSERT INTO people VALUES (1, 'Ann')";
const BOTH: [By; 2] = [By::Slot, By::Triggers];

#[tokio::test]
async fn a_mark_within_a_transaction_sets_it_apart() {
    for by in BOTH {
        let mut world = World::new("marked", by, TABLES).await;
        world.arm(Occasion::Arm).await;
        let target = world.state().await;
        world
            .sql(
                "CREATE ROLE nobody_much; GRANT USAGE ON SCHEMA public TO nobody_much;
                   GRANT ALL ON tasks, people TO nobody_much",
            )
            .await;
        world
            .each(&[
                "SET ROLE nobody_much",
                "INSERT INTO tasks VALUES (2, 'user')",
                "BEGIN; SELECT _backout.migration(); UPDATE tasks SET title = upper(title);
                     SELECT _backout.migration(); INSERT INTO people VALUES (2, 'M'); COMMIT",
                "BEGIN; SAVEPOINT s; SELECT _backout.migration(); ROLLBACK TO s; INSERT INTO tasks VALUES (3, 'user'); COMMIT",
                "DELETE FROM tasks WHERE id = 2",
                "RESET ROLE; DROP OWNED BY nobody_much; DROP ROLE nobody_much",
            ])
            .await;
        let counted = world.count(&target).await.expect("a recorder");
        assert_eq!(sums(&counted), ["people: 0/0/0 + 0/0/0, 1", "tasks: 2/0/1 + 0/0/0, 2"], "{by:?}");
        assert_eq!(counted.gaps, []);
        let by_migration = world.lacked(&target).await.iter().filter(|change| change.by_migration).count();
        assert_eq!(by_migration, 3);
        let coverage = world.arm(Occasion::Cutover).await;
        assert_eq!((coverage.uncovered, coverage.interrupted), (vec![], vec![]));
        world.sql("INSERT INTO tasks VALUES (4, 'since')").await;
        world.arm(Occasion::Cutover).await;
        world.sql("INSERT INTO tasks VALUES (5, 'since')").await;
        let counted = world.count(&target).await.expect("a recorder");
        assert_eq!(sums(&counted), ["people: 0/0/0 + 0/0/0, 1", "tasks: 2/0/1 + 2/0/0, 2"], "{by:?}");
        let later = world.state().await;
        world.sql("INSERT INTO tasks VALUES (6, 'after a later capture')").await;
        let counted = world.count(&later).await.expect("a recorder");
        assert_eq!(
            sums(&counted),
            ["tasks: 1/0/0 + 0/0/0, 0"],
            "a cutover before a capture is none of its own"
        );
    }
}

#[tokio::test]
async fn the_migration_is_known_by_window_role_or_application() {
    for by in BOTH {
        let migrate =
            "SET application_name = 'flyway'; UPDATE tasks SET title = 'm'; SET application_name = 'app'";
        let mut world = World::new("window", by, TABLES).await.told(Told::Window);
        world.arm(Occasion::Arm).await;
        let target = world.state().await;
        world.sql(migrate).await;
        world.arm(Occasion::Cutover).await;
        world.sql("UPDATE tasks SET title = 'u'").await;
        assert_eq!(sums(&world.count(&target).await.unwrap()), ["tasks: 0/0/0 + 0/1/0, 1"], "{by:?}");

        let mut world = World::new("names", by, TABLES).await.told(Told::Applications(vec!["flyway".into()]));
        world.arm(Occasion::Arm).await;
        let target = world.state().await;
        world.sql(migrate).await;
        world.sql("UPDATE tasks SET title = 'u'").await;
        assert_eq!(sums(&world.count(&target).await.unwrap()), ["tasks: 0/1/0 + 0/0/0, 1"], "{by:?}");

        let role = format!("migrator_{by:?}").to_lowercase();
        let mut world = World::new("roles", by, TABLES).await.told(Told::Roles(vec![role.clone()]));
        world.sql(&format!("CREATE ROLE {role}; GRANT ALL ON tasks TO {role}")).await;
        world.arm(Occasion::Arm).await;
        let target = world.state().await;
        world.sql(&format!("SET ROLE {role}; UPDATE tasks SET title = 'm'; RESET ROLE")).await;
        world.sql("UPDATE tasks SET title = 'u'").await;
        assert_eq!(sums(&world.count(&target).await.unwrap()), ["tasks: 0/1/0 + 0/0/0, 1"], "{by:?}");
        world.disarm().await;
        world.sql(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
    }
}

#[tokio::test]
async fn the_migration_is_known_by_its_origin() {
    let mut world = World::new("origin", By::Slot, TABLES).await.told(Told::Origin("elsewhere".into()));
    world.arm(Occasion::Arm).await;
    let target = world.state().await;
    world
        .each(&[
            "SELECT pg_replication_origin_create('elsewhere')",
            "SELECT pg_replication_origin_session_setup('elsewhere')",
            "UPDATE tasks SET title = 'm'",
            "SELECT pg_replication_origin_session_reset()",
            "UPDATE tasks SET title = 'u'",
        ])
        .await;
    assert_eq!(sums(&world.count(&target).await.unwrap()), ["tasks: 0/1/0 + 0/0/0, 1"]);
    let sealed = world.seal(&target).await;
    let marked: Vec<bool> =
        world.lacked_of(&sealed, &target).await.iter().map(|change| change.by_migration).collect();
    assert_eq!(marked, [true, false]);
    world.sql("SELECT pg_replication_origin_drop('elsewhere')").await;
}

#[tokio::test]
async fn a_table_that_is_rebuilt_is_named() {
    for by in BOTH {
        for occasion in [Occasion::Cutover, Occasion::CutoverAtRest] {
            let mut world = World::new("rebuilt", by, TABLES).await;
            world.arm(Occasion::Arm).await;
            let target = world.state().await;
            world
                .sql(
                    "BEGIN; CREATE TABLE tasks_new (uuid text PRIMARY KEY, title text);
                     INSERT INTO tasks_new SELECT id::text, title FROM tasks; DROP TABLE tasks;
                     ALTER TABLE tasks_new RENAME TO tasks; COMMIT;
                     CREATE TABLE empty (id integer PRIMARY KEY)",
                )
                .await;
            let coverage = world.coverage().await.expect("a recorder");
            let named: Vec<&str> = coverage.uncovered.iter().map(|gap| gap.table.as_str()).collect();
            assert_eq!(named, ["empty", "tasks"], "{by:?}");
            assert_eq!(coverage.covered, ["people"]);
            assert!(!world.count(&target).await.unwrap().gaps.is_empty());
            let coverage = world.arm(occasion).await;
            assert_eq!(coverage.covered, ["empty", "people", "tasks"]);
            assert_eq!(coverage.uncovered, []);
            let named: Vec<&str> = coverage.interrupted.iter().map(|gap| gap.table.as_str()).collect();
            let expected: &[&str] = if occasion == Occasion::Cutover { &["tasks"] } else { &[] };
            assert_eq!(named, expected);
            world.sql("INSERT INTO tasks VALUES ('x', 'new'); INSERT INTO empty VALUES (1)").await;
            let counted = world.count(&target).await.unwrap();
            assert_eq!(sums(&counted), ["empty: 0/0/0 + 1/0/0, 0", "tasks: 0/0/0 + 1/0/0, 0"]);
            assert_eq!(counted.gaps.len(), expected.len());
        }
    }
}

#[tokio::test]
async fn columns_and_tables_may_change_on_the_way() {
    for by in BOTH {
        let mut world = World::new("altered", by, TABLES).await;
        world.arm(Occasion::Arm).await;
        let target = world.state().await;
        world
            .sql("INSERT INTO tasks VALUES (2, 'two'); ALTER TABLE tasks ADD COLUMN extra integer DEFAULT 7")
            .await;
        world
            .sql("INSERT INTO tasks VALUES (3, 'three'); ALTER TABLE tasks RENAME COLUMN title TO name")
            .await;
        world.sql("INSERT INTO tasks VALUES (4, 'four'); ALTER TABLE tasks DROP COLUMN name").await;
        world.sql("INSERT INTO tasks VALUES (5, 5); ALTER TABLE tasks ALTER COLUMN extra TYPE text").await;
        world.sql("INSERT INTO tasks VALUES (6, 'six'); ALTER TABLE tasks RENAME TO jobs").await;
        world.sql("INSERT INTO jobs VALUES (7, 'seven')").await;
        let coverage = world.arm(Occasion::Cutover).await;
        assert_eq!((coverage.uncovered, coverage.interrupted), (vec![], vec![]));
        let lines: Vec<String> = world.lacked(&target).await.iter().map(shown).collect();
        let expected = [
            "tasks + id=2 title=two",
            "tasks + id=3 title=three extra=7",
            "tasks + id=4 name=four extra=7",
            "tasks + id=5 extra=5",
            "tasks + id=6 extra=six",
            "jobs + id=7 extra=seven",
        ];
        assert_eq!(lines, expected, "{by:?}");
        assert_eq!(
            sums(&world.count(&target).await.unwrap()),
            ["jobs: 1/0/0 + 0/0/0, 0", "tasks: 5/0/0 + 0/0/0, 0"]
        );
    }
}
