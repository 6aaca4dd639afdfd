//! Tables of one team in a database that it shares with others.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use backout_conformance::{Change, HOSTILE_NAMES, World, quoted};
use backout_contract::Door;
use backout_core::writes::Tally;
use backout_driver_postgres::Tables;
use tempfile::TempDir;

use super::servers::{number, one};

const SECRET: &str = "bcrypt:hunter2hunter2";

/// The rows of `t`.
const ROWS: &str = "coalesce(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE \"C\"), '')";

/// How the table `$1` is defined.
const OF_TABLE: &[&str] = &[
    "SELECT 'column ' || $1::regclass::text || ' ' || attname, attnum::text || ' ' || format_type(atttypid, atttypmod) || ' ' || attnotnull::text || ' ' || attidentity::text || attgenerated::text || ' ' || coalesce(pg_get_expr(adbin, adrelid), '') FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped",
    "SELECT 'constraint ' || conname, conrelid::regclass::text || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = $1",
    "SELECT 'index ' || indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = $1",
    "SELECT 'trigger ' || tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = $1 AND NOT tgisinternal AND tgname NOT LIKE '\\_backout%'",
    "SELECT 'comment ' || $1::regclass::text, obj_description($1)",
];

/// Where sequences stand: the next number is what users would see.
const NEXT: &str = "SELECT 'next', string_agg(sequencename || (xpath('//n/text()', query_to_xml(format('SELECT last_value + is_called::int AS n FROM %I', sequencename), true, true, '')))[1]::text, ' ' ORDER BY sequencename) FROM pg_sequences WHERE schemaname = 'public'";

/// `users` and `notes` are ours; `audit`, which refers to them, a view over them and `theirs` are not.
pub struct SharedDatabase {
    folder: TempDir,
    database: String,
    reader: String,
    /// What `notes` is called.
    notes: Mutex<String>,
    only_reads: AtomicBool,
    leant_on: AtomicBool,
    /// Users who were shut out begin anew.
    shut_out: AtomicBool,
    begun: AtomicU64,
}

impl Drop for SharedDatabase {
    fn drop(&mut self) {
        // A server has room for so many slots.
        self.run(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()",
        );
    }
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl SharedDatabase {
    fn run(&self, sql: &str) -> String {
        one().sql(&self.database, sql)
    }

    fn notes(&self) -> String {
        identifier(&self.notes.lock().unwrap())
    }

    fn listed(&self, query: &str) -> BTreeMap<String, String> {
        let text = self.run(&format!(
            "SELECT coalesce(json_object_agg(k, coalesce(v, '')), '{{}}') FROM ({query}) AS a (k, v)"
        ));
        serde_json::from_str(&text).unwrap()
    }

    fn stands(&self) -> bool {
        self.run("SELECT to_regclass('users') IS NOT NULL") == "t"
    }

    /// The rows, or why they cannot be read.
    fn rows_of(&self, table: &str) -> String {
        let query = format!("SELECT {ROWS} FROM {table} AS t");
        let output = one().psql(&one().socket(&self.database), &query);
        let text = if output.status.success() { output.stdout } else { output.stderr };
        String::from_utf8_lossy(&text).trim_end().to_owned()
    }
}

#[async_trait]
impl World for SharedDatabase {
    type Driver = Tables;
    const TELLS_THE_MOMENT: bool = true;
    // Each one takes a database of its own.
    const MOST_KILLS: usize = 15;

    async fn new() -> Self {
        let number = number();
        let (database, reader) = (format!("shared_{number}"), format!("reader_{number}"));
        one().sql(
            "postgres",
            &format!("CREATE DATABASE {database}; CREATE ROLE {reader} LOGIN PASSWORD 'reads'"),
        );
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
            database,
            reader,
            notes: Mutex::new("notes".to_owned()),
            only_reads: AtomicBool::new(false),
            leant_on: AtomicBool::new(false),
            shut_out: AtomicBool::new(false),
            begun: AtomicU64::new(0),
        };
        world.run(&format!(
            "GRANT pg_read_all_data TO {};
             CREATE TABLE theirs (id int PRIMARY KEY, text text); INSERT INTO theirs VALUES (1, 'leave me alone');
             CREATE TABLE audit (id int PRIMARY KEY, note int, line text);
             INSERT INTO audit VALUES (1, 1, 'seen'), (2, NULL, 'of none');",
            world.reader
        ));
        world
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn config(&self) -> String {
        let notes = self.notes();
        let plain = notes == "\"notes\"";
        let table = if plain { "notes".to_owned() } else { notes };
        // The migration gives the table a column that users do not write to.
        let rule = if plain { "\nmerge: {tables: {notes: {ignore: [uuid]}}}" } else { "" };
        format!(
            "url: ${{env:URL}}\ntables: [users, {}]\njobs: 1\ndoor: {{patience: 2s}}{rule}",
            quoted(&table)
        )
    }

