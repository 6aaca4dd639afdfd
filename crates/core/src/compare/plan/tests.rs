use super::*;

fn about(dialect: Option<&str>) -> About {
    About { system: "X 1".to_owned(), dialect: dialect.map(str::to_owned) }
}

fn column(name: &str, kind: &str, methods: &[Method], spread: Option<(i64, i64, f64)>) -> Column {
    let spread = spread.map(|(low, high, fullest)| Spread { low, high, fullest });
    Column { name: name.to_owned(), kind: kind.to_owned(), methods: methods.to_vec(), spread }
}

fn relation(columns: Vec<Column>, key: &[&str]) -> Relation {
    Relation {
        schema: "public".to_owned(),
        name: "t".to_owned(),
        columns,
        key: key.iter().map(|one| (*one).to_owned()).collect(),
        rows: 5_000_000,
        bytes: 1,
        unreadable: None,
    }
}

fn table() -> Relation {
    let binary = &[Method::Binary, Method::Text];
    let columns = vec![
        column("id", "bigint", binary, Some((2, 10_000_000, 0.01))),
        column("name", "text", binary, None),
        column("doc", "jsonb", &[Method::Value, Method::Text], None),
    ];
    relation(columns, &["id"])
}

fn plan(left: &Relation, right: &Relation, wanted: &Wanted) -> Result<TablePlan, Unlike> {
    let about = about(Some("x"));
    plan_table((left, &about), (right, &about), wanted)
}

fn methods(plan: &TablePlan) -> Vec<Method> {
    plan.columns.iter().map(|column| column.method).collect()
}

#[test]
fn each_way_to_hash() {
    let table = table();
    let wanted = Wanted::default();
    let best = plan(&table, &table, &wanted).unwrap();
    assert_eq!(methods(&best), [Method::Binary, Method::Binary, Method::Value]);
    assert_eq!(best.place, Place::Server);
    let exact = plan(&table, &table, &Wanted { exact: true, ..wanted.clone() }).unwrap();
    assert_eq!(methods(&exact), [Method::Binary, Method::Binary, Method::Text]);
    let text = plan(&table, &table, &Wanted { text: true, ..wanted.clone() }).unwrap();
    assert_eq!((methods(&text), text.place), (vec![Method::Text; 3], Place::Server));
    let mut other = table.clone();
    other.columns[1].kind = "varchar(9)".to_owned();
    assert_eq!(methods(&plan(&table, &other, &wanted).unwrap())[1], Method::Text);
    let told = Wanted {
        right_as: BTreeMap::from([("name".to_owned(), "upper(name)".to_owned())]),
        ..wanted.clone()
    };
    assert_eq!(methods(&plan(&table, &table, &told).unwrap())[1], Method::Text);
    for (here, there, portable) in
        [(Some("x"), Some("y"), false), (None, None, false), (Some("x"), Some("x"), true)]
    {
        let wanted = Wanted { portable, ..wanted.clone() };
        let plan = plan_table((&table, &about(here)), (&table, &about(there)), &wanted).unwrap();
        assert_eq!((methods(&plan), plan.place), (vec![Method::Portable; 3], Place::Here));
    }
}

