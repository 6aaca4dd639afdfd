//! What random users did stands after a way back as if they had done it to the saved database.

use backout_core::writes::{Occasion, Way, Winner};
use rusqlite::Connection;

use super::super::world::{World, open};
use super::eight::{OLD, TO_UUIDS, rules};
use super::{conflicts, rows};
use crate::database::copy;
use crate::database::open::frozen;
use crate::pace::Pace;

/// A sequence of numbers that anybody can repeat (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

const SCHEMA: &str = "
    CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, u TEXT UNIQUE, v, n INTEGER NOT NULL DEFAULT 0);
    CREATE TABLE b (k TEXT PRIMARY KEY, a INTEGER REFERENCES a ON DELETE CASCADE ON UPDATE CASCADE, x REAL) WITHOUT ROWID;
    CREATE TABLE c (p INTEGER, q TEXT, r BLOB, PRIMARY KEY (p, q));
    CREATE TABLE d (value);
    CREATE TABLE count (one INTEGER PRIMARY KEY, n INTEGER);
    CREATE TRIGGER counted AFTER INSERT ON a BEGIN UPDATE count SET n = n + 1; INSERT INTO d VALUES ('new ' || new.id); END;
    CREATE TRIGGER uncounted AFTER DELETE ON a BEGIN UPDATE count SET n = n - 1; END;
    INSERT INTO count VALUES (1, 0);
    INSERT INTO a (u, v) VALUES ('u1', 1), ('u2', 'x'), ('u3', NULL), ('u4', 2.5), ('u5', x'00');
    INSERT INTO b VALUES ('k1', 1, 0.5), ('k2', 2, 1), ('k3', NULL, NULL);
    INSERT INTO c VALUES (1, 'a', x'01'), (1, 'b', NULL), (2, 'a', x'02');
    INSERT INTO d VALUES (1), ('1'), (NULL);
";

fn statement(dice: &mut Dice) -> String {
    let id = dice.below(9) + 1;
    let other = dice.below(9) + 1;
    let value = ["NULL", "1", "'1'", "1.5", "x'31'", "'it''s'", "-7", "''", "1e300"][dice.below(9) as usize];
    match dice.below(20) {
        0 | 1 => format!("INSERT INTO a (u, v) VALUES ('u{other}', {value})"),
        2 => format!("INSERT INTO a (u, v) VALUES (NULL, {value})"),
        3 => format!("INSERT OR REPLACE INTO a (u, v) VALUES ('u{other}', {value})"),
        4 => format!("INSERT OR REPLACE INTO a (id, u, v) VALUES ({id}, 'u{other}', {value})"),
        5 => format!("UPDATE a SET v = {value} WHERE id = {id}"),
        6 => format!("UPDATE a SET u = 'u{other}' WHERE id = {id}"),
        7 => format!("UPDATE a SET n = n + 1, v = {value} WHERE id < {id}"),
        8 => format!("DELETE FROM a WHERE id = {id}"),
        9 => format!("UPDATE a SET id = id + 100 WHERE id = {id}"),
        10 => format!("INSERT INTO b VALUES ('k{other}', {id}, {value})"),
        11 => format!("UPDATE b SET x = {value}, a = {id} WHERE k = 'k{other}'"),
        12 => format!("DELETE FROM b WHERE k = 'k{other}'"),
        13 => format!("INSERT INTO c VALUES ({id}, '{other}', {value})"),
        14 => format!("UPDATE c SET q = q || '{other}', r = {value} WHERE p = {id}"),
        15 => format!("DELETE FROM c WHERE p = {id}"),
        16 => format!("INSERT INTO d VALUES ({value})"),
        17 => format!("UPDATE d SET value = {value} WHERE rowid = {id}"),
        18 => format!("DELETE FROM d WHERE rowid = {id}"),
        _ => "UPDATE a SET u = CASE id WHEN 1 THEN (SELECT u FROM a WHERE id = 2) ELSE u END WHERE 0"
            .to_owned(),
    }
}

