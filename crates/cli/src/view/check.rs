//! What `check` found.

use backout_core::diagnostic::{Diagnostic, Severity};
use backout_core::migration::Source;

use super::words::counted;
use super::{Line, Output};
use crate::diagnostics::render;

/// What was checked and what was found.
pub struct Checked<'a> {
    /// The migration, where its name could be read.
    pub migration: Option<String>,
    /// The file as messages name it.
    pub file: &'a str,
    /// Its text.
    pub source: Option<&'a Source>,
    /// How many components it has.
    pub components: usize,
    /// How many phases.
    pub phases: usize,
    /// Whether nothing but the file was read.
    pub offline: bool,
    /// Everything that was found.
    pub found: &'a [Diagnostic],
}

/// Shows every message and a line with the verdict.
pub fn show(output: Output, checked: &Checked<'_>) {
    let count = |wanted| checked.found.iter().filter(|one| one.severity == wanted).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    if output.json {
        output.document(&backout_api::Check {
            migration: checked.migration.clone(),
            offline: checked.offline,
            errors,
            warnings,
            diagnostics: checked.found.iter().map(backout_api::Diagnostic::from).collect(),
        });
        return;
    }
    if !checked.found.is_empty() {
        output.rendered(&render(checked.found, checked.source, output.colours()));
        output.blank();
    }
    let tail = match warnings {
        0 => String::new(),
        count => format!(", {}", counted(count, "warning")),
    };
    output.line(if errors > 0 {
        Line::new().bad(format!("{}: {}{tail}", checked.file, counted(errors, "error")))
    } else {
        let looked = if checked.offline { "by the file alone" } else { "and every component answers" };
        Line::new().good(format!("{} is fine", checked.file)).plain(format!(
            ", {looked}: {} in {}{tail}",
            counted(checked.components, "component"),
            counted(checked.phases, "phase")
        ))
    });
}
