//! The session side of the bridge: what the engine calls, and how each call reaches the typed session.

use std::sync::Arc;

use async_trait::async_trait;
use backout_core::checkpoint::DataPart;
use backout_core::observation::Verdict;
use backout_core::writes::{Counted, Coverage, Occasion, Recovered, SealedWrites};
use serde_json::Value;

use super::{read, read_some, write};
use crate::compare;
use crate::context::Context;
use crate::driver::{Captured, Depth, Driver, Exactness, Glance, Session, StepOrder};
use crate::effect::{Door, Effect, Sighting};
use crate::error::DriverError;
use crate::writes::{RecoverOrder, Sealed};

/// A session as the engine holds it.
#[async_trait]
pub trait SessionDyn: Send + Sync {
    /// See [`Session::capture`].
    async fn capture(&self, context: &Context, depth: Depth) -> Result<Captured<Value>, DriverError>;
    /// See [`Session::glance`].
    async fn glance(&self, context: &Context, saved: Option<&Value>) -> Result<Glance<Value>, DriverError>;
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
    /// See [`Session::advice`].
    async fn advice(&self, context: &Context) -> Result<Vec<String>, DriverError>;
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
    async fn count(
        &self,
        context: &Context,
        target: &Value,
        earlier: &[SealedWrites],
    ) -> Result<Option<Counted>, DriverError>;
    /// See [`Session::seal`].
    async fn seal(
        &self,
        context: &Context,
        target: &Value,
        earlier: &[SealedWrites],
    ) -> Result<Option<Sealed>, DriverError>;
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
    /// See [`Session::side`].
    async fn side(
        &self,
        context: &Context,
        which: compare::Which,
        limits: &compare::Limits,
    ) -> Result<Option<Arc<dyn compare::Side>>, DriverError>;
    /// See [`Session::saved_side`].
    async fn saved_side(
        &self,
        context: &Context,
        saved: &Value,
        data: &[DataPart],
        limits: &compare::Limits,
    ) -> Result<Option<Arc<dyn compare::Side>>, DriverError>;
    /// See [`Session::displaced`].
    async fn displaced(&self, context: &Context) -> Result<Vec<String>, DriverError>;
    /// See [`Session::release`].
    async fn release(&self, context: &Context) -> Result<(), DriverError>;
}

/// A typed session behind the trait.
pub(super) struct Connected<D: Driver>(pub(super) D::Session);

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

    async fn glance(&self, context: &Context, saved: Option<&Value>) -> Result<Glance<Value>, DriverError> {
        let saved = read_some::<D>(saved)?;
        let Glance { captured, known } = self.0.glance(context, saved.as_ref()).await?;
        Ok(Glance { captured: erase::<D>(captured)?, known })
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

    async fn advice(&self, context: &Context) -> Result<Vec<String>, DriverError> {
        self.0.advice(context).await
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

    async fn count(
        &self,
        context: &Context,
        target: &Value,
        earlier: &[SealedWrites],
    ) -> Result<Option<Counted>, DriverError> {
        self.0.count(context, &read::<D>(target)?, earlier).await
    }

    async fn seal(
        &self,
        context: &Context,
        target: &Value,
        earlier: &[SealedWrites],
    ) -> Result<Option<Sealed>, DriverError> {
        self.0.seal(context, &read::<D>(target)?, earlier).await
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

    async fn side(
        &self,
        context: &Context,
        which: compare::Which,
        limits: &compare::Limits,
    ) -> Result<Option<Arc<dyn compare::Side>>, DriverError> {
        self.0.side(context, which, limits).await
    }

    async fn saved_side(
        &self,
        context: &Context,
        saved: &Value,
        data: &[DataPart],
        limits: &compare::Limits,
    ) -> Result<Option<Arc<dyn compare::Side>>, DriverError> {
        self.0.saved_side(context, &read::<D>(saved)?, data, limits).await
    }

    async fn displaced(&self, context: &Context) -> Result<Vec<String>, DriverError> {
        self.0.displaced(context).await
    }

    async fn release(&self, context: &Context) -> Result<(), DriverError> {
        self.0.release(context).await
    }
}
