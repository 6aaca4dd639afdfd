//! The units that only look: prove the data behind a shut door, verify from outside.

use backout_contract::{Exactness, Known};
use backout_core::decide::Reason;
use backout_core::journal::Event;
use backout_core::name::StepId;
use backout_core::observation::{Seen, Verdict};
use backout_core::order::Mode;
use backout_core::plan::Action;
use tokio::sync::mpsc;

use super::dispatcher::Report;
use super::step::{Early, Unit};
use crate::judge::{Declared, Expected, Judged, judge};
use crate::look::Looked;

/// What became of users' writes by the time of a judgement.
#[derive(Debug, Clone, PartialEq)]
enum Writes {
    /// None were to be taken over.
    None,
    /// They were to be, and a person skipped that or took it as done: nobody can tell how many of them stand there.
    Unknown,
    /// They were taken over, and this stood there then.
    TakenOver(Seen),
}

/// What a component is compared with.
///
/// | stays as it stands | writes | kind | expected |
/// |---|---|---|---|
/// | yes | any | any | nothing |
/// | no | none, or nobody knows | any | what was saved |
/// | no | taken over | in place | that, with the writes |
/// | no | taken over | switched | what was saved: they were taken over first, and the look right after showed the side that it was switched away from |
fn expected(stays: bool, writes: &Writes, mode: Mode, saved: &Seen) -> Expected {
    match (stays, writes, mode) {
        (true, ..) => Expected::Kept,
        (false, Writes::TakenOver(seen), Mode::InPlace) => Expected::WithWrites(seen.clone()),
        (false, ..) => Expected::Saved(saved.clone()),
    }
}

/// How exactly its data are compared before anybody is let in.
///
/// | door | writes | kind | compared |
/// |---|---|---|---|
/// | open | any | any | shape: writers may be at work |
/// | shut | none | any | data |
/// | shut | nobody knows | any | shape |
/// | shut | taken over | in place | data |
/// | shut | taken over | switched | shape: the taking over itself has proven the data |
fn exactness(is_shut: bool, writes: &Writes, mode: Mode) -> Exactness {
    match (is_shut, writes, mode) {
        (true, Writes::None, _) | (true, Writes::TakenOver(_), Mode::InPlace) => Exactness::Data,
        _ => Exactness::Shape,
    }
}

impl Unit {
    fn expected(&self) -> Expected {
        let stays = self.component.decision.reason == Reason::Kept || self.component.live.is_none();
        expected(stays, &self.writes(), self.mode(), &self.component.saved)
    }

    fn writes(&self) -> Writes {
        let mut steps = self.plan.steps.iter().filter(|step| step.component == self.step.component);
        match &self.with_writes {
            Some(seen) => Writes::TakenOver(seen.clone()),
            None if steps.any(|step| matches!(step.action, Action::Recover { .. })) => Writes::Unknown,
            None => Writes::None,
        }
    }

    fn mode(&self) -> Mode {
        self.part.capabilities().map_or(Mode::InPlace, |capabilities| capabilities.mode)
    }

    fn declared(&self) -> Declared {
        Declared::about(Some(&self.plan.checkpoint))
    }

    pub(super) async fn prove(&self, reports: &mpsc::Sender<Report>) -> Result<Vec<Event>, Early> {
        self.intend(None, reports).await?;
        let exactness = exactness(self.behind_a_shut_door(), &self.writes(), self.mode());
        let expected = self.expected();
        let judged = match self.proven_before(&expected, exactness).await {
            Ok(judged) => judged,
            Err(looked) => {
                let run = Some(&self.run);
                let declared = self.declared();
                judge(&self.part, &expected, declared, exactness, looked, run, false, &self.tools, &self.stop)
                    .await
            }
        };
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

    /// The judgement of what was read and examined when it was staged, and nobody could reach since: users wait, so it is
    /// not read again before the door opens; the last look after that does. Else what was looked at already, if anything.
    async fn proven_before(
        &self,
        expected: &Expected,
        exactness: Exactness,
    ) -> Result<Judged, Option<Looked>> {
        let Expected::Saved(saved) = expected else { return Err(None) };
        if exactness != Exactness::Data || self.part.configured.is_none() {
            return Err(None);
        }
        let (looked, known) = self.glance().await;
        match known {
            Known::Proven(how) if looked.observation.seen.same_exactly(saved) => Ok(Judged {
                component: self.part.name.clone(),
                verdict: Verdict::Restored,
                looked: vec![format!("{}: {how}", self.part.target)],
                seen: Some(looked.observation.seen),
                millis: looked.millis,
            }),
            // Whatever contradicts is looked at as a whole before anybody is told.
            Known::Proven(_) | Known::Shape => Err(None),
            Known::All => Err(Some(looked)),
        }
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

    pub(super) async fn verify(&self, reports: &mpsc::Sender<Report>) -> Result<Vec<Event>, Early> {
        self.intend(None, reports).await?;
        let run = Some(&self.run);
        let judged = judge(
            &self.part,
            &self.expected(),
            self.declared(),
            Exactness::Shape,
            None,
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

#[cfg(test)]
mod tests {
    use super::*;

    const MODES: [Mode; 2] = [Mode::InPlace, Mode::Switched];

    fn seen(cause: &str) -> Seen {
        Seen::Unreachable { cause: cause.into() }
    }

    #[test]
    fn what_is_expected() {
        let (saved, with) = (seen("saved"), seen("with writes"));
        let taken_over = Writes::TakenOver(with.clone());
        let to = |expected: Expected| match expected {
            Expected::Kept => None,
            Expected::Saved(seen) => Some((false, seen)),
            Expected::WithWrites(seen) => Some((true, seen)),
        };
        for mode in MODES {
            for writes in [Writes::None, Writes::Unknown] {
                assert_eq!(to(expected(true, &writes, mode, &saved)), None, "{writes:?} {mode:?}");
                let found = to(expected(false, &writes, mode, &saved));
                assert_eq!(found, Some((false, saved.clone())), "{writes:?} {mode:?}");
            }
            assert_eq!(to(expected(true, &taken_over, mode, &saved)), None, "{mode:?}");
        }
        assert_eq!(to(expected(false, &taken_over, Mode::InPlace, &saved)), Some((true, with)));
        assert_eq!(to(expected(false, &taken_over, Mode::Switched, &saved)), Some((false, saved)));
    }

    #[test]
    fn how_exactly_it_is_compared() {
        let taken_over = Writes::TakenOver(seen("with writes"));
        for (is_shut, writes, expected) in [
            (false, &Writes::None, [Exactness::Shape; 2]),
            (false, &Writes::Unknown, [Exactness::Shape; 2]),
            (false, &taken_over, [Exactness::Shape; 2]),
            (true, &Writes::None, [Exactness::Data; 2]),
            (true, &Writes::Unknown, [Exactness::Shape; 2]),
            (true, &taken_over, [Exactness::Data, Exactness::Shape]),
        ] {
            let found = MODES.map(|mode| exactness(is_shut, writes, mode));
            assert_eq!(found, expected, "{is_shut} {writes:?}");
        }
    }
}
