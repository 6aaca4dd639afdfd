//! The blanks, commas and comments between the members of an object.

use std::ops::Range;

use jsonc_parser::ast::Object;
use jsonc_parser::common::Ranged;

use super::member;

/// Where the comma behind a member is, comments between passed over.
pub(super) fn comma_behind(text: &str, end: usize) -> Option<usize> {
    let at = skip(text, end);
    (text.as_bytes().get(at) == Some(&b',')).then_some(at)
}

/// The blanks right before a member. Where a comment stands between, only what follows its line counts.
pub(super) fn blanks_before(text: &str, object: &Object<'_>, index: usize) -> String {
    let Some(start) = member(object, index).map(Ranged::start) else { return String::new() };
    let from = match index.checked_sub(1).and_then(|before| member(object, before)) {
        Some(before) => comma_behind(text, before.end()).map_or(before.end(), |comma| comma + 1),
        None => object.start() + 1,
    };
    let between = text.get(from..start).unwrap_or_default();
    let blanks_from = between.rfind(|character: char| !character.is_whitespace());
    let blanks = blanks_from.map_or(between, |last| {
        let width = between.get(last..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
        between.get(last + width..).unwrap_or_default()
    });
    // Behind a comment an empty line more or less is its own.
    match blanks.rfind('\n') {
        Some(last) if blanks.len() < between.len() => {
            let end =
                if blanks.get(..last).is_some_and(|before| before.ends_with('\r')) { last - 1 } else { last };
            blanks.get(end..).unwrap_or_default().to_owned()
        }
        _ => blanks.to_owned(),
    }
}

/// The blanks between a member's comma and the next member, where nothing else is between.
pub(super) fn blanks_behind(text: &str, object: &Object<'_>, index: usize) -> String {
    let comma = member(object, index).and_then(|member| comma_behind(text, member.end()));
    let next = member(object, index + 1).map(Ranged::start);
    let between = comma.zip(next).and_then(|(comma, next)| text.get(comma + 1..next)).unwrap_or_default();
    if between.trim().is_empty() { between.to_owned() } else { String::new() }
}

/// Behind a comment that stands on the same line, with nothing but itself to the end of the line; else the place
/// itself.
pub(super) fn behind_comment(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let line = rest.split('\n').next().unwrap_or_default().trim_end_matches('\r');
    let comment = line.trim_start_matches([' ', '\t']);
    let closed = comment.strip_prefix("/*").and_then(|inner| inner.split_once("*/"));
    let is_comment = comment.starts_with("//") || closed.is_some_and(|(_, after)| after.trim().is_empty());
    if is_comment { at + line.len() } else { at }
}

/// What to cut so that a member goes with its line, if it has one for itself; else with the blanks behind it.
pub(super) fn line_cut(text: &str, start: usize, end: usize) -> Range<usize> {
    let bytes = text.as_bytes();
    let is_blank = |at: usize| matches!(bytes.get(at), Some(b' ' | b'\t'));
    let mut line_start = start;
    while line_start > 0 && is_blank(line_start - 1) {
        line_start -= 1;
    }
    let mut line_end = end;
    while is_blank(line_end) {
        line_end += 1;
    }
    let begins_line = line_start == 0 || bytes.get(line_start - 1) == Some(&b'\n');
    let after = text.get(line_end..).unwrap_or_default();
    match (begins_line, after) {
        (true, after) if after.starts_with("\r\n") => line_start..line_end + 2,
        (true, after) if after.starts_with('\n') => line_start..line_end + 1,
        // The blanks before stay for whatever comes next on the line.
        (false, after) if after.starts_with(['\r', '\n']) => line_start..end,
        _ => start..line_end,
    }
}

/// The blanks at the beginning of the line of a place.
pub(super) fn lone_line_indent(text: &str, at: usize) -> &str {
    let before = text.get(..at).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
    line.get(..indent).unwrap_or_default()
}

/// Behind blanks and comments.
fn skip(text: &str, mut at: usize) -> usize {
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let trimmed = rest.trim_start();
        at += rest.len() - trimmed.len();
        if trimmed.starts_with("//") {
            at += trimmed.find('\n').unwrap_or(trimmed.len());
        } else if let Some(inner) = trimmed.strip_prefix("/*") {
            at += inner.find("*/").map_or(trimmed.len(), |end| end + 4);
        } else {
            return at;
        }
    }
}
