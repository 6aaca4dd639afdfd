//! A migration file as a program writes it: YAML that reads back as the same thing.

use super::file::{
    ALL, Action, Component, Dependency, ExtraEdge, Manual, MigrationFile, Side, Verification, field_of,
};
use super::number::is_number_like;
use super::source::Spanned;
use super::tree::{Entry, Kind, Resolved, Scalar, Tree, hidden};
use crate::order::{DependencyKind, Group};

/// Writes a migration file. Comments are not kept, and defaults are not written.
pub fn print(file: &MigrationFile) -> String {
    print_tree(&file_tree(file))
}

/// Writes a tree as a YAML document.
pub fn print_tree(tree: &Tree) -> String {
    let mut out = String::new();
    match &tree.kind {
        Kind::Map(entries) if !entries.is_empty() => map(entries, 0, &mut out),
        Kind::List(items) if !items.is_empty() => list(items, 0, &mut out),
        _ => {
            value(tree, 0, &mut out);
            out = out.trim_start().to_owned();
        }
    }
    out
}

/// The file as a tree, with each thing in its canonical form.
pub(super) fn file_tree(file: &MigrationFile) -> Tree {
    let mut top = Map::default();
    top.text("migration", Some(file.migration.value.as_str()));
    top.text("environment", file.environment.as_ref().map(|label| label.value.as_str()));
    top.list("roots", file.roots.iter().map(|root| Tree::text(root.value.as_str())).collect());
    top.text("store", file.store.as_ref().map(|store| store.value.as_written()));
    let mut vault = Map::default();
    vault.text("at", file.vault.at.as_ref().map(|at| at.value.as_written()));
    vault.text("key", file.vault.key.as_ref().map(|key| key.value.reveal().as_written()));
    top.map("vault", vault);
    let mut limits = Map::default();
    limits.plain("parallel", file.limits.parallel);
    limits.plain("parallel_per_kind", file.limits.parallel_per_kind);
    limits.text("present_space", file.limits.present_space.map(|size| size.to_string()));
    limits.text("present_time", file.limits.present_time.map(|time| time.to_string()));
    limits.text("loss_tolerance", file.limits.loss_tolerance.map(|ratio| ratio.to_string()));
    top.map("limits", limits);
    let components =
        file.components.iter().map(|c| (key(c.name.value.as_str()), component_tree(c))).collect();
    top.put("components", Tree::nowhere(Kind::Map(components)));
    if file.phases_at.is_some() || file.phases.iter().any(|phase| phase.name.value.as_str() != ALL) {
        let phases = file.phases.iter().map(|phase| {
            let members = phase.components.iter().map(|member| Tree::text(member.value.as_str())).collect();
            (key(phase.name.value.as_str()), Tree::nowhere(Kind::List(members)))
        });
        top.put("phases", Tree::nowhere(Kind::Map(phases.collect())));
    }
    top.into_tree()
}

fn component_tree(component: &Component) -> Tree {
    let mut map = Map::default();
    map.text("kind", Some(component.kind.value.as_str()));
    for kind in [DependencyKind::Needs, DependencyKind::Reads] {
        map.list(field_of(kind), component.depends(kind).map(dependency_tree).collect());
    }
    if let Some(inside) = component.depends(DependencyKind::Inside).next() {
        map.put("inside", dependency_tree(inside));
    }
    map.text("live", component.live_accepted.then_some("accepted"));
    map.plain("edge", component.edge.map(|_| true));
    map.text("writes", component.writes.as_ref().map(|writes| writes.value.as_str()));
    map.list("verify", component.verify.iter().map(verification_tree).collect());
    map.list("then", component.then.iter().map(action_tree).collect());
    for (side, name) in [(Side::Before, "before"), (Side::After, "after")] {
        map.map(name, edges(component.extra_edges.iter().filter(|edge| edge.side == side)));
    }
    map.text("timeout", component.timeout.map(|timeout| timeout.to_string()));
    map.text("owner", component.owner.as_deref());
    if let Some(Manual { instructions, question }) = &component.manual {
        map.text("instructions", Some(instructions.as_str()));
        map.text("question", question.as_deref());
    }
    map.0.extend(component.config.entries().iter().cloned());
    map.into_tree()
}

fn dependency_tree(dependency: &Dependency) -> Tree {
    let name = dependency.on.value.as_str();
    if !dependency.compatible {
        return Tree::text(name);
    }
    let mut long = Map::default();
    long.text("on", Some(name));
    long.text("compatible", Some("both"));
    long.into_tree()
}

fn verification_tree(verification: &Verification) -> Tree {
    let mut map = Map::default();
    map.text("probe", Some(verification.probe.value.as_str()));
    map.0.extend(verification.config.entries().iter().cloned());
    map.into_tree()
}

fn action_tree(action: &Action) -> Tree {
    let mut map = Map::default();
    let run = action.run.iter().map(|argument| Tree::text(argument.as_written())).collect();
    map.put("run", Tree::nowhere(Kind::List(run)));
    map.text("timeout", action.timeout.map(|timeout| timeout.to_string()));
    map.into_tree()
}

fn edges<'a>(edges: impl Iterator<Item = &'a ExtraEdge>) -> Map {
    let mut by_own: Vec<(Group, Vec<Tree>)> = Vec::new();
    for edge in edges {
        let text = Tree::text(format!("{}.{}", edge.other.value, edge.group));
        match by_own.iter_mut().find(|(own, _)| *own == edge.own) {
            Some((_, list)) => list.push(text),
            None => by_own.push((edge.own, vec![text])),
        }
    }
    let mut map = Map::default();
    for (own, list) in by_own {
        map.list(own.as_str(), list);
    }
    map
}

