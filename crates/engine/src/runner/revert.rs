//! The unit of a revert: look, intend, act, look, conclude; and the look that settles a doubt.

use backout_contract::{Certainty, DriverError, Effect, Known, Sighting};
use backout_core::journal::Event;
use backout_core::observation::Seen;
use backout_core::plan::Action;
use serde_json::Value;
use tokio::sync::mpsc;

use super::dispatcher::Report;
use super::step::{Early, Unit};

impl Unit {
    pub(super) async fn revert(
        &self,
        effect: &Value,
        reports: &mpsc::Sender<Report>,
    ) -> Result<Vec<Event>, Early> {
        let began = self.tools.clock.monotonic_millis();
        let step = self.step.id.clone();
        let to = self.step.to.clone().unwrap_or_else(|| self.component.saved.clone());
        // The data are of no matter yet: the step starts from a shape, and what users wrote is counted, not compared.
        let seen = self.glance().await.0.observation.seen;
        // What stands there put back lacks nothing any more, and was counted before.
        let is_half_done = self.is_half_done(effect, &seen, &to).await;
        let sealed = if is_half_done { Ok(None) } else { self.seal_writes().await };
        let told = sealed.iter().flatten().map(|sealed| Event::WritesCounted {
            component: self.component.name.clone(),
            counted: sealed.counted.clone(),
            data: sealed.data.clone(),
        });
        let counted = sealed.as_ref().map(|sealed| sealed.as_ref().map(|sealed| sealed.counted.clone()));
        self.intend_after(told.collect(), Some(seen.clone()), reports).await?;
        if !is_half_done {
            if seen.same_exactly(&to) {
                return Ok(vec![Event::StepAlreadyThere { step }]);
            }
            if let Some(found) = self.moved(&seen) {
                return Ok(vec![Event::StepBlocked { step, found }]);
            }
            if let Some(cause) = self.too_dear(counted) {
                let hints = vec![
                    "nothing was put back here; stop the run and make a new plan: backout stop, backout plan"
                        .to_owned(),
                ];
                return Ok(vec![Event::StepFailed { step, cause, hints, never_begun: true }]);
            }
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
                let after = match self.glance().await {
                    (_, Known::Shape) => self.look().await,
                    (looked, _) => looked.observation.seen,
                };
                let confirmed = after.same_shape(&to);
                Event::StepApplied { step, evidence, after: Some(after), confirmed, millis: millis() }
            }
            Ok(Effect::AlreadyThere) => Event::StepAlreadyThere { step },
            Ok(Effect::Blocked { found }) => Event::StepBlocked { step, found },
            Err(error) => {
                // A call that failed may have done its work all the same; only a look can tell.
                let after = self.look().await;
                if after.same_exactly(&to) && !self.is_half_done(effect, &after, &to).await {
                    let evidence = format!("the call failed, and the look found it done: {}", error.chain());
                    Event::StepApplied {
                        step,
                        evidence,
                        after: Some(after),
                        confirmed: true,
                        millis: millis(),
                    }
                } else if after.same_exactly(&seen) || error.certainty == Certainty::NothingHappened {
                    Event::StepFailed { step, cause: error.chain(), hints: error.hints, never_begun: false }
                } else {
                    Event::StepInDoubt { step, cause: error.chain() }
                }
            }
        }])
    }

    /// Why a revert may not begin: live is neither what the plan was made on nor what could not be told then.
    pub(super) fn moved(&self, seen: &Seen) -> Option<String> {
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

    /// Whether the thing looks put back, and the driver finds traces of an attempt that was cut off: what it displaced
    /// would not be kept where it is looked for, and helpers would stay behind.
    async fn is_half_done(&self, effect: &Value, seen: &Seen, to: &Seen) -> bool {
        if !seen.same_shape(to) {
            return false;
        }
        let (Ok((session, context)), Ok(order)) = (self.session().await, self.order(effect).await) else {
            return false;
        };
        matches!(session.sight(&context, &order).await, Ok(Some(Sighting::Before)))
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
}
