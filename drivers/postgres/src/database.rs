//! `postgres.database`: a whole database, put back in place by an exchange of names.

mod capture;
mod config;
mod glance;
mod judge;
mod ready;
mod recording;
mod revert;
mod side;
mod site;
mod stage;
mod template;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use backout_contract::{
    Captured, Context, Depth, Door, Driver, DriverError, Effect, Exactness, Glance, KindPage, Piece,
    RecoverOrder, Sealed, Session, Sighting, StepOrder, compare,
};
use backout_core::capability::{Capabilities, Quiescence};
use backout_core::checkpoint::DataPart;
use backout_core::delta::{Delta, Reversibility};
use backout_core::digest::Digest;
use backout_core::migration::Claim;
use backout_core::observation::Verdict;
use backout_core::order::Mode;
use backout_core::plan::DataPrice;
use backout_core::writes::{Counted, Coverage, Occasion, Recovered, SealedWrites};
use serde_json::{Value, json};

pub use config::Config;

use crate::door;
use crate::dump;
use crate::state::State;
use judge::Origin;
use site::Site;

/// The kind `postgres.database`.
pub struct Database;

/// A database that can be looked at. Nothing stays open between two calls.
pub struct DatabaseSession {
    config: Config,
}

impl Driver for Database {
    const KIND: &'static str = "postgres.database";
    const STATE_VERSION: u16 = 1;
    type Config = Config;
    type State = State;
    type Session = DatabaseSession;

    fn page() -> KindPage {
        KindPage {
            summary: "a PostgreSQL database, put together beside the live one and exchanged with it",
            page: include_str!("../README.md"),
        }
    }

