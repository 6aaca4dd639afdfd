//! A session whose revert does nothing and says that it did.

use std::sync::Arc;

use async_trait::async_trait;
use backout_contract::{
    Captured, Context, Depth, Door, DriverError, Effect, Exactness, Glance, RecoverOrder, Sealed, SessionDyn,
    Sighting, StepOrder, compare,
};
use backout_core::checkpoint::DataPart;
use backout_core::observation::Verdict;
use backout_core::writes::{Counted, Coverage, Occasion, Recovered, SealedWrites};
use serde_json::Value;

/// Wraps a session; everything but `revert` is passed on.
pub struct Liar(Arc<dyn SessionDyn>);

impl Liar {
    /// Lies about what this session would do.
    pub fn around(session: Arc<dyn SessionDyn>) -> Self {
        Self(session)
    }
}

#[async_trait]
impl SessionDyn for Liar {
    async fn capture(&self, context: &Context, depth: Depth) -> Result<Captured<Value>, DriverError> {
        self.0.capture(context, depth).await
    }

    async fn glance(&self, context: &Context, saved: Option<&Value>) -> Result<Glance<Value>, DriverError> {
        self.0.glance(context, saved).await
    }

    async fn revert(&self, _: &Context, _: &StepOrder<Value>) -> Result<Effect, DriverError> {
        Ok(Effect::Applied { evidence: "exit code 0".to_owned() })
    }

    async fn sight(
        &self,
        context: &Context,
        step: &StepOrder<Value>,
    ) -> Result<Option<Sighting>, DriverError> {
        self.0.sight(context, step).await
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
        self.0.ready(context, saved, data).await
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
        self.0.reopen(context, saved).await
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

    async fn stage(&self, context: &Context, step: &StepOrder<Value>) -> Result<Effect, DriverError> {
        self.0.stage(context, step).await
    }

    async fn seal(
        &self,
        context: &Context,
        target: &Value,
        earlier: &[SealedWrites],
    ) -> Result<Option<Sealed>, DriverError> {
        self.0.seal(context, target, earlier).await
    }

    async fn rehearse(
        &self,
        context: &Context,
        saved: &Value,
        data: &[DataPart],
    ) -> Result<Option<Value>, DriverError> {
        self.0.rehearse(context, saved, data).await
    }

    async fn count(
        &self,
        context: &Context,
        target: &Value,
        earlier: &[SealedWrites],
    ) -> Result<Option<Counted>, DriverError> {
        self.0.count(context, target, earlier).await
    }

    async fn recover(&self, context: &Context, order: &RecoverOrder) -> Result<Recovered, DriverError> {
        self.0.recover(context, order).await
    }

    async fn capture_displaced(&self, context: &Context) -> Result<Option<Captured<Value>>, DriverError> {
        self.0.capture_displaced(context).await
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
        self.0.saved_side(context, saved, data, limits).await
    }

    async fn displaced(&self, context: &Context) -> Result<Vec<String>, DriverError> {
        self.0.displaced(context).await
    }

    async fn release(&self, context: &Context) -> Result<(), DriverError> {
        self.0.release(context).await
    }
}
