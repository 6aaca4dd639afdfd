//! One step: look, intend, act, look, conclude.

use std::sync::Arc;

use backout_contract::{
    Certainty, Context, Depth, Door, DriverError, Effect, Exactness, SessionDyn, Sighting, StepOrder, Stop,
};
use backout_core::decide::Reason;
use backout_core::journal::Event;
use backout_core::life::RunLife;
use backout_core::name::{RunId, StepId};
use backout_core::observation::{Seen, Verdict};
use backout_core::plan::{Action, Plan, PlannedComponent, Step};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::dispatcher::Report;
use crate::assemble::{Assembled, Part};
use crate::judge::{Expected, judge};
use crate::look::{connect, find, look};
use crate::preview::saved_state;
use crate::refusal::EngineError;
use crate::tools::Tools;

/// A step with everything it needs.
pub(super) struct Unit {
    pub step: Step,
    plan: Arc<Plan>,
    part: Arc<Part>,
    component: PlannedComponent,
    run: RunId,
    attempt: u32,
    opened_millis: i64,
    intended_on: Option<Seen>,
    tools: Tools,
    stop: Stop,
}

/// How a unit ended early.
struct Early(Vec<Event>);

impl Unit {
    pub(super) fn new(
        assembled: &Assembled,
        plan: &Arc<Plan>,
        run: &RunLife,
        id: &StepId,
        attempt: u32,
        tools: &Tools,
        stop: &Stop,
    ) -> Result<Self, EngineError> {
        let gone = |what: &str| EngineError::Corrupt(format!("step {id} names {what}"));
        let step = plan.step(id).ok_or_else(|| gone("nothing in the plan"))?.clone();
        let component = plan
            .component(&step.component)
            .ok_or_else(|| gone("a component that is not in the plan"))?
            .clone();
        let part = find(&assembled.parts, &step.component)
            .ok_or_else(|| gone("a component that is no longer in the migration file"))?;
        Ok(Self {
            intended_on: run.intended_on.get(id).cloned(),
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
            Action::Quiesce => self.close_door(&reports).await,
            Action::Revert { effect } => self.revert(effect, &reports).await,
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

    async fn session(&self) -> Result<(Arc<dyn SessionDyn>, Context), DriverError> {
        let key = format!("{}-{}", self.run, self.step.id);
        let (session, mut context) =
            connect(&self.part, &self.tools, Some(&self.run), &key, &self.stop).await?;
        if let Some(timeout) = self.part.timeout {
            context.deadline = timeout;
        }
        Ok((session, context))
    }

    /// Writes the intent durably before the effect begins. When the dispatcher is gone, nothing may begin.
    async fn intend(&self, before: Option<Seen>, reports: &mpsc::Sender<Report>) -> Result<(), Early> {
        let (go, gone) = oneshot::channel();
        let event = Event::StepIntended { step: self.step.id.clone(), attempt: self.attempt, before };
        if reports.send(Report::Intend(event, go)).await.is_err() || gone.await.is_err() {
            return Err(Early(Vec::new()));
        }
        Ok(())
    }

    async fn look(&self) -> Seen {
        look(&self.part, &self.tools, Some(&self.run), Depth::Look, &self.stop).await.observation.seen
    }

    async fn saved(&self) -> Result<Option<Value>, DriverError> {
        saved_state(self.component.state.as_ref(), &self.tools).await.map_err(|error| {
            DriverError::new(
                backout_contract::ErrorKind::BadData,
                format!("read what was saved of `{}`", self.component.name),
            )
            .caused_by(error)
            .nothing_happened()
        })
    }

    async fn order(&self, effect: &Value) -> Result<StepOrder<Value>, DriverError> {
        Ok(StepOrder {
            effect: effect.clone(),
            saved: self.saved().await?,
            data: self.component.data.clone(),
            before: self.step.before.clone(),
            after: self.step.to.clone().unwrap_or_else(|| self.component.saved.clone()),
        })
    }

    async fn revert(&self, effect: &Value, reports: &mpsc::Sender<Report>) -> Result<Vec<Event>, Early> {
        let began = self.tools.clock.monotonic_millis();
        let step = self.step.id.clone();
        let to = self.step.to.clone().unwrap_or_else(|| self.component.saved.clone());
        let seen = self.look().await;
        self.intend(Some(seen.clone()), reports).await?;
        if seen.same_exactly(&to) {
            return Ok(vec![Event::StepAlreadyThere { step }]);
        }
        if let Some(found) = self.moved(&seen) {
            return Ok(vec![Event::StepBlocked { step, found }]);
        }
        let outcome = match (self.session().await, self.order(effect).await) {
            (Ok((session, context)), Ok(order)) => {
                backout_kit::failpoint!("revert-begins");
                let outcome = session.revert(&context, &order).await;
                backout_kit::failpoint!("revert-returned");
                outcome
            }
            (Err(error), _) | (_, Err(error)) => Err(error.nothing_happened()),
        };
        let millis = || self.tools.clock.monotonic_millis().saturating_sub(began);
        Ok(vec![match outcome {
            Ok(Effect::Applied { evidence }) => {
                let after = self.look().await;
                let confirmed = after.same_shape(&to);
                Event::StepApplied { step, evidence, after: Some(after), confirmed, millis: millis() }
            }
            Ok(Effect::AlreadyThere) => Event::StepAlreadyThere { step },
            Ok(Effect::Blocked { found }) => Event::StepBlocked { step, found },
            Err(error) => {
                // A call that failed may have done its work all the same; only a look can tell.
                let after = self.look().await;
                if after.same_exactly(&to) {
                    let evidence = format!("the call failed, and the look found it done: {}", error.chain());
                    Event::StepApplied {
                        step,
                        evidence,
                        after: Some(after),
                        confirmed: true,
                        millis: millis(),
                    }
                } else if after.same_exactly(&seen) || error.certainty == Certainty::NothingHappened {
                    Event::StepFailed { step, cause: error.chain(), hints: error.hints }
                } else {
                    Event::StepInDoubt { step, cause: error.chain() }
                }
            }
        }])
    }

    /// Why a revert may not begin: live is neither what the plan was made on nor what could not be told then.
    fn moved(&self, seen: &Seen) -> Option<String> {
        let expected = self.step.before.as_ref()?;
        let same = match (expected, seen) {
            (Seen::Unreadable { .. }, Seen::Unreadable { .. } | Seen::Absent) => true,
            (Seen::Unreachable { .. }, Seen::Unreachable { .. }) => true,
            _ => seen.same_shape(expected),
        };
        (!same).then(|| {
            format!(
                "{} is neither what the plan was made on ({}) nor what was saved; somebody changed it since",
                self.component.target,
                expected.word()
            )
        })
    }

    /// Looks whether a revert in doubt happened.
    pub(super) async fn sight(&self) -> Result<Sighting, DriverError> {
        let Action::Revert { effect } = &self.step.action else {
            return Ok(Sighting::Unclear { why: "the step reverts nothing".into() });
        };
        let order = self.order(effect).await?;
        let (session, context) = self.session().await?;
        if let Some(sighting) = session.sight(&context, &order).await? {
            return Ok(sighting);
        }
        let seen = self.look().await;
        if seen.same_exactly(&order.after) {
            return Ok(Sighting::After);
        }
        let started_from = self.intended_on.as_ref().or(order.before.as_ref());
        let as_before = match started_from {
            Some(Seen::Unreadable { .. }) => matches!(seen, Seen::Unreadable { .. }),
            Some(Seen::Unreachable { .. }) => matches!(seen, Seen::Unreachable { .. }),
            Some(before) => seen.same_shape(before),
            None => false,
        };
        if as_before {
            return Ok(Sighting::Before);
        }
        Ok(Sighting::Neither { found: format!("{} ({})", self.component.target, seen.word()), seen })
    }

    /// Looks where the door is.
    pub(super) async fn door(&self) -> Result<Door, DriverError> {
        let (session, context) = self.session().await?;
        session.door(&context).await
    }

    async fn close_door(&self, reports: &mpsc::Sender<Report>) -> Result<Vec<Event>, Early> {
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

    async fn start_afresh(&self, reports: &mpsc::Sender<Report>) -> Result<Vec<Event>, Early> {
        self.intend(None, reports).await?;
        let began = self.tools.clock.monotonic_millis();
        let outcome = match self.session().await {
            Ok((session, context)) => session.restart(&context, self.opened_millis).await,
            Err(error) => Err(error.nothing_happened()),
        };
        backout_kit::failpoint!("restarted");
        Ok(vec![self.conclude(outcome, began)])
    }

    async fn reopen(&self, reports: &mpsc::Sender<Report>) -> Result<Vec<Event>, Early> {
        self.intend(None, reports).await?;
        let began = self.tools.clock.monotonic_millis();
        let outcome = match (self.session().await, self.saved().await) {
            (Ok((session, context)), Ok(saved)) => session.reopen(&context, saved.as_ref()).await,
            (Err(error), _) | (_, Err(error)) => Err(error.nothing_happened()),
        };
        backout_kit::failpoint!("door-opened");
        Ok(vec![self.conclude(outcome, began)])
    }

    async fn run_program(&self, index: usize, reports: &mpsc::Sender<Report>) -> Result<Vec<Event>, Early> {
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
                Event::StepFailed { step, cause: error.chain(), hints: error.hints }
            }
            Err(error) => Event::StepInDoubt { step, cause: error.chain() },
        }])
    }

