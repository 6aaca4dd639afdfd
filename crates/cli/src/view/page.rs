//! Pages to read, and texts for other programs.

use super::{Line, Output};

/// Shows a page about something as it was written.
pub fn show(output: Output, what: &str, page: &str) {
    if output.json {
        output.document(&backout_api::Page { what: what.to_owned(), page: page.to_owned() });
        return;
    }
    for line in page.trim_end().lines() {
        output.line(match line.strip_prefix('#') {
            Some(title) => Line::new().bold(title.trim_start_matches('#').trim_start()),
            None => Line::of(line),
        });
    }
}

/// Shows a help text that clap wrote.
pub fn help(output: Output, text: &clap::builder::StyledStr) {
    let text = if output.colours() { text.ansi().to_string() } else { text.to_string() };
    output.rendered(text.trim_end());
}

/// Shows a usage error that clap wrote. It may repeat what was typed, so it is never trusted with colours.
pub fn usage(output: Output, text: &clap::builder::StyledStr) {
    output.rendered_aside(text.to_string().replace('\u{1b}', "\\u{1b}").trim_end());
}

/// Writes a text for another program, such as a schema.
pub fn raw(output: Output, text: &str) {
    output.rendered(text.trim_end());
}
