//! Names under which something is put aside: nothing that the migration made is dropped before release.
//!
//! Publications and subscriptions are renamed. A slot cannot be: it is copied, which keeps its place in the log, and the
//! first one goes.

use sha2::{Digest, Sha256};

/// What PostgreSQL takes as a name, in bytes.
pub(super) const LONGEST: usize = 63;
const PREFIX: &str = "_backout_aside_";
/// What of a name is kept where not all of it fits.
const HEAD: usize = 24;
const LONGEST_RUN: usize = 10;

/// Every name of something put aside is like this; a pattern of LIKE.
pub(super) const PATTERN: &str = r"\_backout\_aside\_%";

/// The name of something that this run put aside.
pub(super) fn name(run: &str, of: &str) -> String {
    format!("{PREFIX}{}_{}", tag(run), tail(of))
}

/// Which of these names it was before.
pub(super) fn original<'a>(aside: &str, names: impl IntoIterator<Item = &'a String>) -> Option<&'a String> {
    let (_, kept) = aside.strip_prefix(PREFIX)?.split_once('_')?;
    names.into_iter().find(|name| tail(name) == kept)
}

/// A run's name without the character that divides the parts.
fn tag(run: &str) -> String {
    let fits = run.len() <= LONGEST_RUN && run.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    if fits { run.to_owned() } else { short_digest(run) }
}

fn tail(name: &str) -> String {
    if PREFIX.len() + LONGEST_RUN + 1 + name.len() <= LONGEST {
        return name.to_owned();
    }
    let mut end = HEAD.min(name.len());
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}_{}", name.get(..end).unwrap_or_default(), short_digest(name))
}

fn short_digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_and_fit() {
        let long = "é".repeat(31);
        let names: Vec<String> = ["b", "a_b", "r1_b", "Übung \"x\"", &"s".repeat(63), &long]
            .iter()
            .map(|name| (*name).to_owned())
            .collect();
        for run in ["r1", "r1_a", "r123456789012", "R.1-x"] {
            for of in &names {
                let aside = name(run, of);
                assert!(aside.len() <= LONGEST, "{aside}");
                assert_eq!(original(&aside, &names), Some(of), "{aside}");
            }
        }
        assert_eq!(original("b", &names), None);
        assert_eq!(name("r1", "copy"), "_backout_aside_r1_copy");
        assert_ne!(name("r1", "copy"), name("r2", "copy"));
    }
}