    fn environment(&self) -> BTreeMap<String, String> {
        let url = if self.only_reads.load(Ordering::Relaxed) {
            one().url_as(&self.reader, "reads", &self.database)
        } else {
            one().url(&self.database)
        };
        BTreeMap::from([("URL".to_owned(), url)])
    }

    async fn set_up(&self) {
        let notes = self.notes();
        self.run(&format!(
            "CREATE TABLE users (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, name text, password text);
             CREATE TABLE {notes} (id serial PRIMARY KEY, user_id int REFERENCES users ON DELETE CASCADE, text text,
                 data bytea, long int GENERATED ALWAYS AS (length(text)) STORED);
             CREATE INDEX by_text ON {notes} (text);
             COMMENT ON TABLE {notes} IS 'what users wrote';
             INSERT INTO users (name, password) VALUES ('Zoë', '{SECRET}');
             INSERT INTO {notes} (user_id, text, data) VALUES (1, 'milk', '\\x00ff'), (1, NULL, repeat('x', 20000)::bytea);
"
        ));
        // Others lean on what they found; on what comes later, nobody does yet.
        if !self.leant_on.swap(true, Ordering::Relaxed) {
            self.run(&format!(
                "ALTER TABLE audit ADD CONSTRAINT audit_note FOREIGN KEY (note) REFERENCES {notes};
                 CREATE VIEW report AS
                     SELECT n.id, n.text, u.name FROM {notes} AS n JOIN users AS u ON u.id = n.user_id;"
            ));
        }
    }

    async fn migrate(&self) {
        let notes = self.notes();
        self.run(&format!(
            "BEGIN;
             DO $$ BEGIN
                 IF to_regprocedure('_backout.migration()') IS NOT NULL THEN PERFORM _backout.migration(); END IF;
             END $$;
             ALTER TABLE {notes} ADD COLUMN uuid uuid DEFAULT gen_random_uuid();
             ALTER TABLE {notes} ADD CHECK (id > 0);
             UPDATE {notes} SET uuid = gen_random_uuid();
             COMMIT"
        ));
    }

    async fn drift(&self) {
        self.run(&format!("ALTER TABLE {} ADD COLUMN drift int", self.notes()));
    }

    async fn write(&self) -> Change {
        let notes = self.notes();
        self.run(&format!(
            "INSERT INTO {notes} (text) VALUES ('written by users'); UPDATE users SET name = name || '!'"
        ));
        Change::Made
    }

    async fn write_as_user(&self) -> Option<Tally> {
        let notes = self.notes();
        self.run(&format!(
            "BEGIN;
             INSERT INTO {notes} (text) VALUES ('one'), ('two'), ('three');
             UPDATE {notes} SET text = text || '!' WHERE text = 'one';
             DELETE FROM {notes} WHERE text IN ('two', 'three');
             INSERT INTO users (name) VALUES ('Ada');
             UPDATE {notes} SET text = 'past' WHERE text = 'one!';
             COMMIT"
        ));
        Some(Tally { inserted: 4, changed: 2, deleted: 2 })
    }

    async fn write_as_migration(&self) -> Option<u64> {
        let notes = self.notes();
        self.run(&format!(
            "BEGIN;
             SELECT _backout.migration();
             INSERT INTO {notes} (text) VALUES ('four'), ('five');
             DELETE FROM {notes} WHERE text = 'five';
             COMMIT"
        ));
        Some(3)
    }

    async fn rebuild(&self) -> Change {
        let notes = self.notes();
        self.run(&format!(
            "BEGIN;
             CREATE TABLE anew (LIKE {notes} INCLUDING ALL);
             INSERT INTO anew (id, user_id, text, data) SELECT id, user_id, text, data FROM {notes};
             DROP TABLE {notes} CASCADE;
             ALTER TABLE anew RENAME TO {notes};
             CREATE SEQUENCE anew_id_seq OWNED BY {notes}.id;
             SELECT setval('anew_id_seq', 100);
             ALTER TABLE {notes} ALTER id SET DEFAULT nextval('anew_id_seq');
             COMMIT"
        ));
        Change::Made
    }

    async fn drop_recorder(&self) -> Change {
        self.run("ALTER PUBLICATION _backout_rows DROP TABLE users");
        Change::Made
    }

    async fn recorders(&self) -> Vec<String> {
        let found = self.run(
            "SELECT nspname FROM pg_namespace WHERE nspname = '_backout'
             UNION ALL SELECT pubname FROM pg_publication WHERE pubname LIKE '\\_backout%'
             UNION ALL SELECT slot_name FROM pg_replication_slots WHERE database = current_database()
             UNION ALL SELECT tgname FROM pg_trigger WHERE tgname LIKE '\\_backout%' AND tgname NOT LIKE '\\_backout_bar%'",
        );
        found.lines().map(str::to_owned).collect()
    }

