//! `backout schema`: the JSON Schema of the migration file.

use std::collections::BTreeMap;

use backout_contract::Registry;
use serde_json::Value;

use crate::app::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::view;
use crate::wiring::registry;

/// Prints it.
pub fn run(context: &Context) -> Result<Exit, Failure> {
    let text = serde_json::to_string_pretty(&whole(&registry())).unwrap_or_default();
    view::page::raw(context.output, &text);
    Ok(Exit::Done)
}

fn whole(registry: &Registry) -> Value {
    let kinds: BTreeMap<String, Value> =
        registry.drivers().map(|driver| (driver.kind().to_owned(), driver.schema())).collect();
    let probes: BTreeMap<String, Value> =
        registry.probes().map(|probe| (probe.kind().to_owned(), probe.schema())).collect();
    backout_core::migration::schema(&kinds, &probes)
}
