//! The object-safe twins of the typed traits, and the bridge between them.
//!
//! States cross the bridge as JSON values. Every crossing is checked: a state that a driver cannot read back is an
//! error of its own, named, and never a panic.

use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use backout_core::capability::Capabilities;
use backout_core::checkpoint::DataPart;
use backout_core::delta::{Delta, Reversibility};
use backout_core::diagnostic::{Code, Diagnostic};
use backout_core::digest::FingerprintKey;
use backout_core::migration::{Claim, Source, Tree, decode};
use backout_core::name::KindName;
use backout_core::observation::{Fingerprint, Verdict};
use backout_core::plan::DataPrice;
use backout_core::writes::{Counted, Coverage, Occasion, Recovered};
use serde_json::Value;

use crate::context::Context;
use crate::driver::{Captured, Depth, Driver, Exactness, KindPage, Piece, Session, StepOrder};
use crate::effect::{Door, Effect, Sighting};
use crate::error::{DriverError, ErrorKind};
use crate::writes::{RecoverOrder, Sealed};

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

/// A session as the engine holds it.
#[async_trait]
pub trait SessionDyn: Send + Sync {
    /// See [`Session::capture`].
    async fn capture(&self, context: &Context, depth: Depth) -> Result<Captured<Value>, DriverError>;
    /// See [`Session::stage`].
    async fn stage(&self, context: &Context, step: &StepOrder<Value>) -> Result<Effect, DriverError>;
    /// See [`Session::revert`].
    async fn revert(&self, context: &Context, step: &StepOrder<Value>) -> Result<Effect, DriverError>;
    /// See [`Session::sight`].
    async fn sight(
        &self,
        context: &Context,
        step: &StepOrder<Value>,
    ) -> Result<Option<Sighting>, DriverError>;
    /// See [`Session::examine`].
    async fn examine(
        &self,
        context: &Context,
        exactness: Exactness,
    ) -> Result<(Verdict, Vec<String>), DriverError>;
    /// See [`Session::ready`].
    async fn ready(
        &self,
        context: &Context,
        saved: Option<&Value>,
        data: &[DataPart],
    ) -> Result<Vec<String>, DriverError>;
    /// See [`Session::door`].
    async fn door(&self, context: &Context) -> Result<Door, DriverError>;
    /// See [`Session::quiesce`].
    async fn quiesce(&self, context: &Context) -> Result<Effect, DriverError>;
    /// See [`Session::restart`].
    async fn restart(&self, context: &Context, since: i64) -> Result<Effect, DriverError>;
    /// See [`Session::reopen`].
    async fn reopen(&self, context: &Context, saved: Option<&Value>) -> Result<Effect, DriverError>;
    /// See [`Session::arm`].
    async fn arm(&self, context: &Context, occasion: Occasion) -> Result<Coverage, DriverError>;
    /// See [`Session::disarm`].
    async fn disarm(&self, context: &Context) -> Result<(), DriverError>;
    /// See [`Session::coverage`].
    async fn coverage(&self, context: &Context) -> Result<Option<Coverage>, DriverError>;
    /// See [`Session::count`].
    async fn count(&self, context: &Context, target: &Value) -> Result<Option<Counted>, DriverError>;
    /// See [`Session::seal`].
    async fn seal(&self, context: &Context, target: &Value) -> Result<Option<Sealed>, DriverError>;
    /// See [`Session::rehearse`].
    async fn rehearse(
        &self,
        context: &Context,
        saved: &Value,
        data: &[DataPart],
    ) -> Result<Option<Value>, DriverError>;
    /// See [`Session::recover`].
    async fn recover(&self, context: &Context, order: &RecoverOrder) -> Result<Recovered, DriverError>;
    /// See [`Session::capture_displaced`].
    async fn capture_displaced(&self, context: &Context) -> Result<Option<Captured<Value>>, DriverError>;
    /// See [`Session::read_marker`].
    async fn read_marker(&self, context: &Context) -> Result<Option<Value>, DriverError>;
    /// See [`Session::write_marker`].
    async fn write_marker(&self, context: &Context, marker: Option<&Value>) -> Result<(), DriverError>;
    /// See [`Session::displaced`].
    async fn displaced(&self, context: &Context) -> Result<Vec<String>, DriverError>;
    /// See [`Session::release`].
    async fn release(&self, context: &Context) -> Result<(), DriverError>;
}

/// Makes a [`DriverDyn`] of a [`Driver`].
pub struct Erased<D>(PhantomData<fn() -> D>);

impl<D> Default for Erased<D> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

