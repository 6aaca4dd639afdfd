//! Writers who move back from a new server to the old one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use backout_conformance::{Bench, Looked, World, configure};
use backout_contract::{Depth, Door, RecoverOrder, SessionDyn};
use backout_core::name::RunId;
use backout_core::writes::{Occasion, Recovered, Way};
use backout_driver_postgres::Endpoint;
use tokio_postgres::NoTls;

use crate::worlds::endpoint::Shop;
use crate::worlds::servers::{one, other};

const ROWS: &str = "SELECT (SELECT json_agg(t ORDER BY id) FROM tasks t)::text || (SELECT json_agg(n ORDER BY id) FROM notes n)::text";

/// Armed, saved, migrated, and the cutover marked.
async fn landed<const PLAIN: bool>(bench: &Bench<Shop<PLAIN>>) -> Looked {
    bench.world.set_up().await;
    bench.arm(Occasion::Arm).await.unwrap();
    let saved = bench.look(Depth::Keep).await.unwrap();
    bench.world.migrate().await;
    let coverage = bench.arm(Occasion::Cutover).await.unwrap();
    assert!(coverage.uncovered.is_empty(), "{coverage:?}");
    saved
}

/// In the order of a switched component: doors, writes, steps, doors.
async fn back<const PLAIN: bool>(bench: &Bench<Shop<PLAIN>>, saved: &Looked) -> Recovered {
    bench.quiesce().await.unwrap();
    let recovered = bench.recover(Way::Merge).await.unwrap();
    put_back(bench, saved).await;
    bench.reopen(saved).await.unwrap();
    recovered
}

async fn put_back<const PLAIN: bool>(bench: &Bench<Shop<PLAIN>>, saved: &Looked) {
    let live = bench.look(Depth::Look).await.unwrap();
    for order in bench.orders(saved, &live).unwrap() {
        bench.revert(&order).await.unwrap();
        let seen = bench.look(Depth::Look).await.unwrap().seen;
        assert!(seen.same_shape(&order.after), "{seen:?}");
    }
}

async fn eight_of_eight<const PLAIN: bool>(test: &str) {
    let bench = Bench::<Shop<PLAIN>>::new(test).await;
    let saved = landed(&bench).await;
    bench.world.new_side(
        "INSERT INTO tasks (title) VALUES ('one'), ('two'), ('three');
         UPDATE tasks SET title = 'changed ' || id WHERE id IN (1, 2); UPDATE notes SET text = 'ß' WHERE id = 7;
         DELETE FROM notes WHERE id IN (9, 60)",
    );
    let counted = bench.count(&saved).await.unwrap().unwrap();
    assert_eq!((counted.users().sum(), counted.gaps.len()), (8, 0), "{counted:?}");
    let recovered = back(&bench, &saved).await;
    assert_eq!((recovered.applied, recovered.conflicts()), (8, 0), "{recovered:?}");
    assert_eq!(bench.world.old(ROWS), bench.world.new_side(ROWS));
    assert_eq!(bench.world.old("SELECT nextval('tasks_id_seq')"), "9");
    assert_eq!(bench.world.door().await, Some(Door::Open));
    let later = bench.count(&saved).await.unwrap().unwrap();
    assert_eq!(later.users().sum(), 0, "writers are back, and something is lacked: {later:?}");
}

#[tokio::test]
async fn eight_changes_of_eight_are_drained() {
    eight_of_eight::<false>("eight").await;
}

#[tokio::test]
async fn eight_changes_of_eight_are_drained_from_a_server_without_logical_decoding() {
    eight_of_eight::<true>("eight").await;
}

#[tokio::test]
async fn what_was_written_on_both_sides_is_no_conflict() {
    let bench = Bench::<Shop<false>>::new("dual").await;
    let saved = landed(&bench).await;
    let both =
        "INSERT INTO tasks (id, title) VALUES (100, 'on both'); UPDATE notes SET text = 'same' WHERE id = 1;
                DELETE FROM notes WHERE id = 2";
    bench.world.new_side(both);
    bench.world.old(both);
    let recovered = back(&bench, &saved).await;
    assert_eq!((recovered.applied, recovered.already, recovered.conflicts()), (0, 3, 0), "{recovered:?}");
    assert_eq!(bench.world.old(ROWS), bench.world.new_side(ROWS));
}

