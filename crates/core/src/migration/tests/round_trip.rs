//! What is printed reads back as the same thing.

use std::num::NonZeroU32;
use std::time::Duration;

use proptest::prelude::*;

use super::super::{
    Action, Component, Dependency, DurationText, ExtraEdge, Kind, Limits, Manual, MigrationFile, Phase,
    Ratio, Reference, Side, Size, Source, Span, Spanned, Tree, Vault, Verification, Writes, parse, print,
    print_tree,
};
use super::{WHOLE, read};
use crate::name::{ComponentName, KindName, MigrationName, PhaseName};
use crate::order::{DependencyKind, Group};

/// Texts that YAML is known to get wrong.
fn text() -> impl Strategy<Value = String> {
    let odd = [
        "",
        " ",
        "no",
        "true",
        "~",
        "null",
        "010",
        "0x1F",
        "1_000",
        "1e3",
        "-",
        "- a",
        "a: b",
        "a #b",
        "#",
        "&a",
        "*a",
        "!x",
        "|",
        ">",
        "%",
        "@",
        "`",
        "'",
        "\"",
        "\\",
        "a\nb",
        "a\nb\n",
        "\n",
        "a\n\nb\n\n",
        " a\nb",
        "a\n  b",
        "a\t",
        "\ta\nb",
        "\u{202e}",
        "\u{0}",
        "\u{85}",
        "\u{feff}",
        "\u{1f600}",
        "é",
        "?",
        "? a",
        ",",
        "[",
        "{}",
        "---",
        "...",
        "<<",
        "=",
        "\r\n",
        "${env:A}",
        "$${env:A}",
        "a${file:b c}d",
        "x\u{ad}y",
        "a\n \nb",
    ];
    prop_oneof![proptest::sample::select(odd.to_vec()).prop_map(String::from), "\\PC{0,20}", any::<String>()]
}

fn key() -> impl Strategy<Value = String> {
    text().prop_map(|text| {
        let kept: String = text.chars().filter(|c| !super::super::hidden(*c)).take(100).collect();
        if kept.is_empty() || kept == "<<" { "key".into() } else { kept }
    })
}

fn tree() -> impl Strategy<Value = Tree> {
    let plain = proptest::sample::select(vec![
        "1", "-5", "1.5", "true", "false", "null", "010", "1e3", "no", "1.50", "0x1F",
    ]);
    let leaf = prop_oneof![text().prop_map(Tree::text), plain.prop_map(Tree::plain)];
    leaf.prop_recursive(4, 24, 5, |inner| {
        let map = proptest::collection::btree_map(key(), inner.clone(), 0..4);
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(|items| Tree::nowhere(Kind::List(items))),
            map.prop_map(|map| {
                let entries = map.into_iter().map(|(key, value)| (Spanned::nowhere(key), value));
                Tree::nowhere(Kind::Map(entries.collect()))
            }),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Za-z0-9][A-Za-z0-9._-]{0,12}",
        proptest::sample::select(vec!["no", "null", "010", "1e3", "true", "y", "1.5"]).prop_map(String::from)
    ]
}

fn component_name() -> impl Strategy<Value = Spanned<ComponentName>> {
    name().prop_map(|name| Spanned::nowhere(ComponentName::new(&name).unwrap()))
}

fn reference() -> impl Strategy<Value = Reference> {
    text().prop_map(|text| Reference::parse(&text).unwrap_or_else(|_| Reference::literal(&text)))
}

fn literal_text() -> impl Strategy<Value = String> {
    text().prop_map(|text| text.replace("${", "$"))
}

fn group() -> impl Strategy<Value = Group> {
    proptest::sample::select(Group::ALL.to_vec())
}

/// In the order in which they are printed, the place of the last one being a single place.
fn dependencies() -> impl Strategy<Value = Vec<Dependency>> {
    let some = || proptest::collection::btree_map(name(), any::<bool>(), 0..3);
    (some(), some(), proptest::option::of((name(), any::<bool>()))).prop_map(|(needs, reads, inside)| {
        let all = [(DependencyKind::Needs, needs), (DependencyKind::Reads, reads)];
        let listed = all.into_iter().flat_map(|(kind, map)| map.into_iter().map(move |entry| (kind, entry)));
        listed
            .chain(inside.map(|entry| (DependencyKind::Inside, entry)))
            .map(|(kind, (on, compatible))| Dependency {
                kind,
                on: Spanned::nowhere(ComponentName::new(&on).unwrap()),
                compatible,
            })
            .collect()
    })
}

fn extra_edges() -> impl Strategy<Value = Vec<ExtraEdge>> {
    let one = (any::<bool>(), group(), component_name(), group());
    proptest::collection::vec(one, 0..4).prop_map(|edges| {
        let edge = |(before, own, other, group)| {
            let side = if before { Side::Before } else { Side::After };
            ExtraEdge { side, own, other, group }
        };
        edges.into_iter().map(edge).collect()
    })
}

