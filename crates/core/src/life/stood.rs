//! What a plan to some checkpoint may take for known of a component: what was left there last, by the migration or by
//! a run of ours.
//!
//! | last left there by | the plan goes to | landed | put back |
//! |---|---|---|---|
//! | the migration | any | what was seen after cutover | no |
//! | a run, back to T, and judged to be so | T | what was seen after cutover | yes |
//! | a run, back to T, given up or not judged to be so, that left the shape of T | T | what was seen after cutover | yes |
//! | a run, back to T, given up or not judged to be so, that left something else | T | what that run left | no |
//! | a run, back to T | another than T | what that run left | no |

use super::{Life, PutBack};
use crate::name::{CheckpointId, ComponentName, RunId};
use crate::observation::Seen;

/// What was left at a component, from the point of view of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stood {
    /// What the change that is taken back left, where somebody looked.
    pub landed: Option<Seen>,
    /// Whether a run of ours put back the very state that the plan goes to.
    pub put_back: bool,
}

impl Life {
    /// What was left at a component, for a plan to this checkpoint.
    pub fn stood(&self, component: &ComponentName, to: &CheckpointId) -> Stood {
        let migrated = |put_back| Stood { landed: self.landed.get(component).cloned(), put_back };
        let (judged, left) = (self.put_back.get(component), self.left.get(component));
        let is_judged = match (judged, left) {
            (Some(judged), Some(left)) => self.place_of(&judged.run) >= self.place_of(&left.run),
            (judged, _) => judged.is_some(),
        };
        let Some(last) = (if is_judged { judged } else { left }) else { return migrated(false) };
        if last.to == *to && (is_judged || self.is_as_saved(component, last)) {
            return migrated(true);
        }
        let seen = last.seen.clone().or_else(|| left.filter(|left| left.run == last.run)?.seen.clone());
        Stood { landed: seen, put_back: false }
    }

    fn place_of(&self, run: &RunId) -> Option<usize> {
        self.runs.iter().position(|one| one.id == *run)
    }

    fn is_as_saved(&self, component: &ComponentName, left: &PutBack) -> bool {
        let saved = self.checkpoints.get(&left.to).and_then(|to| to.components.get(component));
        match (saved, &left.seen) {
            (Some(saved), Some(seen)) => saved.observation.seen.same_shape(seen),
            // It was found done, or stood there already: a look said so.
            (_, None) => true,
            (None, _) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_last_counts() {
        let component = ComponentName::new("db").unwrap();
        let checkpoint = |text: &str| CheckpointId::new(text).unwrap();
        let seen = Seen::Unreachable { cause: "left by the run".into() };
        let mut life = Life::default();
        life.landed.insert(component.clone(), Seen::Absent);
        let migration = Stood { landed: Some(Seen::Absent), put_back: false };
        assert_eq!(life.stood(&component, &checkpoint("c1")), migration);
        let left = PutBack { run: RunId::new("r1").unwrap(), to: checkpoint("c1"), seen: Some(seen.clone()) };
        let same = Stood { landed: Some(Seen::Absent), put_back: true };
        let other = Stood { landed: Some(seen), put_back: false };
        let mut judged = life.clone();
        judged.put_back.insert(component.clone(), left.clone());
        assert_eq!(judged.stood(&component, &checkpoint("c1")), same);
        assert_eq!(judged.stood(&component, &checkpoint("before-r1")), other);
        life.left.insert(component.clone(), left.clone());
        assert_eq!(life.stood(&component, &checkpoint("c1")), other, "not of the shape that was saved");
        assert_eq!(life.stood(&component, &checkpoint("before-r1")), other);
        life.left.insert(component.clone(), PutBack { seen: None, ..left });
        assert_eq!(life.stood(&component, &checkpoint("c1")), same, "a look had found it done");
    }
}
