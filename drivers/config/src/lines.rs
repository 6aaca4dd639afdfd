//! Files in which a value has lines for itself: where these begin and end, how they go, and where they come back.

use std::ops::Range;

use crate::splice::{Splices, beginning};
use crate::state::Site;

/// What has lines for itself, from the start of the first to the end of the last, without its line end.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) at: Range<usize>,
}

/// The rows that belong together: those of one section, or of one object.
pub(crate) struct Rows {
    /// Where the first may stand.
    pub(crate) base: usize,
    pub(crate) rows: Vec<Row>,
    /// How comments begin.
    pub(crate) marks: &'static [u8],
}

impl Rows {
    /// Where a row stands among the others.
    pub(crate) fn site(&self, text: &[u8], index: usize) -> Site {
        let before = index.checked_sub(1).and_then(|before| self.rows.get(before));
        let from = before.map_or(self.base, |row| next_line(text, row.at.end));
        let (start, end) = self.rows.get(index).map_or((from, from), |row| (row.at.start, row.at.end));
        let between = text.get(from..start).unwrap_or_default();
        Site {
            after: before.map(|row| row.name.clone()),
            gap: between.iter().filter(|byte| **byte == b'\n').count(),
            blanks: ending(text, end).to_owned(),
            behind: String::new(),
            in_lines: true,
        }
    }

    /// Where a row belongs: behind its old neighbour and as many lines of other things as stood between; else last.
    pub(crate) fn place(&self, text: &[u8], site: &Site) -> usize {
        let at = match &site.after {
            None => Some(self.base),
            Some(after) => {
                self.rows.iter().rfind(|row| row.name == *after).map(|row| next_line(text, row.at.end))
            }
        };
        match at {
            Some(at) => skip_others(text, at, site.gap, self.marks),
            None => self.rows.last().map_or(self.base, |row| next_line(text, row.at.end)),
        }
    }
}

/// Behind as many empty lines and comments as there are, but no more than so many.
pub(crate) fn skip_others(text: &[u8], mut at: usize, most: usize, marks: &[u8]) -> usize {
    for _ in 0..most {
        let first = text.get(skip_blanks(text, at));
        let is_other = first.is_none_or(|byte| matches!(byte, b'\r' | b'\n') || marks.contains(byte));
        if !is_other || at >= text.len() {
            break;
        }
        at = next_line(text, at);
    }
    at
}

/// How a line ended; as the others do where it was none.
pub(crate) fn end_of<'s>(site: &'s Site, text: &[u8]) -> &'s str {
    if site.in_lines { &site.blanks } else { usual_end(text) }
}

/// What goes with rows: their line end; where they were the last and had none, that of the line before, unless that is
/// an empty one, which would be no line any more.
pub(crate) fn removed(text: &[u8], rows: Range<usize>) -> Range<usize> {
    match ending(text, rows.end) {
        "" if rows.start > beginning(text) => {
            let end = line_end(text, line_start(text, rows.start - 1));
            let is_empty = end == line_start(text, end);
            if is_empty { rows } else { end..rows.end }
        }
        end => rows.start..rows.end + end.len(),
    }
}

/// The text with a line put in. `end` is how it ended when it was saved; nothing if it was the last.
pub(crate) fn put_line(text: &[u8], at: usize, line: &str, end: &str) -> Vec<u8> {
    let is_behind_open_line = at > beginning(text) && text.get(at - 1) != Some(&b'\n');
    let is_last = at == text.len();
    let mut with = Vec::new();
    if is_behind_open_line {
        with.extend_from_slice(usual_end(text).as_bytes());
    }
    with.extend_from_slice(line.as_bytes());
    // A file that ended without a line end keeps ending so.
    if !(is_last && (is_behind_open_line || end.is_empty())) {
        with.extend_from_slice(if end.is_empty() { usual_end(text) } else { end }.as_bytes());
    }
    let mut splices = Splices::default();
    splices.insert(at, with);
    splices.apply(text)
}

/// How the first line ends.
pub(crate) fn usual_end(text: &[u8]) -> &'static str {
    match ending(text, line_end(text, 0)) {
        "" => "\n",
        end => end,
    }
}

/// Where the line of a place begins.
pub(crate) fn line_start(text: &[u8], at: usize) -> usize {
    let before = text.get(..at).unwrap_or(text);
    before.iter().rposition(|byte| *byte == b'\n').map_or(beginning(text).min(at), |end| end + 1)
}

/// Where the line of a place ends, before its line end.
pub(crate) fn line_end(text: &[u8], at: usize) -> usize {
    let next = next_line(text, at);
    let line = text.get(at..next).unwrap_or_default();
    let end = if line.ends_with(b"\r\n") { 2 } else { usize::from(line.ends_with(b"\n")) };
    next - end
}

/// Behind the line end.
pub(crate) fn next_line(text: &[u8], from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    rest.iter().position(|byte| *byte == b'\n').map_or(text.len(), |at| from + at + 1)
}

/// The line end that stands here.
fn ending(text: &[u8], at: usize) -> &'static str {
    match text.get(at..) {
        Some([b'\r', b'\n', ..]) => "\r\n",
        Some([b'\n', ..]) => "\n",
        _ => "",
    }
}

/// Behind blanks and tabs.
pub(crate) fn skip_blanks(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\t')) {
        at += 1;
    }
    at
}