#[tokio::test]
async fn sequences_go_past_gaps_and_never_back() {
    let bench = Bench::<Shop<false>>::new("sequences").await;
    bench.world.set_up().await;
    for server in [one(), other()] {
        server.sql(
            bench.world.database(),
            "CREATE SEQUENCE up; CREATE SEQUENCE down INCREMENT BY -1; CREATE SEQUENCE ours",
        );
    }
    bench.arm(Occasion::Arm).await.unwrap();
    let saved = bench.look(Depth::Keep).await.unwrap();
    bench.world.migrate().await;
    bench.arm(Occasion::Cutover).await.unwrap();
    bench.world.old("SELECT setval('ours', 700)");
    bench
        .world
        .new_side("SELECT setval('up', 500); SELECT setval('down', -40); SELECT setval('tasks_id_seq', 90)");
    back(&bench, &saved).await;
    let next = "SELECT nextval('up') || ' ' || nextval('down') || ' ' || nextval('ours') || ' ' || nextval('tasks_id_seq')";
    assert_eq!(bench.world.old(next), "501 -41 701 91");
}

#[tokio::test]
async fn cut_off_between_its_parts_it_goes_on_and_lets_nobody_in_twice() {
    let bench = Bench::<Shop<false>>::new("parts").await;
    let saved = landed(&bench).await;
    bench.world.new_side("INSERT INTO tasks (title) VALUES ('one')");
    bench.quiesce().await.unwrap();
    // Reopened before anything was put back, writers are where they were.
    bench.reopen(&saved).await.unwrap();
    assert_eq!(bench.world.door().await, Some(Door::Open));
    bench.world.new_side("INSERT INTO tasks (title) VALUES ('two')");
    bench.quiesce().await.unwrap();
    assert_eq!(bench.recover(Way::Merge).await.unwrap().applied, 2);
    let live = bench.look(Depth::Look).await.unwrap();
    let orders = bench.orders(&saved, &live).unwrap();
    assert_eq!(orders.len(), 2);
    bench.revert(&orders[0]).await.unwrap();
    // Between the two steps neither side may let writers in.
    bench.reopen(&saved).await.unwrap();
    assert_eq!(bench.world.door().await, Some(Door::Shut));
    bench.quiesce().await.unwrap();
    assert_eq!(bench.recover(Way::Merge).await.unwrap().applied, 0);
    for order in &orders {
        bench.revert(order).await.unwrap();
    }
    bench.reopen(&saved).await.unwrap();
    assert!(!other().psql(&bench.world.new_url_of_app(), "SELECT 1").status.success());
    assert_eq!(bench.world.door().await, Some(Door::Open));
    assert_eq!(bench.world.old(ROWS), bench.world.new_side(ROWS));
}

#[tokio::test]
async fn a_move_by_address_alone_is_told_by_its_mark_and_never_leaves_both_open() {
    let bench = Bench::<Shop<false>>::new("address").await;
    bench.world.set_up().await;
    bench.world.open_new_side();
    bench.arm(Occasion::Arm).await.unwrap();
    let saved = bench.look(Depth::Keep).await.unwrap();
    bench.arm(Occasion::Cutover).await.unwrap();
    let live = bench.look(Depth::Look).await.unwrap();
    assert!(!live.seen.same_shape(&saved.seen), "the cutover was marked, and nothing tells");
    bench.world.new_side("INSERT INTO tasks (title) VALUES ('one')");
    let recovered = back(&bench, &saved).await;
    assert_eq!(recovered.applied, 1);
    let seen = bench.look(Depth::Look).await.unwrap().seen;
    assert!(seen.same_shape(&saved.seen), "{seen:?}");
    assert_eq!(bench.world.door().await, Some(Door::Open));
    assert!(!other().psql(&bench.world.new_url_of_app(), "SELECT 1").status.success(), "both sides are open");
}

