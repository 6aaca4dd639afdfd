//! The JSON Schema agrees with the reader.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::fields::{COMPONENT, FILE};
use super::super::{Source, parse, schema};
use crate::migration::{Reference, Size};

#[derive(schemars::JsonSchema)]
#[expect(dead_code, reason = "only its schema is looked at")]
struct Tree {
    /// Which folder.
    path: Reference,
    limit: Option<Inner>,
}

#[derive(schemars::JsonSchema)]
#[expect(dead_code, reason = "only its schema is looked at")]
struct Inner {
    size: Size,
}

fn whole() -> Value {
    let tree = schemars::schema_for!(Tree).to_value();
    let inner = schemars::schema_for!(Inner).to_value();
    let kinds = BTreeMap::from([("file.tree".to_owned(), tree), ("file.link".to_owned(), inner.clone())]);
    schema(&kinds, &BTreeMap::from([("http".to_owned(), inner)]))
}

fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(object) => {
            found.extend(object.get("$ref").and_then(Value::as_str));
            object.values().for_each(|inner| references(inner, found));
        }
        Value::Array(items) => items.iter().for_each(|inner| references(inner, found)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let schema = whole();
    let mut found = Vec::new();
    references(&schema, &mut found);
    assert!(found.len() > 10);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(schema.pointer(pointer).is_some(), "{reference}");
    }
}

#[test]
fn each_kind_has_the_header_and_its_own_fields() {
    let schema = whole();
    let component = &schema["$defs"]["Component"];
    assert_eq!(
        component["properties"]["kind"]["enum"],
        serde_json::json!(["file.link", "file.tree", "manual"])
    );
    let case = component["allOf"]
        .as_array()
        .unwrap()
        .iter()
        .find(|case| case["if"]["properties"]["kind"]["const"] == "file.tree");
    let then = &case.unwrap()["then"];
    for field in COMPONENT {
        assert!(then["properties"].get(field.name).is_some(), "{}", field.name);
    }
    assert_eq!(then["properties"]["path"]["description"], "Which folder.");
    assert_eq!(then["required"], serde_json::json!(["path"]));
    assert_eq!(then["additionalProperties"], false);
    for field in FILE {
        assert_eq!(schema["properties"][field.name]["description"], field.description);
    }
}

#[test]
fn every_field_of_the_table_is_read_and_none_else() {
    for field in COMPONENT.iter().filter(|field| field.name != "kind") {
        // A map of maps is wrong for every header field, and fine for a driver's own.
        let text =
            format!("migration: m\ncomponents:\n  a:\n    kind: k\n    {}: {{zz: {{}}}}\n", field.name);
        assert!(parse(&Source::new("f", &text)).is_err(), "{} is not read", field.name);
    }
    for field in FILE {
        let text = format!("{}: {{zz: {{}}}}\n", field.name);
        let found = parse(&Source::new("f", &text)).unwrap_err();
        assert!(found.iter().all(|found| found.summary != format!("unknown field `{}`", field.name)));
    }
}
