//! The variables of a `.env` file, by the rules that `config.values` has for it.

use std::collections::BTreeSet;

use super::values::Value;
use super::yaml::Unread;

/// Every variable that is set once. One that is set twice is left out, for readers differ on which counts.
///
/// # Errors
/// A quote is not closed.
pub fn read(text: &str) -> Result<Vec<Value>, Unread> {
    let mut found: Vec<Value> = Vec::new();
    let (mut seen, mut twice) = (BTreeSet::new(), BTreeSet::new());
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut line = 1;
    while !rest.is_empty() {
        let end = rest.find('\n').unwrap_or(rest.len());
        let (this, after) = rest.split_at(end);
        let mut next = after.get(1..).unwrap_or_default();
        if let Some((name, value)) = assignment(this) {
            let mut value = value.to_owned();
            if let Some(quote) = value.chars().next().filter(|first| ['"', '\'', '`'].contains(first)) {
                // From the quote on, over as many lines as it takes.
                let from = rest.find(quote).map_or("", |at| rest.get(at + 1..).unwrap_or_default());
                let close = closing(from, quote)
                    .ok_or(Unread { line: Some(line), what: "a quote is not closed".into() })?;
                let (inner, behind) = from.split_at(close);
                value = inner.to_owned();
                let end = behind.find('\n').map_or(behind.len(), |at| at + 1);
                next = behind.get(end..).unwrap_or_default();
            } else if let Some(at) = value.find(" #").or_else(|| value.find("\t#")) {
                value.truncate(at);
            }
            if !seen.insert(name.to_owned()) {
                twice.insert(name.to_owned());
            }
            found.push(Value { key: name.to_owned(), text: Some(value.trim().to_owned()) });
        }
        line += rest.len().checked_sub(next.len()).and_then(|taken| rest.get(..taken)).map_or(1, lines);
        rest = next;
    }
    found.retain(|value| !twice.contains(&value.key));
    Ok(found)
}

fn lines(text: &str) -> usize {
    text.matches('\n').count()
}

/// A line as a name and what stands behind its `=`.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start();
    let line = line.strip_prefix("export ").map_or(line, str::trim_start);
    let (name, value) = line.split_once('=')?;
    let name = name.trim_end();
    let begins = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let goes_on = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'));
    (begins && goes_on).then_some((name, value.trim()))
}

/// Where the quote closes; in double quotes a backslash takes the next character along.
fn closing(text: &str, quote: char) -> Option<usize> {
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        if character == '\\' && quote == '"' {
            characters.next();
        } else if character == quote {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_found() {
        let text = "# A=0\nexport B=\"two\nC=lines\" # note\nD = plain # note\n9E=no\nF=1\nF=2\nG='#'\nH=\nI J=1\r\nK=x\r\n";
        let found: Vec<(String, String)> = read(text)
            .unwrap()
            .into_iter()
            .map(|value| (value.key, value.text.unwrap_or_default()))
            .collect();
        let expected = [("B", "two\nC=lines"), ("D", "plain"), ("G", "#"), ("H", ""), ("K", "x")];
        assert_eq!(found, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
        assert_eq!(read("A=1\nB='x\n").err().unwrap().line, Some(2));
    }
}
