//! Judges whether the bytes of a database are sound, by SQLite's own checks.

use rusqlite::Connection;

use super::read::is_about_the_schema;
use crate::fault::Fault;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Soundness {
    /// Nothing wrong.
    Sound,
    /// Rows that break constraints of their tables. They do no harm to the file, and may have been there for long.
    Untidy(String),
    /// The file is damaged.
    Damaged(String),
    /// The check cannot be made here (a collation or function of the application's own is missing).
    Untold(String),
}

/// How thorough a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// Also whether indexes and tables agree.
    Full,
    /// Pages and rows.
    Quick,
}

impl Check {
    pub(super) fn pragma(self) -> &'static str {
        match self {
            Self::Full => "integrity_check",
            Self::Quick => "quick_check",
        }
    }
}

/// How many complaints are read: more than any that could hide damage behind rows that break constraints.
const MOST_COMPLAINTS: usize = 10_000;

/// Checks a database.
pub(super) fn check(connection: &Connection, check: Check) -> Result<Soundness, Fault> {
    let lines = connection.prepare(&format!("PRAGMA main.{}({MOST_COMPLAINTS})", check.pragma())).and_then(
        |mut statement| {
            statement.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()
        },
    );
    match lines {
        Ok(lines) => Ok(judge(&lines)),
        Err(error) if is_about_the_schema(&error) => Ok(Soundness::Untold(error.to_string())),
        Err(error) => Err(error.into()),
    }
}

fn judge(lines: &[String]) -> Soundness {
    if let Some(damage) = lines.iter().find(|line| *line != "ok" && !is_about_rows(line)) {
        return Soundness::Damaged(damage.clone());
    }
    match lines.iter().find(|line| *line != "ok") {
        Some(complaint) => Soundness::Untidy(complaint.clone()),
        None => Soundness::Sound,
    }
}

/// `NULL value in t.c`, `CHECK constraint failed in t` and the like.
fn is_about_rows(line: &str) -> bool {
    line.starts_with("CHECK constraint failed in ")
        || line.split_once(" value in ").is_some_and(|(kind, _)| !kind.contains(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_told_from_rows_that_break_constraints() {
        for (lines, expected) in [
            (vec!["ok"], Soundness::Sound),
            (vec!["NULL value in t.a"], Soundness::Untidy("NULL value in t.a".into())),
            (vec!["CHECK constraint failed in t"], Soundness::Untidy("CHECK constraint failed in t".into())),
            (vec!["non-INT value in t.a"], Soundness::Untidy("non-INT value in t.a".into())),
            (vec!["non-unique entry in index i"], Soundness::Damaged("non-unique entry in index i".into())),
            (
                vec!["NULL value in t.a", "row 1 missing from index i"],
                Soundness::Damaged("row 1 missing from index i".into()),
            ),
            (
                vec!["*** in database main ***\nPage 2: never used"],
                Soundness::Damaged("*** in database main ***\nPage 2: never used".into()),
            ),
        ] {
            let lines: Vec<String> = lines.into_iter().map(str::to_owned).collect();
            assert_eq!(judge(&lines), expected, "{lines:?}");
        }
    }
}
