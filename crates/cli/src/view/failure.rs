//! Messages about what is wrong.

use backout_core::diagnostic::Diagnostic;
use backout_core::migration::Source;

use super::{Line, Output};
use crate::diagnostics::render;
use crate::failure::{Changed, Failure};

/// Says why a command did not do what it was asked.
pub fn show(output: Output, failure: &Failure) {
    if output.json {
        output.document(&backout_api::Failure {
            exit: failure.exit.code(),
            changed: failure.changed.sentence().to_owned(),
            diagnostics: failure.diagnostics.iter().map(backout_api::Diagnostic::from).collect(),
        });
        return;
    }
    aside(output, &failure.diagnostics, failure.source.as_ref());
    let mut last = Line::new().dim(failure.changed.sentence());
    if failure.changed == Changed::Nothing
        && let Some(first) = failure.diagnostics.iter().find(|one| one.is_error())
    {
        last = last.dim(format!("; more: backout explain {}", first.code));
    }
    output.aside(Line::new());
    output.aside(last);
}

/// Shows messages on standard error, such as warnings beside a result.
pub fn aside(output: Output, diagnostics: &[Diagnostic], source: Option<&Source>) {
    if !diagnostics.is_empty() && !output.json {
        output.rendered_aside(&render(diagnostics, source, output.colours_aside()));
    }
}
