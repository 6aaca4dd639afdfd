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

fn shown(line: &str) -> String {
    path_text::encode(OsStr::new(&line.replace('\t', " ")))
}

#[cfg(test)]
mod tests {
    use super::*;

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
