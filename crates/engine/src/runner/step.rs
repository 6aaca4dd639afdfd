//! One step: look, intend, act, look, conclude.

use std::sync::Arc;

use backout_contract::{Context, Depth, DriverError, Effect, Known, SessionDyn, StepOrder, Stop};
use backout_core::journal::Event;
use backout_core::life::Life;
use backout_core::name::{RunId, StepId};
use backout_core::observation::Seen;
use backout_core::plan::{Action, Plan, PlannedComponent, Step};
use backout_core::writes::SealedWrites;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::dispatcher::Report;
use crate::assemble::{Assembled, Part};
use crate::look::{Looked, connect, find, glance, look};
use crate::refusal::EngineError;
use crate::states::saved_state;
use crate::tools::Tools;

/// A step with everything it needs.
pub(super) struct Unit {
    pub(super) step: Step,
    pub(super) plan: Arc<Plan>,
    pub(super) part: Arc<Part>,
    pub(super) component: PlannedComponent,
    pub(super) run: RunId,
    pub(super) attempt: u32,
    pub(super) opened_millis: i64,
    pub(super) intended_on: Option<Seen>,
    /// What stands there since writes were taken over.
    pub(super) with_writes: Option<Seen>,
    /// What of users' writes was put into the vault since the state that is put back, by this run and those before it.
    pub(super) sealed: Vec<SealedWrites>,
    /// The most writes that the run may lose.
    pub(super) most_lost: Option<u64>,
    pub(super) tools: Tools,
    pub(super) stop: Stop,
}

/// How a unit ended early.
pub(super) struct Early(pub(super) Vec<Event>);

impl Unit {
    pub(super) fn new(
        assembled: &Assembled,
        plan: &Arc<Plan>,
        life: &Life,
        id: &StepId,
        attempt: u32,
        tools: &Tools,
        stop: &Stop,
    ) -> Result<Self, EngineError> {
        let gone = |what: &str| EngineError::Corrupt(format!("step {id} names {what}"));
        let run = life.open_run().ok_or_else(|| EngineError::Corrupt("the run is gone".into()))?;
        let step = plan.step(id).ok_or_else(|| gone("nothing in the plan"))?.clone();
        let component = plan
            .component(&step.component)
            .ok_or_else(|| gone("a component that is not in the plan"))?
            .clone();
        let part = find(&assembled.parts, &step.component)
            .ok_or_else(|| gone("a component that is no longer in the migration file"))?;
        Ok(Self {
            intended_on: run.intended_on.get(id).cloned(),
            sealed: life.sealed_since(&run.checkpoint, &step.component),
            with_writes: run.with_writes.get(&step.component).cloned(),
            most_lost: run.most_lost,
            step,
            plan: Arc::clone(plan),
            part: Arc::clone(part),
            component,
            run: run.id.clone(),
            attempt,
            opened_millis: run.opened.as_millisecond(),
            tools: tools.clone(),
            stop: stop.clone(),
        })
    }

    pub(super) async fn go(self, reports: mpsc::Sender<Report>) {
        let events = match &self.step.action {
            Action::Stage => self.stage(&reports).await,
            Action::Quiesce => self.close_door(&reports).await,
            Action::Revert { effect } => self.revert(effect, &reports).await,
            Action::Recover { way } => self.recover(*way, &reports).await,
            Action::Prove => self.prove(&reports).await,
            Action::Restart => self.start_afresh(&reports).await,
            Action::Reopen => self.reopen(&reports).await,
            Action::Then { index } => self.run_program(*index, &reports).await,
            Action::Verify => self.verify(&reports).await,
            Action::Person { .. } => Ok(Vec::new()),
        };
        let events = events.unwrap_or_else(|Early(events)| events);
        // The dispatcher is gone only when the run is over for this process.
        let _ = reports.send(Report::Over(self.step.id, events)).await;
    }

    pub(super) async fn session(&self) -> Result<(Arc<dyn SessionDyn>, Context), DriverError> {
        let key = format!("{}-{}", self.run, self.step.id);
        let (session, mut context) =
            connect(&self.part, &self.tools, Some(&self.run), &key, &self.stop).await?;
        if let Some(timeout) = self.part.timeout {
            context.deadline = timeout;
        }
        Ok((session, context))
    }

    /// Writes the intent durably before the effect begins. When the dispatcher is gone, nothing may begin.
    pub(super) async fn intend(
        &self,
        before: Option<Seen>,
        reports: &mpsc::Sender<Report>,
    ) -> Result<(), Early> {
        self.intend_after(Vec::new(), before, reports).await
    }

    /// Writes what was found out, and the intent.
    pub(super) async fn intend_after(
        &self,
        mut events: Vec<Event>,
        before: Option<Seen>,
        reports: &mpsc::Sender<Report>,
    ) -> Result<(), Early> {
        let (go, gone) = oneshot::channel();
        events.push(Event::StepIntended { step: self.step.id.clone(), attempt: self.attempt, before });
        if reports.send(Report::Intend(events, go)).await.is_err() || gone.await.is_err() {
            return Err(Early(Vec::new()));
        }
        Ok(())
    }

    pub(super) async fn look(&self) -> Seen {
        look(&self.part, &self.tools, Some(&self.run), Depth::Look, &self.stop).await.observation.seen
    }

    /// Looks while users wait: what was proven before and nobody could reach since is not read again. Without what was
    /// saved nothing can be known to be proven, and all of it is looked at.
    pub(super) async fn glance(&self) -> (Looked, Known) {
        match self.saved().await {
            Ok(saved) => glance(&self.part, &self.tools, Some(&self.run), saved.as_ref(), &self.stop).await,
            Err(_) => {
                let looked = look(&self.part, &self.tools, Some(&self.run), Depth::Look, &self.stop).await;
                (looked, Known::All)
            }
        }
    }

    pub(super) async fn saved(&self) -> Result<Option<Value>, DriverError> {
        saved_state(self.component.state.as_ref(), &self.component.name, &self.tools).await.map_err(|error| {
            DriverError::new(
                backout_contract::ErrorKind::BadData,
                format!("read what was saved of `{}`", self.component.name),
            )
            .caused_by(error)
            .nothing_happened()
        })
    }

    pub(super) async fn order(&self, effect: &Value) -> Result<StepOrder<Value>, DriverError> {
        Ok(StepOrder {
            effect: effect.clone(),
            saved: self.saved().await?,
            data: self.component.data.clone(),
            before: self.step.before.clone(),
            after: self.step.to.clone().unwrap_or_else(|| self.component.saved.clone()),
        })
    }

    pub(super) fn conclude(&self, outcome: Result<Effect, DriverError>, began: u64) -> Event {
        let step = self.step.id.clone();
        let millis = self.tools.clock.monotonic_millis().saturating_sub(began);
        match outcome {
            Ok(Effect::Applied { evidence }) => {
                Event::StepApplied { step, evidence, after: None, confirmed: true, millis }
            }
            Ok(Effect::AlreadyThere) => Event::StepAlreadyThere { step },
            Ok(Effect::Blocked { found }) => Event::StepBlocked { step, found },
            // Doors are absolute: what failed can be tried again, and is looked at first then.
            Err(error) => {
                Event::StepFailed { step, cause: error.chain(), hints: error.hints, never_begun: false }
            }
        }
    }
}