fn duration() -> impl Strategy<Value = DurationText> {
    any::<u32>().prop_map(|milliseconds| DurationText(Duration::from_millis(milliseconds.into())))
}

prop_compose! {
    fn action()(run in proptest::collection::vec(reference(), 1..4), timeout in proptest::option::of(duration()))
        -> Action {
        Action { run, timeout }
    }
}

fn config() -> impl Strategy<Value = Tree> {
    proptest::collection::btree_map("[a-z]{1,3}[_]", tree(), 0..4).prop_map(|map| {
        let entries = map.into_iter().map(|(key, value)| (Spanned::nowhere(key), value));
        Tree::nowhere(Kind::Map(entries.collect()))
    })
}

fn verification() -> impl Strategy<Value = Verification> {
    (literal_text().prop_filter("a name", |text| !text.is_empty()), config())
        .prop_map(|(probe, config)| Verification { probe: Spanned::nowhere(probe), config })
}

fn component() -> impl Strategy<Value = Component> {
    let flags = (any::<bool>(), any::<bool>());
    let writes = proptest::option::of(proptest::sample::select(vec![
        Writes::Merge,
        Writes::Review,
        Writes::AcceptLoss,
    ]));
    let manual = proptest::option::of((literal_text(), proptest::option::of(literal_text())));
    let lists = (proptest::collection::vec(verification(), 0..3), proptest::collection::vec(action(), 0..2));
    let rest =
        (extra_edges(), proptest::option::of(duration()), proptest::option::of(literal_text()), config());
    (component_name(), dependencies(), flags, writes, manual, lists, rest).prop_map(
        |(
            name,
            dependencies,
            (live_accepted, edge),
            writes,
            manual,
            (verify, then),
            (extra_edges, timeout, owner, config),
        )| {
            Component {
                name,
                kind: Spanned::nowhere(
                    KindName::new(if manual.is_some() { "manual" } else { "some.kind" }).unwrap(),
                ),
                dependencies,
                live_accepted,
                edge: edge.then(Span::default),
                writes: writes.map(Spanned::nowhere),
                verify,
                then,
                extra_edges,
                timeout,
                owner,
                config: if manual.is_some() { Tree::nowhere(Kind::Map(Vec::new())) } else { config },
                manual: manual.map(|(instructions, question)| Manual { instructions, question }),
            }
        },
    )
}

fn limits() -> impl Strategy<Value = Limits> {
    let count = || proptest::option::of(any::<NonZeroU32>());
    let size = proptest::option::of(any::<u64>().prop_map(|bytes| Size { bytes }));
    let ratio = proptest::option::of(
        any::<u32>().prop_map(|millionths| Ratio { millionths: millionths % 1_000_001 }),
    );
    (count(), count(), size, proptest::option::of(duration()), ratio).prop_map(
        |(parallel, parallel_per_kind, present_space, present_time, loss_tolerance)| Limits {
            parallel,
            parallel_per_kind,
            present_space,
            present_time,
            loss_tolerance,
        },
    )
}

