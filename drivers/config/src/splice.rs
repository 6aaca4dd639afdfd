//! Changes a text in places and leaves every other byte as it is.

use std::ops::Range;

/// Replacements of ranges, in any order; ranges do not overlap.
#[derive(Default)]
pub(crate) struct Splices(Vec<(Range<usize>, Vec<u8>)>);

impl Splices {
    /// Puts this in place of the range.
    pub(crate) fn replace(&mut self, range: Range<usize>, with: impl Into<Vec<u8>>) {
        self.0.push((range, with.into()));
    }

    /// Takes the range out.
    pub(crate) fn cut(&mut self, range: Range<usize>) {
        self.replace(range, Vec::new());
    }

    /// Puts this in at a place. What is put in first at one place stands first.
    pub(crate) fn insert(&mut self, at: usize, text: impl Into<Vec<u8>>) {
        self.replace(at..at, text);
    }

    /// The changed text.
    pub(crate) fn apply(mut self, text: &[u8]) -> Vec<u8> {
        self.0.sort_by_key(|(range, _)| (range.start, range.end));
        let mut changed = Vec::with_capacity(text.len());
        let mut at = 0;
        for (range, with) in self.0 {
            changed.extend_from_slice(text.get(at..range.start).unwrap_or_default());
            changed.extend_from_slice(&with);
            at = range.end.max(at);
        }
        changed.extend_from_slice(text.get(at..).unwrap_or_default());
        changed
    }
}

/// The byte order mark that some editors put before a text.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Where the text begins behind its mark.
pub(crate) fn beginning(text: &[u8]) -> usize {
    if text.starts_with(MARK) { MARK.len() } else { 0 }
}

/// The line of a place, from 1.
pub(crate) fn line_of(text: &[u8], at: usize) -> usize {
    text.get(..at).unwrap_or(text).iter().filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_places_change() {
        let mut splices = Splices::default();
        splices.insert(6, "!");
        splices.cut(2..4);
        splices.replace(0..1, "X");
        splices.insert(2, "<");
        splices.insert(2, ">");
        assert_eq!(splices.apply(b"abcdef"), b"Xb<>ef!");
        assert_eq!(Splices::default().apply(b"abc"), b"abc");
        assert_eq!([0, 1, 2, 9].map(|at| line_of(b"\n\n", at)), [1, 2, 3, 3]);
    }
}