/// Comes back as fast as it is sent away, and counts what it was told to be committed.
async fn storm(url: String, ends: Arc<AtomicBool>, committed: Arc<AtomicU64>) {
    while !ends.load(Ordering::Relaxed) {
        let Ok((client, connection)) = tokio_postgres::connect(&url, NoTls).await else {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        let driver = tokio::spawn(connection);
        while client.execute("INSERT INTO tasks (title) VALUES ('storm')", &[]).await.is_ok() {
            committed.fetch_add(1, Ordering::Relaxed);
        }
        driver.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_who_never_stop_reconnecting_lose_nothing() {
    let bench = Bench::<Shop<false>>::new("storm").await;
    let saved = landed(&bench).await;
    bench.world.new_side("GRANT ALL ON tasks TO PUBLIC; GRANT ALL ON SEQUENCE tasks_id_seq TO PUBLIC");
    let (ends, committed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let writers: Vec<_> = (0..12)
        .map(|_| tokio::spawn(storm(bench.world.new_url_of_app(), Arc::clone(&ends), Arc::clone(&committed))))
        .collect();
    while committed.load(Ordering::Relaxed) < 50 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let recovered = back(&bench, &saved).await;
    ends.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    let committed = committed.load(Ordering::Relaxed);
    assert!(recovered.applied >= committed, "{committed} were committed, and {recovered:?}");
    assert_eq!(bench.world.old(ROWS), bench.world.new_side(ROWS));
    let next: i64 = bench.world.old("SELECT nextval('tasks_id_seq')").parse().unwrap();
    let last: i64 = bench.world.new_side("SELECT last_value FROM tasks_id_seq").parse().unwrap();
    assert!(next > last, "the old side would give {next} again");
}

#[tokio::test]
async fn another_database_in_the_place_of_the_old_one_is_refused() {
    let bench = Bench::<Shop<false>>::new("another").await;
    let saved = landed(&bench).await;
    let session = bench.session().await.unwrap();
    let ready = session.ready(&bench.context(), saved.state.as_ref(), &[]).await.unwrap();
    assert_eq!(ready, Vec::<String>::new());
    bench.world.old("DROP TABLE notes");
    let ready = session.ready(&bench.context(), saved.state.as_ref(), &[]).await.unwrap();
    assert!(ready.iter().any(|why| why.contains("lost the table") && why.contains("notes")), "{ready:?}");
    let name = bench.world.database();
    one().sql("postgres", &format!("DROP DATABASE {name} WITH (FORCE)"));
    let ready = session.ready(&bench.context(), saved.state.as_ref(), &[]).await.unwrap();
    assert!(ready.iter().any(|why| why.contains("find the old side")), "{ready:?}");
    one().sql("postgres", &format!("CREATE DATABASE {name}"));
    let ready = session.ready(&bench.context(), saved.state.as_ref(), &[]).await.unwrap();
    assert!(ready.iter().any(|why| why.contains("another database than was saved")), "{ready:?}");
    let live = bench.look(Depth::Look).await.unwrap();
    let steps = bench.configured().unwrap().steps(saved.state.as_ref(), live.state.as_ref()).unwrap();
    assert!(steps.is_err_and(|why| why.contains("another database")));
}

/// A session whose new server does not answer.
async fn without_the_new_server(bench: &Bench<Shop<false>>, more: &str) -> Arc<dyn SessionDyn> {
    let keys = bench.world.config();
    let lines = keys.lines().map(|line| match line.starts_with("new:") {
        true => "new: postgresql://nobody:nothing@127.0.0.1:1/gone".to_owned(),
        false => line.to_owned(),
    });
    let keys = format!("{}\n{more}", lines.collect::<Vec<_>>().join("\n"));
    assert!(keys.contains("127.0.0.1:1/gone"), "{keys}");
    configure::<Endpoint>(&keys).unwrap().connect(&bench.context()).await.unwrap()
}

#[tokio::test]
async fn a_new_server_that_is_down_is_a_question_with_all_of_its_answers() {
    let bench = Bench::<Shop<false>>::new("down").await;
    let saved = landed(&bench).await;
    bench.world.new_side("INSERT INTO tasks (title) VALUES ('only there')");
    let before = bench.world.old(ROWS);
    let session = without_the_new_server(&bench, "").await;
    let (context, answers) =
        (bench.context(), ["loses all of it", "bring the new server back", "`accept`", "--keep"]);
    let ready = session.ready(&context, saved.state.as_ref(), &[]).await.unwrap().join("\n");
    for answer in answers {
        assert!(ready.contains(answer), "{answer}: {ready}");
    }
    let errors = [
        session.capture(&context, Depth::Look).await.map(drop).unwrap_err(),
        session.quiesce(&context).await.map(drop).unwrap_err(),
    ];
    for error in errors {
        let hints = error.hints.join("\n");
        assert!(answers.iter().all(|answer| hints.contains(answer)), "{hints}");
    }
    // Nothing was shut, taken over or let in meanwhile.
    assert_eq!(bench.world.old(ROWS), before);
    let live = bench.look(Depth::Look).await.unwrap();
    assert_eq!(bench.world.door().await, Some(Door::Open));
    assert!(!live.seen.same_shape(&saved.seen));
    assert_eq!(back(&bench, &saved).await.applied, 1, "it is back, and what stood there only is taken over");
}

#[tokio::test]
async fn a_reverse_stream_arrives_before_writers_do() {
    let bench = Bench::<Shop<false>>::new("reverse").await;
    bench.world.set_up().await;
    let saved = bench.look(Depth::Keep).await.unwrap();
    bench.world.migrate().await;
    let name = bench.world.database().to_owned();
    bench.world.new_side(&format!(
        "CREATE PUBLICATION back FOR TABLE tasks, notes; SELECT pg_create_logical_replication_slot('back_{name}', 'pgoutput');
         CREATE ROLE back_{name} LOGIN REPLICATION PASSWORD 'back'; GRANT USAGE ON SCHEMA public TO back_{name};
         GRANT SELECT ON ALL TABLES IN SCHEMA public TO back_{name}; GRANT CONNECT ON DATABASE {name} TO back_{name}"
    ));
    let port = other().port();
    bench.world.old(&format!(
        "CREATE SUBSCRIPTION back CONNECTION 'host=127.0.0.1 port={port} user=back_{name} password=back dbname={name}'
         PUBLICATION back WITH (copy_data = false, create_slot = false, slot_name = 'back_{name}')"
    ));
    bench.world.new_side(
        "INSERT INTO tasks (title) SELECT 'streamed' FROM generate_series(1, 2000); DELETE FROM notes WHERE id > 50;
         UPDATE notes SET text = 'ß' WHERE id = 3",
    );
    let keys = format!("{}\nreverse: {{ subscription: back }}", bench.world.config());
    let context = bench.context();
    let session: Arc<dyn SessionDyn> = configure::<Endpoint>(&keys).unwrap().connect(&context).await.unwrap();
    let ready = session.ready(&context, saved.state.as_ref(), &[]).await.unwrap();
    assert_eq!(ready, Vec::<String>::new());
    session.quiesce(&context).await.unwrap();
    let order = RecoverOrder {
        way: Way::Merge,
        from: vec![RunId::new("r1").unwrap()],
        sealed: Vec::new(),
        most_lost: None,
        folder: bench.workshop().join("people"),
        winner: None,
    };
    for _ in 0..2 {
        session.recover(&context, &order).await.unwrap();
    }
    put_back(&bench, &saved).await;
    session.reopen(&context, saved.state.as_ref()).await.unwrap();
    assert_eq!(bench.world.old(ROWS), bench.world.new_side(ROWS));
    assert_eq!(bench.world.old("SELECT nextval('tasks_id_seq')"), "2006");
    assert!(!other().psql(&bench.world.new_url_of_app(), "SELECT 1").status.success());
    one().sql(
        "postgres",
        "GRANT EXECUTE ON FUNCTION pg_show_replication_origin_status() TO PUBLIC;
         GRANT SELECT ON pg_replication_origin_status TO PUBLIC",
    );
    let down = without_the_new_server(&bench, "reverse: { subscription: back }").await;
    let ready = down.ready(&context, saved.state.as_ref(), &[]).await.unwrap().join("\n");
    assert!(ready.contains("the stream back had brought over") && ready.contains("up to "), "{ready}");
    bench.world.old("ALTER SUBSCRIPTION back DISABLE; ALTER SUBSCRIPTION back SET (slot_name = NONE); DROP SUBSCRIPTION back");
}
