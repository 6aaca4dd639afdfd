//! Tables go back between others, on a real server: staged, put back, and held against what was saved.

mod locks;
mod others;
mod rights;
mod shapes;

use backout_contract::{Captured, Context, Depth, Driver, DriverError, Effect, Session, StepOrder};
use backout_core::observation::Seen;
use tempfile::TempDir;

use super::{Tables, TablesSession};
use crate::server::literal;
use crate::state::{State, is_exactly};
use crate::testing::{context, database, server};

/// Some tables of a database of their own, and what was saved of them.
struct Shared {
    database: String,
    _folder: TempDir,
    session: TablesSession,
    context: Context,
}

impl Shared {
    /// A database that this made, and the component that is these tables.
    async fn new(hint: &str, made: &str, tables: &[&str]) -> Self {
        Self::with(hint, made, serde_json::json!({ "tables": tables, "door": { "patience": "1s" } })).await
    }

    async fn with(hint: &str, made: &str, config: serde_json::Value) -> Self {
        let (name, _) = database(hint);
        server().sql(&name, made);
        let url = server().url(&name);
        Self::at(name, &url, config).await
    }

    async fn at(database: String, url: &str, mut config: serde_json::Value) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let context = context(folder.path(), &[("URL", url)]);
        config["url"] = "${env:URL}".into();
        let config = serde_json::from_value(config).expect("a configuration");
        let session = Tables::connect(config, &context).await.expect("connect");
        Self { database, _folder: folder, session, context }
    }

    fn sql(&self, text: &str) -> String {
        server().sql(&self.database, text)
    }

    /// What the server says to a statement that it refuses.
    fn refused(&self, text: &str) -> String {
        let output = server().psql(&server().url(&self.database), text);
        assert!(!output.status.success(), "{text} was not refused");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    async fn keep(&self) -> Captured<State> {
        self.session.capture(&self.context, Depth::Keep).await.expect("save")
    }

    async fn look(&self) -> Option<State> {
        self.session.capture(&self.context, Depth::Look).await.expect("look").state
    }

    /// The step from what stands there now to what was saved.
    async fn order(&self, saved: &Captured<State>) -> StepOrder<State> {
        let live = self.look().await;
        let config = serde_json::json!({ "url": "${env:URL}", "tables": ["of_no_account"] });
        let config = serde_json::from_value(config).expect("a configuration");
        let pieces = Tables::steps(&config, saved.state.as_ref(), live.as_ref()).expect("steps");
        let effect = pieces.into_iter().next().expect("a step").effect;
        StepOrder {
            effect,
            saved: saved.state.clone(),
            data: saved.data.clone(),
            before: None,
            after: Seen::Absent,
        }
    }

    async fn try_back(&self, saved: &Captured<State>) -> Result<Effect, DriverError> {
        let order = self.order(saved).await;
        if saved.state.is_some() {
            self.session.stage(&self.context, &order).await?;
        }
        self.session.revert(&self.context, &order).await
    }

    /// Stages, shuts, puts back, opens, compares and releases.
    async fn back(&self, saved: &Captured<State>) {
        let order = self.order(saved).await;
        self.session.stage(&self.context, &order).await.expect("stage");
        self.session.quiesce(&self.context).await.expect("shut");
        let effect = self.session.revert(&self.context, &order).await.expect("put back");
        assert!(matches!(effect, Effect::Applied { .. }), "{effect:?}");
        self.session.reopen(&self.context, None).await.expect("open");
        self.is_as(saved).await;
        self.session.release(&self.context).await.expect("release");
        self.is_as(saved).await;
        let left = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE '\\_backout%'";
        assert_eq!(self.sql(left), "0", "schemas of ours are left");
    }

    async fn is_as(&self, saved: &Captured<State>) {
        let live = self.look().await.expect("tables");
        let saved = saved.state.as_ref().expect("saved tables");
        assert_eq!(live.schema, saved.schema);
        assert_eq!(live.rows, saved.rows);
        assert_eq!(live.sequences, saved.sequences);
        assert!(is_exactly(&live, saved));
    }

    /// The rows of a table, as text.
    fn rows(&self, table: &str) -> String {
        self.sql(&format!("SELECT coalesce(string_agg(t::text, ' ' ORDER BY t::text), '') FROM {table} AS t"))
    }

    /// Which relation bears a name.
    fn number(&self, table: &str) -> String {
        self.sql(&format!("SELECT {}::regclass::oid", literal(table)))
    }
}
