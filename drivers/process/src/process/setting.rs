//! One key of a settings file, read and changed in place: the other lines, the quotes and the comments stay.

use std::ops::Range;

use super::quiesce::Setting;

/// Mistakes in how the setting is declared.
pub fn check(setting: &Setting) -> Vec<String> {
    let mut mistakes = Vec::new();
    let starts_well = !setting.key.starts_with(|c: char| c.is_ascii_digit());
    if setting.key.is_empty()
        || !starts_well
        || !setting.key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    {
        mistakes.push("`key` of `setting` is made of letters, digits and `_`, no digit first".to_owned());
    }
    for (name, value) in [("closed", &setting.closed), ("open", &setting.open)] {
        if !value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.:/@%+,-".contains(&byte)) {
            mistakes.push(format!("`{name}` of `setting` holds a character that would have to be quoted"));
        }
    }
    if setting.closed == setting.open {
        mistakes.push("`closed` and `open` of `setting` are the same value".to_owned());
    }
    mistakes
}

/// Whether the key stands in the file and says "closed" wherever it does.
pub fn is_closed(content: &[u8], setting: &Setting) -> bool {
    let mut values = values(content, &setting.key).peekable();
    values.peek().is_some() && values.all(|value| value == setting.closed.as_bytes())
}

/// Whether the key stands in the file.
pub fn is_there(content: &[u8], setting: &Setting) -> bool {
    values(content, &setting.key).next().is_some()
}

/// The file with the door shut; the key is added where it was not there.
pub fn closed(content: &[u8], setting: &Setting) -> Vec<u8> {
    let mut changed = with(content, &setting.key, &setting.closed);
    if !is_there(content, setting) {
        if changed.last().is_some_and(|last| *last != b'\n') {
            changed.push(b'\n');
        }
        changed.extend(format!("{}={}\n", setting.key, setting.closed).bytes());
    }
    changed
}

/// The file with the door open; nothing is added.
pub fn opened(content: &[u8], setting: &Setting) -> Vec<u8> {
    with(content, &setting.key, &setting.open)
}

fn with(content: &[u8], key: &str, value: &str) -> Vec<u8> {
    let mut changed = Vec::with_capacity(content.len() + value.len());
    for line in content.split_inclusive(|byte| *byte == b'\n') {
        match value_in(line, key) {
            Some(range) => {
                changed.extend(line.get(..range.start).unwrap_or_default());
                changed.extend(value.bytes());
                changed.extend(line.get(range.end..).unwrap_or_default());
            }
            None => changed.extend(line),
        }
    }
    changed
}

fn values<'a>(content: &'a [u8], key: &'a str) -> impl Iterator<Item = &'a [u8]> {
    content.split(|byte| *byte == b'\n').filter_map(move |line| line.get(value_in(line, key)?))
}

/// Where in the line the value of the key is, without its quotes.
fn value_in(line: &[u8], key: &str) -> Option<Range<usize>> {
    let rest = line.trim_ascii_start();
    let rest = rest.strip_prefix(b"export ").map_or(rest, <[u8]>::trim_ascii_start);
    let rest = rest.strip_prefix(key.as_bytes())?.trim_ascii_start().strip_prefix(b"=")?;
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let value = rest.get(rest.iter().take_while(|byte| blank(byte)).count()..)?;
    let start = line.len() - value.len();
    if let Some(quote) = value.first().filter(|byte| matches!(byte, b'"' | b'\''))
        && let Some(length) = value.iter().skip(1).position(|byte| byte == quote)
    {
        return Some(start + 1..start + 1 + length);
    }
    let comment = value.windows(2).position(|pair| matches!(pair, [b' ' | b'\t', b'#']));
    let length = value.get(..comment.unwrap_or(value.len()))?.trim_ascii_end().len();
    Some(start..start + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting() -> Setting {
        Setting { file: "x".into(), key: "DOWN".into(), closed: "on".into(), open: "off".into() }
    }

    #[test]
    fn only_the_value_changes() {
        for (before, shut) in [
            ("DOWN=off\n", "DOWN=on\n"),
            ("DOWN=off", "DOWN=on"),
            ("DOWN=\n", "DOWN=on\n"),
            ("DOWN=off\r\nA=1\r\n", "DOWN=on\r\nA=1\r\n"),
            ("  export DOWN = \"off\"  # why\n", "  export DOWN = \"on\"  # why\n"),
            ("DOWN='off'\n", "DOWN='on'\n"),
            ("DOWN=off # DOWN=no\n", "DOWN=on # DOWN=no\n"),
            ("DOWN=o#f\n", "DOWN=on\n"),
            ("DOWN=\"off\n", "DOWN=on\n"),
            ("# DOWN=off\nDOWNS=off\nDOWN=off\n", "# DOWN=off\nDOWNS=off\nDOWN=on\n"),
            ("DOWN=off\nDOWN=maybe\n", "DOWN=on\nDOWN=on\n"),
            ("A=1", "A=1\nDOWN=on\n"),
            ("", "DOWN=on\n"),
        ] {
            let changed = closed(before.as_bytes(), &setting());
            assert_eq!(String::from_utf8(changed.clone()).unwrap(), shut, "{before:?}");
            assert!(
                is_closed(&changed, &setting()) && !is_closed(before.as_bytes(), &setting()),
                "{before:?}"
            );
            assert_eq!(closed(&changed, &setting()), changed, "twice is once");
            assert!(!is_closed(&opened(&changed, &setting()), &setting()), "{before:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_stay_and_opening_adds_nothing() {
        assert_eq!(closed(b"A=\xff\nDOWN=off\n", &setting()), b"A=\xff\nDOWN=on\n");
        assert_eq!(opened(b"A=1\n", &setting()), b"A=1\n");
        assert!(!is_closed(b"DOWN=on\nDOWN=off\n", &setting()), "nobody knows which of them counts");
    }

    #[test]
    fn declarations_are_checked() {
        assert_eq!(check(&setting()), [""; 0]);
        for wrong in [
            Setting { key: "1A".into(), ..setting() },
            Setting { key: String::new(), ..setting() },
            Setting { closed: "a b".into(), ..setting() },
            Setting { open: "x\ny".into(), ..setting() },
            Setting { open: "on".into(), ..setting() },
        ] {
            assert_eq!(check(&wrong).len(), 1, "{wrong:?}");
        }
    }
}
