//! Values that name a database: how a file of SQLite's and a database on a server are written into settings.

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

/// A database on a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnServer {
    /// Where it is: host, port and name, without who one is there. For telling one from another, and never written.
    pub place: String,
    /// Whether it is written as the server's own programs take it, and not in the words of some library.
    pub is_plain: bool,
}

/// The database on a PostgreSQL server that a value may name.
pub fn server_in(value: &str) -> Option<OnServer> {
    let (scheme, rest) = value.split_once("://")?;
    let is_plain = matches!(scheme, "postgresql" | "postgres");
    let is_meant = is_plain
        || matches!(scheme, "jdbc:postgresql" | "postgis")
        || ["postgresql+", "postgres+"].iter().any(|before| scheme.starts_with(before));
    let place = rest.split(['?', '#']).next().unwrap_or_default();
    let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
    let has_name = place.split_once('/').is_some_and(|(_, name)| !name.is_empty());
    let may_be = is_meant && has_name && value.len() <= LONGEST && !value.chars().any(char::is_control);
    may_be.then(|| OnServer { place: place.to_ascii_lowercase(), is_plain })
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

    #[test]
    fn servers_are_known_by_their_place() {
        for (value, expected) in [
            ("postgresql://u:p@Db.example:5433/shop?sslmode=require", Some(("db.example:5433/shop", true))),
            ("postgres://h/d", Some(("h/d", true))),
            ("postgres://u:p@x@h/d", Some(("h/d", true))),
            ("postgresql+asyncpg://u:p@h/d", Some(("h/d", false))),
            ("jdbc:postgresql://h:1/d?user=u&password=p", Some(("h:1/d", false))),
            ("postgres://u:p@h", None),
            ("postgres://u:p@h/", None),
            ("mysql://u:p@h/d", None),
            ("postgres", None),
        ] {
            let found = server_in(value).map(|found| (found.place, found.is_plain));
            assert_eq!(found, expected.map(|(place, is_plain)| (place.to_owned(), is_plain)), "{value}");
        }
    }
}
