//! `sqlite.database`: one database file with what SQLite keeps beside it.

mod capture;
mod compare;
mod config;
mod copy;
mod diff;
mod examine;
mod judge;
mod open;
mod place;
mod read;
mod ready;
mod recorder;
mod recover;
mod revert;
mod rows;
mod sound;
mod state;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use backout_contract::compare::{Limits, Side, Which};
use backout_contract::{
    Captured, Context, Depth, Driver, DriverError, Effect, Exactness, KindPage, Piece, RecoverOrder, Session,
    Sighting, StepOrder,
};
use backout_core::capability::{Capabilities, Quiescence};
use backout_core::checkpoint::DataPart;
use backout_core::delta::Delta;
use backout_core::migration::Claim;
use backout_core::observation::Verdict;
use backout_core::order::Mode;
use backout_core::plan::DataPrice;
use backout_core::writes::{Counted, Coverage, Occasion, Recovered, SealedWrites};
use backout_kit::marker;
use serde_json::{Value, json};

pub use compare::Files;
pub use config::Config;
pub use state::State;

use diff::safe;

use crate::fault::of_file;
use crate::pace::{Pace, blocking};
use place::Place;

/// The kind `sqlite.database`.
pub struct Database;

/// A database that can be looked at. Nothing stays open between two calls.
pub struct DatabaseSession {
    config: Config,
}

impl Driver for Database {
    const KIND: &'static str = "sqlite.database";
    const STATE_VERSION: u16 = 2;
    type Config = Config;
    type State = State;
    type Session = DatabaseSession;

    fn page() -> KindPage {
        KindPage {
            summary: "a SQLite database, put back under its readers and writers",
            page: include_str!("../../README.md"),
        }
    }

    fn capabilities(_: &Config) -> Capabilities {
        Capabilities {
            mode: Mode::InPlace,
            quiescence: Quiescence::Passive,
            holds_data: true,
            records_writes: true,
            marker: true,
            keeps_displaced: true,
            stages: false,
            compare_and_set: true,
            sees_exactly: true,
        }
    }

    fn target(config: &Config) -> String {
        config.shown()
    }

    fn claims(config: &Config, root: &Path) -> Vec<Claim> {
        config.claims(root)
    }

    fn check(config: &Config) -> Result<(), Vec<String>> {
        let mistakes = config.mistakes();
        if mistakes.is_empty() { Ok(()) } else { Err(mistakes) }
    }

    fn shape(state: &State) -> Value {
        state.shape().to_value()
    }

    fn position(state: &State) -> Option<Value> {
        Some(state.position())
    }

    fn diff(saved: Option<&State>, live: Option<&State>) -> Delta {
        diff::diff(saved, live)
    }

    fn steps(
        config: &Config,
        saved: Option<&State>,
        live: Option<&State>,
    ) -> Result<Vec<Piece<State>>, String> {
        let title = match saved {
            Some(_) => format!("put {} back as saved", config.shown()),
            None => format!("move {} aside, for none was there", config.shown()),
        };
        let effect = json!({ "shape": live.map(|live| live.shape().digest()) });
        Ok(vec![Piece { title, effect, leaves: None }])
    }

    fn price(saved: &State, live: Option<&State>) -> Option<DataPrice> {
        Some(diff::price(saved, live))
    }

    async fn connect(config: Config, context: &Context) -> Result<DatabaseSession, DriverError> {
        Place::of(&config, context)?;
        Ok(DatabaseSession { config })
    }
}

impl DatabaseSession {
    fn place(&self, context: &Context) -> Result<Place, DriverError> {
        Place::of(&self.config, context)
    }
}

#[async_trait]
impl Session<Database> for DatabaseSession {
    async fn capture(&self, context: &Context, depth: Depth) -> Result<Captured<State>, DriverError> {
        capture::capture(self.place(context)?, context, depth).await
    }

