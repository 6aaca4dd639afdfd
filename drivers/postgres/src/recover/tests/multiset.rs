//! Tables without a key: rows that are equal are counted.

use backout_core::writes::{Way, Winner};

use super::world::{World, state, stream};
use crate::recover::judge;
use crate::server::{Pace, connect};
use crate::testing;

const HISTORY: &str = "
    CREATE TABLE history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22));
    INSERT INTO history SELECT 1, 1, i % 5, 7, '2025-01-01', NULL FROM generate_series(1, 20) AS i";

const LOOK: &str =
    "SELECT h::text, count(*) FROM history AS h GROUP BY h::text ORDER BY h::text COLLATE \"C\"";

fn standing(world: &World) -> Vec<String> {
    testing::server().sql(&world.live, LOOK).lines().map(str::to_owned).collect()
}

/// As pgbench writes: inserts only, some of them equal.
#[tokio::test]
async fn many_inserts_come_once() {
    let world = World::begin(HISTORY);
    let saved = state(&world).await;
    world.users("INSERT INTO history SELECT 1, 1, i / 2, i % 3 - i % 2, '2025-02-01', NULL FROM generate_series(1, 4640) AS i");
    let context = testing::context(world.root.path(), &[]);
    let mut live = connect(&world.address(&world.live)).await.unwrap();
    let changes = stream(world.changes().await);
    let judged = judge(&mut live, &saved, &world.rules(), changes, &Pace::of(&context)).await.unwrap();
    assert!(judged.is_empty(), "{judged:?}");
    let recovered = world.merge().await;
    assert_eq!((recovered.applied, recovered.unmapped, recovered.conflicts.len()), (4640, 0, 0));
    assert_eq!(world.rows(LOOK), standing(&world));
    assert_eq!(world.rows("SELECT count(*) FROM history"), ["4660"]);
    let again = world.merge().await;
    assert_eq!((again.applied, again.already), (0, 4640));
    assert_eq!(world.rows("SELECT count(*) FROM history"), ["4660"]);
}

/// One of several equal rows, a row that changes several times, a row that comes and goes, and what users wrote here.
#[tokio::test]
async fn equal_rows_are_counted() {
    for room in [None, Some(400)] {
        let world = World::begin(HISTORY);
        world.users(
            "DELETE FROM history WHERE ctid = (SELECT ctid FROM history WHERE aid = 1 LIMIT 1);
             UPDATE history SET delta = delta + 1 WHERE aid = 2; UPDATE history SET delta = delta + 1 WHERE aid = 2;
             UPDATE history SET filler = 'once' WHERE ctid = (SELECT ctid FROM history WHERE aid = 3 LIMIT 1);
             INSERT INTO history (tid) VALUES (9), (9); DELETE FROM history WHERE tid = 9;
             INSERT INTO history (tid, filler) VALUES (8, E'a\\\\\\t\"b,{}')",
        );
        world.here("INSERT INTO history (tid) VALUES (5)");
        let recovered = match room {
            None => world.merge().await,
            Some(room) => crate::recover::gather::SMALL_ROOM.scope(room, world.merge()).await,
        };
        assert_eq!(
            (recovered.applied, recovered.unmapped, recovered.conflicts.len()),
            (15, 0, 0),
            "{room:?}"
        );
        world.users("INSERT INTO history (tid) VALUES (5)");
        assert_eq!(world.rows(LOOK), standing(&world), "{room:?}");
        assert_eq!(world.rows("SELECT count(*) FROM _backout.undo WHERE tab LIKE '%history%'"), ["6"]);
    }
}

