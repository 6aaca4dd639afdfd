//! What a run leaves behind at its end: what stands where it changed something, and the writes that it set aside and
//! did not take over.
//!
//! | of a component, the run's | | left | owed |
//! |---|---|---|---|
//! | reverts are not all done | | as before | as before |
//! | reverts are done by us, nothing was to be taken over | | what stood there after | as before |
//! | reverts are done by us | recover is done | what stood there after | as before |
//! | reverts are done by us | recover is not | what stood there after | this run, unless an earlier one is owed still |
//! | reverts to the state before the run that is owed are done by us | | what stood there after | none |

use std::collections::BTreeSet;

use super::step::{component_of, is_of};
use super::{Finish, Life, RunLife, StepState};
use crate::name::{CheckpointId, ComponentName, RunId};
use crate::observation::{Seen, Verdict};
use crate::order::Group;

/// What a run of ours left at a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutBack {
    /// Which run.
    pub run: RunId,
    /// What it went back to.
    pub to: CheckpointId,
    /// What stood there when it was judged.
    pub seen: Option<Seen>,
}

impl Life {
    /// What the last run put back: later writes to it are information from now on, and a change of its shape is
    /// somebody's drift.
    pub(super) fn remember_put_back(&mut self) {
        let Some(run) = self.runs.last() else { return };
        let restored = run.verdicts.iter().filter(|(component, verdict)| match verdict {
            Verdict::Restored => true,
            Verdict::Unknown { .. } => run.all_done(component),
            Verdict::Differs { .. } => false,
        });
        let left: Vec<(ComponentName, PutBack)> = restored
            .map(|(component, _)| {
                let seen = run.judged_on.get(component).cloned();
                (component.clone(), PutBack { run: run.id.clone(), to: run.checkpoint.clone(), seen })
            })
            .collect();
        self.put_back.extend(left);
    }

    /// What the last run left, whatever became of it.
    pub(super) fn remember_left(&mut self) {
        let Some(run) = self.runs.last() else { return };
        let went_to = self.checkpoints.get(&run.checkpoint).and_then(|to| to.before_run.clone());
        let reverted: BTreeSet<ComponentName> =
            run.order.iter().filter_map(|step| component_of(step, Group::Revert)).collect();
        let changed: Vec<ComponentName> =
            reverted.into_iter().filter(|component| changed_by(run, component)).collect();
        let owing: BTreeSet<ComponentName> =
            changed.iter().filter(|component| owes(run, component)).cloned().collect();
        for component in changed {
            if self.owed.get(&component) == went_to.as_ref() {
                self.owed.remove(&component);
            }
            if owing.contains(&component) {
                self.owed.entry(component.clone()).or_insert_with(|| run.id.clone());
            }
            let seen = run.changed_to.get(&component).cloned();
            let left = PutBack { run: run.id.clone(), to: run.checkpoint.clone(), seen };
            self.left.insert(component, left);
        }
    }
}

/// Whether a run did every revert of a component, as far as it was us and no person.
fn changed_by(run: &RunLife, component: &ComponentName) -> bool {
    let ours = |state: &StepState| {
        matches!(state, StepState::Done(Finish::Applied | Finish::AlreadyThere | Finish::FoundDone))
    };
    let mut reverts = run.steps.iter().filter(|(step, _)| is_of(step, component, Group::Revert)).peekable();
    reverts.peek().is_some() && reverts.all(|(_, state)| ours(state))
}

/// Whether a run was to take a component's writes over and did not.
fn owes(run: &RunLife, component: &ComponentName) -> bool {
    run.steps
        .iter()
        .filter(|(step, _)| is_of(step, component, Group::Recover))
        .any(|(_, state)| *state != StepState::Done(Finish::Applied))
}
