//! Settings files of lines `KEY=value`: comments, blank lines, values in single or double quotes.
//!
//! No interpolation, no escapes, no comment after a value; the application needs none of them.

/// The value of `key`, without its quotes.
pub fn value<'text>(text: &'text str, key: &str) -> Option<&'text str> {
    text.lines().find_map(|line| raw(line, key)).map(|raw| quote(raw).map_or(raw, |_| &raw[1..raw.len() - 1]))
}

/// The text with `key` set to `value`; every other line stays as it was, and so does the manner of quoting.
pub fn with(text: &str, key: &str, value: &str) -> String {
    let mut found = false;
    let mut lines: Vec<String> = text
        .lines()
        .map(|line| match raw(line, key) {
            Some(old) => {
                found = true;
                let mark = quote(old).map(String::from).unwrap_or_default();
                format!("{key}={mark}{value}{mark}")
            }
            None => line.to_owned(),
        })
        .collect();
    if !found {
        lines.push(format!("{key}={value}"));
    }
    lines.join("\n") + "\n"
}

fn raw<'line>(line: &'line str, key: &str) -> Option<&'line str> {
    line.trim().strip_prefix(key)?.trim_start().strip_prefix('=').map(str::trim)
}

fn quote(raw: &str) -> Option<char> {
    ['"', '\''].into_iter().find(|mark| raw.len() > 1 && raw.starts_with(*mark) && raw.ends_with(*mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# PORT=1\n\nPORT=8080\nNAME=\"To-do, for all\"\nNAME_LONG='it = that'\n";

    #[test]
    fn values_are_read_without_quotes_and_comments() {
        assert_eq!(value(TEXT, "PORT"), Some("8080"));
        assert_eq!(value(TEXT, "NAME"), Some("To-do, for all"));
        assert_eq!(value(TEXT, "NAME_LONG"), Some("it = that"));
        assert_eq!(value(TEXT, "NAM"), None);
        assert_eq!(value("A=\"", "A"), Some("\""));
    }

    #[test]
    fn setting_a_key_leaves_the_other_lines_alone() {
        assert_eq!(with(TEXT, "NAME", "Other"), TEXT.replace("To-do, for all", "Other"));
        assert_eq!(with(TEXT, "PORT", "1"), TEXT.replace("8080", "1"));
        assert_eq!(with(TEXT, "NEW", "x"), format!("{TEXT}NEW=x\n"));
    }
}
