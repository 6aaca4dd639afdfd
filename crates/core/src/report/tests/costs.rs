//! Each row of the table of what was paid.

use super::story::{component, counted, merged};
use crate::plan::Count::{self, AtLeast, Exactly, Unknown};
use crate::report::WritesAccount;
use crate::report::cost::PutBack::{self, CannotTell, No, Yes};
use crate::report::cost::Recovery::{self, Missed, ToCome};
use crate::writes::{Counted, Recovered};

#[test]
fn what_became_of_writes() {
    let whole = counted(5, 1, &[]);
    let vague = counted(5, 1, &["notes"]);
    let mut done = Recovered { applied: 2, already: 1, waiting: 1, unmapped: 1, ..Recovered::default() };
    done.open_conflicts = 2;
    let zero = Exactly(0);
    type Row<'a> = (Option<&'a Counted>, Option<&'a Recovered>, PutBack, Recovery, [Count; 4]);
    let rows: [Row<'_>; 12] = [
        (Some(&whole), Some(&done), Yes, Missed, [Exactly(3), zero, Exactly(3), Exactly(1)]),
        (Some(&vague), Some(&done), Yes, Missed, [Exactly(3), zero, Exactly(3), AtLeast(1)]),
        (None, Some(&done), No, ToCome, [Exactly(3), zero, Exactly(3), Exactly(1)]),
        (Some(&whole), None, No, ToCome, [zero, zero, zero, zero]),
        (Some(&whole), None, Yes, ToCome, [zero, Exactly(4), zero, Exactly(1)]),
        (Some(&whole), None, CannotTell, ToCome, [zero, Exactly(4), zero, Exactly(1)]),
        (Some(&whole), None, Yes, Missed, [zero, zero, Exactly(4), Exactly(1)]),
        (Some(&vague), None, Yes, Missed, [zero, zero, Exactly(4), AtLeast(1)]),
        (Some(&whole), None, CannotTell, Missed, [zero, zero, Exactly(4), Exactly(1)]),
        (Some(&whole), None, CannotTell, Recovery::None, [zero, zero, zero, Unknown]),
        (Some(&whole), None, Yes, Recovery::None, [zero, zero, zero, Exactly(5)]),
        (Some(&vague), None, Yes, Recovery::None, [zero, zero, zero, AtLeast(5)]),
    ];
    for (counted, recovered, put_back, recovery, expected) in rows {
        let account = WritesAccount::new(&component("db"), counted, recovered, put_back, recovery);
        let found = [account.saved, account.pending, account.waiting, account.lost];
        assert_eq!(found, expected, "{counted:?} {recovered:?} {put_back:?} {recovery:?}");
    }
}

#[test]
fn a_merge_is_paid_as_it_was_journaled() {
    let run = merged().run_report();
    let paid = &run.cost.paid;
    assert_eq!(paid.writes, Some(Exactly(5)));
    assert_eq!((paid.saved, paid.waiting, paid.lost), (Some(Exactly(3)), Some(Exactly(1)), Some(Exactly(1))));
    assert_eq!((paid.conflicts, paid.steps_done, paid.steps), (2, 7, 7));
    assert_eq!(paid.closed_millis, 2_000 + 800 + 300 + 400);
    assert_eq!(paid.working_millis, run.millis);
    assert!(
        run.standing.sentence.contains("1 waits for a person; 1 of their writes is lost"),
        "{}",
        run.standing.sentence
    );
}