/// Several statements, at times within a transaction, at times taken back.
fn users(dice: &mut Dice, count: u64) -> Vec<String> {
    let mut all = Vec::new();
    while (all.len() as u64) < count {
        if dice.below(4) == 0 {
            let within: Vec<String> = (0..dice.below(5) + 1).map(|_| statement(dice)).collect();
            let end = if dice.below(3) == 0 { "ROLLBACK" } else { "COMMIT" };
            all.push(format!("BEGIN; {}; {end}", within.join("; ")));
        } else {
            all.push(statement(dice));
        }
    }
    all
}

/// What fails, fails; what is open is rolled back.
fn write(connection: &Connection, writes: &[String]) {
    connection.execute_batch("PRAGMA foreign_keys = ON").unwrap();
    for write in writes {
        if connection.execute_batch(write).is_err() {
            let _ = connection.execute_batch("ROLLBACK");
        }
    }
}

fn everything(connection: &Connection) -> Vec<String> {
    [
        "SELECT 'a', *, typeof(v) FROM a ORDER BY id",
        "SELECT 'b', *, typeof(x) FROM b ORDER BY k",
        "SELECT 'c', *, typeof(r) FROM c ORDER BY p, q",
        "SELECT 'd', rowid, *, typeof(value) FROM d ORDER BY rowid",
        "SELECT 'count', n FROM count",
        "SELECT seq FROM sqlite_sequence WHERE name = 'a'",
    ]
    .iter()
    .flat_map(|query| rows(connection, query))
    .collect()
}

