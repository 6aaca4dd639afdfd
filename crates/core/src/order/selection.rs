//! A partial rollback: what a selection draws in, and when it is refused.
//!
//! | consumer of something that goes back | dependency | then |
//! |---|---|---|
//! | differs | plain | joins, and so do its own consumers |
//! | differs | `compatible: both` | stays as it is |
//! | does not differ | plain | nothing to put back; what goes back shows through it to its own consumers |
//! | does not differ | `compatible: both` | stays, and nothing shows through |
//! | would join, but was excluded | | refused |

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::net::Net;
use super::word::Ordered;
use crate::name::ComponentName;

/// Why a component is in a selection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Chosen {
    /// It was asked for.
    Asked,
    /// It depends on this one, which goes back.
    ConsumerOf(ComponentName),
}

impl fmt::Display for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => f.write_str("it was asked for"),
            Self::ConsumerOf(provider) => write!(f, "it depends on `{provider}`, which goes back"),
        }
    }
}

/// The components that go back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Selection {
    /// All of them; each differs. This is what [`super::taking_part`] takes.
    pub members: BTreeSet<ComponentName>,
    /// Those among them that were not asked for, with the reason.
    pub joined: BTreeMap<ComponentName, Chosen>,
    /// Worth a warning: the first goes back while the second, on which it directly depends, differs and stays,
    /// and nothing says that the first works with both sides of it.
    pub ahead: BTreeSet<(ComponentName, ComponentName)>,
}

/// A selection that leaves out what has to go back too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// What was excluded, and why it is required.
    pub missing: BTreeMap<ComponentName, Chosen>,
}

impl LeftOut {
    /// What to do about it, a lowercase fragment.
    pub fn cure(&self) -> String {
        let names: Vec<String> = self.missing.keys().map(|name| format!("`{name}`")).collect();
        let names = names.join(", ");
        if self.missing.values().all(|chosen| *chosen == Chosen::Asked) {
            return format!("ask for {names} or exclude it, not both");
        }
        format!(
            "let {names} go back too, or declare `compatible: both` on the dependency if it works with both sides"
        )
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> =
            self.missing.iter().map(|(name, chosen)| format!("`{name}` ({chosen})")).collect();
        write!(f, "the selection leaves out {}", parts.join(" and "))
    }
}

impl std::error::Error for LeftOut {}

/// Completes a selection: `asked` go back (pass all of `differing` for a whole rollback), `excluded` must not.
/// `differing` are all components with a difference, the excluded ones too. Names that were chosen or excluded and
/// do not differ have nothing to put back and are passed over.
///
/// # Errors
///
/// [`LeftOut`], naming everything that was excluded and is required.
pub fn closure(
    components: &[Ordered],
    differing: &BTreeSet<ComponentName>,
    asked: &BTreeSet<ComponentName>,
    excluded: &BTreeSet<ComponentName>,
) -> Result<Selection, LeftOut> {
    let net = Net::new(components);
    let differing = net.positions(differing);
    let excluded = net.positions(excluded);
    let asked: BTreeSet<usize> = net.positions(asked).intersection(&differing).copied().collect();
    let mut chosen: BTreeMap<usize, Chosen> =
        asked.iter().map(|position| (*position, Chosen::Asked)).collect();
    let mut passed = BTreeSet::new();
    let mut todo: VecDeque<(usize, usize)> = asked.iter().map(|position| (*position, *position)).collect();
    while let Some((position, root)) = todo.pop_front() {
        let Some(provider) = net.component(root) else { continue };
        for tie in net.consumers(position).iter().filter(|tie| !tie.compatible_both) {
            if !differing.contains(&tie.consumer) {
                if passed.insert(tie.consumer) {
                    todo.push_back((tie.consumer, root));
                }
            } else if let Entry::Vacant(slot) = chosen.entry(tie.consumer) {
                slot.insert(Chosen::ConsumerOf(provider.name.clone()));
                todo.push_back((tie.consumer, tie.consumer));
            }
        }
    }

    let name = |position: usize| net.component(position).map(|component| component.name.clone());
    let ahead = net
        .ties()
        .filter(|tie| chosen.contains_key(&tie.consumer) && !tie.compatible_both)
        .filter(|tie| differing.contains(&tie.provider) && !chosen.contains_key(&tie.provider))
        .filter_map(|tie| Some((name(tie.consumer)?, name(tie.provider)?)))
        .collect();
    let mut missing = BTreeMap::new();
    let mut joined = BTreeMap::new();
    let mut members = BTreeSet::new();
    for (position, reason) in chosen {
        let Some(name) = name(position) else { continue };
        if excluded.contains(&position) {
            missing.insert(name, reason);
            continue;
        }
        if reason != Chosen::Asked {
            joined.insert(name.clone(), reason);
        }
        members.insert(name);
    }
    if missing.is_empty() { Ok(Selection { members, joined, ahead }) } else { Err(LeftOut { missing }) }
}