    fn capabilities(_: &Config) -> Capabilities {
        Capabilities {
            mode: Mode::InPlace,
            // Whoever comes in afterwards has a new session: nobody goes on with what an old one remembers.
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

    fn target(config: &Config) -> String {
        config.shown()
    }

    fn claims(config: &Config, _: &Path) -> Vec<Claim> {
        config.claims()
    }

    fn check(config: &Config) -> Result<(), Vec<String>> {
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
        config: &Config,
        saved: Option<&State>,
        live: Option<&State>,
    ) -> Result<Vec<Piece<State>>, String> {
        let title = match saved {
            Some(_) => format!("put {} back as saved", config.shown()),
            None => format!("put {} away, for none was there", config.shown()),
        };
        let effect = json!(Origin::of(live));
        Ok(vec![Piece { title, effect, leaves: None }])
    }

    fn reversibility(saved: Option<&State>) -> Reversibility {
        let _ = saved;
        Reversibility::Fully
    }

    fn price(saved: &State, live: Option<&State>) -> Option<DataPrice> {
        Some(crate::state::price(saved, live))
    }

    async fn connect(config: Config, context: &Context) -> Result<DatabaseSession, DriverError> {
        Site::of(&config, context)?;
        Ok(DatabaseSession { config })
    }
}

impl DatabaseSession {
    fn site<'a>(&'a self, context: &'a Context) -> Result<Site<'a>, DriverError> {
        Site::of(&self.config, context)
    }
}

#[async_trait]
impl Session<Database> for DatabaseSession {
    async fn capture(&self, context: &Context, depth: Depth) -> Result<Captured<State>, DriverError> {
        capture::capture(&self.site(context)?, depth).await
    }

    async fn glance(&self, context: &Context, saved: Option<&State>) -> Result<Glance<State>, DriverError> {
        glance::glance(&self.site(context)?, saved).await
    }

    async fn stage(&self, context: &Context, step: &StepOrder<State>) -> Result<Effect, DriverError> {
        stage::stage(&self.site(context)?, step).await
    }

    async fn revert(&self, context: &Context, step: &StepOrder<State>) -> Result<Effect, DriverError> {
        revert::revert(&self.site(context)?, step).await
    }

    async fn sight(
        &self,
        context: &Context,
        step: &StepOrder<State>,
    ) -> Result<Option<Sighting>, DriverError> {
        revert::sight(&self.site(context)?, step).await
    }

    async fn examine(
        &self,
        context: &Context,
        exactness: Exactness,
    ) -> Result<(Verdict, Vec<String>), DriverError> {
        capture::examine(&self.site(context)?, exactness).await
    }

    async fn ready(
        &self,
        context: &Context,
        saved: Option<&State>,
        data: &[DataPart],
    ) -> Result<Vec<String>, DriverError> {
        ready::ready(&self.site(context)?, saved, data).await
    }

    async fn advice(&self, context: &Context) -> Result<Vec<String>, DriverError> {
        let outside = self.site(context)?.outside().await?;
        let superuser = dump::restoring_as_superuser(&outside.link).await?;
        let no_backup = (self.config.restore_point == config::RestorePoint::Template).then(|| {
            "its restore point is a copy on the same server, no backup: it dies with the server; `restore-point: both` \
             saves a dump too"
                .to_owned()
        });
        Ok(superuser.into_iter().chain(no_backup).collect())
    }

    async fn door(&self, context: &Context) -> Result<Door, DriverError> {
        let site = self.site(context)?;
        door::whereabouts(&site.outside().await?, site.live()).await
    }

    async fn quiesce(&self, context: &Context) -> Result<Effect, DriverError> {
        let site = self.site(context)?;
        door::shut(&mut site.outside().await?, site.live(), &self.config.closing(), &site.pace).await
    }

    /// Whoever is inside a database is a session, and every session began after the door was opened.
    async fn restart(&self, _: &Context, _: i64) -> Result<Effect, DriverError> {
        Ok(Effect::AlreadyThere)
    }

    async fn reopen(&self, context: &Context, _: Option<&State>) -> Result<Effect, DriverError> {
        let site = self.site(context)?;
        door::reopen(&mut site.outside().await?, site.live()).await
    }

    async fn arm(&self, context: &Context, occasion: Occasion) -> Result<Coverage, DriverError> {
        recording::arm(&self.site(context)?, occasion).await
    }

    async fn disarm(&self, context: &Context) -> Result<(), DriverError> {
        recording::disarm(&self.site(context)?).await
    }

    async fn coverage(&self, context: &Context) -> Result<Option<Coverage>, DriverError> {
        recording::coverage(&self.site(context)?).await
    }

    async fn count(
        &self,
        context: &Context,
        target: &State,
        earlier: &[SealedWrites],
    ) -> Result<Option<Counted>, DriverError> {
        recording::count(&self.site(context)?, target, earlier).await
    }

    async fn seal(
        &self,
        context: &Context,
        target: &State,
        earlier: &[SealedWrites],
    ) -> Result<Option<Sealed>, DriverError> {
        recording::seal(&self.site(context)?, target, earlier).await
    }

    async fn rehearse(
        &self,
        context: &Context,
        saved: &State,
        data: &[DataPart],
    ) -> Result<Option<State>, DriverError> {
        stage::rehearse(&self.site(context)?, saved, data).await.map(Some)
    }

    async fn recover(&self, context: &Context, order: &RecoverOrder) -> Result<Recovered, DriverError> {
        recording::recover(&self.site(context)?, order).await
    }

    async fn capture_displaced(&self, context: &Context) -> Result<Option<Captured<State>>, DriverError> {
        capture::displaced(&self.site(context)?).await
    }

    async fn side(
        &self,
        context: &Context,
        which: compare::Which,
        limits: &compare::Limits,
    ) -> Result<Option<Arc<dyn compare::Side>>, DriverError> {
        side::side(&self.site(context)?, which, limits).await
    }

    async fn read_marker(&self, context: &Context) -> Result<Option<Value>, DriverError> {
        let site = self.site(context)?;
        let found = site.outside().await?.find(site.live()).await?;
        Ok(found.and_then(|found| found.note.marker))
    }

    /// What is not there bears no marker: it gets one when it is put back and claimed again.
    async fn write_marker(&self, context: &Context, marker: Option<&Value>) -> Result<(), DriverError> {
        let site = self.site(context)?;
        let marker = marker.cloned();
        site.outside().await?.annotate(site.live(), |note| note.marker = marker).await.map(|_| ())
    }

    async fn displaced(&self, context: &Context) -> Result<Vec<String>, DriverError> {
        revert::displaced(&self.site(context)?).await
    }

    async fn release(&self, context: &Context) -> Result<(), DriverError> {
        revert::release(&self.site(context)?).await
    }
}

/// The digest of a state's shape, as it stands in a plan.
fn shape_digest(state: &State) -> Digest {
    Digest::of_value("postgres-shape", &crate::state::shape(state))
}
