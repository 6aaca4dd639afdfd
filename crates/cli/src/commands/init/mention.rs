//! Values that name a file: how a SQLite database is written into settings.

/// How addresses of SQLite files begin, longest first. What follows is the path.
const SCHEMES: [&str; 12] = [
    "jdbc:sqlite:",
    "sqlite+aiosqlite:///",
    "sqlite+pysqlite:///",
    "sqlite3:///",
    "sqlite3://",
    "sqlite3:",
    "sqlite:///",
    "sqlite://",
    "sqlite:",
    "file://",
    "file:",
    "Data Source=",
];

/// Longest path that is looked for, in bytes.
const LONGEST: usize = 4096;

/// The path that a value may name, where it looks like one. Relative ones begin where the program starts, which
/// nobody here knows for certain.
pub fn path_in(value: &str) -> Option<&str> {
    let address = SCHEMES.iter().find_map(|scheme| value.strip_prefix(scheme));
    let path = address.map_or(value, |rest| rest.split(['?', ';']).next().unwrap_or_default());
    let may_be = !path.is_empty()
        && path.len() <= LONGEST
        && !path.chars().any(char::is_control)
        && !path.contains("://")
        && (address.is_some() || path.contains(['/', '.']));
    may_be.then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_from_other_values() {
        for (value, expected) in [
            ("data/app.db", Some("data/app.db")),
            ("sqlite:///data/app.db?mode=rw", Some("data/app.db")),
            ("sqlite:////data/app.db", Some("/data/app.db")),
            ("file:./app.db", Some("./app.db")),
            ("Data Source=app.db;Cache=Shared", Some("app.db")),
            ("app.db", Some("app.db")),
            ("postgres://u:p@h/d", None),
            ("secret", None),
            ("", None),
            ("a\nb/c", None),
        ] {
            assert_eq!(path_in(value), expected, "{value}");
        }
    }
}
