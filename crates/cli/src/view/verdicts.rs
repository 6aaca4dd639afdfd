//! Judgements of components.

use backout_core::observation::Verdict;
use jiff::Timestamp;

use super::words::moment;
use super::{Line, Output};

/// One component's judgement.
pub struct Looked<'a> {
    /// Which component.
    pub component: &'a str,
    /// The judgement.
    pub verdict: &'a Verdict,
    /// What was looked at.
    pub looked: &'a [String],
    /// When.
    pub at: Timestamp,
}

impl Looked<'_> {
    /// As outsiders read it.
    pub fn shape(&self) -> backout_api::Looked {
        backout_api::Looked {
            component: self.component.to_owned(),
            verdict: self.verdict.into(),
            looked: self.looked.to_vec(),
            at: self.at,
        }
    }
}

/// Shows what `verify` found.
pub fn show(output: Output, migration: &str, verdicts: &[Looked<'_>]) {
    let restored = verdicts.iter().all(|one| *one.verdict == Verdict::Restored);
    if output.json {
        let verdicts = verdicts.iter().map(Looked::shape).collect();
        output.document(&backout_api::Verdicts { migration: migration.to_owned(), restored, verdicts });
        return;
    }
    list(output, verdicts);
    output.blank();
    let off = verdicts.iter().filter(|one| *one.verdict != Verdict::Restored).count();
    output.line(if restored {
        Line::new().good("Everything is as it was saved.")
    } else {
        Line::new().bad(format!("{off} of {} components are not as they were saved.", verdicts.len()))
    });
}

/// One entry a component.
pub fn list(output: Output, verdicts: &[Looked<'_>]) {
    let width = verdicts.iter().map(|one| one.component.chars().count()).max().unwrap_or(0);
    for one in verdicts {
        let name = Line::indented(2).bold(one.component).padded(width + 4);
        output.line(name.then(word(one.verdict)).dim(format!("  {}", moment(one.at))));
        for look in one.looked {
            output.line(Line::indented(4).dim(look));
        }
    }
}

/// A judgement in words.
pub fn word(verdict: &Verdict) -> Line {
    match verdict {
        Verdict::Restored => Line::new().good("restored"),
        Verdict::Differs { what } => Line::new().bad("differs").plain(format!(": {what}")),
        Verdict::Unknown { why } => Line::new().doubtful("unknown").plain(format!(": {why}")),
    }
}