fn file() -> impl Strategy<Value = MigrationFile> {
    let place = || proptest::option::of(reference().prop_map(Spanned::nowhere));
    let top = (
        name(),
        proptest::option::of(literal_text()),
        proptest::collection::vec(literal_text(), 0..3),
        (place(), place(), place()),
        limits(),
    );
    let phases =
        proptest::collection::btree_map(name(), proptest::collection::vec(component_name(), 0..4), 1..3);
    (top, proptest::collection::vec(component(), 1..5), proptest::option::of(phases)).prop_map(
        |((migration, environment, roots, (store, at, key), limits), mut components, phases)| {
            let mut seen = std::collections::BTreeSet::new();
            components.retain(|component| seen.insert(component.name.value.clone()));
            let phases_at = phases.as_ref().map(|_| Span::default());
            let phases = match phases {
                Some(phases) => phases
                    .into_iter()
                    .map(|(name, components)| Phase {
                        name: Spanned::nowhere(PhaseName::new(&name).unwrap()),
                        components,
                    })
                    .collect(),
                None => super::super::parse::implied_phase(&components),
            };
            MigrationFile {
                source: Source::default(),
                migration: Spanned::nowhere(MigrationName::new(&migration).unwrap()),
                environment: environment.map(Spanned::nowhere),
                roots: roots.into_iter().map(Spanned::nowhere).collect(),
                store,
                vault: Vault { at, key: key.map(|key| Spanned::nowhere(key.value.secret())) },
                limits,
                components,
                phases,
                phases_at,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_file_reads_back_as_the_same_thing(file in file()) {
        let text = print(&file);
        let again = parse(&Source::new("printed.yaml", &text));
        let again = again.map_err(|found| TestCaseError::fail(format!("{text}\n{found:#?}")))?;
        prop_assert_eq!(again.meaning(), file.meaning(), "{}", text);
        prop_assert_eq!(again.digest(), file.digest());
        prop_assert_eq!(print(&again), text);
        for (one, other) in again.components.iter().zip(&file.components) {
            prop_assert_eq!(&one.dependencies, &other.dependencies);
            prop_assert_eq!(&one.then, &other.then);
            prop_assert_eq!(&one.manual, &other.manual);
            prop_assert_eq!(one.edge.is_some(), other.edge.is_some());
        }
        prop_assert_eq!(&again.phases, &file.phases);
        prop_assert_eq!(&again.limits, &file.limits);
        prop_assert_eq!(&again.vault, &file.vault);
    }

    #[test]
    fn a_tree_reads_back_as_the_same_thing(tree in tree()) {
        let wrapped = Tree::nowhere(Kind::Map(vec![(Spanned::nowhere("x".into()), tree)]));
        let text = print_tree(&wrapped);
        let mut findings = super::super::findings::Findings::default();
        let again = super::super::read::read(&Source::new("printed.yaml", &text), &mut findings);
        let again = again.ok_or_else(|| TestCaseError::fail(format!("{text}\n{findings:#?}")))?;
        prop_assert_eq!(again.meaning(), wrapped.meaning(), "{}", text);
    }

    #[test]
    fn any_text_is_read_or_refused_at_a_place_in_it(text in "(\\PC|[\n\t :\\-#\"'\\[\\]{}&*!|>%?,]){0,200}") {
        for found in super::findings(&text) {
            if let Some(place) = found.place {
                prop_assert!(place.line >= 1 && place.column >= 1);
                prop_assert!(text.get(place.start..place.end).is_some(), "{:?}", place);
            }
        }
    }
}

#[test]
fn the_printed_form_is_what_a_person_would_write() {
    assert_eq!(
        print(&read(WHOLE)),
        "\
migration: todo-uuid-ids
components:
  database:
    kind: postgres.database
    writes: review
    url: ${env:DATABASE_URL}
  settings:
    kind: config.values
    file: app.env
    keys: [API_URL, DATABASE_URL]
  api:
    kind: docker.container
    needs: [database]
    reads: [settings]
    name: todo-api
  edge:
    kind: dns.records
    needs: [api]
    edge: true
    records:
      - \"api A\"
      - \"www A\"
phases:
  data: [database]
  application: [settings, api, edge]
"
    );
}

#[test]
fn the_digest_is_of_the_meaning() {
    let file = read(WHOLE);
    let same = [
        WHOLE.replace("kind: dns.records", "kind:   \"dns.records\" # a comment"),
        WHOLE.replace(
            "    needs: [database]\n    reads: [settings]\n",
            "    reads:\n    - settings\n    needs: [{on: database}]\n",
        ),
    ];
    for text in same {
        assert_eq!(read(&text).digest(), file.digest(), "{text}");
    }
    let other = [
        WHOLE.replace("writes: review", "writes: accept-loss"),
        WHOLE.replace("[API_URL, DATABASE_URL]", "[DATABASE_URL, API_URL]"),
        WHOLE.replace("needs: [database]", "needs: [{on: database, compatible: both}]"),
        WHOLE.replace(
            "  data: [database]\n  application: [settings, api, edge]",
            "  application: [settings, api, edge]\n  data: [database]",
        ),
        WHOLE.replace("todo-uuid-ids", "todo-uuid"),
    ];
    for text in other {
        assert_ne!(read(&text).digest(), file.digest(), "{text}");
    }
    let minute = |time: &str| read(&format!("{WHOLE}limits: {{present_time: {time}}}\n")).digest();
    assert_eq!(minute("60s"), minute("1m"));
}

#[test]
fn a_key_that_yaml_would_not_find_the_colon_of_is_announced() {
    for key in ["k".repeat(2_000), "\"".repeat(600), "é".repeat(900)] {
        let inner = Tree::nowhere(Kind::Map(vec![(Spanned::nowhere(key.clone()), Tree::text("value"))]));
        let tree = Tree::nowhere(Kind::Map(vec![
            (Spanned::nowhere(key.clone()), inner),
            (Spanned::nowhere("last".to_owned()), Tree::text("value")),
        ]));
        let printed = print_tree(&tree);
        assert!(printed.starts_with("? "), "{printed}");
        let mut findings = super::super::findings::Findings::default();
        let again = super::super::read::read(&Source::new("printed.yaml", &printed), &mut findings).unwrap();
        assert_eq!(again.meaning(), tree.meaning(), "{printed}");
    }
}
