//! The names of the values in a settings file, whatever it is written in, as `config.values` wants them.

use backout_core::migration::{Kind, Tree};

use super::env_lines;
use super::yaml::{self, Unread};

/// A value by its name; the value itself never leaves this program.
#[derive(Clone, PartialEq, Eq)]
pub struct Value {
    /// Its name: a variable, or a path of keys.
    pub key: String,
    /// What it is, where it is a text of one piece.
    pub text: Option<String>,
}

/// All values of a file, by what the ending of its name says; none where nobody here knows how it is written.
///
/// # Errors
/// It is not what its name promises.
pub fn read(name: &str, text: &str) -> Result<Option<Vec<Value>>, Unread> {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
    let is_env = name == ".env" || name.starts_with(".env.") || ending == "env";
    Ok(Some(match ending.as_str() {
        _ if is_env => env_lines::read(text)?,
        "json" | "jsonc" | "yaml" | "yml" => {
            let mut found = Vec::new();
            if let Some(tree) = yaml::read(text)? {
                leaves(&tree, &mut Vec::new(), &mut found);
            }
            found
        }
        "toml" => toml(text),
        "ini" => ini(text),
        _ => return Ok(None),
    }))
}

/// Every value that keys alone lead to. A list is one value.
fn leaves(tree: &Tree, path: &mut Vec<String>, found: &mut Vec<Value>) {
    match &tree.kind {
        Kind::Map(entries) => {
            for (key, value) in entries {
                path.push(quoted(&key.value));
                leaves(value, path, found);
                path.pop();
            }
        }
        Kind::List(_) if !path.is_empty() => found.push(Value { key: path.join("."), text: None }),
        Kind::Scalar(scalar) if !path.is_empty() => {
            found.push(Value { key: path.join("."), text: Some(scalar.text.clone()) });
        }
        Kind::List(_) | Kind::Scalar(_) => {}
    }
}

/// A piece of a path of keys: in quotes where its dots would be taken for others.
pub fn quoted(piece: &str) -> String {
    if !piece.is_empty() && !piece.contains(['.', '"']) {
        return piece.to_owned();
    }
    format!("\"{}\"", piece.replace('\\', "\\\\").replace('"', "\\\""))
}

/// `name = value` or `name: value` under `[section]`, each on a line of its own.
fn ini(text: &str) -> Vec<Value> {
    let mut section = String::new();
    let mut found = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = format!("{}.", quoted(name.trim()));
        } else if let Some((name, value)) = line.split_once(['=', ':']) {
            let key = format!("{section}{}", quoted(name.trim()));
            found.push(Value { key, text: Some(value.trim().to_owned()) });
        }
    }
    found
}

/// `name = value` under `[section]`, whose names are written as paths already. Lists of tables and values over
/// several lines are left out.
fn toml(text: &str) -> Vec<Value> {
    let mut section: Option<String> = Some(String::new());
    let mut found = Vec::new();
    let mut until: Option<&str> = None;
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        if let Some(end) = until {
            until = (!line.contains(end)).then_some(end);
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            let name = name.split(']').next().unwrap_or_default().trim();
            section = (!name.starts_with('[') && !name.is_empty()).then(|| format!("{name}."));
            continue;
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        let (key, value) = (key.trim(), value.trim());
        until = ["\"\"\"", "'''"]
            .into_iter()
            .find(|quote| value.strip_prefix(quote).is_some_and(|rest| !rest.contains(quote)))
            .or((value.starts_with('[') && !value.contains(']')).then_some("]"));
        if let (Some(section), None, false) = (&section, until, key.is_empty()) {
            let value = value
                .strip_prefix(['"', '\''])
                .map_or(value, |rest| rest.split(['"', '\'']).next().unwrap_or_default());
            found.push(Value { key: format!("{section}{key}"), text: Some(value.to_owned()) });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(name: &str, text: &str) -> Vec<String> {
        read(name, text).unwrap().unwrap().into_iter().map(|value| value.key).collect()
    }

    #[test]
    fn keys_are_found() {
        for (name, text, expected) in [
            ("a.json", r#"{"a": {"b": 1, "c.d": [1, {"x": 2}]}, "e": {}}"#, vec!["a.b", r#"a."c.d""#]),
            ("a.yml", "a:\n  b: x\n  c: [1]\nd:\n", vec!["a.b", "a.c", "d"]),
            ("a.toml", "a = 1\n[b.c]\n# n = 1\nd = \"x\"\nl = [\n 1\n]\n[[e]]\nf = 1\n", vec!["a", "b.c.d"]),
            ("a.ini", "a: 1\n[b \"c\"]\n; x = 1\nd = x\n", vec!["a", r#""b \"c\"".d"#]),
            (".env.local", "A=1\n", vec!["A"]),
            ("a.json", "[1, 2]", vec![]),
        ] {
            assert_eq!(keys(name, text), expected, "{name}: {text}");
        }
        assert!(read("nginx.conf", "x").unwrap().is_none());
        assert!(read("a.json", "{").is_err());
    }
}