fn seeds() -> std::ops::Range<u64> {
    let count = std::env::var("BACKOUT_TEST_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    1..count + 1
}

#[tokio::test]
async fn on_one_schema() {
    for seed in seeds() {
        let (world, kept) = World::begin(SCHEMA).await;
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let writes = users(&mut dice, 40);
        write(&world.open(), &writes);
        let wanted = everything(&world.open());
        let later =
            ["INSERT INTO c VALUES (77, 'here', 7)".to_owned(), "UPDATE c SET r = 8 WHERE p = 77".to_owned()];
        world.put_back(&kept).await;
        write(&world.open(), &later);
        let recovered = world.merge().await;
        let told = world.lines("conflicts.jsonl");
        assert_eq!(conflicts(&recovered), Vec::<String>::new(), "seed {seed}: {writes:#?} {told:#?}");
        let mut found = everything(&world.open());
        found.retain(|row| !row.starts_with("c|77|"));
        // A key that a row got by a change counts as given too.
        let number = |row: Option<&String>| -> i64 { row.unwrap().parse().unwrap() };
        assert!(number(found.last()) >= number(wanted.last()), "seed {seed}");
        let (found, wanted) = (&found[..found.len() - 1], &wanted[..wanted.len() - 1]);
        assert_eq!(found, wanted, "seed {seed}: {writes:#?}");
        let again = world.merge().await;
        assert_eq!((again.applied, again.conflicts()), (0, 0), "seed {seed}");
    }
}

/// The same deeds on either schema.
fn deeds(dice: &mut Dice, count: u64) -> Vec<[String; 2]> {
    let mut known: Vec<u64> = (1..=4).collect();
    let mut next = 100;
    let mut all = Vec::new();
    for _ in 0..count {
        let one = known.get(dice.below(known.len().max(1) as u64) as usize).copied().unwrap_or(1);
        let user = dice.below(3) + 1;
        let tag = dice.below(2) + 1;
        // Todos are known by their titles, which say their number first.
        let old = format!("SELECT id FROM todos WHERE title LIKE '#{one} %'");
        let new = format!("SELECT id FROM tasks WHERE name LIKE '#{one} %'");
        all.push(match dice.below(7) {
            0 | 1 => {
                next += 1;
                known.push(next);
                [
                    format!("INSERT INTO todos (user_id, title) VALUES ({user}, '#{next} born')"),
                    format!("INSERT INTO tasks (id, user_id, name) VALUES ('born-{next}', 'user-{user}', '#{next} born')"),
                ]
            }
            2 => [
                format!("UPDATE todos SET title = '#{one} at {next}' WHERE id = ({old})"),
                format!("UPDATE tasks SET name = '#{one} at {next}' WHERE id = ({new})"),
            ],
            3 => [
                format!("UPDATE todos SET status = 'done', user_id = {user} WHERE id = ({old})"),
                format!("UPDATE tasks SET status = 'done', user_id = 'user-{user}' WHERE id = ({new})"),
            ],
            4 => {
                known.retain(|known| *known != one);
                [format!("DELETE FROM todos WHERE id = ({old})"), format!("DELETE FROM tasks WHERE id = ({new})")]
            }
            5 => [
                format!("INSERT OR IGNORE INTO todo_tags SELECT ({old}), {tag} WHERE ({old}) IS NOT NULL"),
                format!("INSERT OR IGNORE INTO task_tags SELECT ({new}), 'tag-{tag}' WHERE ({new}) IS NOT NULL"),
            ],
            _ => [
                format!("DELETE FROM todo_tags WHERE todo_id = ({old})"),
                format!("DELETE FROM task_tags WHERE task_id = ({new})"),
            ],
        });
    }
    all
}

#[tokio::test]
async fn with_uuids_in_between() {
    for seed in seeds() {
        let (mut world, kept) = World::begin(
            &OLD.replace("'milk'", "'#1 milk'")
                .replace("'bread'", "'#2 bread'")
                .replace("'tea'", "'#3 tea'")
                .replace("'soup'", "'#4 soup'"),
        )
        .await;
        world.merge = rules();
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let deeds = deeds(&mut dice, 40);
        let (early, late) = deeds.split_at(12);
        let side = |deeds: &[[String; 2]], side: usize| -> Vec<String> {
            deeds.iter().map(|deed| deed[side].clone()).collect()
        };
        // What would have become of the saved database.
        let control = world.root.join("control");
        copy::to_new_file(&frozen_or_live(&world), &control, &Pace::of(&world.context())).unwrap();
        let control = open(&control);
        write(&control, &side(&deeds, 0));
        write(&world.open(), &side(early, 0));
        world.run(TO_UUIDS);
        world.arm(Occasion::Cutover).await.unwrap();
        write(&world.open(), &side(late, 1));
        world.put_back(&kept).await;
        let recovered = world.merge().await;
        assert_eq!(conflicts(&recovered), Vec::<String>::new(), "seed {seed}: {deeds:#?}");
        assert_eq!(recovered.unmapped, 0, "seed {seed}: {:?}", world.lines("unmapped.jsonl"));
        let look = "SELECT title, status, user_id, tag_id FROM todos LEFT JOIN todo_tags ON todo_id = id ORDER BY 1, 4";
        assert_eq!(world.rows(look), rows(&control, look), "seed {seed}: {deeds:#?}");
        assert_eq!(world.merge().await.applied, 0, "seed {seed}");
    }
}

fn frozen_or_live(world: &World) -> Connection {
    // Everything is in the one file by now, for nobody has it open.
    let connection = frozen(&world.path()).unwrap();
    connection.execute_batch("BEGIN").unwrap();
    connection
}

/// Whatever both sides did: it comes to an end, nothing is broken, and asked again nothing is done.
#[tokio::test]
async fn on_both_sides() {
    for seed in seeds() {
        for winner in [None, Some(Winner::Recorded), Some(Winner::Restored)] {
            let (world, kept) = World::begin(SCHEMA).await;
            let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            let (theirs, ours) = (users(&mut dice, 25), users(&mut dice, 15));
            write(&world.open(), &theirs);
            world.put_back(&kept).await;
            write(&world.open(), &ours);
            let about = format!("seed {seed}, {winner:?}: {theirs:#?} and {ours:#?}");
            let order = world.order(Way::Merge, &["r1"], winner);
            let recovered = world.recover(&order).await.unwrap();
            let found = everything(&world.open());
            assert_eq!(world.rows("PRAGMA integrity_check"), ["ok"], "{about}");
            assert_eq!(world.rows("PRAGMA foreign_key_check"), Vec::<String>::new(), "{about}");
            if winner == Some(Winner::Restored) {
                assert_eq!(recovered.open_conflicts, 0, "{about}");
            }
            let again = world.recover(&order).await.unwrap();
            assert_eq!(everything(&world.open()), found, "{about}");
            assert_eq!((again.applied, again.open_conflicts), (0, recovered.open_conflicts), "{about}");
        }
    }
}
