use backout_core::digest::Digest;

use super::*;
use crate::database::state::Access;

fn content(rows: u64, digest: u8) -> Content {
    Content { rows, digest: Digest::from_raw([digest; 32]) }
}

fn table(name: &str, sql: &str) -> SchemaEntry {
    SchemaEntry { kind: "table".into(), name: name.into(), table: name.into(), sql: Some(sql.into()) }
}

fn state(tables: &[(&str, Content)]) -> State {
    State {
        page_size: 4096,
        encoding: "UTF-8".into(),
        auto_vacuum: 0,
        write_ahead: true,
        user_version: 1,
        application_id: 0,
        schema: tables.iter().map(|(name, _)| table(name, "CREATE TABLE ..")).collect(),
        tables: tables.iter().map(|(name, content)| ((*name).to_owned(), *content)).collect(),
        sequences: BTreeMap::new(),
        foreign_key_violations: Some(0),
        access: Access { mode: 0o644, user: 0, group: 0 },
        recorder: None,
    }
}

fn lines(delta: &Delta) -> Vec<String> {
    let side = |shown: &Shown| match shown {
        Shown::Absent => "-".to_owned(),
        Shown::Text(text) => text.clone(),
        Shown::Sensitive => "***".to_owned(),
    };
    delta.changes.iter().map(|c| format!("{}: {} → {}", c.path, side(&c.now), side(&c.then))).collect()
}

#[test]
fn equal_states_do_not_differ() {
    let one = state(&[("tasks", content(2, 1))]);
    assert!(diff(Some(&one), Some(&one)).is_empty());
    assert!(diff(None, None).is_empty());
}

#[test]
fn every_part_of_a_state_is_told() {
    let saved = state(&[("tasks", content(240, 1)), ("users", content(3, 1)), ("gone", content(1, 1))]);
    let mut live =
        state(&[("tasks", content(240, 2)), ("users", content(1, 2)), ("ids\u{202e}", content(5, 1))]);
    live.user_version = 2;
    live.application_id = 7;
    live.encoding = "UTF-16le".into();
    live.write_ahead = false;
    live.page_size = 1024;
    live.auto_vacuum = 1;
    live.foreign_key_violations = None;
    live.sequences.insert("tasks".into(), "240".into());
    live.schema.retain(|entry| entry.name != "users");
    live.schema.push(table("users", "CREATE TABLE otherwise"));
    assert_eq!(
        lines(&diff(Some(&saved), Some(&live))),
        [
            "user_version: 2 → 1",
            "application_id: 7 → 0",
            "encoding: UTF-16le → UTF-8",
            "journal: rollback journal → write-ahead log",
            "page_size: 1024 → 4096",
            "auto_vacuum: 1 → 0",
            "foreign key violations: cannot be counted → 0",
            "table gone: - → as saved",
            "table ids\\xe2\\x80\\xae: there → -",
            "table users: otherwise defined → as saved",
            "rows of gone: - → 1 row",
            "rows of ids\\xe2\\x80\\xae: 5 rows → -",
            "rows of tasks: 240 rows, content differs → 240 rows",
            "rows of users: 1 row → 3 rows",
            "sequence of tasks: 240 → -",
        ]
    );
    assert_eq!(lines(&diff(Some(&saved), None)), ["database: - → 3 tables, 244 rows"]);
    assert_eq!(lines(&diff(None, Some(&saved))), ["database: 3 tables, 244 rows → -"]);
}

#[test]
fn the_price_says_how_well_it_is_known() {
    let saved = state(&[("a", content(10, 1)), ("b", content(10, 1))]);
    for (live, writes, details) in [
        (state(&[("a", content(10, 1)), ("b", content(10, 1))]), Count::Exactly(0), vec![]),
        (
            state(&[("a", content(17, 2)), ("b", content(10, 1))]),
            Count::Exactly(7),
            vec!["a: 7 rows more than in the checkpoint"],
        ),
        (
            state(&[("a", content(11, 2)), ("b", content(10, 2))]),
            Count::AtLeast(1),
            vec![
                "a: 1 row more than in the checkpoint",
                "b: as many rows as in the checkpoint, with other content",
            ],
        ),
        (
            state(&[("a", content(4, 2)), ("b", content(10, 1))]),
            Count::AtLeast(0),
            vec!["a: 6 rows fewer than in the checkpoint"],
        ),
        (
            state(&[
                ("a", content(10, 1)),
                ("b", content(10, 1)),
                ("c", content(3, 1)),
                ("d", content(0, 1)),
            ]),
            Count::AtLeast(0),
            vec!["c: 3 rows in a table that the checkpoint lacks"],
        ),
        (state(&[("a", content(10, 1))]), Count::Exactly(0), vec![]),
    ] {
        let price = price(&saved, Some(&live));
        assert_eq!(
            (price.writes, price.details, price.kept_aside),
            (writes, details.iter().map(|d| (*d).to_owned()).collect(), true)
        );
    }
    assert_eq!(price(&saved, None).writes, Count::Unknown);
}
