//! Members between braces and commas, as YAML's flow mappings and TOML's inline tables are written. Comments begin
//! with `#`.

use std::ops::Range;

use crate::splice::Splices;
use crate::state::Site;

/// A pair of braces and what stands between.
pub(crate) struct Braces<'t> {
    pub(crate) text: &'t str,
    /// From the one brace to behind the other.
    pub(crate) at: Range<usize>,
    /// Names and places, in order.
    pub(crate) members: Vec<(String, Range<usize>)>,
}

impl Braces<'_> {
    /// Where a member stands among the others.
    pub(crate) fn site(&self, index: usize) -> Site {
        let Some((_, member)) = self.members.get(index) else { return Site::default() };
        let before = index.checked_sub(1).and_then(|before| self.members.get(before));
        let from = before.map_or(self.at.start + 1, |(_, before)| self.behind_comma(before.end));
        let next = self.members.get(index + 1).map(|(_, next)| next.start);
        let behind = next.map_or("", |next| self.between(self.behind_comma(member.end), next));
        let is_blank = behind.trim().is_empty();
        Site {
            after: before.map(|(name, _)| name.clone()),
            gap: 0,
            blanks: blanks_at_end(self.between(from, member.start)).to_owned(),
            behind: if is_blank { behind.to_owned() } else { String::new() },
            in_lines: false,
        }
    }

    /// The text without a member and one comma. Comments stay.
    pub(crate) fn without(&self, index: usize) -> Vec<u8> {
        let mut splices = Splices::default();
        let before = index.checked_sub(1).and_then(|before| self.members.get(before));
        let next = self.members.get(index + 1);
        if let Some((_, member)) = self.members.get(index) {
            match (before, next) {
                (_, Some((_, next))) if is_separator(self.between(member.end, next.start)) => {
                    splices.cut(member.start..next.start);
                }
                (Some((_, before)), None) if is_separator(self.between(before.end, member.start)) => {
                    splices.cut(before.end..member.end);
                }
                (None, None) if self.between(self.at.start + 1, member.start).trim().is_empty() => {
                    splices.cut(self.at.start + 1..self.behind_comma(member.end));
                }
                _ => {
                    let comma = self.behind_comma(member.end);
                    splices.cut(member.clone());
                    if comma > member.end {
                        splices.cut(comma - 1..comma);
                    }
                }
            }
        }
        splices.apply(self.text.as_bytes())
    }

    /// The text with a member where it was, behind its old neighbour; else as the last.
    pub(crate) fn with(&self, site: &Site, member: &str) -> Vec<u8> {
        let (blanks, behind) = match site.in_lines {
            true => (" ", " "),
            false => (site.blanks.as_str(), site.behind.as_str()),
        };
        let opening = self.at.start + 1;
        let before = site.after.as_ref().and_then(|after| {
            let named = self.members.iter().rfind(|(name, _)| name == after);
            named.or(self.members.last())
        });
        let mut splices = Splices::default();
        match (before, self.members.first()) {
            (Some((_, before)), _) => {
                splices
                    .insert(before.end, format!(",{}{member}", if blanks.is_empty() { " " } else { blanks }));
            }
            (None, Some((_, first))) if self.between(opening, first.start).trim().is_empty() => {
                splices.replace(opening..first.start, format!("{blanks}{member},{behind}"));
            }
            (None, Some(_)) => splices.insert(opening, format!("{blanks}{member},")),
            (None, None) if self.at.len() == "{}".len() => {
                splices.insert(opening, format!("{blanks}{member}{behind}"));
            }
            (None, None) => splices.insert(opening, format!("{blanks}{member}")),
        }
        splices.apply(self.text.as_bytes())
    }

    fn between(&self, from: usize, to: usize) -> &str {
        self.text.get(from..to).unwrap_or_default()
    }

    /// Behind the comma that follows, comments between passed over; else the place itself.
    fn behind_comma(&self, end: usize) -> usize {
        let at = skip(self.text, end);
        if self.text.as_bytes().get(at) == Some(&b',') { at + 1 } else { end }
    }
}

/// Behind blanks, line ends and comments.
pub(crate) fn skip(text: &str, mut at: usize) -> usize {
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let trimmed = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        at += rest.len() - trimmed.len();
        if !trimmed.starts_with('#') {
            return at;
        }
        at += trimmed.find('\n').unwrap_or(trimmed.len());
    }
}

fn is_separator(between: &str) -> bool {
    between.trim() == ","
}

fn blanks_at_end(between: &str) -> &str {
    between.get(between.trim_end().len()..).unwrap_or_default()
}
