//! Diagnostics on their way to a person: collected, bounded, in the order of the file.

use crate::diagnostic::Diagnostic;

/// More than this helps nobody, and a hostile file could have a million.
const MOST: usize = 100;

/// Collects diagnostics up to a limit and counts the rest.
#[derive(Debug, Default)]
pub(super) struct Findings {
    list: Vec<Diagnostic>,
    dropped: usize,
    errors: bool,
}

impl Findings {
    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        self.errors |= diagnostic.is_error();
        if self.list.len() < MOST {
            self.list.push(diagnostic);
            return;
        }
        self.dropped += 1;
        // A list that is full of warnings must not hide that there is an error.
        if diagnostic.is_error()
            && let Some(place) = self.list.iter_mut().rev().find(|kept| !kept.is_error())
        {
            *place = diagnostic;
        }
    }

    pub(super) fn has_errors(&self) -> bool {
        self.errors
    }

    /// In the order of the file; the last one says how many more there are.
    pub(super) fn into_list(mut self) -> Vec<Diagnostic> {
        self.list.sort_by_key(|found| found.place.as_ref().map(|place| (place.line, place.column)));
        if self.dropped > 0
            && let Some(last) = self.list.last_mut()
        {
            last.hints.push(format!("{} more like these are not shown", self.dropped));
        }
        self.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::codes::{EMPTY, TAG};

    #[test]
    fn an_error_is_never_lost_among_warnings() {
        let mut findings = Findings::default();
        (0..200).for_each(|_| findings.push(Diagnostic::warning(EMPTY, "w")));
        findings.push(Diagnostic::error(TAG, "e"));
        assert!(findings.has_errors());
        let list = findings.into_list();
        assert_eq!(list.len(), MOST);
        assert_eq!(list.iter().filter(|found| found.is_error()).count(), 1);
        assert_eq!(list.last().unwrap().hints, ["101 more like these are not shown"]);
    }
}
