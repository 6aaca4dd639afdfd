//! Comparing and counting, row by row.

use std::collections::BTreeMap;

use backout_core::delta::Shown;
use backout_core::plan::Count;

use super::{State, Taken, diff, is_exactly, position, price, shape};
use crate::catalog::{Object, Schema};
use crate::rows::Rows;
use crate::server::Version;

/// Objects as `object|part|value`, rows as `table|count|digest`, sequences as `name|next`.
fn state(objects: &[&str], rows: &[&str], sequences: &[&str]) -> State {
    let field = |line: &str, at: usize| line.split('|').nth(at).unwrap_or_default().to_owned();
    let mut schema = Schema::default();
    for line in objects {
        let object: &mut Object = schema.objects.entry(field(line, 0)).or_default();
        if !field(line, 1).is_empty() {
            object.parts.insert(field(line, 1), field(line, 2));
        }
    }
    let rows = rows.iter().map(|line| {
        let count = field(line, 1).parse().expect("a count");
        (field(line, 0), Rows { count, digest: field(line, 2) })
    });
    let sequences = sequences.iter().map(|line| (field(line, 0), field(line, 1).parse().expect("a number")));
    State {
        schema,
        rows: rows.collect(),
        sequences: sequences.collect::<BTreeMap<_, _>>(),
        large_objects: None,
        notes: Vec::new(),
        taken: Taken {
            version: Version(150_000),
            system: "7".into(),
            database: 5,
            snapshot: "1:1:".into(),
            position: 0,
            timeline: 1,
            restore_point: None,
        },
    }
}

/// Every difference as `path: now -> then`.
fn lines(saved: &State, live: &State) -> Vec<String> {
    let side = |shown: &Shown| match shown {
        Shown::Absent => "-".to_owned(),
        Shown::Text(text) => text.clone(),
        Shown::Sensitive => "?".to_owned(),
    };
    let delta = diff(Some(saved), Some(live));
    delta.changes.iter().map(|c| format!("{}: {} -> {}", c.path, side(&c.now), side(&c.then))).collect()
}

#[test]
fn what_differs_is_said_once_and_readably() {
    let long = format!("view public.v|definition|{}", "x".repeat(300));
    let saved = state(
        &[
            "table public.tasks|column id|bigint",
            "table public.tasks|order of columns|id",
            "table app.gone",
            &long,
        ],
        &["\"public\".\"tasks\"|3|a", "\"Öl\".\"a.b\"|1|a", "\"public\".\"same\"|1|z"],
        &["\"public\".\"tasks_id_seq\"|4"],
    );
    let live = state(
        &[
            "table public.tasks|column id|bigint",
            "table public.tasks|column uuid|uuid not null",
            "table public.tasks|order of columns|id, uuid",
            "function public.f(integer)",
            "view public.v|definition|short",
        ],
        &[
            "\"public\".\"tasks\"|5|b",
            "\"Öl\".\"a.b\"|1|b",
            "\"public\".\"same\"|1|z",
            "\"public\".\"new\"|0|-",
        ],
        &["\"public\".\"tasks_id_seq\"|6"],
    );
    assert_eq!(
        lines(&saved, &live),
        [
            "function f(integer): there -> -",
            "table app.gone: - -> as saved",
            "table tasks: column uuid: uuid not null -> -",
            "view v: definition: otherwise defined -> as saved",
            "table new: rows: 0 rows -> -",
            "table tasks: rows: 5 rows -> 3 rows",
            "table Öl.\"a.b\": rows: 1 row, other content -> 1 row",
            "sequence tasks_id_seq: next value: 6 -> 4",
        ]
    );
    assert!(diff(Some(&saved), Some(&saved)).is_empty());
    assert_eq!(diff(None, Some(&live)).len(), 1);
    assert_eq!(diff(Some(&saved), None).len(), 1);
    assert!(diff(None, None).is_empty());
}

#[test]
fn columns_in_another_order_are_a_difference() {
    let saved =
        state(&["table t|column a|int", "table t|column b|int", "table t|order of columns|a, b"], &[], &[]);
    let live =
        state(&["table t|column a|int", "table t|column b|int", "table t|order of columns|b, a"], &[], &[]);
    assert_eq!(lines(&saved, &live), ["table t: order of columns: b, a -> a, b"]);
}

#[test]
fn hostile_names_do_nothing_to_a_terminal() {
    let saved = state(&[], &[], &[]);
    let live = state(&["table public.\u{1b}[31m|column \u{7}|x\u{1b}"], &["\"public\".\"\u{1b}\"|1|a"], &[]);
    for line in lines(&saved, &live) {
        assert!(!line.contains(['\u{1b}', '\u{7}']), "{line:?}");
    }
}

#[test]
fn rows_since_the_checkpoint_are_counted_as_far_as_comparing_tells() {
    let unreadable = "\"public\".\"t\"|0|unreadable: permission denied";
    for (saved, live, expected) in [
        (&["\"public\".\"t\"|3|a"][..], &["\"public\".\"t\"|3|a"][..], Count::Exactly(0)),
        (&["\"public\".\"t\"|3|a"], &["\"public\".\"t\"|5|b"], Count::Exactly(2)),
        (&["\"public\".\"t\"|3|a"], &["\"public\".\"t\"|3|b"], Count::AtLeast(0)),
        (&["\"public\".\"t\"|3|a"], &["\"public\".\"t\"|2|b"], Count::AtLeast(0)),
        (&[], &["\"public\".\"t\"|2|b"], Count::AtLeast(0)),
        (&[], &["\"public\".\"t\"|0|-"], Count::Exactly(0)),
        (&["\"public\".\"t\"|3|a"], &[], Count::Exactly(0)),
        (&["\"public\".\"t\"|3|a"], &[unreadable], Count::Unknown),
        (&[unreadable], &[unreadable], Count::Unknown),
    ] {
        let price = price(&state(&[], saved, &[]), Some(&state(&[], live, &[])));
        assert_eq!(price.writes, expected, "{saved:?} {live:?}");
        assert_eq!(price.details.is_empty(), expected == Count::Exactly(0), "{saved:?} {live:?}");
    }
    assert_eq!(price(&state(&[], &[], &[]), None).writes, Count::Unknown);
}

#[test]
fn only_objects_are_shape_and_the_rest_is_position() {
    let one = state(&["table public.t|column a|integer"], &["\"public\".\"t\"|1|a"], &["\"public\".\"s\"|1"]);
    let mut two = one.clone();
    two.taken.database = 6;
    two.notes.push("something".into());
    assert!(shape(&one) == shape(&two) && position(&one) == position(&two) && is_exactly(&one, &two));
    for change in [
        |state: &mut State| state.rows.clear(),
        |state: &mut State| state.sequences.clear(),
        |state: &mut State| state.large_objects = Some(Rows { count: 1, digest: "x".into() }),
    ] {
        let mut two = one.clone();
        change(&mut two);
        assert!(shape(&one) == shape(&two) && position(&one) != position(&two) && !is_exactly(&one, &two));
    }
    let mut two = one.clone();
    two.schema.objects.clear();
    assert!(shape(&one) != shape(&two) && position(&one) == position(&two) && !is_exactly(&one, &two));
}
