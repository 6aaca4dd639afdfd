//! The units that only look: prove the data behind a shut door, verify from outside.

use backout_contract::Exactness;
use backout_core::decide::Reason;
use backout_core::journal::Event;
use backout_core::name::StepId;
use backout_core::observation::Verdict;
use backout_core::order::Mode;
use backout_core::plan::Action;
use tokio::sync::mpsc;

use super::dispatcher::Report;
use super::step::{Early, Unit};
use crate::judge::{Declared, Expected, judge};

impl Unit {
    pub(super) fn expected(&self) -> Expected {
        if self.component.decision.reason == Reason::Kept || self.component.live.is_none() {
            Expected::Kept
        } else {
            match &self.with_writes {
                Some(seen) if !self.took_over_before_it_was_put_back() => Expected::WithWrites(seen.clone()),
                _ => Expected::Saved(self.component.saved.clone()),
            }
        }
    }

    /// What is switched takes writes over first: the look right after showed the side that it was switched away from, and
    /// the data of the other are proven by the taking over itself.
    fn took_over_before_it_was_put_back(&self) -> bool {
        self.with_writes.is_some()
            && self.part.capabilities().is_some_and(|capabilities| capabilities.mode == Mode::Switched)
    }

    fn declared(&self) -> Declared {
        Declared::about(Some(&self.plan.checkpoint))
    }

    pub(super) async fn prove(&self, reports: &mpsc::Sender<Report>) -> Result<Vec<Event>, Early> {
        self.intend(None, reports).await?;
        let is_known = !self.may_hold_some_writes() && !self.took_over_before_it_was_put_back();
        let exactness =
            if self.behind_a_shut_door() && is_known { Exactness::Data } else { Exactness::Shape };
        let run = Some(&self.run);
        let judged = judge(
            &self.part,
            &self.expected(),
            self.declared(),
            exactness,
            run,
            false,
            &self.tools,
            &self.stop,
        )
        .await;
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
                never_begun: false,
            },
        }])
    }

    /// Whether writes were to be taken over and a person skipped that or took it as done: nobody can tell how many of
    /// them stand there.
    fn may_hold_some_writes(&self) -> bool {
        self.with_writes.is_none()
            && self.plan.steps.iter().any(|step| {
                step.component == self.step.component && matches!(step.action, Action::Recover { .. })
            })
    }

    /// Whether somebody's door was shut before this step, so that data can be compared exactly. Where nobody has a
    /// door, writers may be at work, and only the shape can be judged.
    pub(super) fn behind_a_shut_door(&self) -> bool {
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

    pub(super) async fn verify(&self, reports: &mpsc::Sender<Report>) -> Result<Vec<Event>, Early> {
        self.intend(None, reports).await?;
        let run = Some(&self.run);
        let judged = judge(
            &self.part,
            &self.expected(),
            self.declared(),
            Exactness::Shape,
            run,
            true,
            &self.tools,
            &self.stop,
        )
        .await;
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
