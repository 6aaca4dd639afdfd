//! Without any rule: the same schema on both sides, or one that grew.

use backout_core::writes::{ConflictCause, Way, Winner};

use super::world::{World, conflicts, stream};
use crate::recover::gather::SMALL_ROOM;
use crate::recover::{all_taken, judge};
use crate::server::{Pace, connect};
use crate::testing;

const SHOP: &str = "
    CREATE SCHEMA \"Öl\";
    CREATE TYPE public.mood AS ENUM ('good', 'bad');
    CREATE TABLE \"Öl\".\"Ku\"\"nde\" (\"Nr.\" serial PRIMARY KEY, \"Größe\" numeric(8,2), mood mood NOT NULL DEFAULT 'good',
        tags text[], data jsonb, raw bytea, fixed char(5), at timestamptz, yes boolean, doc json);
    CREATE TABLE places (id integer PRIMARY KEY, pos integer NOT NULL UNIQUE, name text CHECK (name <> 'bad'));
    CREATE TABLE later (id integer PRIMARY KEY, pos integer NOT NULL UNIQUE DEFERRABLE INITIALLY DEFERRED);
    CREATE TABLE parents (id integer PRIMARY KEY);
    CREATE TABLE children (id integer PRIMARY KEY, parent integer REFERENCES parents ON DELETE CASCADE);
    CREATE TABLE events (day date NOT NULL, id integer NOT NULL, what text, PRIMARY KEY (day, id)) PARTITION BY RANGE (day);
    CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
    CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2025-02-01') TO ('2025-03-01');
    CREATE TABLE always (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, twice integer GENERATED ALWAYS AS (n * 2) STORED,
        n integer);
    CREATE TABLE keyless (a integer);
    INSERT INTO \"Öl\".\"Ku\"\"nde\" VALUES (1, 1.50, 'good', '{a,\"b c\"}', '{\"a\": 1}', '\\x00ff', 'ab', '2025-01-01 12:00+02',
        true, '{\"b\":  1}');
    INSERT INTO places VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 3, 'c');
    INSERT INTO later VALUES (1, 1), (2, 2);
    INSERT INTO parents VALUES (1), (2), (3); INSERT INTO children VALUES (1, 1), (2, 2);
    INSERT INTO events VALUES ('2025-01-05', 1, 'x'), ('2025-02-05', 2, 'y');
    INSERT INTO always (n) VALUES (1), (2);
";

const LOOK: &str = "SELECT * FROM \"Öl\".\"Ku\"\"nde\" ORDER BY 1; SELECT * FROM places ORDER BY 1;
    SELECT * FROM later ORDER BY 1; SELECT * FROM parents ORDER BY 1; SELECT * FROM children ORDER BY 1;
    SELECT tableoid::regclass, * FROM events ORDER BY 2, 3; SELECT * FROM always ORDER BY 1";

#[tokio::test]
async fn every_sort_of_table_and_value() {
    let world = World::begin(SHOP);
    world.users(
        "SET TimeZone = 'Asia/Tokyo';
         UPDATE \"Öl\".\"Ku\"\"nde\" SET \"Größe\" = 2.25, mood = 'bad', tags = '{NULL,\"\"}', data = '{\"b\": [1, 2]}',
             raw = '\\x', fixed = 'xyz', at = '2025-06-01 00:00+00', yes = false, doc = '{\"c\" : null}';
         INSERT INTO \"Öl\".\"Ku\"\"nde\" (\"Nr.\", tags) VALUES (2, '{\"a\\\\b\\t\"}');
         BEGIN; UPDATE places SET pos = 10 WHERE id = 1; UPDATE places SET pos = 1 WHERE id = 2;
         UPDATE places SET pos = 2 WHERE id = 1; COMMIT;
         BEGIN; UPDATE later SET pos = 3 - pos; COMMIT;
         DELETE FROM parents WHERE id = 1;
         UPDATE parents SET id = 30 WHERE id = 3;
         INSERT INTO children VALUES (3, 30);
         UPDATE events SET day = '2025-02-07' WHERE id = 1; UPDATE events SET what = 'z' WHERE id = 2;
         INSERT INTO events VALUES ('2025-01-09', 3, 'new');
         INSERT INTO always (n) VALUES (3); UPDATE always SET n = 20 WHERE id = 2;
         INSERT INTO always (n) VALUES (4); DELETE FROM always WHERE n = 4",
    );
    let recovered = world.merge().await;
    assert_eq!(conflicts(&recovered), Vec::<String>::new(), "{:#?}", world.lines("conflicts.jsonl"));
    assert_eq!(recovered.unmapped, 0, "{:#?}", world.lines("unmapped.jsonl"));
    let wanted: Vec<_> = testing::server().sql(&world.live, LOOK).lines().map(str::to_owned).collect();
    assert_eq!(world.rows(LOOK), wanted);
    assert_eq!(world.rows("INSERT INTO always (n) VALUES (9) RETURNING id"), ["5"], "past gaps");
    let undone = world.rows("SELECT tab, op, row FROM _backout.undo WHERE tab LIKE '%parents%' ORDER BY 3");
    assert_eq!(undone, ["\"public\".\"parents\"|d|(1)", "\"public\".\"parents\"|d|(3)"]);
    let again = world.merge().await;
    assert_eq!((again.applied, again.already), (0, recovered.applied + recovered.already));
}