/// Where fewer are there than should go, nothing is guessed: what took the place of such a row waits with it.
#[tokio::test]
async fn rows_that_are_gone_here_are_conflicts() {
    for (winner, settled, expected) in [
        (None, false, ["1|2", "2|1"]),
        (Some(Winner::Restored), true, ["1|2", "2|1"]),
        (Some(Winner::Recorded), true, ["2|1", "3|4"]),
    ] {
        let world = World::begin("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1), (1), (1), (2), (2)");
        world.users(
            "UPDATE t SET a = 3 WHERE a = 1; DELETE FROM t WHERE ctid = (SELECT ctid FROM t WHERE a = 2 LIMIT 1)",
        );
        world.here("DELETE FROM t WHERE ctid IN (SELECT ctid FROM t WHERE a = 1 LIMIT 2)");
        let order = world.order(Way::Merge, winner);
        let recovered = world.recover(&order).await;
        assert_eq!(recovered.conflicts.len(), 1, "{:#?}", world.lines("conflicts.jsonl"));
        let look = "SELECT a, count(*) FROM t GROUP BY 1 ORDER BY 1";
        assert_eq!(world.rows(look), expected, "{winner:?}");
        let open = world.rows("SELECT cause, before, recorded FROM _backout.conflict");
        assert_eq!(open.is_empty(), settled, "{open:?}");
        let again = world.recover(&order).await;
        assert_eq!((again.applied, again.conflicts.is_empty()), (0, settled));
        assert_eq!(world.rows(look), expected, "{winner:?}");
        let chosen = world.recover(&world.order(Way::Merge, Some(Winner::Recorded))).await;
        let wanted = if winner == Some(Winner::Restored) { ["1|2", "2|1"] } else { ["2|1", "3|4"] };
        assert_eq!(world.rows(look), wanted, "{winner:?} {chosen:?}");
    }
}

/// Checks, foreign keys and keys that are drawn anew hold for them too, and types without equality are compared as printed.
#[tokio::test]
async fn the_rules_here_hold() {
    let world = World::begin(
        "CREATE TABLE people (id serial PRIMARY KEY, name text); INSERT INTO people (name) VALUES ('a'), ('b');
         CREATE TABLE seen (who int REFERENCES people, doc json, pos point, n serial, size varchar(3) CHECK (size <> 'bad'));
         INSERT INTO seen (who, doc, pos, n) VALUES (1, '{\"a\":  1}', '(1,2)', 1), (1, '{\"a\":  1}', '(1,2)', 1)",
    );
    world.migrate("ALTER TABLE seen DROP CONSTRAINT seen_size_check, ALTER size TYPE text");
    world.users(
        "DELETE FROM seen WHERE ctid = (SELECT ctid FROM seen LIMIT 1);
         UPDATE seen SET pos = '(3,4)';
         INSERT INTO people (name) VALUES ('users');
         INSERT INTO seen (who, size, n) VALUES (3, 'new', 50), (2, 'bad', 2), (2, 'too long', 2), (2, 'two', 2)",
    );
    // The second one of people is gone here, and somebody else has the key of the third.
    world.here("DELETE FROM people WHERE id = 2; INSERT INTO people VALUES (3, 'here')");
    let recovered = world.merge().await;
    assert_eq!(recovered.unmapped, 1, "{:#?}", world.lines("unmapped.jsonl"));
    assert_eq!(recovered.conflicts.len(), 2, "{:#?}", world.lines("conflicts.jsonl"));
    let found =
        world.rows("SELECT p.name, doc, pos, n, size FROM seen JOIN people AS p ON p.id = who ORDER BY 1");
    assert_eq!(found, ["a|{\"a\":  1}|(3,4)|1|", "users|||50|new"]);
    assert_eq!(world.rows("SELECT count(*) FROM seen"), ["2"]);
    assert_eq!(world.rows("SELECT nextval('seen_n_seq') > 50"), ["t"]);
}

/// What cannot be told is not taken over.
#[tokio::test]
async fn what_is_not_known_stays() {
    let world = World::begin("CREATE TABLE t (a int, b int); INSERT INTO t VALUES (1, 1)");
    world.users("DELETE FROM t; TRUNCATE t; INSERT INTO t VALUES (2, 2)");
    let mut changes = world.changes().await;
    if let crate::recorder::Kind::Deleted { before } = &mut changes[0].kind {
        before[1] = None;
    }
    let recovered =
        world.recover_as(world.link().await, &world.order(Way::Merge, None), changes).await.unwrap();
    assert_eq!((recovered.applied, recovered.unmapped), (1, 2));
    assert_eq!(world.rows("SELECT * FROM t ORDER BY 1"), ["1|1", "2|2"]);
}
