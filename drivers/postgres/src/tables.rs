//! `postgres.tables`: named tables or whole schemas in a database that is shared with others.

mod bar;
mod capture;
mod config;
mod copy;
mod definition;
mod displaced;
mod judge;
mod lock;
mod marker;
mod name;
mod ours;
mod part;
mod ready;
mod recording;
mod revert;
mod seen;
mod side;
mod stage;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use backout_contract::{
    Captured, Context, Depth, Door, Driver, DriverError, Effect, Exactness, KindPage, Piece, RecoverOrder,
    Sealed, Session, Sighting, StepOrder, compare,
};
use backout_core::capability::{Capabilities, Quiescence};
use backout_core::checkpoint::DataPart;
use backout_core::delta::Delta;
use backout_core::migration::Claim;
use backout_core::observation::Verdict;
use backout_core::order::Mode;
use backout_core::plan::DataPrice;
use backout_core::writes::{Counted, Coverage, Occasion, Recovered, SealedWrites};
use serde_json::{Value, json};

pub use config::TablesConfig;

use crate::dump;
use crate::server::Pace;
use crate::state::State;
use part::Part;

/// The kind `postgres.tables`.
pub struct Tables;

/// Tables that can be looked at. Nothing stays open between two calls.
pub struct TablesSession {
    part: Part,
}

impl Driver for Tables {
    const KIND: &'static str = "postgres.tables";
    const STATE_VERSION: u16 = 1;
    type Config = TablesConfig;
    type State = State;
    type Session = TablesSession;

    fn page() -> KindPage {
        KindPage {
            summary: "tables or schemas of a PostgreSQL database shared with others, put back in place",
            page: include_str!("../README.md"),
        }
    }

    fn capabilities(_: &TablesConfig) -> Capabilities {
        Capabilities {
            mode: Mode::InPlace,
            quiescence: Quiescence::Door { opening_restarts: true },
            holds_data: true,
            records_writes: true,
            marker: true,
            keeps_displaced: true,
            stages: true,
            compare_and_set: true,
            sees_exactly: true,
        }
    }

    fn target(config: &TablesConfig) -> String {
        config.shown()
    }

    fn claims(config: &TablesConfig, root: &Path) -> Vec<Claim> {
        config.claims(root)
    }

    fn check(config: &TablesConfig) -> Result<(), Vec<String>> {
        let mistakes = config.mistakes();
        if mistakes.is_empty() { Ok(()) } else { Err(mistakes) }
    }

    fn shape(state: &State) -> Value {
        crate::state::shape(state)
    }

    fn position(state: &State) -> Option<Value> {
        Some(crate::state::position(state))
    }

    fn diff(saved: Option<&State>, live: Option<&State>) -> Delta {
        crate::state::diff(saved, live)
    }

    fn steps(
        config: &TablesConfig,
        saved: Option<&State>,
        live: Option<&State>,
    ) -> Result<Vec<Piece<State>>, String> {
        let title = match saved {
            Some(_) => format!("put {} back as saved", config.shown()),
            None => format!("move {} aside, for none was there", config.shown()),
        };
        let effect = json!({ "shape": live.map(|live| judge::shape_of(&live.schema)) });
        Ok(vec![Piece { title, effect, leaves: None }])
    }

    fn price(saved: &State, live: Option<&State>) -> Option<DataPrice> {
        Some(crate::state::price(saved, live))
    }

    async fn connect(config: TablesConfig, context: &Context) -> Result<TablesSession, DriverError> {
        let part = Part::of(&config, context)?;
        // Whoever is not there is found out at once, not in the middle.
        drop(part.connect().await?);
        Ok(TablesSession { part })
    }
}

#[async_trait]
impl Session<Tables> for TablesSession {
    async fn capture(&self, context: &Context, depth: Depth) -> Result<Captured<State>, DriverError> {
        capture::capture(&self.part, context, depth).await
    }

    async fn stage(&self, context: &Context, step: &StepOrder<State>) -> Result<Effect, DriverError> {
        stage::stage(&self.part, context, step.saved.as_ref(), &step.data).await
    }

    async fn revert(&self, context: &Context, step: &StepOrder<State>) -> Result<Effect, DriverError> {
        revert::revert(&self.part, context, step).await
    }

    async fn sight(
        &self,
        context: &Context,
        step: &StepOrder<State>,
    ) -> Result<Option<Sighting>, DriverError> {
        revert::sight(&self.part, context, step).await
    }

    async fn examine(
        &self,
        context: &Context,
        exactness: Exactness,
    ) -> Result<(Verdict, Vec<String>), DriverError> {
        capture::examine(&self.part, exactness, &Pace::of(context)).await
    }

    async fn ready(
        &self,
        context: &Context,
        saved: Option<&State>,
        data: &[DataPart],
    ) -> Result<Vec<String>, DriverError> {
        ready::ready(&self.part, context, saved, data).await
    }

    async fn advice(&self, _: &Context) -> Result<Vec<String>, DriverError> {
        let link = self.part.connect().await?;
        Ok(dump::restoring_as_superuser(&link).await?.into_iter().collect())
    }

    async fn door(&self, _: &Context) -> Result<Door, DriverError> {
        bar::door(&self.part).await
    }

    async fn quiesce(&self, context: &Context) -> Result<Effect, DriverError> {
        bar::shut(&self.part, &Pace::of(context)).await
    }

    async fn restart(&self, _: &Context, _: i64) -> Result<Effect, DriverError> {
        Ok(Effect::AlreadyThere)
    }

    async fn reopen(&self, context: &Context, _: Option<&State>) -> Result<Effect, DriverError> {
        bar::open(&self.part, &Pace::of(context)).await
    }

    async fn arm(&self, context: &Context, occasion: Occasion) -> Result<Coverage, DriverError> {
        recording::arm(&self.part, context, occasion).await
    }

    async fn disarm(&self, context: &Context) -> Result<(), DriverError> {
        recording::disarm(&self.part, context).await
    }

    async fn coverage(&self, context: &Context) -> Result<Option<Coverage>, DriverError> {
        recording::coverage(&self.part, context).await
    }

    async fn count(
        &self,
        context: &Context,
        target: &State,
        earlier: &[SealedWrites],
    ) -> Result<Option<Counted>, DriverError> {
        recording::count(&self.part, context, target, earlier).await
    }

    async fn seal(
        &self,
        context: &Context,
        target: &State,
        earlier: &[SealedWrites],
    ) -> Result<Option<Sealed>, DriverError> {
        recording::seal(&self.part, context, target, earlier).await
    }

    async fn recover(&self, context: &Context, order: &RecoverOrder) -> Result<Recovered, DriverError> {
        recording::recover(&self.part, context, order).await
    }

    async fn capture_displaced(&self, context: &Context) -> Result<Option<Captured<State>>, DriverError> {
        displaced::capture(&self.part, context).await
    }

    async fn side(
        &self,
        context: &Context,
        which: compare::Which,
        limits: &compare::Limits,
    ) -> Result<Option<Arc<dyn compare::Side>>, DriverError> {
        side::side(&self.part, context, which, limits).await
    }

    async fn read_marker(&self, _: &Context) -> Result<Option<Value>, DriverError> {
        marker::read(&self.part).await
    }

    async fn write_marker(&self, _: &Context, marker: Option<&Value>) -> Result<(), DriverError> {
        marker::write(&self.part, marker).await
    }

    async fn displaced(&self, _: &Context) -> Result<Vec<String>, DriverError> {
        displaced::list(&self.part).await
    }

    async fn release(&self, context: &Context) -> Result<(), DriverError> {
        displaced::release(&self.part, context).await
    }
}