/// A role that owns the database and nothing else: triggers and foreign keys are put aside and put back.
#[tokio::test]
async fn an_owner_without_other_rights_can_do_it() {
    let world = World::begin(SHOP);
    let role = world.live.clone();
    testing::server().sql(
        &world.target,
        &format!(
            "CREATE ROLE \"{role}\" LOGIN PASSWORD 'p'; ALTER DATABASE \"{0}\" OWNER TO \"{role}\";
             GRANT ALL ON SCHEMA public, \"Öl\" TO \"{role}\";
             CREATE FUNCTION public.shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'acted'; END $$;
             CREATE TRIGGER shout BEFORE INSERT OR UPDATE OR DELETE ON parents FOR EACH ROW EXECUTE FUNCTION shout();
             COMMENT ON CONSTRAINT children_parent_fkey ON children IS 'kept';
             DO $d$ DECLARE t record; BEGIN FOR t IN SELECT c.oid::regclass AS name FROM pg_class c
                JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind IN ('r', 'p') AND nspname IN ('public', 'Öl')
                LOOP EXECUTE format('ALTER TABLE %s OWNER TO \"{role}\"', t.name); END LOOP; END $d$",
            world.target
        ),
    );
    world.users(
        "DELETE FROM parents WHERE id = 1; INSERT INTO parents VALUES (9); INSERT INTO children VALUES (9, 9);
         BEGIN; UPDATE places SET pos = 10 WHERE id = 1; UPDATE places SET pos = 1 WHERE id = 2;
         UPDATE places SET pos = 2 WHERE id = 1; COMMIT; UPDATE later SET pos = 3 - pos",
    );
    let url = testing::server().url_as(&role, "p", &world.target);
    let link = connect(&testing::address(&url)).await.unwrap();
    let order = world.order(Way::Merge, None);
    let recovered = world.recover_as(link, &order, world.changes().await).await.unwrap();
    assert_eq!(conflicts(&recovered), Vec::<String>::new(), "{:#?}", world.lines("conflicts.jsonl"));
    let wanted: Vec<_> = testing::server().sql(&world.live, LOOK).lines().map(str::to_owned).collect();
    assert_eq!(world.rows(LOOK), wanted);
    assert_eq!(
        world.rows(
            "SELECT conname, convalidated, obj_description(oid) FROM pg_constraint WHERE conrelid = 'children'::regclass
             AND contype = 'f'"
        ),
        ["children_parent_fkey|t|kept"]
    );
    assert_eq!(world.rows("SELECT tgenabled FROM pg_trigger WHERE tgname = 'shout'"), ["O"]);
}