/// A map in the making that leaves out what is not there.
#[derive(Default)]
struct Map(Vec<Entry>);

impl Map {
    fn put(&mut self, name: &str, tree: Tree) {
        self.0.push((key(name), tree));
    }

    fn text(&mut self, name: &str, text: Option<impl Into<String>>) {
        if let Some(text) = text {
            self.put(name, Tree::text(text));
        }
    }

    fn plain(&mut self, name: &str, word: Option<impl ToString>) {
        if let Some(word) = word {
            self.put(name, Tree::plain(word));
        }
    }

    fn list(&mut self, name: &str, items: Vec<Tree>) {
        if !items.is_empty() {
            self.put(name, Tree::nowhere(Kind::List(items)));
        }
    }

    fn map(&mut self, name: &str, map: Self) {
        if !map.0.is_empty() {
            self.put(name, map.into_tree());
        }
    }

    fn into_tree(self) -> Tree {
        Tree::nowhere(Kind::Map(self.0))
    }
}

fn key(name: &str) -> Spanned<String> {
    Spanned::nowhere(name.to_owned())
}

/// YAML looks no further for the colon of a key; a longer key is announced.
const LONGEST_KEY: usize = 1024;

fn map(entries: &[Entry], indent: usize, out: &mut String) {
    let margin = " ".repeat(indent);
    for (name, inner) in entries {
        let key = quoted_unless_plain(&name.value);
        let is_announced = key.len() >= LONGEST_KEY;
        let (opening, ending) = if is_announced { ("? ", format!("\n{margin}:")) } else { ("", ":".into()) };
        out.push_str(&format!("{margin}{opening}{key}{ending}"));
        value(inner, indent, out);
    }
}

fn list(items: &[Tree], indent: usize, out: &mut String) {
    for item in items {
        out.push_str(&" ".repeat(indent));
        out.push('-');
        value(item, indent, out);
    }
}

/// What stands behind `key:` or `-`, with the end of the line.
fn value(tree: &Tree, indent: usize, out: &mut String) {
    let inner = indent + 2;
    match &tree.kind {
        Kind::Map(entries) if entries.is_empty() => out.push_str(" {}\n"),
        Kind::List(items) if items.is_empty() => out.push_str(" []\n"),
        Kind::Map(entries) => {
            out.push('\n');
            map(entries, inner, out);
        }
        Kind::List(items) => match words(items) {
            Some(words) if words.len() < 80 => out.push_str(&format!(" [{words}]\n")),
            _ => {
                out.push('\n');
                list(items, inner, out);
            }
        },
        Kind::Scalar(text) => scalar(text, inner, out),
    }
}

/// A list of plain words on one line.
fn words(items: &[Tree]) -> Option<String> {
    let mut words = Vec::new();
    for item in items {
        match &item.kind {
            Kind::Scalar(Scalar { text, .. }) if is_plain_text(text) => words.push(text.as_str()),
            _ => return None,
        }
    }
    Some(words.join(", "))
}

fn scalar(scalar: &Scalar, indent: usize, out: &mut String) {
    match scalar.resolve() {
        Resolved::Null => out.push_str(" null\n"),
        Resolved::Bool(_) | Resolved::Integer(_) | Resolved::Decimal(_) => {
            out.push_str(&format!(" {}\n", scalar.text))
        }
        Resolved::Text(text) if is_block(text) => {
            out.push_str(if text.ends_with('\n') { " |\n" } else { " |-\n" });
            for line in text.lines() {
                if !line.is_empty() {
                    out.push_str(&" ".repeat(indent));
                    out.push_str(line);
                }
                out.push('\n');
            }
        }
        // A number that no program reads like another loses its meaning in quotes.
        Resolved::Text(text) if scalar.plain && is_number_like(scalar) => {
            out.push_str(&format!(" {text}\n"));
        }
        Resolved::Text(text) => out.push_str(&format!(" {}\n", quoted_unless_plain(text))),
    }
}

/// Whether several lines can stand as a literal block without any doubt about blanks.
fn is_block(text: &str) -> bool {
    text.trim_end_matches('\n').contains('\n')
        && !text.ends_with("\n\n")
        && !text.starts_with([' ', '\n'])
        && !text.contains(|c| hidden(c) && c != '\n')
        && text.lines().all(|line| line.is_empty() || !line.trim_matches(' ').is_empty())
}

/// Text that no program takes for anything else, without quotes.
fn is_plain_text(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/' | '-'))
        && !["null", "true", "false", "yes", "no", "on", "off", "y", "n"]
            .contains(&text.to_ascii_lowercase().as_str())
}

fn is_plain_reference(text: &str) -> bool {
    let inside = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    inside.is_some_and(|inside| {
        inside.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/' | '-' | ':'))
    })
}

fn quoted_unless_plain(text: &str) -> String {
    if is_plain_text(text) || is_plain_reference(text) {
        return text.to_owned();
    }
    let mut out = String::from('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if hidden(c) || !is_printable(c) => out.push_str(&escaped(c)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn escaped(character: char) -> String {
    match u32::from(character) {
        code @ 0..=0xff => format!("\\x{code:02x}"),
        code @ 0x100..=0xffff => format!("\\u{code:04x}"),
        code => format!("\\U{code:08x}"),
    }
}

/// What YAML allows to stand as it is.
fn is_printable(character: char) -> bool {
    !matches!(character, '\u{fffe}' | '\u{ffff}' | '\u{7f}'..='\u{9f}')
}