    async fn revert(&self, context: &Context, step: &StepOrder<State>) -> Result<Effect, DriverError> {
        revert::revert(self.place(context)?, &self.config, context, step).await
    }

    async fn sight(
        &self,
        context: &Context,
        step: &StepOrder<State>,
    ) -> Result<Option<Sighting>, DriverError> {
        revert::sight(self.place(context)?, context, step).await
    }

    async fn examine(
        &self,
        context: &Context,
        exactness: Exactness,
    ) -> Result<(Verdict, Vec<String>), DriverError> {
        let (place, pace) = (self.place(context)?, Pace::of(context));
        blocking(move || examine::examine(&place, exactness, &pace)).await
    }

    async fn ready(
        &self,
        context: &Context,
        saved: Option<&State>,
        data: &[DataPart],
    ) -> Result<Vec<String>, DriverError> {
        ready::ready(&self.place(context)?, saved, data)
    }

    async fn arm(&self, context: &Context, occasion: Occasion) -> Result<Coverage, DriverError> {
        let (place, config, pace) = (self.place(context)?, self.config.clone(), Pace::of(context));
        blocking(move || recorder::install::arm(&place, &config, occasion, &pace)).await
    }

    async fn disarm(&self, context: &Context) -> Result<(), DriverError> {
        let place = self.place(context)?;
        blocking(move || recorder::install::disarm(&place)).await
    }

    async fn coverage(&self, context: &Context) -> Result<Option<Coverage>, DriverError> {
        let (place, config) = (self.place(context)?, self.config.clone());
        blocking(move || recorder::coverage(&place, &config)).await
    }

    /// The recorder travels with the data, so that the live one knows what runs had sealed, too.
    async fn count(
        &self,
        context: &Context,
        target: &State,
        _: &[SealedWrites],
    ) -> Result<Option<Counted>, DriverError> {
        let (place, config, pace) = (self.place(context)?, self.config.clone(), Pace::of(context));
        let target = target.clone();
        blocking(move || recorder::count(&place, &config, &target, &pace)).await
    }

    async fn rehearse(
        &self,
        context: &Context,
        saved: &State,
        data: &[DataPart],
    ) -> Result<Option<State>, DriverError> {
        capture::rehearse(self.place(context)?, context, saved, data).await
    }

    async fn recover(&self, context: &Context, order: &RecoverOrder) -> Result<Recovered, DriverError> {
        recover::recover(self.place(context)?, context, &self.config.merge, order).await
    }

    async fn capture_displaced(&self, context: &Context) -> Result<Option<Captured<State>>, DriverError> {
        capture::displaced(self.place(context)?, context).await
    }

    async fn side(
        &self,
        context: &Context,
        which: Which,
        limits: &Limits,
    ) -> Result<Option<Arc<dyn Side>>, DriverError> {
        compare::of_component(self.place(context)?, context, which, limits).await
    }

    async fn saved_side(
        &self,
        context: &Context,
        _: &State,
        data: &[DataPart],
        limits: &Limits,
    ) -> Result<Option<Arc<dyn Side>>, DriverError> {
        compare::of_saved(self.place(context)?, context, data, limits).await
    }

    async fn read_marker(&self, context: &Context) -> Result<Option<Value>, DriverError> {
        marker::read(&self.place(context)?.live).map_err(of_file)
    }

    async fn write_marker(&self, context: &Context, marker: Option<&Value>) -> Result<(), DriverError> {
        let live = self.place(context)?.live;
        match marker {
            Some(marker) => marker::write(&live, marker).map_err(of_file),
            None => marker::remove(&live).map_err(of_file),
        }
    }

    async fn displaced(&self, context: &Context) -> Result<Vec<String>, DriverError> {
        revert::displaced(&self.place(context)?)
    }

    async fn release(&self, context: &Context) -> Result<(), DriverError> {
        revert::release(&self.place(context)?)
    }
}
