//! What runs sealed of users' writes, from a checkpoint on: its state lacks what was recorded before each later run as well
//! as what is recorded now, for a run may have been taken back, and with it came what it had set aside.
//!
//! | the run | its share |
//! |---|---|
//! | came before the state of the checkpoint was saved or set aside | none: that state has it |
//! | sealed writes of the component | what it sealed, and what was not recorded by then |
//! | put the component back, and nothing recorded there | a share without data |
//! | did neither | none |

use super::step::is_of;
use super::{Finish, Life, RunLife, StepState};
use crate::name::{CheckpointId, ComponentName, RunId};
use crate::order::Group;
use crate::writes::SealedWrites;

impl Life {
    /// What runs sealed of the writes to a component since the state of a checkpoint was live, oldest first.
    pub fn sealed_since(&self, to: &CheckpointId, component: &ComponentName) -> Vec<SealedWrites> {
        self.runs_after(to).iter().filter_map(|run| share(run, component)).collect()
    }

    /// The runs that the state of a checkpoint came before, oldest first.
    pub fn runs_after(&self, to: &CheckpointId) -> &[RunLife] {
        let first = self.checkpoints.get(to).map_or(self.runs.len(), |to| to.runs_before);
        self.runs.get(first..).unwrap_or_default()
    }

    /// How many runs there are up to the one whose state before it is meant, that one included; all where none is.
    pub(super) fn runs_until(&self, before: Option<&RunId>) -> usize {
        let place = before.and_then(|run| self.runs.iter().position(|one| one.id == *run));
        place.map_or(self.runs.len(), |place| place + 1)
    }
}

fn share(run: &RunLife, component: &ComponentName) -> Option<SealedWrites> {
    let sealed = run.sealed.get(component);
    if sealed.is_none() && !has_put_back(run, component) {
        return None;
    }
    Some(SealedWrites {
        run: run.id.clone(),
        data: sealed.cloned().unwrap_or_default(),
        gaps: run.counted.get(component).map(|counted| counted.gaps.clone()).unwrap_or_default(),
    })
}

fn has_put_back(run: &RunLife, component: &ComponentName) -> bool {
    let mut reverts = run.steps.iter().filter(|(step, _)| is_of(step, component, Group::Revert));
    reverts.any(|(_, state)| matches!(state, StepState::Done(Finish::Applied | Finish::FoundDone)))
}
