//! A proposal as the text of a migration file, with the reason beside each line. Whatever comes from elsewhere is
//! quoted where it is a value, and harmless where it is a comment.

use std::collections::BTreeMap;
use std::path::Path;

use backout_core::migration::{Kind, MANUAL, Spanned, Tree, hidden, print_tree};

use super::kinds::{DATABASE, Ground, LINK, SERVER, TREE, VALUES};
use super::proposal::{Proposal, Proposed, Relation, Subject, What};

/// How wide a comment may be, in characters.
const WIDTH: usize = 110;

const HEAD: &str = "What is migrated, and how it goes back. Proposed from what was found; read it before you use it, \
                    and correct what it could not know. Paths are relative to this file. `backout drivers` lists the \
                    kinds, `backout explain KIND` and `backout explain FIELD` say more.";

const WRITES: &str = "Users write here, so say what becomes of what they wrote since the capture: merge (put it into \
                      what went back), review (keep it for a person; the safe one to begin with), accept-loss (give \
                      it up).";

const ADDRESS: &str = "Its address stays where it is, for it holds a password: export the variable before you call backout, as \
                       this machine sees the server, and for a role that owns the database and may make others \
                       (CREATEDB).";

const SET_ASIDE: &str = "It goes back whole: what is written into it after the capture is set aside then, and kept \
                         beside it until commit or close. Take the component out if that must not be.";

const PHASES: &str =
    "What is cut over together, data first. Change it to how you migrate; without it all is one phase.";

struct Page<'a> {
    ground: &'a Ground<'a>,
    names: &'a BTreeMap<Subject, String>,
    text: String,
}

/// The whole file.
pub fn print(
    ground: &Ground<'_>,
    migration: &str,
    proposal: &Proposal,
    names: &BTreeMap<Subject, String>,
    roots: &BTreeMap<String, String>,
) -> String {
    let mut page = Page { ground, names, text: String::new() };
    page.comment(0, HEAD);
    page.blank();
    page.field(0, "migration", &Tree::text(migration));
    if !roots.is_empty() {
        page.blank();
        page.comment(0, "Folders outside this file's own in which components lie.");
        page.line(0, "roots:");
        for (root, why) in roots {
            page.comment(2, why);
            page.item(2, &Tree::text(root.as_str()));
        }
    }
    page.blank();
    page.line(0, "components:");
    for (number, component) in proposal.components.iter().enumerate() {
        if number > 0 {
            page.blank();
        }
        page.component(component);
    }
    page.phases(&proposal.components);
    if !proposal.remarks.is_empty() {
        page.blank();
        page.comment(0, "Found, and not covered by what is proposed above:");
        for remark in &proposal.remarks {
            page.bullet(remark);
        }
    }
    page.text
}