/// What the put-back database does not admit stays out, and the rest is taken over.
#[tokio::test]
async fn what_is_not_admitted_stays_out_alone() {
    let world = World::begin(SHOP);
    world.migrate(
        "ALTER TABLE places DROP CONSTRAINT places_name_check; ALTER TABLE places DROP CONSTRAINT places_pos_key;
         ALTER TABLE children DROP CONSTRAINT children_parent_fkey; ALTER TABLE children ADD grown text",
    );
    world.users(
        "INSERT INTO places SELECT i, i, CASE WHEN i % 40 = 0 THEN 'bad' ELSE 'fine' END FROM generate_series(11, 110) i;
         INSERT INTO places VALUES (200, 11, 'double');
         INSERT INTO children VALUES (10, 99); INSERT INTO children VALUES (11, 2);
         DELETE FROM parents WHERE id = 1",
    );
    let recovered = world.merge().await;
    let told = conflicts(&recovered);
    assert_eq!(
        told,
        [
            "places 40 NotAdmitted  None",
            "places 80 NotAdmitted  None",
            "places 200 NotAdmitted  None",
            "parents 1 NotAdmitted  None",
            "children 10 NotAdmitted  None",
        ]
    );
    assert_eq!(world.rows("SELECT count(*) FROM places"), ["101"]);
    assert_eq!(world.rows("SELECT id FROM children ORDER BY 1"), ["1", "2", "11"]);
    assert_eq!(recovered.conflicts[0].cause, ConflictCause::NotAdmitted);
    let said: Vec<_> = world
        .lines("conflicts.jsonl")
        .iter()
        .filter_map(|line| line["said"].as_str().map(str::to_owned))
        .collect();
    assert!(said.iter().any(|said| said.contains("places_name_check")), "{said:?}");
    assert!(said.iter().any(|said| said.contains("a row of children still refers to it")), "{said:?}");
    let settled = world.recover(&world.order(Way::Merge, Some(Winner::Restored))).await;
    assert_eq!((settled.open_conflicts, settled.applied), (0, 0));
    let again = world.merge().await;
    assert_eq!((again.conflicts(), again.applied), (0, 0));
}

/// The application wrote to both sides: equal rows are no conflict.
#[tokio::test]
async fn written_to_both_sides() {
    let mut world = World::begin(SHOP);
    world.written_here = None;
    let both = "UPDATE places SET name = 'both' WHERE id = 1; INSERT INTO places VALUES (4, 4, 'new');
        DELETE FROM places WHERE id = 3";
    world.users(both);
    world.here(both);
    world.users("UPDATE places SET name = 'there' WHERE id = 2");
    let recovered = world.merge().await;
    assert_eq!(conflicts(&recovered), Vec::<String>::new());
    assert_eq!((recovered.applied, recovered.already), (1, 3));
}

/// What users did not touch of a row is told with it and comes back with it, whatever its texts are.
#[tokio::test]
async fn a_row_that_was_deleted_here_comes_back_whole() {
    for room in [usize::MAX, 1] {
        let world = World::begin(SHOP);
        let kunde = "\"Öl\".\"Ku\"\"nde\"";
        world.users(&format!(
            "UPDATE {kunde} SET mood = 'bad', fixed = E'\"\\\\,}}'; UPDATE {kunde} SET yes = false, at = NULL"
        ));
        world.here(&format!("DELETE FROM {kunde}"));
        let order = world.order(Way::Merge, Some(Winner::Recorded));
        let recovered = SMALL_ROOM.scope(room, world.recover(&order)).await;
        assert_eq!(recovered.conflicts(), 1);
        let wanted: Vec<_> = testing::server().sql(&world.live, LOOK).lines().map(str::to_owned).collect();
        assert_eq!(world.rows(LOOK), wanted);
        let told = world.lines("conflicts.jsonl");
        let cells = ["tags", "data", "raw", "fixed", "at"].map(|name| told[0]["recorded"][name].clone());
        let wanted = ["{a,\"b c\"}", "{\"a\": 1}", "\\x00ff", "\"\\,} "].map(serde_json::Value::from);
        assert_eq!((&cells[..4], cells[4].is_null()), (&wanted[..], true));
    }
}

#[tokio::test]
async fn a_table_that_was_emptied_is_empty() {
    let world = World::begin(SHOP);
    world.users(
        "INSERT INTO places VALUES (7, 7, 'gone'); TRUNCATE places; INSERT INTO places VALUES (2, 9, 'again'), (5, 5, 'new')",
    );
    let recovered = world.merge().await;
    assert_eq!(conflicts(&recovered), Vec::<String>::new());
    assert_eq!(world.rows("SELECT * FROM places ORDER BY 1"), ["2|9|again", "5|5|new"]);
    assert_eq!(world.merge().await.applied, 0);
}

