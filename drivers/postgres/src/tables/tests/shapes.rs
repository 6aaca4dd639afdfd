//! Every shape that a table can have comes back as it was, exchanged whole and row by row.

use super::Shared;

/// What the tables are made by, which of them are the component, what a migration changes about their definitions, and
/// what users change about their rows alone.
struct Case {
    hint: &'static str,
    made: &'static str,
    tables: &'static [&'static str],
    migrated: &'static str,
    written: &'static str,
}

const CASES: &[Case] = &[
    Case {
        hint: "partitions",
        made: "
            CREATE TABLE events (at int, text text, PRIMARY KEY (at)) PARTITION BY RANGE (at);
            CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10);
            CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (10) TO (20) PARTITION BY LIST (at);
            CREATE TABLE events_2_rest PARTITION OF events_2 DEFAULT;
            CREATE INDEX by_text ON events (text);
            CREATE TABLE of_event (at int REFERENCES events);
            INSERT INTO events VALUES (1, 'a'), (11, 'b'); INSERT INTO of_event VALUES (11);",
        tables: &["events"],
        migrated: "ALTER TABLE events ADD COLUMN migrated int; CREATE TABLE events_3 PARTITION OF events FOR VALUES FROM (20) TO (30)",
        written: "INSERT INTO events VALUES (2, 'new'); UPDATE events SET text = 'x' WHERE at = 11; DELETE FROM events WHERE at = 1",
    },
    Case {
        hint: "heirs",
        made: "
            CREATE TABLE base (id int, text text); CREATE TABLE heir (extra int, CHECK (extra > 0)) INHERITS (base);
            INSERT INTO base VALUES (1, 'a'), (1, 'a'); INSERT INTO heir VALUES (2, 'b', 3);",
        tables: &["base", "heir"],
        migrated: "ALTER TABLE base ADD COLUMN migrated int",
        written: "INSERT INTO base VALUES (1, 'a'); DELETE FROM heir; INSERT INTO heir VALUES (9, 'z', 9)",
    },
    Case {
        hint: "numbers",
        made: "
            CREATE TABLE numbers (id int GENERATED ALWAYS AS IDENTITY (START 5 INCREMENT 5) PRIMARY KEY, s serial,
                a numeric(9, 2), doubled numeric GENERATED ALWAYS AS (a * 2) STORED);
            INSERT INTO numbers (a) VALUES (1.50), (2);",
        tables: &["numbers"],
        migrated: "ALTER TABLE numbers DROP COLUMN doubled; ALTER TABLE numbers ALTER id RESTART WITH 1000; INSERT INTO numbers (a) VALUES (3)",
        written: "INSERT INTO numbers (a) VALUES (3), (4); UPDATE numbers SET a = 9; DELETE FROM numbers WHERE id = 5",
    },
    Case {
        hint: "deferred",
        made: "
            CREATE TABLE chain (id int PRIMARY KEY, next int, place int,
                CONSTRAINT one_place UNIQUE (place) DEFERRABLE INITIALLY DEFERRED,
                CONSTRAINT next_one FOREIGN KEY (next) REFERENCES chain DEFERRABLE INITIALLY DEFERRED,
                EXCLUDE USING btree (next WITH =) DEFERRABLE);
            INSERT INTO chain VALUES (1, 2, 1), (2, 1, 2);",
        tables: &["chain"],
        migrated: "ALTER TABLE chain DROP CONSTRAINT next_one, ADD CONSTRAINT next_one FOREIGN KEY (next) REFERENCES chain",
        written: "BEGIN; UPDATE chain SET place = 3 - place; INSERT INTO chain VALUES (3, 4, 3), (4, 3, 4); COMMIT",
    },
    Case {
        hint: "policies",
        made: "
            CREATE TABLE rows (id int PRIMARY KEY, owner name);
            INSERT INTO rows VALUES (1, 'nobody');
            ALTER TABLE rows ENABLE ROW LEVEL SECURITY; ALTER TABLE rows FORCE ROW LEVEL SECURITY;
            CREATE POLICY own ON rows FOR ALL USING (owner = current_user) WITH CHECK (owner = current_user);
            CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.owner := 'shouted'; RETURN NEW; END $$;
            CREATE TRIGGER always BEFORE INSERT ON rows FOR EACH ROW EXECUTE FUNCTION shout();
            ALTER TABLE rows ENABLE ALWAYS TRIGGER always;
            CREATE RULE quiet AS ON DELETE TO rows WHERE old.id = 77 DO INSTEAD NOTHING;",
        tables: &["rows"],
        migrated: "DROP POLICY own ON rows; ALTER TABLE rows DISABLE ROW LEVEL SECURITY",
        written: "DELETE FROM rows; INSERT INTO rows VALUES (2, 'x')",
    },
    Case {
        hint: "names",
        made: "
            CREATE SCHEMA \"Größe.\"; CREATE TABLE \"Größe.\".\"a \"\"b\"\" %s\" (\"ß '\" int PRIMARY KEY, \"select\" text);
            CREATE INDEX \"über;\" ON \"Größe.\".\"a \"\"b\"\" %s\" (\"select\");
            COMMENT ON COLUMN \"Größe.\".\"a \"\"b\"\" %s\".\"ß '\" IS 'it''s $backout$';
            INSERT INTO \"Größe.\".\"a \"\"b\"\" %s\" VALUES (1, 'ü');",
        tables: &["\"Größe.\".\"a \"\"b\"\" %s\""],
        migrated: "ALTER TABLE \"Größe.\".\"a \"\"b\"\" %s\" RENAME \"select\" TO \"from\"",
        written: "UPDATE \"Größe.\".\"a \"\"b\"\" %s\" SET \"select\" = 'other'; INSERT INTO \"Größe.\".\"a \"\"b\"\" %s\" VALUES (2)",
    },
];

async fn goes_back(hint: &str) {
    let case = CASES.iter().find(|case| case.hint == hint).expect("a case");
    for change in [case.migrated, case.written] {
        let shared = Shared::new(hint, case.made, case.tables).await;
        let saved = shared.keep().await;
        shared.sql(change);
        shared.back(&saved).await;
    }
    let shared = Shared::new(hint, case.made, case.tables).await;
    let saved = shared.keep().await;
    let drops: Vec<String> =
        case.tables.iter().map(|table| format!("DROP TABLE IF EXISTS {table} CASCADE")).collect();
    shared.sql(&drops.join("; "));
    shared.back(&saved).await;
}

macro_rules! cases {
    ($($name:ident => $hint:literal)*) => {
        $(#[tokio::test]
        async fn $name() {
            goes_back($hint).await;
        })*
    };
}

cases! {
    partitions_go_back_with_their_table => "partitions"
    heirs_go_back_with_their_parents => "heirs"
    numbers_that_the_server_gives_go_back => "numbers"
    constraints_that_may_wait_go_back => "deferred"
    policies_triggers_and_rules_go_back => "policies"
    names_of_any_letters_go_back => "names"
}
