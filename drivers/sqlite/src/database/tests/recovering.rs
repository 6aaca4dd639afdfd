//! What users wrote is taken over to the put-back database, each write once.

mod eight;
mod many;
mod once;
mod random;
mod same;

use std::path::PathBuf;

use backout_contract::{Captured, DriverError, Effect, RecoverOrder, Session};
use backout_core::name::RunId;
use backout_core::writes::{Occasion, Recovered, Way, Winner};
use rusqlite::Connection;
use serde_json::Value;

use super::world::World;
use crate::database::State;

impl World {
    /// Puts back what was kept.
    pub(super) async fn put_back(&self, kept: &Captured<State>) {
        let plan = self.plan(kept).await;
        let effect = self.revert(&plan).await.unwrap();
        assert!(matches!(effect, Effect::Applied { .. }), "{effect:?}");
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.root.join("people")
    }

    pub(super) fn order(&self, way: Way, runs: &[&str], winner: Option<Winner>) -> RecoverOrder {
        let from = runs.iter().map(|run| RunId::new(run).unwrap()).collect();
        RecoverOrder { way, from, sealed: Vec::new(), folder: self.folder(), most_lost: None, winner }
    }

    pub(super) async fn recover(&self, order: &RecoverOrder) -> Result<Recovered, DriverError> {
        self.session().await.recover(&self.context(), order).await
    }

    /// Takes everything over that the first run displaced.
    pub(super) async fn merge(&self) -> Recovered {
        self.recover(&self.order(Way::Merge, &["r1"], None)).await.unwrap()
    }

    /// Makes a database, puts recorders in and keeps it.
    pub(super) async fn begin(schema: &str) -> (Self, Captured<State>) {
        let world = Self::new();
        world.run(&format!("PRAGMA journal_mode = wal; {schema}"));
        world.arm(Occasion::Arm).await.unwrap();
        let kept = world.keep().await;
        (world, kept)
    }

    /// Every row that a query finds, with bars between the values.
    pub(super) fn rows(&self, query: &str) -> Vec<String> {
        rows(&self.open(), query)
    }

    /// The lines of a file for people.
    pub(super) fn lines(&self, file: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder().join(file)).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

pub(super) fn rows(connection: &Connection, query: &str) -> Vec<String> {
    let mut statement = connection.prepare(query).unwrap();
    let width = statement.column_count();
    let line = |row: &rusqlite::Row<'_>| {
        let cells = (0..width).map(|at| match row.get_ref(at)? {
            rusqlite::types::ValueRef::Null => Ok("-".to_owned()),
            rusqlite::types::ValueRef::Integer(number) => Ok(number.to_string()),
            rusqlite::types::ValueRef::Real(number) => Ok(format!("{number:?}")),
            rusqlite::types::ValueRef::Text(text) => Ok(String::from_utf8_lossy(text).into_owned()),
            rusqlite::types::ValueRef::Blob(bytes) => Ok(format!("{bytes:?}")),
        });
        Ok(cells.collect::<rusqlite::Result<Vec<_>>>()?.join("|"))
    };
    statement.query_map([], line).unwrap().map(Result::unwrap).collect()
}

/// Conflicts in a few words.
pub(super) fn conflicts(recovered: &Recovered) -> Vec<String> {
    let words = recovered.conflicts.iter().map(|conflict| {
        format!(
            "{} {} {:?} {:?} {:?}",
            conflict.table, conflict.key, conflict.columns, conflict.cause, conflict.winner
        )
    });
    words.collect()
}
