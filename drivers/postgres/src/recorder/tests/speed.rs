//! Figures, for people: `cargo test -p backout-driver-postgres speed -- --ignored --nocapture`.

use std::time::Instant;

use backout_core::writes::Occasion;
use futures_util::StreamExt;

use super::world::World;
use crate::recorder::{self, By, Order, Since};

const ROWS: u64 = 100_000;
const TABLE: &str =
    "CREATE TABLE orders (id bigint PRIMARY KEY, customer integer, state text, total numeric(10,2),
                     at timestamptz, note text)";

/// What is done in `seconds`, in a second.
fn rate(began: Instant, count: u64) -> String {
    let seconds = began.elapsed().as_secs_f64();
    #[allow(clippy::cast_precision_loss, reason = "a figure for people")]
    let rate = count as f64 / seconds;
    format!("{seconds:.2} s, {rate:.0} a second")
}

async fn write(world: &World) -> (Instant, u64) {
    let began = Instant::now();
    world
        .each(&[
            &format!(
                "INSERT INTO orders SELECT n, n % 1000, 'new', n * 1.17, now(), 'a note of some length, number ' || n
                 FROM generate_series(1, {ROWS}) n"
            ),
            "UPDATE orders SET state = 'paid', total = total + 1",
            "DELETE FROM orders WHERE id % 2 = 0",
        ])
        .await;
    (began, ROWS * 5 / 2)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "prints figures and judges nothing"]
async fn speed() {
    let world = World::new("speed", By::Slot, TABLE).await;
    let (began, count) = write(&world).await;
    println!("no recorder: write {count} rows: {}", rate(began, count));
    for by in [By::Slot, By::Triggers] {
        let mut world = World::new("speed", by, TABLE).await;
        world.arm(Occasion::Arm).await;
        let target = world.state().await;
        let (began, count) = write(&world).await;
        println!("{by:?}: write: {}", rate(began, count));
        let began = Instant::now();
        let counted = world.count(&target).await.expect("a recorder");
        assert_eq!(counted.users().sum(), count);
        println!("{by:?}: count: {}", rate(began, count));
        let began = Instant::now();
        let sealed = world.seal(&target).await;
        let bytes = sealed.data[0].bytes;
        println!("{by:?}: seal: {}, {} bytes a change", rate(began, count), bytes / count);
        let order = Order::new(&world.address, &world.scope, &world.config, &world.context);
        let since = Since::of(&target.taken).expect("a state");
        let mut reading = recorder::read_sealed(&sealed.data[0], &order, &since).await.expect("a part");
        let began = Instant::now();
        let mut read = 0;
        while let Some(change) = reading.changes.next().await {
            change.expect("a change");
            read += 1;
        }
        assert_eq!(read, count);
        println!("{by:?}: decode: {}", rate(began, count));
    }
}
