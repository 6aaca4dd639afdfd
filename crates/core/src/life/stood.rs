//! What a plan to some checkpoint may take for known of a component: what was left there last, by the migration or by
//! a run of ours.
//!
//! | last left there by | the plan goes to | landed | put back |
//! |---|---|---|---|
//! | the migration | any | what was seen after cutover | no |
//! | a run, back to T | T | what was seen after cutover | yes |
//! | a run, back to T | another than T | what that run left | no |

use super::Life;
use crate::name::{CheckpointId, ComponentName};
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
        match self.put_back.get(component) {
            Some(left) if left.to != *to => Stood { landed: left.seen.clone(), put_back: false },
            left => Stood { landed: self.landed.get(component).cloned(), put_back: left.is_some() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::life::PutBack;
    use crate::name::RunId;

    #[test]
    fn what_was_left_last_counts() {
        let component = ComponentName::new("db").unwrap();
        let checkpoint = |text: &str| CheckpointId::new(text).unwrap();
        let left = Seen::Unreachable { cause: "left by the run".into() };
        let mut life = Life::default();
        life.landed.insert(component.clone(), Seen::Absent);
        let migration = Stood { landed: Some(Seen::Absent), put_back: false };
        assert_eq!(life.stood(&component, &checkpoint("c1")), migration);
        let put_back =
            PutBack { run: RunId::new("r1").unwrap(), to: checkpoint("c1"), seen: Some(left.clone()) };
        life.put_back.insert(component.clone(), put_back);
        let same = Stood { landed: Some(Seen::Absent), put_back: true };
        assert_eq!(life.stood(&component, &checkpoint("c1")), same);
        let other = Stood { landed: Some(left), put_back: false };
        assert_eq!(life.stood(&component, &checkpoint("before-r1")), other);
    }
}
