//! Addresses and answers as people may see them.

use std::ffi::OsStr;

use backout_kit::path_text;

/// An address as it was written, references unresolved, without user, password, query and fragment.
pub fn url(written: &str) -> String {
    let (scheme, rest) = match written.find("://") {
        Some(at) => written.split_at(at + 3),
        None => ("", written),
    };
    let end = outside(rest, &['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = match last_outside(authority, '@') {
        Some(at) => format!("***{}", authority.get(at..).unwrap_or_default()),
        None => authority.to_owned(),
    };
    let path = match outside(path, &['?', '#']) {
        Some(at) => format!("{}?***", path.get(..at).unwrap_or_default()),
        None => path.to_owned(),
    };
    path_text::encode(OsStr::new(&format!("{scheme}{host}{path}")))
}

/// A text, cut after so many characters and harmless.
pub fn short(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", path_text::encode(OsStr::new(text.get(..end).unwrap_or_default()))),
        None => path_text::encode(OsStr::new(text)),
    }
}

/// Where one of the characters stands first, not counting the inside of references.
fn outside(text: &str, wanted: &[char]) -> Option<usize> {
    positions(text).find(|(_, character)| wanted.contains(character)).map(|(at, _)| at)
}

fn last_outside(text: &str, wanted: char) -> Option<usize> {
    positions(text).filter(|(_, character)| *character == wanted).last().map(|(at, _)| at)
}

fn positions(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut is_inside = false;
    text.char_indices().filter(move |(at, character)| {
        is_inside |= *character == '$' && text.get(at + 1..).is_some_and(|rest| rest.starts_with('{'));
        let counts = !is_inside;
        is_inside &= *character != '}';
        counts
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_without_what_may_be_secret() {
        for (written, expected) in [
            ("http://127.0.0.1:8080/health", "http://127.0.0.1:8080/health"),
            ("https://user:hunter2@host/a?token=hunter2#x", "https://***@host/a?***"),
            ("https://us@er:hunter2@host", "https://***@host"),
            ("https://${env:USER}:${env:PASSWORD}@host/x", "https://***@host/x"),
            ("https://${file:a/b?c@d}/x", "https://${file:a/b?c@d}/x"),
            ("${env:BASE}/health?key=hunter2", "${env:BASE}/health?***"),
            ("http://host?key=hunter2", "http://host?***"),
            ("http://host/@name", "http://host/@name"),
            ("http://host/\u{1b}[31m", "http://host/\\x1b[31m"),
        ] {
            assert_eq!(url(written), expected);
        }
    }
}
