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

/// A text as it may stand in YAML, whatever is in it.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            plain if plain == ' ' || plain.is_ascii_graphic() => quoted.push(plain),
            other => quoted.push_str(&format!("\\U{:08x}", other as u32)),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use backout_core::migration::Kind;

    #[test]
    fn a_quoted_text_is_read_as_it_was() {
        let text = crate::HOSTILE_NAMES.concat() + "é\u{1f980}";
        let file = parse(&Source::new(
            "f",
            &format!("migration: m\ncomponents:\n  c:\n    kind: k\n    a: {}\n", quoted(&text)),
        ));
        let component = file.unwrap().component("c").unwrap().config.get("a").unwrap().kind.clone();
        assert!(matches!(component, Kind::Scalar(scalar) if scalar.text == text));
    }
}
