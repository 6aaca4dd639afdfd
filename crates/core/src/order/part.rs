//! What takes part in a rollback, and what restarts because a value that it read went back.
//!
//! | component | takes part |
//! |---|---|
//! | differs | yes |
//! | uses, directly or not, something that differs and is in place | yes, closed meanwhile |
//! | uses, directly or not, something that differs, merges, and cannot be closed itself | yes, closed meanwhile |
//! | reads something that takes part | yes, restarts; its own readers too |
//! | only uses something switched, or something that merely restarts | no |
//!
//! *Uses* is `needs` and `inside`. The third row is what rule 7 asks for: somebody has to close the new side
//! before its writes are recovered.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::net::Net;
use super::rule::recovers_first;
use super::word::{DependencyKind, Mode, Ordered};
use crate::name::ComponentName;

/// Why a component takes part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// It goes back itself.
    Differs,
    /// It uses this one, directly or not, which is rewritten in place.
    Uses(ComponentName),
    /// It uses this one, directly or not, whose new side cannot be closed by itself before its writes are
    /// recovered.
    Writes(ComponentName),
    /// It took a value from this one at start, and must take it again.
    Reads(ComponentName),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Differs => f.write_str("differs"),
            Self::Uses(on) => write!(f, "uses `{on}`, which is rewritten in place"),
            Self::Writes(on) => {
                write!(f, "writes to `{on}`, which must be closed while its writes are recovered")
            }
            Self::Reads(on) => write!(f, "restarts, for it reads `{on}` at start"),
        }
    }
}

/// Everything that takes part, once each, with the first reason in the order of [`Why`]. `differing` are the
/// components that will go back.
pub fn taking_part(
    components: &[Ordered],
    differing: &BTreeSet<ComponentName>,
) -> BTreeMap<ComponentName, Why> {
    let net = Net::new(components);
    let differing = net.positions(differing);
    let mut found: BTreeMap<usize, Why> =
        differing.iter().map(|position| (*position, Why::Differs)).collect();
    let rewritten = |component: &Ordered| component.mode == Mode::InPlace;
    for (position, root) in users(&net, &differing, rewritten) {
        found.entry(position).or_insert(Why::Uses(root));
    }
    let left_open = |component: &Ordered| recovers_first(component) && !component.can_quiesce;
    for (position, root) in users(&net, &differing, left_open) {
        found.entry(position).or_insert(Why::Writes(root));
    }
    let stepping = found.keys().copied().collect();
    for (position, causes) in readers(&net, &stepping) {
        let first = causes.first().and_then(|cause| net.component(*cause));
        if let Some(cause) = first {
            found.entry(position).or_insert(Why::Reads(cause.name.clone()));
        }
    }
    let named = found
        .into_iter()
        .filter_map(|(position, why)| net.component(position).map(|component| (component.name.clone(), why)));
    named.collect()
}

/// Who must restart, and because of which that it reads, when `stepping` have steps: rule 5. A restart is a
/// step, so readers of a reader restart too. Each reader is named once, also one that has steps of its own, whose
/// quiesce and reopen are that restart.
pub fn restarts(
    components: &[Ordered],
    stepping: &BTreeSet<ComponentName>,
) -> BTreeMap<ComponentName, BTreeSet<ComponentName>> {
    let net = Net::new(components);
    let name = |position: usize| net.component(position).map(|component| component.name.clone());
    let named = readers(&net, &net.positions(stepping)).into_iter().filter_map(|(position, causes)| {
        Some((name(position)?, causes.into_iter().filter_map(name).collect()))
    });
    named.collect()
}

/// Who uses, directly or not, one of `roots` that is of some sort: with the nearest such root.
fn users(
    net: &Net<'_>,
    roots: &BTreeSet<usize>,
    sort: impl Fn(&Ordered) -> bool,
) -> BTreeMap<usize, ComponentName> {
    let mut found = BTreeMap::new();
    let mut todo: VecDeque<(usize, &ComponentName)> = roots
        .iter()
        .filter_map(|root| net.component(*root).filter(|component| sort(component)).map(|c| (*root, &c.name)))
        .collect();
    while let Some((position, root)) = todo.pop_front() {
        for tie in net.consumers(position).iter().filter(|tie| tie.kind.uses()) {
            found.entry(tie.consumer).or_insert_with(|| {
                todo.push_back((tie.consumer, root));
                root.clone()
            });
        }
    }
    found
}

fn readers(net: &Net<'_>, stepping: &BTreeSet<usize>) -> BTreeMap<usize, BTreeSet<usize>> {
    let mut found: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    let mut met = stepping.clone();
    let mut todo: Vec<usize> = stepping.iter().copied().collect();
    while let Some(position) = todo.pop() {
        for tie in net.consumers(position).iter().filter(|tie| tie.kind == DependencyKind::Reads) {
            found.entry(tie.consumer).or_default().insert(position);
            if met.insert(tie.consumer) {
                todo.push(tie.consumer);
            }
        }
    }
    found
}
