//! What differs, live → saved. Pure.

use backout_core::delta::Delta;

use super::state::{{Kind}}State;

/// Lists what differs: `delta.push(path, now, then)`, with `Shown::Sensitive` for secrets. Empty where both are
/// equal, and only there; as it stands it says that nothing ever differs, which the suite does not believe.
pub(super) fn diff(_saved: Option<&{{Kind}}State>, _live: Option<&{{Kind}}State>) -> Delta {
    Delta::default()
}
