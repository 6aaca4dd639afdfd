//! Files of lines `NAME=value`, as dotenv, shells and container tools read them. Bytes are never reformatted.
//!
//! A value is what its readers agree on: in single, double or backward quotes, which may hold line breaks; else to
//! the end of the line or to a `#` behind a blank. `export` may stand before the name. Other lines are left alone.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::format::{Found, Unfit};
use crate::key::{Key, is_name_byte};
use crate::lines::{next_line, put_line, removed, skip_blanks};
use crate::splice::{Splices, beginning, line_of};
use crate::state::{Held, Site};

/// A line, or several where a value goes over several.
struct Line {
    /// All of it, with its end.
    all: Range<usize>,
    /// How it ends: `\n`, `\r\n` or nothing.
    end: Range<usize>,
    assignment: Option<Assignment>,
}

struct Assignment {
    name: String,
    value: Range<usize>,
    /// It begins with a quote that is not closed.
    is_open: bool,
}

/// The named values.
pub(crate) fn find<'k>(text: &[u8], keys: &'k [Key]) -> Result<Vec<(&'k Key, Found)>, Unfit> {
    if text.contains(&0) {
        return Err(Unfit::whole("it holds NUL characters and is no text"));
    }
    let lines = lines(text);
    let mut found: Vec<(&Key, Found)> = Vec::new();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut after, mut gap) = (None, 0);
    for line in &lines {
        let Some(assignment) = &line.assignment else {
            gap += 1;
            continue;
        };
        let number = line_of(text, line.all.start);
        if let Some(key) = keys.iter().find(|key| key.text == assignment.name) {
            if let Some(first) = seen.insert(&key.text, number) {
                let what = format!(
                    "{key} is set twice, in lines {first} and {number}, and readers differ on which counts"
                );
                return Err(Unfit::at(number, what));
            }
            if assignment.is_open {
                return Err(Unfit::at(number, format!("the quote of {key} is not closed")));
            }
            let part = |range: &Range<usize>| {
                let bytes = text.get(range.clone()).unwrap_or_default();
                String::from_utf8(bytes.to_vec())
                    .map_err(|_| Unfit::at(number, format!("{key} is not UTF-8")))
            };
            let site = Site { after: after.clone(), gap, blanks: part(&line.end)?, ..Site::default() };
            let whole = part(&(line.all.start..line.end.start))?;
            let raw = part(&assignment.value)?;
            found.push((key, Found { raw, whole, tail: String::new(), site }));
        }
        after = Some(assignment.name.clone());
        gap = 0;
    }
    Ok(found)
}

/// The text with the named values as wanted.
pub(crate) fn edit(text: &[u8], keys: &[Key], wanted: &BTreeMap<String, Held>) -> Result<Vec<u8>, Unfit> {
    let mut splices = Splices::default();
    let mut missing: Vec<(&String, &Held)> = wanted.iter().collect();
    for line in lines(text) {
        let Some(assignment) = &line.assignment else { continue };
        if !keys.iter().any(|key| key.text == assignment.name) {
            continue;
        }
        missing.retain(|(name, _)| **name != assignment.name);
        match wanted.get(&assignment.name) {
            // Behind a blank it would begin a comment.
            Some(held) if held.raw.reveal().starts_with('#') => {
                splices.replace(line.all.start..line.end.start, held.whole.reveal());
            }
            Some(held) => splices.replace(assignment.value.clone(), held.raw.reveal()),
            None => splices.cut(removed(text, line.all.start..line.end.start)),
        }
    }
    let mut text = splices.apply(text);
    while !missing.is_empty() {
        // One after the other, for one may be the neighbour of the next.
        let placed = missing.iter().position(|(_, held)| place_of(&text, held).is_some()).unwrap_or(0);
        let (_, held) = missing.remove(placed);
        text = added(&text, held);
    }
    Ok(text)
}