    async fn remove(&self) -> Change {
        let notes = self.notes();
        self.run(&format!("DROP TABLE {notes} CASCADE; DROP TABLE users CASCADE"));
        Change::Made
    }

    async fn corrupt(&self) -> Change {
        let path = self
            .run(&format!("CHECKPOINT; SELECT pg_relation_filepath('{}')", self.notes().replace('\'', "''")));
        std::fs::remove_file(one().data().join(path)).unwrap();
        Change::Made
    }

    async fn become_hostile(&self) -> Change {
        // A name has at most 63 bytes.
        *self.notes.lock().unwrap() = HOSTILE_NAMES[7..].concat().chars().take(40).collect();
        Change::Made
    }

    fn secrets(&self) -> Vec<String> {
        vec![SECRET.to_owned(), "secret-of-postgres".to_owned()]
    }

    // What others hang on the tables is not among it: whoever takes the tables away takes that along, and it is nobody's
    // to put back.
    async fn contents(&self) -> BTreeMap<String, String> {
        let notes = self.notes();
        let ours = if self.stands() { vec!["users", notes.as_str()] } else { Vec::new() };
        // Each question to the server is a program that starts.
        let mut questions = Vec::new();
        for table in ["theirs", "audit"].iter().chain(ours.first()) {
            questions.push(format!("SELECT 'rows of {table}', {ROWS} FROM {table} AS t"));
        }
        for table in &ours {
            let quoted = table.replace('\'', "''").replace('\\', "\\\\");
            let of_table =
                OF_TABLE.iter().map(|query| query.replace("$1", &format!("E'{quoted}'::regclass")));
            questions.extend(of_table);
        }
        if !ours.is_empty() {
            questions.push(NEXT.to_owned());
        }
        let mut all = self.listed(&questions.join(" UNION ALL "));
        if !ours.is_empty() {
            // These may be damaged.
            all.insert(format!("rows of {notes}"), self.rows_of(&notes));
        }
        all
    }

    async fn traces(&self) -> BTreeMap<String, String> {
        let mut all = self.contents().await;
        all.extend(self.listed(
            "SELECT 'relation ' || regexp_replace(n.nspname, '^_backout_(stage|displaced)', '.backout-') || ' ' || c.relname,
                 c.oid || ' ' || c.relfilenode || ' ' || c.relkind::text || ' ' || coalesce(c.relacl::text, '')
             FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
             WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'",
        ));
        all.extend(self.listed(
            "SELECT 'trigger ' || tgrelid || ' ' || tgname, tgenabled::text || tgfoid::regproc::text FROM pg_trigger WHERE NOT tgisinternal",
        ));
        all.extend(self.listed("SELECT 'schema ' || regexp_replace(nspname, '^_backout_(stage|displaced)', '.backout-'), oid || coalesce(nspacl::text, '') FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%'"));
        for table in ["theirs", "audit"] {
            all.insert(
                format!("versions of {table}"),
                self.run(&format!("SELECT string_agg(xmin || ' ' || xmax || ' ' || ctid, ',') FROM {table}")),
            );
        }
        all
    }

    async fn let_read_only(&self) -> Change {
        self.only_reads.store(true, Ordering::Relaxed);
        Change::Made
    }

    async fn let_write(&self) {
        self.only_reads.store(false, Ordering::Relaxed);
    }

    async fn is_kept(&self, place: &str) -> bool {
        let schema = place.split_whitespace().nth(1).unwrap_or_default().trim_end_matches('0').to_owned();
        let kept = self.run(&format!(
            "SELECT count(*) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
             WHERE n.nspname = '{schema}1' AND c.relkind = 'r'"
        ));
        kept == "2"
    }

    async fn door(&self) -> Option<Door> {
        let changed = "BEGIN; UPDATE users SET name = name WHERE id = 1; ROLLBACK";
        let output = one().psql(&one().socket(&self.database), changed);
        let error = String::from_utf8_lossy(&output.stderr);
        if output.status.success() {
            return Some(Door::Open);
        }
        assert!(error.contains("is closed for writes"), "{error}");
        self.shut_out.store(true, Ordering::Relaxed);
        Some(Door::Shut)
    }

    async fn started(&self) -> Option<String> {
        if self.shut_out.load(Ordering::Relaxed) && self.door().await == Some(Door::Open) {
            self.shut_out.store(false, Ordering::Relaxed);
            self.begun.fetch_add(1, Ordering::Relaxed);
        }
        Some(format!("begun {} times", self.begun.load(Ordering::Relaxed)))
    }
}
