//! Settings whose value is a list of names: they are written element by element, each quoted.

use crate::server::literal;

const LISTS: [&str; 6] = [
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

/// The value of a setting as SQL writes it after `SET name =`.
pub(super) fn value_sql(name: &str, value: &str) -> String {
    if !LISTS.contains(&name.to_lowercase().as_str()) {
        return literal(value);
    }
    let elements = elements(value);
    if elements.is_empty() {
        return "''".to_owned();
    }
    elements.iter().map(|element| literal(element)).collect::<Vec<_>>().join(", ")
}

fn elements(value: &str) -> Vec<String> {
    let mut elements = Vec::new();
    let (mut element, mut is_quoted, mut was_quoted) = (String::new(), false, false);
    let mut characters = value.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if is_quoted && characters.peek() == Some(&'"') => {
                characters.next();
                element.push('"');
            }
            '"' => {
                is_quoted = !is_quoted;
                was_quoted = true;
            }
            ',' if !is_quoted => {
                elements.push(std::mem::take(&mut element));
                was_quoted = false;
            }
            space if space.is_whitespace() && !is_quoted => {}
            other => element.push(other),
        }
    }
    if was_quoted || !element.is_empty() {
        elements.push(element);
    }
    elements
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_written_element_by_element() {
        for (name, value, sql) in [
            ("search_path", "\"$user\", public", "'$user', 'public'"),
            ("search_path", "\"a, b\", \"c\"\"d'\"", "'a, b', 'c\"d'''"),
            ("search_path", "\"\"", "''"),
            ("search_path", "", "''"),
            ("Search_Path", "a", "'a'"),
            ("work_mem", "4MB", "'4MB'"),
            ("app.x", "a, b", "'a, b'"),
        ] {
            assert_eq!(value_sql(name, value), sql, "{name} = {value}");
        }
    }
}