    fn conclude(&self, outcome: Result<Effect, DriverError>, began: u64) -> Event {
        let step = self.step.id.clone();
        let millis = self.tools.clock.monotonic_millis().saturating_sub(began);
        match outcome {
            Ok(Effect::Applied { evidence }) => {
                Event::StepApplied { step, evidence, after: None, confirmed: true, millis }
            }
            Ok(Effect::AlreadyThere) => Event::StepAlreadyThere { step },
            Ok(Effect::Blocked { found }) => Event::StepBlocked { step, found },
            // Doors are absolute: what failed can be tried again, and is looked at first then.
            Err(error) => Event::StepFailed { step, cause: error.chain(), hints: error.hints },
        }
    }

    fn expected(&self) -> Expected {
        if self.component.decision.reason == Reason::Kept || self.component.live.is_none() {
            Expected::Kept
        } else {
            Expected::Saved(self.component.saved.clone())
        }
    }

    async fn prove(&self, reports: &mpsc::Sender<Report>) -> Result<Vec<Event>, Early> {
        self.intend(None, reports).await?;
        let exactness = if self.behind_a_shut_door() { Exactness::Data } else { Exactness::Shape };
        let run = Some(&self.run);
        let judged =
            judge(&self.part, &self.expected(), exactness, run, false, &self.tools, &self.stop).await;
        let step = self.step.id.clone();
        Ok(vec![match judged.verdict {
            Verdict::Restored => Event::StepApplied {
                step,
                evidence: judged.looked.join("; "),
                after: judged.seen,
                confirmed: true,
                millis: judged.millis,
            },
            Verdict::Differs { what: cause } | Verdict::Unknown { why: cause } => Event::StepFailed {
                step,
                cause,
                hints: vec!["the door stays shut, so nobody works on data that was not proven".into()],
            },
        }])
    }

    /// Whether somebody's door was shut before this step, so that data can be compared exactly. Where nobody has a
    /// door, writers may be at work, and only the shape can be judged.
    fn behind_a_shut_door(&self) -> bool {
        let mut todo: Vec<&StepId> = self.step.after.iter().collect();
        let mut known = std::collections::BTreeSet::new();
        while let Some(id) = todo.pop() {
            if !known.insert(id) {
                continue;
            }
            if let Some(step) = self.plan.step(id) {
                if step.action == Action::Quiesce {
                    return true;
                }
                todo.extend(step.after.iter());
            }
        }
        false
    }

    async fn verify(&self, reports: &mpsc::Sender<Report>) -> Result<Vec<Event>, Early> {
        self.intend(None, reports).await?;
        let run = Some(&self.run);
        let judged =
            judge(&self.part, &self.expected(), Exactness::Shape, run, true, &self.tools, &self.stop).await;
        Ok(vec![Event::ComponentVerified {
            component: judged.component,
            step: Some(self.step.id.clone()),
            verdict: judged.verdict,
            looked: judged.looked,
            seen: judged.seen,
            millis: judged.millis,
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
        saved_state(state.as_ref(), &tools).await,
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
