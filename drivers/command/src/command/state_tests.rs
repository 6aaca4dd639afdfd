use super::*;
use serde_json::json;

fn state(text: &str) -> State {
    State { content: Content::read(text.to_owned()), shown: None, secret: false, data: false }
}

fn listed(saved: &State, live: &State) -> Vec<String> {
    let side = |shown: &Shown| match shown {
        Shown::Absent => "-".to_owned(),
        Shown::Sensitive => "***".to_owned(),
        Shown::Text(text) => text.clone(),
    };
    let delta = diff(Some(saved), Some(live));
    delta
        .changes
        .iter()
        .map(|change| format!("{}: {} → {}", change.path, side(&change.now), side(&change.then)))
        .collect()
}

#[test]
fn differences_are_listed_where_they_are() {
    let long = "x".repeat(200);
    let cut = format!("line 1: {}… → y", "x".repeat(120));
    let rows: [(&str, &str, Vec<&str>); 12] = [
        ("{\"a\":1}", "{ \"a\": 1 }", vec![]),
        ("{\"a\":1,\"b\":{\"c\":[1,2]}}", "{\"a\":2,\"b\":{\"c\":[1]}}", vec!["a: 2 → 1", "b.c[1]: - → 2"]),
        ("{}", "{\"new\":true}", vec!["new: true → -"]),
        ("{\"a\":null}", "{}", vec!["a: - → null"]),
        ("1", "\"1\"", vec!["state: 1 → 1"]),
        ("{\"a\\nb\":1}", "{\"a\\nb\":2}", vec!["a\\x0ab: 2 → 1"]),
        ("[1]", "text", vec!["state: text → JSON"]),
        ("a\nb\nc\n", "a\nx\ny\nc\n", vec!["line 2: x → b", "line 3: y → -"]),
        ("a\na\n", "a\n", vec!["line 2: - → a"]),
        ("a\n", "a", vec!["state: as it is now → as it was saved"]),
        ("", "\u{1b}[31m", vec!["line 1: \\x1b[31m → -"]),
        ("y", &long, vec![&cut]),
    ];
    for (saved, live, expected) in rows {
        assert_eq!(listed(&state(saved), &state(live)), expected, "{saved} {live}");
        assert!(diff(Some(&state(live)), Some(&state(live))).is_empty());
    }
}

#[test]
fn a_persons_own_lines_are_preferred_where_they_tell_something() {
    let with =
        |text: &str, shown: &str| State { shown: Some(Content::read(shown.to_owned())), ..state(text) };
    assert_eq!(
        listed(&with("[1]", "one flag\n"), &with("[2]", "two flags\n")),
        ["line 1: two flags → one flag"]
    );
    assert_eq!(listed(&with("[1]", "same"), &with("[2]", "same")), ["[0]: 2 → 1"]);
    assert!(diff(Some(&with("[1]", "a")), Some(&with("[1]", "b"))).is_empty(), "equal states do not differ");
}

#[test]
fn secrets_are_not_shown_and_not_marked() {
    let secret = |text: &str| State { secret: true, ..state(text) };
    assert_eq!(listed(&secret("1"), &secret("2")), ["state: *** → ***"]);
    for delta in [diff(None, Some(&secret("1"))), diff(Some(&secret("1")), None)] {
        assert!(format!("{delta:?}").contains("Sensitive"));
    }
    assert_eq!(mark(&secret("1")), None);
    assert_ne!(mark(&state("1")), mark(&state("2")));
}

#[test]
fn data_moves_its_position_and_not_its_shape() {
    let data = |text: &str| State { data: true, ..state(text) };
    let (saved, live) = (data("{\"schema\":1,\"position\":7}"), data("{\"schema\":1,\"position\":9}"));
    assert_eq!((shape(&saved), position(&live)), (shape(&live), Some(json!(9))));
    assert!(diff(Some(&saved), Some(&live)).is_empty());
    assert_ne!(
        shape(&state("{\"position\":1}")),
        shape(&state("{\"position\":2}")),
        "only where `data` is declared"
    );
    for (saved, live, writes) in [
        (&saved, Some(&live), Count::Exactly(2)),
        (&live, Some(&saved), Count::Unknown),
        (&saved, None, Count::Unknown),
        (&data("{\"position\":\"a\"}"), Some(&data("{\"position\":\"a\"}")), Count::Exactly(0)),
        (&data("{\"position\":\"a\"}"), Some(&data("{\"position\":\"b\"}")), Count::Unknown),
        (&data("1"), Some(&data("1")), Count::Unknown),
    ] {
        assert_eq!(price(saved, live).unwrap().writes, writes);
    }
    assert_eq!(price(&state("1"), None), None);
}
