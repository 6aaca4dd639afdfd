//! What going back costs, as far as two looks tell. A recorder counts exactly.

use std::collections::BTreeSet;

use backout_core::plan::{Count, DataPrice};

use super::state::{EndpointState, Inside};
use crate::replication::safe;
use crate::rows::Rows;

/// Compares the rows that users see now with those that they saw then, table by table.
pub(super) fn price(saved: &EndpointState, live: Option<&EndpointState>) -> DataPrice {
    let (writes, details) = match (saved.of_writers(), live.and_then(EndpointState::of_writers)) {
        (Some(then), Some(now)) => compare(then, now),
        _ => (Count::Unknown, vec!["the side with the writers could not be looked at".to_owned()]),
    };
    let none = Count::Exactly(0);
    DataPrice { writes, rescued: none, waiting: none, lost: writes, details, kept_aside: true, counted: None }
}

fn compare(then: &Inside, now: &Inside) -> (Count, Vec<String>) {
    let (mut sum, mut details, mut is_vague) = (0_u64, Vec::new(), false);
    let empty = Rows { count: 0, digest: "-".to_owned() };
    for name in then.rows.keys().chain(now.rows.keys()).collect::<BTreeSet<_>>() {
        let (then, now) = (then.rows.get(name).unwrap_or(&empty), now.rows.get(name).unwrap_or(&empty));
        if then == now {
            continue;
        }
        is_vague = true;
        let differ = then.count.abs_diff(now.count);
        sum = sum.saturating_add(differ.max(1));
        let what = match now.count.cmp(&then.count) {
            std::cmp::Ordering::Greater => format!("{differ} rows more than in the checkpoint"),
            std::cmp::Ordering::Less => format!("{differ} rows fewer than in the checkpoint"),
            std::cmp::Ordering::Equal => "other rows than in the checkpoint".to_owned(),
        };
        details.push(format!("{}: {what}", safe(name)));
    }
    (if is_vague { Count::AtLeast(sum) } else { Count::Exactly(0) }, details)
}
