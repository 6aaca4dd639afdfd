//! A comparison as a page.

use backout_core::compare::{
    About, Cell, Column, Comparison, Difference, Kind, Relation, SchemaDifference, Settled, Shown,
    TableOutcome, TableState, Wanted, plan_table,
};

use super::snapshots::assert_reads;

fn comparison() -> (Comparison, Vec<Difference>) {
    let side = |place: &str, position: &str| Shown {
        place: place.to_owned(),
        system: "PostgreSQL 15.18".to_owned(),
        positions: vec![position.to_owned()],
    };
    let column = |name: &str| Column {
        name: name.to_owned(),
        kind: "bigint".to_owned(),
        methods: Vec::new(),
        spread: None,
    };
    let relation = Relation {
        schema: "public".to_owned(),
        name: "orders".to_owned(),
        columns: vec![column("id"), column("total")],
        key: vec!["id".to_owned()],
        rows: 1000,
        bytes: 1,
        unreadable: None,
    };
    let about = About { system: "X".to_owned(), dialect: None };
    let wanted = Wanted { seed: 1, ..Wanted::default() };
    let plan = plan_table((&relation, &about), (&relation, &about), &wanted).unwrap();
    let orders = TableOutcome {
        rows: (1000, 999),
        only_left: 2,
        only_right: 1,
        changed: 2,
        moving: 1,
        plan: Some(plan),
        ..TableOutcome::begun("public.orders".to_owned(), "public.orders".to_owned())
    };
    let notes = TableOutcome {
        state: TableState::Incomplete("permission denied for table notes".to_owned()),
        ..TableOutcome::begun("public.notes".to_owned(), "public.notes".to_owned())
    };
    let comparison = Comparison {
        sides: (side("old.example/shop", "0/1A2B"), side("new.example/shop", "0/3C4D")),
        schema: Some(vec![SchemaDifference {
            object: "column public.orders.total".to_owned(),
            property: Some("type".to_owned()),
            left: Some("integer".to_owned()),
            right: Some("bigint".to_owned()),
        }]),
        only_left: vec!["public.legacy".to_owned()],
        only_right: Vec::new(),
        tables: vec![notes, orders],
        cut_short: None,
    };
    let row = |id: &str, kind: Kind, left: Option<&str>, right: Option<&str>| Difference {
        table: "public.orders".to_owned(),
        kind,
        key: vec![("id".to_owned(), Some(id.to_owned()))],
        columns: vec![Cell {
            column: "total".to_owned(),
            left: left.map(str::to_owned),
            right: right.map(str::to_owned),
        }],
        times: None,
        settled: if id == "3" { Settled::Moving } else { Settled::Stands },
    };
    let rows = vec![
        row("1", Kind::Changed, Some("NULL"), None),
        row("2", Kind::OnlyLeft, Some("<script>alert(1)</script>"), None),
        row("3", Kind::OnlyRight, None, Some("a\u{202e}b")),
    ];
    (comparison, rows)
}

#[test]
fn a_comparison_as_a_page() {
    let (comparison, rows) = comparison();
    let page = backout_report::comparison_page(&comparison, &rows, 48_211);
    assert!(!page.contains("<script>"));
    let main = page.split_once("<main>").unwrap().1.split_once("</main>").unwrap().0;
    assert_reads!("compared.html", main);
}

#[test]
fn the_same_is_said_first() {
    let (mut comparison, _) = comparison();
    comparison.tables.clear();
    comparison.only_left.clear();
    comparison.schema = None;
    let page = backout_report::comparison_page(&comparison, &[], 0);
    assert!(page.contains("The same") && page.contains("No row differs.") && !page.contains("id=\"schema\""));
    comparison.cut_short = Some("it was stopped on the way".to_owned());
    let page = backout_report::comparison_page(&comparison, &[], 0);
    assert!(page.contains("Incomplete") && page.contains("it was stopped on the way"));
}
