//! Every row of the table, in its order.

use super::*;
use crate::digest::Digest;
use crate::observation::Fingerprint;

fn seen(shape: u8, position: u8) -> Seen {
    Seen::Present {
        fingerprint: Fingerprint {
            shape: Digest::from_raw([shape; 32]),
            position: Some(Digest::from_raw([position; 32])),
        },
    }
}

fn unreadable() -> Seen {
    Seen::Unreadable { cause: "corrupt".into() }
}

fn unreachable_() -> Seen {
    Seen::Unreachable { cause: "no answer".into() }
}

type Row = (&'static str, Seen, Option<Seen>, Seen, bool, Course, Reason, MadeBy);

fn rows() -> Vec<Row> {
    use Course::{Act, Ask, Leave};
    let (saved, landed, other) = (seen(1, 1), seen(2, 1), seen(3, 1));
    vec![
        ("1", saved.clone(), None, unreachable_(), false, Act, Reason::Unreachable, MadeBy::Unknown),
        ("2", saved.clone(), None, unreadable(), true, Act, Reason::Unreadable, MadeBy::Unknown),
        ("3", Seen::Absent, None, Seen::Absent, false, Leave, Reason::Same, MadeBy::Nobody),
        (
            "4 migration",
            saved.clone(),
            Some(Seen::Absent),
            Seen::Absent,
            false,
            Act,
            Reason::Gone,
            MadeBy::Migration,
        ),
        (
            "4 somebody",
            saved.clone(),
            Some(landed.clone()),
            Seen::Absent,
            false,
            Act,
            Reason::Gone,
            MadeBy::SomebodySince,
        ),
        ("5", saved.clone(), Some(landed.clone()), saved.clone(), false, Leave, Reason::Same, MadeBy::Nobody),
        (
            "6",
            saved.clone(),
            Some(landed.clone()),
            seen(1, 9),
            true,
            Leave,
            Reason::LaterWrites,
            MadeBy::SomebodySince,
        ),
        (
            "7",
            saved.clone(),
            Some(saved.clone()),
            seen(1, 9),
            false,
            Leave,
            Reason::LaterWrites,
            MadeBy::SomebodySince,
        ),
        ("8", saved.clone(), Some(seen(1, 5)), seen(1, 9), false, Act, Reason::Migrated, MadeBy::Migration),
        ("9", saved.clone(), None, seen(1, 9), false, Ask, Reason::WritesUnknown, MadeBy::Unknown),
        (
            "10",
            saved.clone(),
            Some(landed.clone()),
            seen(1, 9),
            false,
            Ask,
            Reason::Drift,
            MadeBy::SomebodySince,
        ),
        (
            "11",
            saved.clone(),
            Some(landed.clone()),
            landed.clone(),
            false,
            Act,
            Reason::Migrated,
            MadeBy::Migration,
        ),
        (
            "11 moved",
            saved.clone(),
            Some(landed.clone()),
            seen(2, 9),
            false,
            Act,
            Reason::Migrated,
            MadeBy::Migration,
        ),
        (
            "11 created",
            Seen::Absent,
            Some(landed.clone()),
            landed.clone(),
            false,
            Act,
            Reason::Migrated,
            MadeBy::Migration,
        ),
        ("12", saved.clone(), None, other.clone(), false, Act, Reason::LandedUnknown, MadeBy::Unknown),
        (
            "12 unreadable landed",
            saved.clone(),
            Some(unreadable()),
            other.clone(),
            false,
            Act,
            Reason::LandedUnknown,
            MadeBy::Unknown,
        ),
        (
            "13",
            saved.clone(),
            Some(landed.clone()),
            other.clone(),
            false,
            Ask,
            Reason::Drift,
            MadeBy::SomebodySince,
        ),
        (
            "13 was absent",
            Seen::Absent,
            Some(Seen::Absent),
            other.clone(),
            false,
            Ask,
            Reason::Drift,
            MadeBy::SomebodySince,
        ),
        (
            "14",
            saved,
            Some(landed.clone()),
            landed,
            true,
            Ask,
            Reason::DriftSincePutBack,
            MadeBy::SomebodySince,
        ),
    ]
}

#[test]
fn every_row_of_the_table() {
    for (row, saved, landed, live, put_back, course, reason, made_by) in rows() {
        let looks = Looks { saved: &saved, landed: landed.as_ref(), live: &live, put_back };
        assert_eq!(decide(looks, None), Decision { course, reason, made_by }, "row {row}");
    }
}

#[test]
fn an_answer_settles_what_would_act_or_ask_and_nothing_else() {
    for (row, saved, landed, live, put_back, course, reason, made_by) in rows() {
        let looks = Looks { saved: &saved, landed: landed.as_ref(), live: &live, put_back };
        let kept = decide(looks, Some(Answer::Keep));
        let overwritten = decide(looks, Some(Answer::Overwrite));
        match course {
            Course::Leave => assert_eq!((kept.reason, overwritten.reason), (reason, reason), "row {row}"),
            Course::Act => {
                assert_eq!(
                    kept,
                    Decision { course: Course::Leave, reason: Reason::Kept, made_by },
                    "row {row}"
                );
                assert_eq!(overwritten, Decision { course, reason, made_by }, "row {row}");
            }
            Course::Ask => {
                assert_eq!(
                    kept,
                    Decision { course: Course::Leave, reason: Reason::Kept, made_by },
                    "row {row}"
                );
                let expected = Decision { course: Course::Act, reason: Reason::Overwritten, made_by };
                assert_eq!(overwritten, expected, "row {row}");
            }
        }
    }
}

#[test]
fn without_living_data_there_is_no_position_to_move() {
    let plain = |shape: u8| Seen::Present {
        fingerprint: Fingerprint { shape: Digest::from_raw([shape; 32]), position: None },
    };
    let looks = Looks { saved: &plain(1), landed: None, live: &plain(1), put_back: false };
    assert_eq!(decide(looks, None).reason, Reason::Same);
}
