//! A program may print without end. What matters is how it began and how it ended.

use std::collections::VecDeque;
use std::fmt;

/// The first and the last bytes of a stream, and how many there were in between.
#[derive(Clone, PartialEq, Eq)]
pub struct BoundedOutput {
    keep: usize,
    first: Vec<u8>,
    last: VecDeque<u8>,
    total: u64,
}

impl BoundedOutput {
    /// Keeps at most `keep` bytes of the beginning and as many of the end.
    pub fn keeping(keep: usize) -> Self {
        Self { keep, first: Vec::new(), last: VecDeque::new(), total: 0 }
    }

    /// Takes the next bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let (head, tail) = bytes.split_at(bytes.len().min(self.keep - self.first.len()));
        self.first.extend_from_slice(head);
        let newest = tail.split_at(tail.len() - tail.len().min(self.keep)).1;
        let surplus = (self.last.len() + newest.len()).saturating_sub(self.keep);
        self.last.drain(..surplus);
        self.last.extend(newest);
    }

    /// How many bytes the stream had.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// How many bytes were not kept.
    pub fn dropped(&self) -> u64 {
        self.total - (self.first.len() + self.last.len()) as u64
    }

    /// The whole stream, or `None` when a part of it was dropped: never mistake a part for the whole.
    pub fn whole(&self) -> Option<Vec<u8>> {
        (self.dropped() == 0).then(|| self.first.iter().chain(&self.last).copied().collect())
    }

    /// For people: bytes that are not UTF-8 replaced, and a line in place of what was dropped.
    pub fn text(&self) -> String {
        if let Some(whole) = self.whole() {
            return String::from_utf8_lossy(&whole).into_owned();
        }
        let last: Vec<u8> = self.last.iter().copied().collect();
        let (first, last) = (String::from_utf8_lossy(&self.first), String::from_utf8_lossy(&last));
        format!("{first}\n[{} bytes left out]\n{last}", self.dropped())
    }
}

/// Counts only: output may hold secrets.
impl fmt::Debug for BoundedOutput {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "BoundedOutput({} bytes, {} dropped)", self.total, self.dropped())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_fits_is_whole_and_what_does_not_says_so() {
        let mut output = BoundedOutput::keeping(3);
        output.push(b"abcdef");
        assert_eq!((output.whole(), output.text()), (Some(b"abcdef".to_vec()), "abcdef".to_owned()));
        output.push(b"gh");
        assert_eq!((output.whole(), output.dropped(), output.total()), (None, 2, 8));
        assert_eq!(output.text(), "abc\n[2 bytes left out]\nfgh");
        assert_eq!(format!("{output:?}"), "BoundedOutput(8 bytes, 2 dropped)");
    }

    proptest! {
        #[test]
        fn the_ends_are_right_however_the_stream_is_cut(
            chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 0..10),
            keep in 0usize..30,
        ) {
            let mut output = BoundedOutput::keeping(keep);
            chunks.iter().for_each(|chunk| output.push(chunk));
            let stream = chunks.concat();
            let first = &stream[..keep.min(stream.len())];
            let rest = &stream[first.len()..];
            prop_assert_eq!(&output.first, first);
            prop_assert_eq!(Vec::from(output.last.clone()), &rest[rest.len() - keep.min(rest.len())..]);
            prop_assert_eq!(output.total(), stream.len() as u64);
            prop_assert_eq!(output.whole(), (stream.len() <= 2 * keep).then_some(stream));
        }
    }
}
