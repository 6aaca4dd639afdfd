//! What is captured of a process, and how it differs. Pure.

use backout_core::delta::{Delta, Shown};
use serde::{Deserialize, Serialize};

/// Whether it runs. Its number and when it started are nobody's wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Whether it runs.
    pub running: bool,
}

/// What differs, live → saved.
pub fn diff(saved: Option<&State>, live: Option<&State>) -> Delta {
    let mut delta = Delta::default();
    if saved != live {
        delta.push("process", shown(live), shown(saved));
    }
    delta
}

fn shown(state: Option<&State>) -> Shown {
    state.map_or(Shown::Absent, |state| Shown::text(if state.running { "runs" } else { "stopped" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_differs_from_the_others_and_not_from_itself() {
        let states = [None, Some(State { running: false }), Some(State { running: true })];
        for saved in &states {
            for live in &states {
                assert_eq!(diff(saved.as_ref(), live.as_ref()).is_empty(), saved == live);
            }
        }
        let delta = diff(states[2].as_ref(), states[1].as_ref());
        assert_eq!(
            (&delta.changes[0].now, &delta.changes[0].then),
            (&Shown::text("stopped"), &Shown::text("runs"))
        );
    }
}