struct Configured<D: Driver>(D::Config);

struct Connected<D: Driver>(D::Session);

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

fn erase<D: Driver>(captured: Captured<D::State>) -> Result<Captured<Value>, DriverError> {
    let state = captured.state.as_ref().map(write::<D>).transpose()?;
    Ok(Captured { state, identity: captured.identity, data: captured.data })
}

fn typed<D: Driver>(step: &StepOrder<Value>) -> Result<StepOrder<D::State>, DriverError> {
    Ok(StepOrder {
        effect: step.effect.clone(),
        saved: read_some::<D>(step.saved.as_ref())?,
        data: step.data.clone(),
        before: step.before.clone(),
        after: step.after.clone(),
    })
}

#[async_trait]
impl<D: Driver> SessionDyn for Connected<D> {
    async fn capture(&self, context: &Context, depth: Depth) -> Result<Captured<Value>, DriverError> {
        erase::<D>(self.0.capture(context, depth).await?)
    }

    async fn stage(&self, context: &Context, step: &StepOrder<Value>) -> Result<Effect, DriverError> {
        self.0.stage(context, &typed::<D>(step)?).await
    }

    async fn revert(&self, context: &Context, step: &StepOrder<Value>) -> Result<Effect, DriverError> {
        self.0.revert(context, &typed::<D>(step)?).await
    }

    async fn sight(
        &self,
        context: &Context,
        step: &StepOrder<Value>,
    ) -> Result<Option<Sighting>, DriverError> {
        self.0.sight(context, &typed::<D>(step)?).await
    }

    async fn examine(
        &self,
        context: &Context,
        exactness: Exactness,
    ) -> Result<(Verdict, Vec<String>), DriverError> {
        self.0.examine(context, exactness).await
    }

    async fn ready(
        &self,
        context: &Context,
        saved: Option<&Value>,
        data: &[DataPart],
    ) -> Result<Vec<String>, DriverError> {
        self.0.ready(context, read_some::<D>(saved)?.as_ref(), data).await
    }

    async fn door(&self, context: &Context) -> Result<Door, DriverError> {
        self.0.door(context).await
    }

    async fn quiesce(&self, context: &Context) -> Result<Effect, DriverError> {
        self.0.quiesce(context).await
    }

    async fn restart(&self, context: &Context, since: i64) -> Result<Effect, DriverError> {
        self.0.restart(context, since).await
    }

    async fn reopen(&self, context: &Context, saved: Option<&Value>) -> Result<Effect, DriverError> {
        self.0.reopen(context, read_some::<D>(saved)?.as_ref()).await
    }

    async fn arm(&self, context: &Context, occasion: Occasion) -> Result<Coverage, DriverError> {
        self.0.arm(context, occasion).await
    }

    async fn disarm(&self, context: &Context) -> Result<(), DriverError> {
        self.0.disarm(context).await
    }

    async fn coverage(&self, context: &Context) -> Result<Option<Coverage>, DriverError> {
        self.0.coverage(context).await
    }

    async fn count(&self, context: &Context, target: &Value) -> Result<Option<Counted>, DriverError> {
        self.0.count(context, &read::<D>(target)?).await
    }

    async fn seal(&self, context: &Context, target: &Value) -> Result<Option<Sealed>, DriverError> {
        self.0.seal(context, &read::<D>(target)?).await
    }

    async fn rehearse(
        &self,
        context: &Context,
        saved: &Value,
        data: &[DataPart],
    ) -> Result<Option<Value>, DriverError> {
        let state = self.0.rehearse(context, &read::<D>(saved)?, data).await?;
        state.as_ref().map(write::<D>).transpose()
    }

    async fn recover(&self, context: &Context, order: &RecoverOrder) -> Result<Recovered, DriverError> {
        self.0.recover(context, order).await
    }

    async fn capture_displaced(&self, context: &Context) -> Result<Option<Captured<Value>>, DriverError> {
        self.0.capture_displaced(context).await?.map(erase::<D>).transpose()
    }

    async fn read_marker(&self, context: &Context) -> Result<Option<Value>, DriverError> {
        self.0.read_marker(context).await
    }

    async fn write_marker(&self, context: &Context, marker: Option<&Value>) -> Result<(), DriverError> {
        self.0.write_marker(context, marker).await
    }

    async fn displaced(&self, context: &Context) -> Result<Vec<String>, DriverError> {
        self.0.displaced(context).await
    }

    async fn release(&self, context: &Context) -> Result<(), DriverError> {
        self.0.release(context).await
    }
}