/// Where a line belongs: behind its old neighbour, and behind as many other lines as stood between.
fn place_of(text: &[u8], held: &Held) -> Option<usize> {
    let lines = lines(text);
    let next = match &held.site.after {
        None => 0,
        Some(name) => {
            let is_neighbour =
                |line: &Line| line.assignment.as_ref().is_some_and(|found| found.name == *name);
            lines.iter().rposition(is_neighbour)? + 1
        }
    };
    let between =
        lines.iter().skip(next).take(held.site.gap).take_while(|line| line.assignment.is_none()).count();
    let last = (next + between).checked_sub(1).and_then(|last| lines.get(last));
    Some(last.map_or(beginning(text), |line| line.all.end))
}

fn added(text: &[u8], held: &Held) -> Vec<u8> {
    let at = place_of(text, held).unwrap_or(text.len());
    put_line(text, at, held.whole.reveal(), &held.site.blanks)
}

fn lines(text: &[u8]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut at = beginning(text);
    while at < text.len() {
        let assignment = assignment(text, at);
        let inner = assignment.as_ref().map_or(at, |found| found.value.end);
        let all = at..next_line(text, inner);
        let body = text.get(all.clone()).unwrap_or_default();
        let end = if body.ends_with(b"\r\n") { 2 } else { usize::from(body.ends_with(b"\n")) };
        at = all.end;
        lines.push(Line { end: all.end - end..all.end, all, assignment });
    }
    lines
}

fn assignment(text: &[u8], start: usize) -> Option<Assignment> {
    let mut at = skip_blanks(text, start);
    if let Some(after) = text.get(at..).and_then(|rest| rest.strip_prefix(b"export"))
        && matches!(after.first(), Some(b' ' | b'\t'))
    {
        at = skip_blanks(text, at + b"export".len());
    }
    let name_start = at;
    while text.get(at).is_some_and(|byte| is_name_byte(*byte)) {
        at += 1;
    }
    let name = std::str::from_utf8(text.get(name_start..at)?).ok()?.to_owned();
    if name.is_empty() || name.starts_with(|first: char| !first.is_ascii_alphabetic() && first != '_') {
        return None;
    }
    at = skip_blanks(text, at);
    if text.get(at) != Some(&b'=') {
        return None;
    }
    let after_sign = at + 1;
    let value = skip_blanks(text, after_sign);
    match text.get(value) {
        Some(quote @ (b'"' | b'\'' | b'`')) => Some(match closing(text, value, *quote) {
            Some(end) => Assignment { name, value: value..end, is_open: false },
            None => {
                let plain = plain_value(text, after_sign, value);
                let on_line = text.get(value + 1..plain.end).unwrap_or_default();
                Assignment { name, value: plain, is_open: !on_line.contains(quote) }
            }
        }),
        _ => Some(Assignment { name, value: plain_value(text, after_sign, value), is_open: false }),
    }
}

/// Behind the closing quote, where nothing but a comment follows on its line.
fn closing(text: &[u8], open: usize, quote: u8) -> Option<usize> {
    let mut at = open + 1;
    loop {
        match *text.get(at)? {
            b'\\' if quote == b'"' => at += 1,
            byte if byte == quote => break,
            _ => {}
        }
        at += 1;
    }
    let behind = skip_blanks(text, at + 1);
    let is_comment = behind > at + 1 && text.get(behind) == Some(&b'#');
    let ends = matches!(text.get(behind), None | Some(b'\n')) || text.get(behind..)?.starts_with(b"\r\n");
    (is_comment || ends).then_some(at + 1)
}

/// Without quotes: to the end of the line or to a comment, without blanks at the end.
fn plain_value(text: &[u8], after_sign: usize, from: usize) -> Range<usize> {
    let line = text.get(from..next_line(text, from)).unwrap_or_default();
    let mut is_behind_blank = from > after_sign;
    let mut end = line.len();
    for (at, byte) in line.iter().enumerate() {
        if *byte == b'#' && is_behind_blank {
            end = at;
            break;
        }
        is_behind_blank = matches!(byte, b' ' | b'\t');
    }
    let value = line.get(..end).unwrap_or_default();
    let length = value.iter().rposition(|byte| !byte.is_ascii_whitespace()).map_or(0, |last| last + 1);
    from..from + length
}

#[cfg(test)]
mod tests;
