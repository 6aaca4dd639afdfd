//! How an output ended, fit for a message: a few short lines without anything that could act on a terminal.

use std::ffi::OsStr;

use crate::path_text;

/// The longest that a line is shown, in characters.
const LONGEST_LINE: usize = 200;

/// The last `count` lines that are not blank, cut where they are long, with dangerous characters escaped.
pub fn last_lines(text: &str, count: usize) -> Vec<String> {
    let mut lines: Vec<String> = text
        .lines()
        .rev()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .take(count)
        .map(|line| match line.char_indices().nth(LONGEST_LINE) {
            Some((end, _)) => format!("{}…", shown(line.get(..end).unwrap_or_default())),
            None => shown(line),
        })
        .collect();
    lines.reverse();
    lines
}

/// The text with `***` in place of every secret. Longer ones go first, so that none shows what is left of another.
pub fn without_secrets<'a>(text: &str, secrets: impl IntoIterator<Item = &'a str>) -> String {
    let mut secrets: Vec<&str> = secrets.into_iter().filter(|secret| !secret.trim().is_empty()).collect();
    secrets.sort_unstable_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.into_iter().fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
}

fn shown(line: &str) -> String {
    path_text::encode(OsStr::new(&line.replace('\t', " ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_the_longest_first() {
        for (secrets, expected) in [
            (vec![], "user=ann token=annabel"),
            (vec!["ann", "annabel"], "user=*** token=***"),
            (vec!["", " ", "absent"], "user=ann token=annabel"),
        ] {
            assert_eq!(without_secrets("user=ann token=annabel", secrets), expected);
        }
    }

    #[test]
    fn the_last_lines_are_shown_short_and_harmless() {
        let long = "é".repeat(300);
        for (text, expected) in [
            ("", vec![]),
            ("\n \n", vec![]),
            ("a\nb\n\nc\n", vec!["b".to_owned(), "c".to_owned()]),
            (
                "a\tb\r\n\u{1b}[31mred\u{202e}",
                vec!["a b".to_owned(), "\\x1b[31mred\\xe2\\x80\\xae".to_owned()],
            ),
            (long.as_str(), vec![format!("{}…", "é".repeat(200))]),
        ] {
            assert_eq!(last_lines(text, 2), expected, "{text:?}");
        }
    }
}
