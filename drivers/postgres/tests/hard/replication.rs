//! Streams that are stopped, taken back, and lost.

use backout_conformance::{Bench, Failure, Looked, World};
use backout_contract::{Depth, Effect, Exactness};

use crate::worlds::replication::{Publisher, Subscriber};

async fn put_back<W: World>(bench: &Bench<W>, saved: &Looked) -> Result<(), Failure> {
    let live = bench.look(Depth::Look).await?;
    for order in bench.orders(saved, &live)? {
        let effect = bench.revert(&order).await?;
        assert!(matches!(effect, Effect::Applied { .. }), "{effect:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_slot_that_was_put_aside_is_taken_back_with_its_place_in_the_log() {
    let bench = Bench::<Publisher>::new("aside").await;
    bench.world.set_up().await;
    let saved = bench.look(Depth::Keep).await.unwrap();
    bench.world.migrate().await;
    bench.world.run("INSERT INTO \"Öl\" VALUES (1), (2), (3)");
    let migrated = bench.look(Depth::Keep).await.unwrap();
    let session = bench.session().await.unwrap();
    let (_, looked) = session.examine(&bench.context(), Exactness::Shape).await.unwrap();
    let of_slot = format!("slot {} at ", bench.world.slot());
    assert!(
        looked.iter().any(|one| one.starts_with(&of_slot) && one.contains("of log behind")),
        "{looked:?}"
    );
    let advice = session.advice(&bench.context()).await.unwrap();
    assert!(advice.iter().any(|one| one.starts_with(&of_slot)), "who lags is told before: {advice:?}");
    put_back(&bench, &saved).await.unwrap();
    let told = bench.displaced().await.unwrap();
    assert!(told.iter().any(|place| place.starts_with("slot ") && place.contains("of log")), "{told:?}");
    put_back(&bench, &migrated).await.unwrap();
    let seen = bench.look(Depth::Look).await.unwrap().seen;
    assert!(seen.same_exactly(&migrated.seen), "{seen:?}");
    let slot = bench.world.slot();
    let waiting = bench.world.run(&format!(
        "SELECT count(*) FROM pg_logical_slot_peek_binary_changes('{slot}', NULL, NULL, 'proto_version', '1',
         'publication_names', 'extra') WHERE get_byte(data, 0) = 73"
    ));
    assert_eq!(waiting, "3", "changes that the slot held were lost on the way");
}

#[tokio::test]
async fn what_was_dropped_is_refused_before_anything_starts() {
    let bench = Bench::<Publisher>::new("lost").await;
    bench.world.set_up().await;
    bench.world.migrate().await;
    let saved = bench.look(Depth::Keep).await.unwrap();
    bench.world.run(&format!("SELECT pg_drop_replication_slot('{}')", bench.world.slot()));
    let live = bench.look(Depth::Look).await.unwrap();
    let steps = bench.configured().unwrap().steps(saved.state.as_ref(), live.state.as_ref()).unwrap();
    assert!(steps.is_err_and(|why| why.contains("its place in the log with it")));
    let session = bench.session().await.unwrap();
    let ready = session.ready(&bench.context(), saved.state.as_ref(), &[]).await.unwrap();
    assert!(ready.iter().any(|why| why.contains("was dropped")), "{ready:?}");
}

#[tokio::test]
async fn a_stopped_stream_writes_nothing_any_more_and_a_resumed_one_loses_nothing() {
    let bench = Bench::<Subscriber>::new("stream").await;
    bench.world.make_slots();
    bench.world.set_up().await;
    let stopped = bench.look(Depth::Keep).await.unwrap();
    bench.world.run("ALTER SUBSCRIPTION copy ENABLE; ALTER SUBSCRIPTION copy REFRESH PUBLICATION WITH (copy_data = false)");
    let running = bench.look(Depth::Keep).await.unwrap();
    bench.world.publish("INSERT INTO tasks SELECT n, 'streamed' FROM generate_series(1, 500) n");
    bench.world.until("SELECT count(*) = 500 FROM tasks").await;
    put_back(&bench, &stopped).await.unwrap();
    let workers = bench.world.run("SELECT count(*) FROM pg_stat_subscription WHERE subname = 'copy' AND pid IS NOT NULL
                                   AND subid IN (SELECT s.oid FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid WHERE d.datname = current_database())");
    assert_eq!(workers, "0");
    bench.world.publish("INSERT INTO tasks SELECT n, 'later' FROM generate_series(501, 600) n");
    assert_eq!(bench.world.run("SELECT count(*) FROM tasks"), "500");
    put_back(&bench, &running).await.unwrap();
    bench.world.until("SELECT count(*) = 600 FROM tasks").await;
}

#[tokio::test]
async fn a_slot_that_somebody_reads_from_stays_where_it_is() {
    let bench = Bench::<Subscriber>::new("read").await;
    bench.world.make_slots();
    bench.world.set_up().await;
    bench.world.run("ALTER SUBSCRIPTION copy ENABLE");
    let (session, context) = bench.world.of_the_publisher(&bench.context()).await;
    bench.world.until_read().await;
    let live = session.capture(&context, Depth::Look).await.unwrap();
    let order = bench.world.order_to_put_the_slot_aside(live.state.as_ref());
    let error = session.revert(&context, &order).await.unwrap_err();
    assert!(error.chain().contains("reads from it"), "{}", error.chain());
    let after = session.capture(&context, Depth::Look).await.unwrap();
    assert!(after.state == live.state);
    assert_eq!(session.displaced(&context).await.unwrap(), Vec::<String>::new());
}
