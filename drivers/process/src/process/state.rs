//! What is captured of a process, and how it differs. Pure.

use backout_core::delta::{Delta, Shown};
use serde::{Deserialize, Serialize};

/// A program that runs. Its number and when it started are nobody's wish, so there is nothing to tell of it; one
/// that does not run is absent, so that a program which crashed after cutover is gone, and not somebody's drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {}

/// What differs, live → saved.
pub fn diff(saved: Option<&State>, live: Option<&State>) -> Delta {
    let mut delta = Delta::default();
    if saved != live {
        delta.push("process", shown(live), shown(saved));
    }
    delta
}

fn shown(state: Option<&State>) -> Shown {
    Shown::text(if state.is_some() { "runs" } else { "stopped" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_differs_from_the_other_and_not_from_itself() {
        let states = [None, Some(State {})];
        for saved in &states {
            for live in &states {
                assert_eq!(diff(saved.as_ref(), live.as_ref()).is_empty(), saved == live);
            }
        }
        let delta = diff(Some(&State {}), None);
        assert_eq!(
            (&delta.changes[0].now, &delta.changes[0].then),
            (&Shown::text("stopped"), &Shown::text("runs"))
        );
    }
}