impl Page<'_> {
    fn component(&mut self, component: &Proposed) {
        let Some(name) = self.names.get(&component.subject) else { return };
        for why in &component.why {
            self.comment(2, why);
        }
        self.line(2, &format!("{name}:"));
        let path = component.subject.path().map(|path| self.path(path));
        let (kind, place) = match &component.what {
            What::Tree(_) => (TREE, "path"),
            What::Link => (LINK, "path"),
            What::Values(_) => (VALUES, "file"),
            What::Database => (DATABASE, "path"),
            What::Server(_) => (SERVER, "url"),
            What::ByHand(_) => (MANUAL, "path"),
        };
        self.field(4, "kind", &Tree::text(kind));
        if component.is_data && matches!(component.what, What::Tree(_)) {
            self.comment(4, SET_ASIDE);
        }
        if let Some(path) = path {
            self.field(4, place, &Tree::text(path));
        }
        match &component.what {
            What::Tree(exclude) if !exclude.is_empty() => {
                self.line(4, "exclude:");
                for (pattern, why) in exclude {
                    self.comment(6, why);
                    self.item(6, &Tree::text(pattern.as_str()));
                }
            }
            What::Values(keys) => {
                self.comment(
                    4,
                    "The names found in it; keep those that the migration changes. Values are not here.",
                );
                let keys = keys.iter().map(|key| Tree::text(key.as_str())).collect();
                self.field(4, "keys", &Tree::nowhere(Kind::List(keys)));
            }
            What::Server(variable) => {
                self.comment(4, ADDRESS);
                self.field(4, place, &Tree::text(format!("${{env:{variable}}}")));
                self.comment(4, WRITES);
                self.field(4, "writes", &Tree::text("review"));
            }
            What::Database => {
                self.comment(4, WRITES);
                self.field(4, "writes", &Tree::text("review"));
            }
            What::ByHand(instructions) => {
                self.comment(4, "What the person is told whose turn it is.");
                self.field(4, "instructions", &Tree::text(instructions.as_str()));
            }
            What::Tree(_) | What::Link => {}
        }
        self.uses(component);
    }

    fn uses(&mut self, component: &Proposed) {
        for (relation, field) in [(Relation::Needs, "needs"), (Relation::Reads, "reads")] {
            let own: Vec<_> = component.uses.iter().filter(|one| one.relation == relation).collect();
            if own.is_empty() {
                continue;
            }
            self.line(4, &format!("{field}:"));
            for one in own {
                self.comment(6, &one.why);
                let name = self.names.get(&one.on).cloned().unwrap_or_default();
                self.item(6, &Tree::text(name));
            }
        }
        if let Some(one) = component.uses.iter().find(|one| one.relation == Relation::Inside) {
            self.comment(4, &one.why);
            let name = self.names.get(&one.on).cloned().unwrap_or_default();
            self.field(4, "inside", &Tree::text(name));
        }
    }

    fn phases(&mut self, components: &[Proposed]) {
        let of = |is_data: bool| -> Vec<Tree> {
            let own = components.iter().filter(|one| one.is_data == is_data);
            own.filter_map(|one| self.names.get(&one.subject)).map(|name| Tree::text(name.as_str())).collect()
        };
        let (data, application) = (of(true), of(false));
        if data.is_empty() || application.is_empty() {
            return;
        }
        self.blank();
        self.comment(0, PHASES);
        self.line(0, "phases:");
        self.field(2, "data", &Tree::nowhere(Kind::List(data)));
        self.field(2, "application", &Tree::nowhere(Kind::List(application)));
    }

    /// A path as the migration file wants it.
    fn path(&self, path: &Path) -> String {
        let written = path.strip_prefix(self.ground.root).unwrap_or(path);
        written.display().to_string().replace("${", "$${")
    }

    fn field(&mut self, indent: usize, key: &str, value: &Tree) {
        let entry = (Spanned::nowhere(key.to_owned()), value.clone());
        self.yaml(indent, &print_tree(&Tree::nowhere(Kind::Map(vec![entry]))));
    }

    fn item(&mut self, indent: usize, value: &Tree) {
        self.yaml(indent, &print_tree(&Tree::nowhere(Kind::List(vec![value.clone()]))));
    }

    fn yaml(&mut self, indent: usize, text: &str) {
        for line in text.lines() {
            self.line(if line.is_empty() { 0 } else { indent }, line);
        }
    }

    fn line(&mut self, indent: usize, text: &str) {
        self.text.push_str(&" ".repeat(indent));
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn blank(&mut self) {
        self.text.push('\n');
    }

    fn comment(&mut self, indent: usize, text: &str) {
        for line in wrapped(text, WIDTH.saturating_sub(indent)) {
            self.line(indent, &format!("# {line}"));
        }
    }

    fn bullet(&mut self, text: &str) {
        for (number, line) in wrapped(text, WIDTH - 2).into_iter().enumerate() {
            self.line(0, &format!("# {} {line}", if number == 0 { '-' } else { ' ' }));
        }
    }
}

/// A text in lines that nothing can break out of.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let harmless: String = text
        .chars()
        .flat_map(|c| {
            if hidden(c) || matches!(c, '\u{fffe}' | '\u{ffff}') {
                c.escape_unicode().collect()
            } else {
                vec![c]
            }
        })
        .collect();
    let mut lines: Vec<String> = Vec::new();
    for word in harmless.split(' ').filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out_of_a_comment() {
        let lines = wrapped("a\nb: c\r\u{2028}d\u{85}e \u{202e}f", 80);
        assert_eq!(lines, ["a\\u{a}b: c\\u{d}\\u{2028}d\\u{85}e \\u{202e}f"]);
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
    }
}
