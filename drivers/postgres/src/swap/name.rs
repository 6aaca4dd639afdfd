//! What databases of ours are called: after the live one, with a word and the run.
//!
//! A name has 63 bytes; what is too long is cut, and a digest keeps it apart from others.

use backout_core::digest::Digest;
use backout_core::name::RunId;
use backout_kit::reserved;

/// What PostgreSQL has room for.
#[cfg(test)]
const LONGEST: usize = 63;

/// What of a name is left for the live one, and for the run.
const LONGEST_LIVE: usize = 30;
const LONGEST_RUN: usize = 10;

/// Where the saved database is put together.
pub(crate) fn beside(live: &str, run: Option<&RunId>) -> String {
    format!("{}beside-{}", of_live(live), of_run(run))
}

/// What stood there before; the first is number 1.
pub(crate) fn displaced(live: &str, run: Option<&RunId>, number: usize) -> String {
    let first = format!("{}displaced-{}", of_live(live), of_run(run));
    if number <= 1 { first } else { format!("{first}.{number}") }
}

/// A copy that is looked at and taken away again.
pub(crate) fn scratch(live: &str, key: &str) -> String {
    let digest = Digest::of_bytes("postgres-scratch", key.as_bytes()).to_string();
    format!("{}scratch-{}", of_live(live), cut(&digest, 8))
}

/// A copy that is a restore point.
pub(super) fn template(live: &str, number: usize) -> String {
    format!("{}template-{number}", of_live(live))
}

/// Whether a database of ours is one.
pub(crate) fn is_template(live: &str, name: &str) -> bool {
    name.strip_prefix(&of_live(live)).is_some_and(|rest| rest.starts_with("template-"))
}

/// How all of them begin.
pub(crate) fn of_live(live: &str) -> String {
    format!("{}{}", short("postgres-database", live, LONGEST_LIVE), reserved::PREFIX)
}

fn of_run(run: Option<&RunId>) -> String {
    run.map_or_else(|| "none".to_owned(), |run| short("postgres-run", run.as_str(), LONGEST_RUN))
}

fn short(label: &str, name: &str, longest: usize) -> String {
    if name.len() <= longest {
        return name.to_owned();
    }
    let digest = Digest::of_bytes(label, name.as_bytes()).to_string();
    format!("{}~{}", cut(name, longest.saturating_sub(7)), cut(&digest, 6))
}

fn cut(name: &str, longest: usize) -> &str {
    let end = (0..=longest.min(name.len())).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0);
    name.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_enough_and_stay_apart() {
        let run = RunId::new("r1").expect("a name");
        assert_eq!(beside("todo", Some(&run)), "todo.backout-beside-r1");
        assert_eq!(displaced("todo", Some(&run), 1), "todo.backout-displaced-r1");
        assert_eq!(displaced("todo", Some(&run), 2), "todo.backout-displaced-r1.2");
        let long_run = RunId::new(&"r".repeat(40)).expect("a name");
        for live in ["x".repeat(63), "ö".repeat(31), format!("{}y", "x".repeat(62))] {
            let name = displaced(&live, Some(&long_run), 99);
            assert!(name.len() <= LONGEST, "{name}");
        }
        assert_ne!(of_live(&"x".repeat(63)), of_live(&format!("{}y", "x".repeat(62))));
    }
}
