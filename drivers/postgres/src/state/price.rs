//! What going back costs, as far as comparing tells. Pure.

use backout_core::plan::{Count, DataPrice};

use super::State;
use super::diff::{counted, shown};
use crate::rows::Rows;

/// Rows that live has and the checkpoint lacks, as far as counting tells.
///
/// | table | counts as |
/// |---|---|
/// | the same rows | none |
/// | more rows than saved | as many as there are more |
/// | as many or fewer, and others | at least none: rows were changed, by users or by the migration |
/// | saved has no such table | at least none: its rows may be the migration's own |
/// | live has no such table | none here |
/// | one of both could not be read | unknown |
///
/// Large objects count as the rows of one more table. What could not be read at all costs nobody knows how much.
pub(crate) fn price(saved: &State, live: Option<&State>) -> DataPrice {
    let Some(live) = live else {
        let details = vec!["what is there now cannot be read, so nobody can count".to_owned()];
        return DataPrice::compared(Count::Unknown, details, true);
    };
    let mut writes = Count::Exactly(0);
    let mut details = Vec::new();
    let tables = live.rows.iter().map(|(name, now)| (shown(name), Some(now), saved.rows.get(name)));
    let objects = ("large objects".to_owned(), live.large_objects.as_ref(), saved.large_objects.as_ref());
    for (table, now, then) in tables.chain([objects]) {
        let Some(now) = now else { continue };
        if let Some((count, detail)) = of_table(now, then) {
            writes = writes.plus(count);
            details.push(format!("{table}: {detail}"));
        }
    }
    DataPrice::compared(writes, details, true)
}

/// What one table adds; none where nothing is lost.
fn of_table(now: &Rows, then: Option<&Rows>) -> Option<(Count, String)> {
    if then == Some(now) && !now.is_unreadable() {
        return None;
    }
    if now.is_unreadable() || then.is_some_and(Rows::is_unreadable) {
        return Some((Count::Unknown, "cannot be read, so nobody can count".to_owned()));
    }
    match then {
        None if now.count == 0 => None,
        None => {
            Some((Count::AtLeast(0), format!("{} in a table that the checkpoint lacks", counted(now.count))))
        }
        Some(then) if now.count > then.count => {
            let more = now.count - then.count;
            Some((Count::Exactly(more), format!("{} more than in the checkpoint", counted(more))))
        }
        Some(then) if now.count == then.count => {
            Some((Count::AtLeast(0), "as many rows as in the checkpoint, with other content".to_owned()))
        }
        Some(then) => Some((
            Count::AtLeast(0),
            format!("{} fewer than in the checkpoint", counted(then.count - now.count)),
        )),
    }
}
