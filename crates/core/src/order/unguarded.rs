//! What no edge can guard, because nobody can be closed. The lint of the migration file reports it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::net::Net;
use super::rule::recovers_first;
use super::word::{Mode, Ordered};
use crate::name::ComponentName;

/// Something that happens under the feet of a component that stays open.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unguarded {
    /// Rule 3: `consumer` cannot quiesce while `provider` is rewritten in place, and nobody declared
    /// `live: accepted`.
    UsedWhileRewritten {
        /// Who stays open.
        consumer: ComponentName,
        /// What is rewritten.
        provider: ComponentName,
    },
    /// Rule 7: neither `provider` nor `consumer`, which uses it, can be closed before its writes are recovered.
    WrittenWhileRecovered {
        /// Who goes on writing.
        consumer: ComponentName,
        /// Whose writes are recovered.
        provider: ComponentName,
    },
}

/// Everything that stays open where the rule wants it closed.
pub fn unguarded(components: &[Ordered]) -> BTreeSet<Unguarded> {
    let net = Net::new(components);
    let mut found = BTreeSet::new();
    for tie in net.ties().filter(|tie| tie.kind.uses()) {
        let (Some(c), Some(d)) = (net.component(tie.consumer), net.component(tie.provider)) else { continue };
        if c.can_quiesce {
            continue;
        }
        let (consumer, provider) = (c.name.clone(), d.name.clone());
        if d.mode == Mode::InPlace && !c.live_accepted {
            found.insert(Unguarded::UsedWhileRewritten { consumer, provider });
        } else if recovers_first(d) && !d.can_quiesce {
            found.insert(Unguarded::WrittenWhileRecovered { consumer, provider });
        }
    }
    found
}
