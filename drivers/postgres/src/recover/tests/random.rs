//! Whatever users did, and in whatever order: it comes to what they had, and twice is once.

use backout_core::writes::{Way, Winner};

use super::world::{World, conflicts};
use crate::recover::gather::SMALL_ROOM;
use crate::testing;

struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

const SCHEMA: &str = "
    CREATE TABLE p (id serial PRIMARY KEY, u integer UNIQUE, v text, w text);
    CREATE TABLE c (k text, n integer, p integer REFERENCES p ON DELETE SET NULL ON UPDATE CASCADE, x text, PRIMARY KEY (k, n));
    INSERT INTO p (u, v) SELECT i, 'v' || i FROM generate_series(1, 8) i;
    INSERT INTO c SELECT 'k' || i % 3, i, i, 'x' FROM generate_series(1, 8) i;
";

fn deed(dice: &mut Dice) -> String {
    let (one, other) = (dice.below(12) + 1, dice.below(12) + 1);
    let (small, word) = (dice.below(4), dice.below(100));
    match dice.below(13) {
        0 | 1 => format!("INSERT INTO p (u, v) VALUES ({}, 'n{word}') ON CONFLICT DO NOTHING", 20 + word),
        2 => format!("UPDATE p SET v = 'v{word}' WHERE id = {one}"),
        3 => format!("UPDATE p SET w = nullif('w{small}', 'w0'), v = v || '.' WHERE id IN ({one}, {other})"),
        4 => format!("DELETE FROM p WHERE id = {one}"),
        5 => format!(
            "UPDATE p SET u = -1 WHERE id = {one}; UPDATE p SET u = {word} WHERE id = {other}
             AND NOT EXISTS (SELECT FROM p WHERE u = {word}); UPDATE p SET u = 200 + id WHERE id = {one}"
        ),
        6 => format!(
            "WITH a AS (SELECT u FROM p WHERE id = {one}) UPDATE p SET u = NULL WHERE id = {one};
             UPDATE p SET u = {one} WHERE id = {other} AND NOT EXISTS (SELECT FROM p WHERE u = {one})"
        ),
        7 => format!(
            "UPDATE p SET id = 50 + {word} WHERE id = {one} AND NOT EXISTS (SELECT FROM p WHERE id = 50 + {word})"
        ),
        8 => format!("INSERT INTO c VALUES ('k{small}', {one}, NULL, 'x{word}') ON CONFLICT DO NOTHING"),
        9 => format!("UPDATE c SET x = 'x{word}' WHERE n = {one}"),
        10 => format!("UPDATE c SET p = (SELECT min(id) FROM p WHERE id > {word}) WHERE n = {one}"),
        11 => format!("DELETE FROM c WHERE k = 'k{small}' AND n < {one}"),
        _ => format!(
            "UPDATE c SET k = 'm{small}' WHERE n = {one} AND k <> 'm{small}' AND
             NOT EXISTS (SELECT FROM c WHERE k = 'm{small}' AND n = {one})"
        ),
    }
}

const LOOK: &str = "SELECT * FROM p ORDER BY id; SELECT * FROM c ORDER BY k, n";

fn seeds() -> u64 {
    std::env::var("BACKOUT_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(4)
}

fn deeds(dice: &mut Dice, count: u64) -> String {
    // What a constraint refuses leaves a gap in a sequence at most.
    let tried = |deed| format!("DO $$ BEGIN {deed}; EXCEPTION WHEN OTHERS THEN NULL; END $$;\n");
    (0..count).map(|_| tried(deed(dice))).collect()
}

#[tokio::test]
async fn comes_to_what_users_had() {
    for seed in 1..=seeds() {
        let world = World::begin(SCHEMA);
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let deeds = deeds(&mut dice, 60);
        world.users(&deeds);
        // Each second time all of it is folded in parts.
        let room = if seed.is_multiple_of(2) { 1000 } else { usize::MAX };
        let recovered = SMALL_ROOM.scope(room, world.merge()).await;
        assert_eq!(conflicts(&recovered), Vec::<String>::new(), "seed {seed}: {deeds}");
        let wanted: Vec<_> = testing::server().sql(&world.live, LOOK).lines().map(str::to_owned).collect();
        assert_eq!(world.rows(LOOK), wanted, "seed {seed}: {deeds}");
        let again = world.merge().await;
        assert_eq!((again.applied, again.conflicts()), (0, 0), "seed {seed}");
        let given = |database: &str| -> i64 {
            testing::server().sql(database, "SELECT last_value FROM p_id_seq").parse().unwrap()
        };
        assert!(given(&world.target) >= given(&world.live), "seed {seed}");
    }
}

/// Whatever both sides did: it comes to an end, nothing is broken, and asked again nothing is done.
#[tokio::test]
async fn on_both_sides() {
    for seed in 1..=seeds() {
        for winner in [None, Some(Winner::Recorded), Some(Winner::Restored)] {
            let mut world = World::begin(SCHEMA);
            world.written_here = None;
            let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            let (theirs, ours) = (deeds(&mut dice, 25), deeds(&mut dice, 15));
            world.users(&theirs);
            world.here(&ours);
            let about = format!("seed {seed}, {winner:?}: {theirs} and {ours}");
            let order = world.order(Way::Merge, winner);
            let recovered = world.recover(&order).await;
            let found = world.rows(LOOK);
            let orphans =
                "SELECT count(*) FROM c WHERE p IS NOT NULL AND NOT EXISTS (SELECT FROM p WHERE p.id = c.p)";
            assert_eq!(world.rows(orphans), ["0"], "{about}");
            assert_eq!(
                world.rows("SELECT u FROM p GROUP BY u HAVING count(u) > 1"),
                Vec::<String>::new(),
                "{about}"
            );
            if winner == Some(Winner::Restored) {
                assert_eq!(recovered.open_conflicts, 0, "{about}");
            }
            let again = world.recover(&order).await;
            assert_eq!(world.rows(LOOK), found, "{about}");
            assert_eq!((again.applied, again.open_conflicts), (0, recovered.open_conflicts), "{about}");
        }
    }
}
