//! A database that is migrated and written to, a copy of what it was, and a simple recorder: triggers that write every
//! row down as JSON.

use std::path::PathBuf;
use std::sync::Arc;

use backout_contract::RecoverOrder;
use backout_core::name::RunId;
use backout_core::writes::{Recovered, Way, Winner};
use serde_json::{Value as Json, json};

use crate::recorder::{Change, Kind, Relation, Value};
use crate::recover::{Changes, Merge, Recorded, recover};
use crate::server::{Address, Link, TableName, connect};
use crate::testing;

const RECORDER: &str = r#"
    CREATE SCHEMA IF NOT EXISTS log;
    CREATE TABLE IF NOT EXISTS log.change (number bigserial PRIMARY KEY, tab text[], op text, before jsonb, after jsonb,
        columns jsonb, migration boolean);
    CREATE OR REPLACE FUNCTION log.texts(tab oid, r record) RETURNS jsonb LANGUAGE plpgsql SET TimeZone = 'UTC' SET search_path = '' AS $f$
    DECLARE c text; v text; found jsonb := '{}'; BEGIN
        FOR c IN SELECT attname FROM pg_attribute WHERE attrelid = tab AND attnum > 0 AND NOT attisdropped LOOP
            EXECUTE format('SELECT CASE WHEN ($1).%1$I IS NOT NULL THEN concat(($1).%1$I) END', c) USING r INTO v;
            found := found || jsonb_build_object(c, v);
        END LOOP;
        RETURN found;
    END $f$;
    CREATE OR REPLACE FUNCTION log.note() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $f$
    BEGIN
        INSERT INTO log.change (tab, op, before, after, columns, migration) SELECT ARRAY[TG_TABLE_SCHEMA, TG_TABLE_NAME],
            TG_OP, CASE WHEN TG_OP IN ('UPDATE', 'DELETE') THEN log.texts(TG_RELID, OLD) END,
            CASE WHEN TG_OP IN ('INSERT', 'UPDATE') THEN log.texts(TG_RELID, NEW) END,
            (SELECT jsonb_agg(jsonb_build_array(attname, format_type(atttypid, atttypmod)) ORDER BY attnum)
             FROM pg_attribute WHERE attrelid = TG_RELID AND attnum > 0 AND NOT attisdropped),
            coalesce(current_setting('test.migration', true), '') = 'on';
        RETURN NULL;
    END $f$;
    DO $d$ DECLARE t record; BEGIN
        FOR t IN SELECT c.oid::regclass AS name, c.relkind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE relkind IN ('r', 'p') AND nspname NOT IN ('log', '_backout', 'pg_catalog', 'information_schema')
                   AND NOT relispartition
                   AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND tgname = 'zz_note') LOOP
            EXECUTE format('CREATE TRIGGER zz_note AFTER INSERT OR UPDATE OR DELETE ON %s
                FOR EACH ROW EXECUTE FUNCTION log.note()', t.name);
            EXECUTE format('CREATE TRIGGER zz_gone AFTER TRUNCATE ON %s
                FOR EACH STATEMENT EXECUTE FUNCTION log.note()', t.name);
        END LOOP;
    END $d$;"#;

pub(super) struct World {
    /// The database that users write to.
    pub(super) live: String,
    /// What was saved of it, put back.
    pub(super) target: String,
    pub(super) merge: Json,
    /// What the put-back database's own recorder saw; none where it has none.
    pub(super) written_here: Option<Vec<Change>>,
    pub(super) root: tempfile::TempDir,
}

impl World {
    /// Makes both with a schema.
    pub(super) fn begin(schema: &str) -> Self {
        let (live, _) = testing::database("live");
        let server = testing::server();
        server.sql(&live, schema);
        let target = format!("{live}_saved");
        server.sql("postgres", &format!("CREATE DATABASE \"{target}\" TEMPLATE \"{live}\""));
        let world = Self {
            live,
            target,
            merge: json!({}),
            written_here: Some(Vec::new()),
            root: tempfile::tempdir().unwrap(),
        };
        world.arm();
        world
    }

    /// Puts the recorder on tables that have none.
    pub(super) fn arm(&self) {
        testing::server().sql(&self.live, &format!("SET client_min_messages = error; {RECORDER}"));
    }

    /// Lets users write.
    pub(super) fn users(&self, sql: &str) {
        testing::server().sql(&self.live, sql);
    }

    /// Lets the migration run; what it makes is recorded from then on.
    pub(super) fn migrate(&self, sql: &str) {
        testing::server().sql(&self.live, &format!("SET test.migration = 'on'; {sql}"));
        self.arm();
    }

    /// Lets users write to what was put back.
    pub(super) fn here(&self, sql: &str) {
        testing::server().sql(&self.target, sql);
    }

    /// What stands in the put-back database.
    pub(super) fn rows(&self, sql: &str) -> Vec<String> {
        testing::server().sql(&self.target, sql).lines().map(str::to_owned).collect()
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.root.path().join("told")
    }

    pub(super) fn lines(&self, file: &str) -> Vec<Json> {
        let text = std::fs::read_to_string(self.folder().join(file)).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub(super) fn order(&self, way: Way, winner: Option<Winner>) -> RecoverOrder {
        RecoverOrder {
            way,
            from: vec![RunId::new("r1").unwrap()],
            sealed: Vec::new(),
            most_lost: None,
            folder: self.folder(),
            winner,
        }
    }

    pub(super) fn address(&self, database: &str) -> Address {
        testing::address(&testing::server().url(database))
    }

    /// All that was recorded.
    pub(super) async fn changes(&self) -> Vec<Change> {
        let link = connect(&self.address(&self.live)).await.unwrap();
        let rows = link
            .query(
                "SELECT number, tab, op, before, after, columns, migration FROM log.change ORDER BY number",
                &[],
            )
            .await
            .unwrap();
        rows.iter().map(change).collect()
    }

    pub(super) fn rules(&self) -> Merge {
        let merge: Merge = serde_json::from_value(self.merge.clone()).unwrap();
        assert_eq!(merge.mistakes(), Vec::<String>::new());
        merge
    }

    pub(super) async fn link(&self) -> Link {
        connect(&self.address(&self.target)).await.unwrap()
    }

    pub(super) async fn recover_as(
        &self,
        mut target: Link,
        order: &RecoverOrder,
        changes: Vec<Change>,
    ) -> Result<Recovered, backout_contract::DriverError> {
        let database = Some(connect(&self.address(&self.live)).await.unwrap());
        let source = Recorded { run: "r1".into(), source: "test".into(), changes: stream(changes), database };
        let written = self.written_here.clone().map(stream);
        let context = testing::context(self.root.path(), &[]);
        recover(&mut target, &self.rules(), order, vec![source], written, &context).await
    }

    pub(super) async fn recover(&self, order: &RecoverOrder) -> Recovered {
        let changes = self.changes().await;
        match self.recover_as(self.link().await, order, changes).await {
            Ok(recovered) => recovered,
            Err(error) => panic!("{}", error.chain()),
        }
    }

    pub(super) async fn merge(&self) -> Recovered {
        self.recover(&self.order(Way::Merge, None)).await
    }
}

pub(super) fn stream(changes: Vec<Change>) -> Changes<'static> {
    Box::pin(futures_util::stream::iter(changes.into_iter().map(Ok)))
}

fn change(row: &tokio_postgres::Row) -> Change {
    let tab: Vec<String> = row.get(1);
    let columns: Vec<(String, String)> = serde_json::from_value(row.get::<_, Json>(5)).unwrap();
    let image = |row: Option<Json>| {
        let row = row.unwrap_or_default();
        let cell = |(name, _): &(String, String)| {
            Some(match &row[name] {
                Json::String(text) => Value::Text(text.as_str().into()),
                _ => Value::Null,
            })
        };
        columns.iter().map(cell).collect::<Vec<_>>()
    };
    let (before, after) = (image(row.get(3)), image(row.get(4)));
    let kind = match row.get::<_, &str>(2) {
        "INSERT" => Kind::Inserted { after },
        "UPDATE" => Kind::Changed { before, after },
        "DELETE" => Kind::Deleted { before },
        _ => Kind::Truncated,
    };
    let number = u64::try_from(row.get::<_, i64>(0)).unwrap();
    Change {
        transaction: number,
        number,
        by_migration: row.get(6),
        since_cutover: true,
        relation: Arc::new(Relation {
            table: TableName::new(tab[0].clone(), tab[1].clone()),
            columns: columns.clone(),
        }),
        kind,
    }
}

/// Conflicts as a person reads them: table, key, cause, columns.
pub(super) fn conflicts(recovered: &Recovered) -> Vec<String> {
    recovered
        .conflicts
        .iter()
        .map(|conflict| {
            let columns = conflict.columns.join(",");
            format!(
                "{} {} {:?} {columns} {:?}",
                conflict.table, conflict.key, conflict.cause, conflict.winner
            )
        })
        .collect()
}

/// What was saved, as a look at it, but for its rows.
pub(super) async fn state(world: &World) -> crate::state::State {
    let link = connect(&world.address(&world.target)).await.unwrap();
    let schema = crate::catalog::schema(&link, link.version, &crate::catalog::Scope::Database).await.unwrap();
    crate::state::State {
        schema,
        rows: Default::default(),
        sequences: Default::default(),
        large_objects: None,
        notes: Vec::new(),
        taken: crate::state::Taken {
            version: link.version,
            system: String::new(),
            database: 0,
            snapshot: "1:1:".into(),
            position: 0,
            timeline: 1,
            restore_point: None,
        },
    }
}
