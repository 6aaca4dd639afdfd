//! `postgres.endpoint`: the side that writers are let in on, where the old server lives on.

mod capture;
mod config;
mod diff;
mod doors;
mod gone;
mod price;
mod ready;
mod recording;
mod reverse;
mod revert;
mod sequences;
mod side;
mod site;
mod state;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use backout_contract::{
    Captured, Context, Depth, Door, Driver, DriverError, Effect, Exactness, KindPage, Piece, RecoverOrder,
    Sealed, Session, StepOrder, compare,
};
use backout_core::capability::{Capabilities, Quiescence};
use backout_core::checkpoint::DataPart;
use backout_core::delta::Delta;
use backout_core::migration::Claim;
use backout_core::observation::Verdict;
use backout_core::order::Mode;
use backout_core::plan::DataPrice;
use backout_core::writes::{Counted, Coverage, Occasion, Recovered, SealedWrites};
use serde_json::Value;

pub use config::EndpointConfig;
pub use state::EndpointState;

use site::{Bears, Site};
use state::Which;

/// The kind `postgres.endpoint`.
pub struct Endpoint;

/// Both sides. Nothing stays open between two calls.
pub struct EndpointSession {
    config: EndpointConfig,
}

impl Driver for Endpoint {
    const KIND: &'static str = "postgres.endpoint";
    const STATE_VERSION: u16 = 1;
    type Config = EndpointConfig;
    type State = EndpointState;
    type Session = EndpointSession;

    fn page() -> KindPage {
        KindPage {
            summary: "the side that writers are let in on, where the old server lives on",
            page: include_str!("../README.md"),
        }
    }

    fn capabilities(_: &EndpointConfig) -> Capabilities {
        Capabilities {
            mode: Mode::Switched,
            quiescence: Quiescence::Door { opening_restarts: true },
            holds_data: true,
            records_writes: true,
            marker: true,
            keeps_displaced: false,
            stages: false,
            compare_and_set: true,
            sees_exactly: true,
        }
    }

    fn target(config: &EndpointConfig) -> String {
        config.shown()
    }

    fn claims(config: &EndpointConfig, _: &Path) -> Vec<Claim> {
        config.claims()
    }

    fn check(config: &EndpointConfig) -> Result<(), Vec<String>> {
        let mistakes = config.mistakes();
        if mistakes.is_empty() { Ok(()) } else { Err(mistakes) }
    }

    fn shape(state: &EndpointState) -> Value {
        state.shape()
    }

    fn position(state: &EndpointState) -> Option<Value> {
        Some(state.position())
    }

    fn diff(saved: Option<&EndpointState>, live: Option<&EndpointState>) -> Delta {
        diff::diff(saved, live)
    }

    fn steps(
        _: &EndpointConfig,
        saved: Option<&EndpointState>,
        live: Option<&EndpointState>,
    ) -> Result<Vec<Piece<EndpointState>>, String> {
        diff::steps(saved, live)
    }

    fn price(saved: &EndpointState, live: Option<&EndpointState>) -> Option<DataPrice> {
        Some(price::price(saved, live))
    }

    async fn connect(config: EndpointConfig, _: &Context) -> Result<EndpointSession, DriverError> {
        Ok(EndpointSession { config })
    }
}

#[async_trait]
impl Session<Endpoint> for EndpointSession {
    async fn capture(&self, context: &Context, _: Depth) -> Result<Captured<EndpointState>, DriverError> {
        let state = capture::capture(&self.config, context).await?;
        let identity = capture::identity(&self.config, context, &state)?;
        Ok(Captured { state: Some(state), identity: Some(identity), data: Vec::new() })
    }

    async fn revert(
        &self,
        context: &Context,
        step: &StepOrder<EndpointState>,
    ) -> Result<Effect, DriverError> {
        revert::revert(&self.config, context, step).await
    }

    async fn examine(
        &self,
        context: &Context,
        exactness: Exactness,
    ) -> Result<(Verdict, Vec<String>), DriverError> {
        let mut open = Vec::new();
        for which in [Which::Old, Which::New] {
            if Site::connect(&self.config, which, context).await?.is_open(&self.config).await? {
                open.push(which.word());
            }
        }
        let looked = match open.as_slice() {
            [] => "neither side lets writers in".to_owned(),
            [one] => format!("the {one} side lets writers in, and the other does not"),
            _ => "both sides let writers in".to_owned(),
        };
        let verdict = if open.len() > 1 && exactness == Exactness::Data {
            Verdict::Differs { what: looked.clone() }
        } else {
            Verdict::Restored
        };
        Ok((verdict, vec![looked]))
    }

    async fn ready(
        &self,
        context: &Context,
        saved: Option<&EndpointState>,
        _: &[DataPart],
    ) -> Result<Vec<String>, DriverError> {
        ready::ready(&self.config, context, saved).await
    }

    async fn door(&self, context: &Context) -> Result<Door, DriverError> {
        doors::whereabouts(&self.config, context).await
    }

    async fn quiesce(&self, context: &Context) -> Result<Effect, DriverError> {
        doors::quiesce(&self.config, context).await
    }

    async fn reopen(&self, context: &Context, _: Option<&EndpointState>) -> Result<Effect, DriverError> {
        let live = capture::outside(&self.config, context).await?;
        doors::reopen(&self.config, context, &live).await
    }

    async fn arm(&self, context: &Context, occasion: Occasion) -> Result<Coverage, DriverError> {
        recording::arm(&self.config, context, occasion).await
    }

    async fn disarm(&self, context: &Context) -> Result<(), DriverError> {
        recording::disarm(&self.config, context).await
    }

    async fn coverage(&self, context: &Context) -> Result<Option<Coverage>, DriverError> {
        recording::coverage(&self.config, context).await
    }

    /// The new side lives on, and its recorder with it, so that it knows what runs had sealed, too.
    async fn count(
        &self,
        context: &Context,
        target: &EndpointState,
        _: &[SealedWrites],
    ) -> Result<Option<Counted>, DriverError> {
        let live = capture::outside(&self.config, context).await?;
        recording::count(&self.config, context, target, &live).await
    }

    async fn seal(
        &self,
        context: &Context,
        target: &EndpointState,
        _: &[SealedWrites],
    ) -> Result<Option<Sealed>, DriverError> {
        let live = capture::outside(&self.config, context).await?;
        recording::seal(&self.config, context, target, &live).await
    }

    async fn recover(&self, context: &Context, order: &RecoverOrder) -> Result<Recovered, DriverError> {
        recording::recover(&self.config, context, order).await
    }

    async fn side(
        &self,
        context: &Context,
        which: compare::Which,
        limits: &compare::Limits,
    ) -> Result<Option<Arc<dyn compare::Side>>, DriverError> {
        side::side(&self.config, context, which, limits).await
    }

    async fn read_marker(&self, context: &Context) -> Result<Option<Value>, DriverError> {
        let site = Site::connect(&self.config, Which::Old, context).await?;
        Ok(Bears::of(&site.entry().await?.note).marker)
    }

    async fn write_marker(&self, context: &Context, marker: Option<&Value>) -> Result<(), DriverError> {
        let mut site = Site::connect(&self.config, Which::Old, context).await?;
        let name = site.name().to_owned();
        let marker = marker.cloned();
        site.outside
            .annotate(&name, |note| {
                let bears = Bears { marker, ..Bears::of(note) };
                bears.put(note);
            })
            .await?;
        Ok(())
    }
}
