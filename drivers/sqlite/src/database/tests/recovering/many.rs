//! Thousands of writes beside a migration that wrote as many.

use std::time::Instant;

use backout_core::writes::Occasion;

use super::super::world::World;
use super::eight::{OLD, TO_UUIDS, rules};

/// `BACKOUT_TEST_WRITES=1000000` measures with as many.
#[tokio::test]
async fn thousands_of_writes_are_taken_over() {
    let count: u64 =
        std::env::var("BACKOUT_TEST_WRITES").ok().and_then(|text| text.parse().ok()).unwrap_or(3000);
    let (mut world, _) = World::begin(OLD).await;
    world.merge = rules();
    world.run(&format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
         INSERT INTO todos (user_id, title) SELECT 1 + i % 3, 'todo ' || i FROM n"
    ));
    let kept = world.keep().await;
    world.run(TO_UUIDS);
    world.arm(Occasion::Cutover).await.unwrap();
    world.run(&format!(
        "BEGIN; UPDATE tasks SET status = 'done' WHERE legacy_id % 3 = 0;
         DELETE FROM tasks WHERE legacy_id % 3 = 1 AND legacy_id > 4;
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count} / 3)
         INSERT INTO tasks (id, user_id, name) SELECT 'new-' || i, 'user-' || (1 + i % 3), 'new ' || i FROM n; COMMIT"
    ));
    let look = "SELECT count(*), sum(status = 'done') FROM ";
    let wanted = world.rows(&format!("{look} tasks"));
    world.put_back(&kept).await;
    let began = Instant::now();
    let recovered = world.merge().await;
    println!("{} writes taken over in {:?}", recovered.applied, began.elapsed());
    assert_eq!((recovered.conflicts(), recovered.unmapped), (0, 0));
    assert!(recovered.applied >= count - 4, "{recovered:?}");
    assert_eq!(world.rows(&format!("{look} todos")), wanted);
    let began = Instant::now();
    assert_eq!(world.merge().await.applied, 0);
    println!("and nothing in {:?}", began.elapsed());
}