#[test]
fn each_way_to_make_blocks() {
    let table = table();
    let wanted = Wanted::default();
    // 9,765 blocks over ten million numbers: 2^10 numbers each.
    assert_eq!(plan(&table, &table, &wanted).unwrap().blocks, Blocks::Range { shift: 10 });
    let scattered = Blocks::Hash { bits: 14 };
    let mut gaps = table.clone();
    gaps.columns[0].spread = Some(Spread { low: 0, high: i64::MAX, fullest: 0.9 });
    assert_eq!(plan(&table, &gaps, &wanted).unwrap().blocks, scattered);
    let mut keyless = table.clone();
    keyless.key.clear();
    let found = plan(&table, &keyless, &wanted).unwrap();
    assert_eq!((found.blocks, found.key.len()), (scattered, 0));
    let by_name = Wanted { key: vec!["name".to_owned()], ..wanted.clone() };
    assert_eq!(plan(&table, &table, &by_name).unwrap().blocks, scattered);
    let both = Wanted { key: vec!["id".to_owned(), "name".to_owned()], ..wanted.clone() };
    assert_eq!(plan(&table, &table, &both).unwrap().blocks, scattered);
    let moved =
        Wanted { left_as: BTreeMap::from([("id".to_owned(), "id + 1".to_owned())]), ..wanted.clone() };
    assert_eq!(plan(&table, &table, &moved).unwrap().blocks, scattered);
    let mut widest = table.clone();
    widest.columns[0].spread = Some(Spread { low: i64::MIN, high: i64::MAX, fullest: 0.01 });
    assert!(matches!(plan(&widest, &widest, &wanted).unwrap().blocks, Blocks::Range { shift: 48..=52 }));
    let mut empty = table.clone();
    empty.rows = 0;
    empty.columns[0].spread = Some(Spread { low: 0, high: 0, fullest: 0.01 });
    assert_eq!(plan(&empty, &empty, &wanted).unwrap().blocks, Blocks::Range { shift: 0 });
}

#[test]
fn columns_find_each_other_by_name_and_by_what_was_said() {
    let table = table();
    let mut other = table.clone();
    other.columns.reverse();
    other.columns[1].name = "title".to_owned();
    let plain = plan(&table, &other, &Wanted::default()).unwrap();
    assert_eq!(plain.columns.len(), 2);
    let skipped: Vec<String> =
        plain.skipped.iter().map(|one| format!("{} {}", one.column, one.why)).collect();
    assert_eq!(skipped, ["name only on the left", "title only on the right"]);
    let renamed =
        Wanted { renamed: BTreeMap::from([("name".to_owned(), "title".to_owned())]), ..Wanted::default() };
    let found = plan(&table, &other, &renamed).unwrap();
    assert_eq!(found.columns[1].right, "title");
    assert_eq!(found.right_order().columns[1].name, "title");
    assert_eq!(found.left_order().key, [0]);
    let some = Wanted { only: BTreeSet::from(["id".to_owned(), "doc".to_owned()]), ..Wanted::default() };
    assert_eq!(plan(&table, &table, &some).unwrap().columns.len(), 2);
    let except = Wanted { except: BTreeSet::from(["doc".to_owned()]), ..Wanted::default() };
    assert_eq!(plan(&table, &table, &except).unwrap().columns.len(), 2);
    let wrong = Wanted { except: BTreeSet::from(["nothing".to_owned()]), ..Wanted::default() };
    assert_eq!(plan(&table, &table, &wrong), Err(Unlike::NoColumn("nothing".to_owned())));
    let stranger = relation(vec![column("x", "int", &[], None)], &[]);
    assert_eq!(plan(&table, &stranger, &Wanted::default()), Err(Unlike::NothingInCommon));
    let mut closed = table.clone();
    closed.unreadable = Some("permission denied".to_owned());
    assert!(
        matches!(plan(&table, &closed, &Wanted::default()), Err(Unlike::Unreadable(why)) if why.contains("public.t"))
    );
}

#[test]
fn the_key_is_left_out_of_the_columns_by_nobody() {
    let table = table();
    let except = Wanted { except: BTreeSet::from(["id".to_owned()]), ..Wanted::default() };
    let found = plan(&table, &table, &except).unwrap();
    // Without its key column the table is compared as a multiset.
    assert!(found.key.is_empty());
    let kept = Wanted { key: vec!["id".to_owned()], ..except };
    assert_eq!(plan(&table, &table, &kept).unwrap().key, ["id"]);
}

#[test]
fn a_second_hash_is_taken_when_it_is_wanted_or_worth_it() {
    let table = table();
    assert!(!plan(&table, &table, &Wanted::default()).unwrap().twice);
    assert!(plan(&table, &table, &Wanted { twice: true, ..Wanted::default() }).unwrap().twice);
    let mut huge = table.clone();
    huge.rows = MANY_ROWS;
    let found = plan(&table, &huge, &Wanted::default()).unwrap();
    assert!(found.twice && found.risk() < 1e-27);
    assert!(plan(&table, &table, &Wanted::default()).unwrap().risk() < 1e-12);
}