/// Files for people; nothing is taken over.
#[tokio::test]
async fn writes_to_review() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::begin(SHOP);
    world.users("INSERT INTO places VALUES (4, 4, '=1+1'); DELETE FROM places WHERE id = 1");
    let recovered = world.recover(&world.order(Way::Review, None)).await;
    assert_eq!((recovered.waiting, recovered.applied), (2, 0));
    assert_eq!(world.rows("SELECT count(*) FROM places"), ["3"]);
    let csv = std::fs::read_to_string(world.folder().join("places.csv")).unwrap();
    assert_eq!(
        csv.lines().collect::<Vec<_>>(),
        [
            "write,run,op,id before,id after,pos before,pos after,name before,name after",
            "1,r1,insert,,4,,4,,\"'=1+1\"",
            "2,r1,delete,1,,1,,a,",
        ]
    );
    for file in ["places.csv", "places.jsonl"] {
        let mode = std::fs::metadata(world.folder().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

/// Whoever holds recorded writes may be dropped once they are all taken over.
#[tokio::test]
async fn all_is_taken_or_not() {
    let world = World::begin(SHOP);
    world.users("UPDATE places SET name = 'x' WHERE id = 1; UPDATE places SET name = 'y' WHERE id = 2");
    world.here("UPDATE places SET name = 'mine' WHERE id = 2");
    let context = testing::context(world.root.path(), &[]);
    let mut link = world.link().await;
    let mut taken = async || {
        let changes = stream(world.changes().await);
        all_taken(&mut link, "test", changes, &Pace::of(&context)).await.unwrap()
    };
    assert!(!taken().await);
    assert_eq!(world.merge().await.open_conflicts, 1);
    assert!(!taken().await, "one waits");
    world.recover(&world.order(Way::Merge, Some(Winner::Recorded))).await;
    assert!(taken().await);
}

/// Ended by the server while a certain row is written, it left nothing behind, and goes again.
#[tokio::test]
async fn ended_on_the_way_it_left_nothing_and_goes_again() {
    let world = World::begin(SHOP);
    world.users(
        "INSERT INTO places SELECT i, i, 'n' FROM generate_series(100, 300) i; UPDATE places SET name = 'u' WHERE id < 3",
    );
    world.here(
        "CREATE FUNCTION die(i integer) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
             IF i::text = current_setting('test.die', true) THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
             RETURN true; END $$;
         ALTER TABLE places ADD CHECK (public.die(id))",
    );
    let order = world.order(Way::Merge, None);
    for at in [1, 2, 100, 200, 300] {
        let link = world.link().await;
        link.batch_execute(&format!("SET test.die = '{at}'")).await.unwrap();
        let done = world.recover_as(link, &order, world.changes().await).await;
        assert_eq!(done.expect_err("the end").kind, backout_contract::ErrorKind::Unreachable, "{at}");
        assert_eq!(world.rows("SELECT count(*), count(*) FILTER (WHERE name = 'u') FROM places"), ["3|0"]);
        assert_eq!(world.rows("SELECT to_regclass('_backout.taken') IS NULL"), ["t"]);
    }
    assert_eq!(world.merge().await.applied, 203);
    assert_eq!(world.rows("SELECT count(*), count(*) FILTER (WHERE name = 'u') FROM places"), ["204|2"]);
}

/// Rows that the saved schema has no room for, named before anything starts.
#[tokio::test]
async fn misfits_are_judged_before() {
    let world = World::begin(
        "CREATE TABLE orders (id integer PRIMARY KEY, total numeric(6,2), state varchar(5) NOT NULL)",
    );
    let context = testing::context(world.root.path(), &[]);
    let saved = super::world::state(&world).await;
    world.migrate("ALTER TABLE orders ALTER total TYPE numeric(12,2), ALTER state TYPE text, ADD extra text DEFAULT 'x'");
    world.users(
        "INSERT INTO orders VALUES (42, 123456.00, 'ok'), (43, 10, 'ok'), (44, 1, 'too long'), (45, 1, 'too long');
         UPDATE orders SET state = 'fit' WHERE id = 44; DELETE FROM orders WHERE id = 45;
         UPDATE orders SET extra = 'y' WHERE id = 43",
    );
    let mut live = connect(&world.address(&world.live)).await.unwrap();
    let changes = stream(world.changes().await);
    let judged = judge(&mut live, &saved, &world.rules(), changes, &Pace::of(&context)).await.unwrap();
    assert_eq!(judged.len(), 1);
    let (table, judged) = judged.into_iter().next().unwrap();
    assert_eq!((table.to_string(), judged.unmapped), ("orders".to_owned(), 2));
    let told: Vec<_> = judged.misfits.iter().map(|m| format!("{} {} {}", m.key, m.column, m.why)).collect();
    assert_eq!(told, ["42 total numeric(6,2) holds no 123456.00"]);
    let recovered = world.merge().await;
    assert_eq!(recovered.unmapped, 2, "as it was judged: {:#?}", world.lines("unmapped.jsonl"));
    assert_eq!(world.rows("SELECT * FROM orders ORDER BY 1"), ["43|10.00|ok", "44|1.00|fit"]);
}
