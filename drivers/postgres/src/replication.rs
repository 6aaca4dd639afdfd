//! `postgres.replication`: publications, subscriptions and slots of a running migration.
//!
//! What a look knows is their definitions and whether a subscription runs. How far slots and subscriptions have read is
//! no position: they move by themselves while nobody writes, and a rollback must not wait for them to hold still.

mod aside;
mod capture;
mod config;
mod diff;
mod progress;
mod ready;
mod release;
mod revert;
mod slots;
mod state;
mod statements;

use std::path::Path;

use async_trait::async_trait;
use backout_contract::{
    Captured, Context, Depth, Driver, DriverError, Effect, Exactness, KindPage, Piece, Session, StepOrder,
};
use backout_core::capability::{Capabilities, Quiescence};
use backout_core::checkpoint::DataPart;
use backout_core::delta::{Delta, Reversibility};
use backout_core::migration::Claim;
use backout_core::observation::Verdict;
use backout_core::order::Mode;
use serde_json::Value;

pub use config::ReplicationConfig;
pub(crate) use config::{safe, shown_url};
pub use state::ReplicationState;

use crate::door::Outside;
use crate::server::Address;

/// The kind `postgres.replication`.
pub struct Replication;

/// A database whose replication can be looked at. Nothing stays open between two calls.
pub struct ReplicationSession {
    config: ReplicationConfig,
    address: Address,
}

impl Driver for Replication {
    const KIND: &'static str = "postgres.replication";
    const STATE_VERSION: u16 = 1;
    type Config = ReplicationConfig;
    type State = ReplicationState;
    type Session = ReplicationSession;

    fn page() -> KindPage {
        KindPage {
            summary: "publications, subscriptions and slots of a running migration: stopped, resumed, put aside",
            page: include_str!("../README.md"),
        }
    }

    fn capabilities(_: &ReplicationConfig) -> Capabilities {
        Capabilities {
            mode: Mode::Switched,
            quiescence: Quiescence::Passive,
            holds_data: false,
            records_writes: false,
            marker: true,
            keeps_displaced: false,
            stages: false,
            compare_and_set: true,
            sees_exactly: true,
        }
    }

    fn target(config: &ReplicationConfig) -> String {
        config.shown()
    }

    fn claims(config: &ReplicationConfig, _: &Path) -> Vec<Claim> {
        config.claims()
    }

    fn check(config: &ReplicationConfig) -> Result<(), Vec<String>> {
        let mistakes = config.mistakes();
        if mistakes.is_empty() { Ok(()) } else { Err(mistakes) }
    }

    fn shape(state: &ReplicationState) -> Value {
        state.shape()
    }

    fn diff(saved: Option<&ReplicationState>, live: Option<&ReplicationState>) -> Delta {
        diff::diff(saved, live)
    }

    fn steps(
        _: &ReplicationConfig,
        saved: Option<&ReplicationState>,
        live: Option<&ReplicationState>,
    ) -> Result<Vec<Piece<ReplicationState>>, String> {
        diff::steps(saved, live)
    }

    fn reversibility(saved: Option<&ReplicationState>) -> Reversibility {
        diff::reversibility(saved)
    }

    async fn connect(
        config: ReplicationConfig,
        context: &Context,
    ) -> Result<ReplicationSession, DriverError> {
        let address = Address::resolve(&config.url, context)?;
        Ok(ReplicationSession { config, address })
    }
}

#[async_trait]
impl Session<Replication> for ReplicationSession {
    async fn capture(&self, _: &Context, _: Depth) -> Result<Captured<ReplicationState>, DriverError> {
        let mut link = crate::server::connect(&self.address).await?;
        let (identity, state) = capture::capture(&mut link, &self.address, &self.config).await?;
        Ok(Captured { state: state.or_none(), identity: Some(identity), data: Vec::new() })
    }

    async fn revert(
        &self,
        context: &Context,
        step: &StepOrder<ReplicationState>,
    ) -> Result<Effect, DriverError> {
        revert::revert(&self.address, &self.config, context, step).await
    }

    async fn ready(
        &self,
        _: &Context,
        saved: Option<&ReplicationState>,
        _: &[DataPart],
    ) -> Result<Vec<String>, DriverError> {
        ready::ready(&self.address, &self.config, saved).await
    }

    async fn examine(&self, _: &Context, _: Exactness) -> Result<(Verdict, Vec<String>), DriverError> {
        let found = progress::progress(&self.address, &self.config).await?;
        Ok((Verdict::Restored, found.iter().map(progress::Progress::told).collect()))
    }

    async fn advice(&self, _: &Context) -> Result<Vec<String>, DriverError> {
        let found = progress::progress(&self.address, &self.config).await?;
        Ok(found.iter().filter(|one| one.lags()).map(progress::Progress::told).collect())
    }

    async fn read_marker(&self, _: &Context) -> Result<Option<Value>, DriverError> {
        let outside =
            Outside { link: crate::server::connect(&self.address).await?, address: self.address.clone() };
        let found = outside.find(&self.address.database).await?;
        Ok(found.and_then(|found| found.note.others.get(Replication::KIND).cloned()))
    }

    async fn write_marker(&self, _: &Context, marker: Option<&Value>) -> Result<(), DriverError> {
        // A note can be written from within as well.
        let link = crate::server::connect(&self.address).await?;
        let mut outside = Outside { link, address: self.address.clone() };
        let marker = marker.cloned();
        outside
            .annotate(&self.address.database, |note| {
                match marker {
                    Some(marker) => note.others.insert(Replication::KIND.to_owned(), marker),
                    None => note.others.remove(Replication::KIND),
                };
            })
            .await?;
        Ok(())
    }

    async fn displaced(&self, _: &Context) -> Result<Vec<String>, DriverError> {
        release::displaced(&self.address, &self.config).await
    }

    async fn release(&self, _: &Context) -> Result<(), DriverError> {
        release::release(&self.address, &self.config).await
    }
}
