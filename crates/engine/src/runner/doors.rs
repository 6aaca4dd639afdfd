//! The units of doors, restarts and programs, which are absolute: what failed is looked at and tried again.

use std::sync::Arc;

use backout_contract::{Certainty, Door, DriverError, Effect, Stop};
use backout_core::journal::Event;
use backout_core::name::RunId;
use backout_core::plan::Plan;
use serde_json::Value;
use tokio::sync::mpsc;

use super::dispatcher::Report;
use super::step::{Early, Unit};
use crate::assemble::Part;
use crate::look::connect;
use crate::states::saved_state;
use crate::tools::Tools;

impl Unit {
    /// Looks where the door is.
    pub(super) async fn door(&self) -> Result<Door, DriverError> {
        let (session, context) = self.session().await?;
        session.door(&context).await
    }

    pub(super) async fn close_door(&self, reports: &mpsc::Sender<Report>) -> Result<Vec<Event>, Early> {
        self.intend(None, reports).await?;
        let began = self.tools.clock.monotonic_millis();
        let outcome = match self.session().await {
            Ok((session, context)) => {
                let outcome = session.quiesce(&context).await;
                match (outcome, session.door(&context).await) {
                    (Ok(Effect::Applied { .. } | Effect::AlreadyThere), Ok(Door::Open)) => {
                        Err(DriverError::new(
                            backout_contract::ErrorKind::Other,
                            format!(
                                "close `{}`: it was asked to, and its door is still open",
                                self.component.name
                            ),
                        ))
                    }
                    (outcome, _) => outcome,
                }
            }
            Err(error) => Err(error.nothing_happened()),
        };
        backout_kit::failpoint!("door-closed");
        Ok(vec![self.conclude(outcome, began)])
    }

    pub(super) async fn start_afresh(&self, reports: &mpsc::Sender<Report>) -> Result<Vec<Event>, Early> {
        self.intend(None, reports).await?;
        let began = self.tools.clock.monotonic_millis();
        let outcome = match self.session().await {
            Ok((session, context)) => session.restart(&context, self.opened_millis).await,
            Err(error) => Err(error.nothing_happened()),
        };
        backout_kit::failpoint!("restarted");
        Ok(vec![self.conclude(outcome, began)])
    }

    /// Puts beside what the revert will need. Nothing live changes, so whatever came of it, it can be done again.
    pub(super) async fn stage(&self, reports: &mpsc::Sender<Report>) -> Result<Vec<Event>, Early> {
        self.intend(None, reports).await?;
        let began = self.tools.clock.monotonic_millis();
        let outcome = match (self.session().await, self.order(&Value::Null).await) {
            (Ok((session, context)), Ok(order)) => session.stage(&context, &order).await,
            (Err(error), _) | (_, Err(error)) => Err(error.nothing_happened()),
        };
        backout_kit::failpoint!("staged");
        Ok(vec![self.conclude(outcome, began)])
    }

    pub(super) async fn reopen(&self, reports: &mpsc::Sender<Report>) -> Result<Vec<Event>, Early> {
        self.intend(None, reports).await?;
        let began = self.tools.clock.monotonic_millis();
        let outcome = match (self.session().await, self.saved().await) {
            (Ok((session, context)), Ok(saved)) => session.reopen(&context, saved.as_ref()).await,
            (Err(error), _) | (_, Err(error)) => Err(error.nothing_happened()),
        };
        backout_kit::failpoint!("door-opened");
        Ok(vec![self.conclude(outcome, began)])
    }

    pub(super) async fn run_program(
        &self,
        index: usize,
        reports: &mpsc::Sender<Report>,
    ) -> Result<Vec<Event>, Early> {
        self.intend(None, reports).await?;
        let began = self.tools.clock.monotonic_millis();
        let key = format!("{}-{}", self.run, self.step.id);
        let mut context = self.tools.context(&self.part.name, Some(&self.run), &key, &self.stop);
        let outcome = match self.part.then.get(index) {
            Some(action) => {
                if let Some(timeout) = &action.timeout {
                    context.deadline = timeout.0;
                }
                let words: Result<Vec<_>, _> =
                    action.run.iter().map(|word| self.tools.resolver.resolve(word)).collect();
                match words {
                    Ok(words) => self.tools.programs.run(words, &context).await,
                    Err(error) => Err(error.nothing_happened()),
                }
            }
            None => Err(DriverError::new(
                backout_contract::ErrorKind::Config,
                format!("find program {} of `then:` in the migration file", index + 1),
            )
            .nothing_happened()),
        };
        let millis = self.tools.clock.monotonic_millis().saturating_sub(began);
        let step = self.step.id.clone();
        Ok(vec![match outcome {
            Ok(evidence) => Event::StepApplied { step, evidence, after: None, confirmed: true, millis },
            Err(error) if error.certainty == Certainty::NothingHappened => {
                Event::StepFailed { step, cause: error.chain(), hints: error.hints, never_begun: false }
            }
            Err(error) => Event::StepInDoubt { step, cause: error.chain() },
        }])
    }
}

/// Opens a door because the run stops.
pub(super) async fn open_door(
    part: Arc<Part>,
    plan: Arc<Plan>,
    run: RunId,
    tools: Tools,
    reports: mpsc::Sender<Report>,
) {
    let stop = Stop::never();
    let state = plan.component(&part.name).and_then(|component| component.state);
    let result = match (
        saved_state(state.as_ref(), &part.name, &tools).await,
        connect(&part, &tools, Some(&run), "stop", &stop).await,
    ) {
        (Ok(saved), Ok((session, context))) => {
            session.reopen(&context, saved.as_ref()).await.map(|_| ()).map_err(|error| error.chain())
        }
        (Err(error), _) => Err(error.to_string()),
        (_, Err(error)) => Err(error.chain()),
    };
    let _ = reports.send(Report::Opened(part.name.clone(), result)).await;
}
