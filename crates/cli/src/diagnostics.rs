//! Renders diagnostics for people: the place, the line itself with the fault underlined, the cause, what to do next.

use annotate_snippets::{AnnotationKind, Element, Group, Level, Renderer, Snippet};
use backout_core::diagnostic::{Diagnostic, Place, Severity};
use backout_core::migration::{Source, codes::SECRET_LITERAL};

use crate::view::clean;

/// A line longer than this is shown around the fault only, in bytes.
const LONGEST_LINE: usize = 240;

/// One text for all of them, in the order given.
pub fn render(diagnostics: &[Diagnostic], source: Option<&Source>, colour: bool) -> String {
    let texts: Vec<String> = diagnostics.iter().map(|one| render_one(one, source, colour)).collect();
    texts.join("\n\n")
}

fn render_one(found: &Diagnostic, source: Option<&Source>, colour: bool) -> String {
    let level = match found.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let summary = clean(&found.summary).into_owned();
    let label = found.label.as_deref().map(|label| clean(label).into_owned());
    let shown = found.place.as_ref().map(|place| Shown::of(found, place, source));
    let mut elements: Vec<Element<'_>> = Vec::new();
    if let Some(shown) = &shown {
        let primary = AnnotationKind::Primary.span(shown.span.clone());
        let primary = match &label {
            Some(label) => primary.label(label.as_str()),
            None => primary,
        };
        let snippet = Snippet::source(shown.line.as_str()).line_start(shown.number);
        let snippet = snippet.path(shown.path.as_deref()).fold(false).annotation(primary);
        elements.push(snippet.into());
    }
    let mut notes: Vec<(&str, String)> = Vec::new();
    if let Some(place) =
        found.place.as_ref().filter(|_| shown.as_ref().is_some_and(|shown| shown.path.is_none()))
    {
        notes.push(("at", place.to_string()));
    }
    notes.extend(found.cause.iter().map(|cause| ("cause", cause.clone())));
    if shown.is_none() {
        notes.extend(found.label.iter().map(|label| ("help", label.clone())));
    }
    notes.extend(found.hints.iter().map(|hint| ("help", hint.clone())));
    for (name, text) in &notes {
        let level = if *name == "help" { Level::HELP } else { Level::NOTE.with_name(*name) };
        elements.push(level.message(clean(text).into_owned()).into());
    }
    let title = level.primary_title(summary).id(found.code.0);
    let group = if elements.is_empty() { Group::with_title(title) } else { title.elements(elements) };
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&[group])
}

/// The line at fault, cut where it is very long.
struct Shown {
    number: usize,
    line: String,
    span: std::ops::Range<usize>,
    /// None where the line was cut, because its columns would be wrong.
    path: Option<String>,
}

impl Shown {
    fn of(found: &Diagnostic, place: &Place, source: Option<&Source>) -> Self {
        let text = source.map_or("", |source| &source.text);
        let start = text.get(..place.start).map_or(0, |before| before.rfind('\n').map_or(0, |at| at + 1));
        let line = text.get(start..).unwrap_or_default().split('\n').next().unwrap_or_default();
        let line = line.strip_suffix('\r').unwrap_or(line);
        let from = place.start.saturating_sub(start).min(line.len());
        let to = place.end.saturating_sub(start).clamp(from, line.len());
        let path = Some(clean(&place.file).into_owned());
        let mut shown = Self { number: place.line, line: line.to_owned(), span: from..to, path };
        if found.code == SECRET_LITERAL && line.is_char_boundary(from) && line.is_char_boundary(to) {
            // The one mistake whose own line must not be repeated on a terminal that may be a log.
            shown.line.replace_range(from..to, &"*".repeat(to - from));
        }
        if shown.line.len() > LONGEST_LINE { shown.cut() } else { shown }
    }

    fn cut(self) -> Self {
        let around = LONGEST_LINE / 3;
        let begin = floor(&self.line, self.span.start.saturating_sub(around));
        let end = floor(&self.line, self.span.end.min(self.span.start + around) + around);
        let line = self.line.get(begin..end).unwrap_or_default().to_owned();
        let (from, to) = (self.span.start - begin, self.span.end.min(end) - begin);
        Self { line, span: from..to, path: None, ..self }
    }
}

/// The nearest character border at or before a byte.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use backout_core::diagnostic::Code;

    const TEXT: &str = "migration: x\ncomponents:\n  api:\n    neds: [db]\n";

    fn place(text: &str, needle: &str) -> Place {
        let start = text.find(needle).unwrap();
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Place {
            file: "backout.yaml".into(),
            line: before.matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            start,
            end: start + needle.len(),
        }
    }

    #[test]
    fn the_line_stands_there_with_the_fault_underlined() {
        let found = Diagnostic::error(Code("BK0111"), "unknown field `neds` in component `api`")
            .at(place(TEXT, "neds"))
            .labelled("did you mean `needs`?")
            .because("a cause")
            .hint("fields here: kind, needs");
        let text = render(&[found], Some(&Source::new("backout.yaml", TEXT)), false);
        assert_eq!(
            text,
            "error[BK0111]: unknown field `neds` in component `api`\n \
             --> backout.yaml:4:5\n  |\n4 |     neds: [db]\n  |     ^^^^ did you mean `needs`?\n  |\n  \
             = cause: a cause\n  = help: fields here: kind, needs"
        );
    }

    #[test]
    fn without_a_place_the_message_stands_alone() {
        let found = Diagnostic::warning(Code("BK0202"), "there is no checkpoint").hint("backout capture");
        let text = render(&[found], None, false);
        assert_eq!(text, "warning[BK0202]: there is no checkpoint\n |\n = help: backout capture");
    }

    #[test]
    fn hidden_characters_and_secrets_are_not_repeated() {
        let text = "a: \u{202e}\u{1b}[31mx\nkey: hunter2\n";
        let source = Source::new("backout.yaml", text);
        let odd = Diagnostic::error(Code("BK0108"), "hidden \u{202e}").at(place(text, "\u{202e}"));
        let secret = Diagnostic::error(SECRET_LITERAL, "a secret").at(place(text, "hunter2"));
        let shown = render(&[odd, secret], Some(&source), false);
        assert!(!shown.contains('\u{202e}') && !shown.contains('\u{1b}'), "{shown}");
        assert!(shown.contains("key: *******") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn a_very_long_line_is_cut_around_the_fault() {
        let text = format!("a: [{}needle{}]\n", "é,".repeat(5000), "é,".repeat(5000));
        let found = Diagnostic::error(Code("BK0113"), "wrong").at(place(&text, "needle"));
        let shown = render(&[found], Some(&Source::new("backout.yaml", &text)), false);
        assert!(shown.contains("needle") && shown.contains("= at: backout.yaml:1:"), "{shown}");
        assert!(shown.len() < 2000, "{}", shown.len());
    }
}
