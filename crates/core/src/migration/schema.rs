//! The JSON Schema of a migration file, from which editors complete and check it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::fields::{COMPONENT, FILE, Field};
use super::file::{Action, Limits, MANUAL, Manual, Writes};
use super::reference::Reference;
use super::scalars::DurationText;
use crate::order::Group;

/// Matches the names of migrations, components and phases.
const NAME: &str = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$";

/// The schema, given the schema of each kind's and each probe's own keys.
pub fn schema(kinds: &BTreeMap<String, Value>, probes: &BTreeMap<String, Value>) -> Value {
    let mut builder = Builder::default();
    builder.add("Reference", schemars::schema_for!(Reference).to_value());
    builder.add("Duration", schemars::schema_for!(DurationText).to_value());
    builder.add("Limits", schemars::schema_for!(Limits).to_value());
    builder.add("Writes", schemars::schema_for!(Writes).to_value());
    builder.add("Action", schemars::schema_for!(Action).to_value());
    let component = component(&mut builder, kinds);
    let verification = verification(&mut builder, probes);
    let names = json!({"type": "array", "uniqueItems": true, "items": name()});
    let own = [
        ("Component", component),
        ("Verification", verification),
        ("Dependency", dependency()),
        ("Names", names),
    ];
    builder.definitions.extend(own.map(|(name, schema)| (name.to_owned(), schema)));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Backout migration file",
        "type": "object",
        "properties": described(FILE, file_field),
        "required": ["migration", "components"],
        "additionalProperties": false,
        "$defs": builder.definitions,
    })
}

fn name() -> Value {
    json!({"type": "string", "pattern": NAME})
}

fn definition(name: &str) -> Value {
    json!({"$ref": format!("#/$defs/{name}")})
}

fn described(fields: &[Field], schema_of: impl Fn(&str) -> Value) -> Map<String, Value> {
    fields
        .iter()
        .map(|field| {
            let mut schema = schema_of(field.name);
            if let Some(object) = schema.as_object_mut() {
                object.insert("description".into(), field.description.into());
            }
            (field.name.to_owned(), schema)
        })
        .collect()
}

fn file_field(field: &str) -> Value {
    match field {
        "migration" => name(),
        "roots" => {
            json!({"type": "array", "uniqueItems": true, "items": {"type": "string", "pattern": "^/"}})
        }
        "store" => definition("Reference"),
        "vault" => json!({"anyOf": [definition("Reference"), {
            "type": "object",
            "properties": {"at": definition("Reference"), "key": definition("Reference")},
            "additionalProperties": false,
        }]}),
        "limits" => definition("Limits"),
        "components" => map_of_names(definition("Component")),
        "phases" => map_of_names(definition("Names")),
        _ => json!({"type": "string"}),
    }
}

fn map_of_names(of: Value) -> Value {
    json!({
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": NAME},
        "additionalProperties": of,
    })
}

fn component_field(field: &str) -> Value {
    match field {
        "needs" | "reads" => json!({"type": "array", "items": definition("Dependency")}),
        "inside" => definition("Dependency"),
        "compatible" => definition("Names"),
        "live" => json!({"const": "accepted"}),
        "edge" => json!({"type": "boolean"}),
        "writes" => definition("Writes"),
        "verify" => json!({"type": "array", "items": definition("Verification")}),
        "then" => json!({"type": "array", "items": definition("Action")}),
        "before" | "after" => {
            let groups = Group::ALL.map(Group::as_str);
            let edge = json!({"type": "string", "pattern": format!("[.]({})$", groups.join("|"))});
            let list = json!({"type": "array", "items": edge});
            json!({"anyOf": [list, {
                "type": "object",
                "propertyNames": {"enum": groups},
                "additionalProperties": list,
            }]})
        }
        "timeout" => definition("Duration"),
        _ => json!({"type": "string"}),
    }
}

fn dependency() -> Value {
    json!({"anyOf": [name(), {
        "type": "object",
        "properties": {"on": name(), "compatible": {"const": "both"}},
        "required": ["on"],
        "additionalProperties": false,
    }]})
}

/// A component: its kind decides which fields there are beside the header.
fn component(builder: &mut Builder, kinds: &BTreeMap<String, Value>) -> Value {
    let manual = schemars::schema_for!(Manual).to_value();
    let header = described(COMPONENT, component_field);
    let all = kinds.iter().map(|(kind, own)| (kind.as_str(), own.clone())).chain([(MANUAL, manual)]);
    chosen_by("kind", all.collect(), &header, builder)
}

fn verification(builder: &mut Builder, probes: &BTreeMap<String, Value>) -> Value {
    let all = probes.iter().map(|(probe, own)| (probe.as_str(), own.clone())).collect();
    let mut header = Map::new();
    header.insert("probe".into(), json!({"type": "string", "description": "Which look it is."}));
    chosen_by("probe", all, &header, builder)
}

/// A map whose field `by` says which other fields it has.
fn chosen_by(by: &str, all: Vec<(&str, Value)>, header: &Map<String, Value>, builder: &mut Builder) -> Value {
    let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
    let mut cases = Vec::new();
    for (name, own) in &all {
        let own = builder.hoisted(&format!("{by}.{name}"), own.clone());
        let mut properties = header.clone();
        properties.insert(by.into(), json!({"const": name}));
        let mut case = json!({});
        if let Some(fields) = own.get("properties").and_then(Value::as_object) {
            properties.extend(fields.clone());
            case["required"] = own.get("required").cloned().unwrap_or_else(|| json!([]));
            case["additionalProperties"] = false.into();
        } else {
            // Not one set of fields: its own schema has to judge them.
            case["allOf"] = json!([own]);
        }
        case["properties"] = properties.into();
        let mut condition = json!({"required": [by]});
        condition["properties"][by]["const"] = (*name).into();
        cases.push(json!({"if": condition, "then": case}));
    }
    let mut choice = header.get(by).cloned().unwrap_or_else(|| json!({}));
    choice["enum"] = names.into();
    let mut properties = Map::new();
    properties.insert(by.into(), choice);
    json!({"type": "object", "required": [by], "properties": properties, "allOf": cases})
}

/// Collects the definitions that parts bring along under names of their own.
#[derive(Default)]
struct Builder {
    definitions: Map<String, Value>,
}

impl Builder {
    fn add(&mut self, name: &str, schema: Value) {
        let schema = self.hoisted(name, schema);
        self.definitions.insert(name.into(), schema);
    }

    /// A part whose definitions have become definitions of the whole, renamed so that none meets another's.
    fn hoisted(&mut self, owner: &str, mut schema: Value) -> Value {
        rename(&mut schema, owner);
        if let Some(object) = schema.as_object_mut() {
            object.remove("$schema");
            if let Some(Value::Object(definitions)) = object.remove("$defs") {
                for (name, definition) in definitions {
                    self.definitions.insert(format!("{owner}.{name}"), definition);
                }
            }
        }
        schema
    }
}

fn rename(schema: &mut Value, owner: &str) {
    match schema {
        Value::Object(object) => {
            for (key, value) in object {
                match value {
                    Value::String(target) if key == "$ref" => {
                        if let Some(name) = target.strip_prefix("#/$defs/") {
                            *target = format!("#/$defs/{owner}.{name}");
                        }
                    }
                    value => rename(value, owner),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, owner)),
        _ => {}
    }
}
