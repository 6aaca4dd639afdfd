//! A component's own keys, read the way a migration file is read.

use std::sync::Arc;

use backout_contract::erased::ConfiguredDyn;
use backout_contract::{Driver, DriverDyn, erased::Erased};
use backout_core::diagnostic::Diagnostic;
use backout_core::migration::{Source, parse};

const NAME: &str = "subject";

/// Configures a driver with keys written in YAML, as the only component of a migration file.
///
/// # Errors
/// What a person would be told about the file.
pub fn configure<D: Driver>(keys: &str) -> Result<Arc<dyn ConfiguredDyn>, Vec<Diagnostic>> {
    let mut text = format!("migration: conformance\ncomponents:\n  {NAME}:\n    kind: {}\n", D::KIND);
    for line in keys.lines() {
        text.push_str("    ");
        text.push_str(line);
        text.push('\n');
    }
    let file = parse(&Source::new("backout.yaml", &text))?;
    match file.component(NAME) {
        Some(component) => Erased::<D>::default().configure(&component.config, &file.source_of(component)),
        None => Err(Vec::new()),
    }
}
