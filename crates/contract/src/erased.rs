//! The object-safe twins of the typed traits, and the bridge between them.
//!
//! States cross the bridge as JSON values. Every crossing is checked: a state that a driver cannot read back is an
//! error of its own, named, and never a panic.

use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use backout_core::capability::Capabilities;
use backout_core::delta::{Delta, Reversibility};
use backout_core::diagnostic::{Code, Diagnostic};
use backout_core::digest::FingerprintKey;
use backout_core::migration::{Claim, Source, Tree, decode};
use backout_core::name::KindName;
use backout_core::observation::Fingerprint;
use backout_core::plan::DataPrice;
use serde_json::Value;

use crate::context::Context;
use crate::driver::{Driver, KindPage, Piece};
use crate::error::{DriverError, ErrorKind};

mod session;

pub use session::SessionDyn;

use session::Connected;

/// A configuration that its types accept and that cannot work.
pub const BAD_CONFIG: Code = Code("BK0601");

/// A kind as the engine holds it.
pub trait DriverDyn: Send + Sync {
    /// What the migration file calls it.
    fn kind(&self) -> &'static str;
    /// Version of the state format.
    fn state_version(&self) -> u16;
    /// What it is, for people.
    fn page(&self) -> KindPage;
    /// The schema of its keys.
    fn schema(&self) -> Value;
    /// Reads a component's keys.
    ///
    /// # Errors
    /// Where and why they cannot be read.
    fn configure(&self, tree: &Tree, source: &Source) -> Result<Arc<dyn ConfiguredDyn>, Vec<Diagnostic>>;
}

/// A kind with a component's keys.
#[async_trait]
pub trait ConfiguredDyn: Send + Sync {
    /// See [`Driver::capabilities`].
    fn capabilities(&self) -> Capabilities;
    /// See [`Driver::target`].
    fn target(&self) -> String;
    /// See [`Driver::claims`].
    fn claims(&self, root: &Path) -> Vec<Claim>;
    /// Version of the state format.
    fn state_version(&self) -> u16;
    /// The fingerprint of a state.
    ///
    /// # Errors
    /// When the driver cannot read the state.
    fn fingerprint(
        &self,
        key: &FingerprintKey,
        kind: &KindName,
        state: &Value,
    ) -> Result<Fingerprint, DriverError>;
    /// See [`Driver::diff`].
    ///
    /// # Errors
    /// When the driver cannot read a state.
    fn diff(&self, saved: Option<&Value>, live: Option<&Value>) -> Result<Delta, DriverError>;
    /// See [`Driver::steps`]; the inner error says why it cannot be put back.
    ///
    /// # Errors
    /// When the driver cannot read a state.
    fn steps(
        &self,
        saved: Option<&Value>,
        live: Option<&Value>,
    ) -> Result<Result<Vec<Piece<Value>>, String>, DriverError>;
    /// See [`Driver::reversibility`].
    ///
    /// # Errors
    /// When the driver cannot read the state.
    fn reversibility(&self, saved: Option<&Value>) -> Result<Reversibility, DriverError>;
    /// See [`Driver::price`].
    ///
    /// # Errors
    /// When the driver cannot read a state.
    fn price(&self, saved: &Value, live: Option<&Value>) -> Result<Option<DataPrice>, DriverError>;
    /// See [`Driver::connect`].
    async fn connect(&self, context: &Context) -> Result<Arc<dyn SessionDyn>, DriverError>;
}

/// Makes a [`DriverDyn`] of a [`Driver`].
pub struct Erased<D>(PhantomData<fn() -> D>);

impl<D> Default for Erased<D> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

struct Configured<D: Driver>(D::Config);

fn read<D: Driver>(state: &Value) -> Result<D::State, DriverError> {
    serde::Deserialize::deserialize(state).map_err(|source: serde_json::Error| {
        DriverError::new(ErrorKind::BadData, format!("read a state of kind {}", D::KIND))
            .caused_by(source)
            .nothing_happened()
    })
}

fn read_some<D: Driver>(state: Option<&Value>) -> Result<Option<D::State>, DriverError> {
    state.map(read::<D>).transpose()
}

fn write<D: Driver>(state: &D::State) -> Result<Value, DriverError> {
    serde_json::to_value(state).map_err(|source| {
        DriverError::new(ErrorKind::BadData, format!("write a state of kind {}", D::KIND))
            .caused_by(source)
            .nothing_happened()
    })
}

impl<D: Driver> DriverDyn for Erased<D> {
    fn kind(&self) -> &'static str {
        D::KIND
    }

    fn state_version(&self) -> u16 {
        D::STATE_VERSION
    }

    fn page(&self) -> KindPage {
        D::page()
    }

    fn schema(&self) -> Value {
        schemars::schema_for!(D::Config).to_value()
    }

    fn configure(&self, tree: &Tree, source: &Source) -> Result<Arc<dyn ConfiguredDyn>, Vec<Diagnostic>> {
        let config: D::Config = decode(tree, source).map_err(|diagnostic| vec![diagnostic])?;
        D::check(&config).map_err(|mistakes| {
            mistakes
                .into_iter()
                .map(|mistake| Diagnostic::error(BAD_CONFIG, mistake).at(tree.span.place(&source.name)))
                .collect::<Vec<_>>()
        })?;
        Ok(Arc::new(Configured::<D>(config)))
    }
}

#[async_trait]
impl<D: Driver> ConfiguredDyn for Configured<D> {
    fn capabilities(&self) -> Capabilities {
        D::capabilities(&self.0)
    }

    fn target(&self) -> String {
        D::target(&self.0)
    }

    fn claims(&self, root: &Path) -> Vec<Claim> {
        D::claims(&self.0, root)
    }

    fn state_version(&self) -> u16 {
        D::STATE_VERSION
    }

    fn fingerprint(
        &self,
        key: &FingerprintKey,
        kind: &KindName,
        state: &Value,
    ) -> Result<Fingerprint, DriverError> {
        let state = read::<D>(state)?;
        Ok(Fingerprint::of(key, kind, &D::shape(&state), D::position(&state).as_ref()))
    }

    fn diff(&self, saved: Option<&Value>, live: Option<&Value>) -> Result<Delta, DriverError> {
        Ok(D::diff(read_some::<D>(saved)?.as_ref(), read_some::<D>(live)?.as_ref()))
    }

    fn steps(
        &self,
        saved: Option<&Value>,
        live: Option<&Value>,
    ) -> Result<Result<Vec<Piece<Value>>, String>, DriverError> {
        match D::steps(&self.0, read_some::<D>(saved)?.as_ref(), read_some::<D>(live)?.as_ref()) {
            Err(why) => Ok(Err(why)),
            Ok(pieces) => pieces
                .into_iter()
                .map(|piece| {
                    let leaves = piece.leaves.as_ref().map(write::<D>).transpose()?;
                    Ok(Piece { title: piece.title, effect: piece.effect, leaves })
                })
                .collect::<Result<Vec<_>, DriverError>>()
                .map(Ok),
        }
    }

    fn reversibility(&self, saved: Option<&Value>) -> Result<Reversibility, DriverError> {
        Ok(D::reversibility(read_some::<D>(saved)?.as_ref()))
    }

    fn price(&self, saved: &Value, live: Option<&Value>) -> Result<Option<DataPrice>, DriverError> {
        Ok(D::price(&read::<D>(saved)?, read_some::<D>(live)?.as_ref()))
    }

    async fn connect(&self, context: &Context) -> Result<Arc<dyn SessionDyn>, DriverError> {
        Ok(Arc::new(Connected::<D>(D::connect(self.0.clone(), context).await?)))
    }
}
