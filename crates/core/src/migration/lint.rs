//! Whether the parts of a migration file fit each other, by the file alone.

use std::collections::{BTreeMap, BTreeSet};

use super::circle::circles;
use super::codes;
use super::file::{ALL, Component, Dependency, MigrationFile, field_of, verb_of};
use super::findings::Findings;
use super::parse::empty;
use super::source::{Span, Spanned};
use super::suggest::closest;
use super::tree::{Kind, shown};
use crate::diagnostic::Diagnostic;
use crate::name::ComponentName;
use crate::order::{DependencyKind, Group};

/// Names that mean something on the command line or in a plan.
const RESERVED: [&str; 5] = [ALL, "none", "run", "migration", "before-rollback"];

/// Everything that does not fit, errors and warnings, in the order of the file.
pub fn lint(file: &MigrationFile) -> Vec<Diagnostic> {
    let mut lint = Lint {
        file,
        names: file.components.iter().map(|component| component.name.value.as_str()).collect(),
        findings: Findings::default(),
    };
    lint.reserved_names();
    lint.roots();
    lint.secrets();
    for component in &file.components {
        lint.dependencies(component);
        lint.extra_edges(component);
        lint.nothing_written(component);
    }
    lint.circles();
    lint.edges();
    lint.phases();
    lint.findings.into_list()
}

struct Lint<'a> {
    file: &'a MigrationFile,
    names: BTreeSet<&'a str>,
    findings: Findings,
}

impl Lint<'_> {
    fn note(&mut self, diagnostic: Diagnostic, span: Span) {
        self.findings.push(diagnostic.at(self.file.source.place(span)));
    }

    fn reserved_names(&mut self) {
        let file = self.file;
        for name in file.components.iter().map(|component| &component.name) {
            let text = name.value.as_str();
            let mut pieces =
                text.rsplit('.').skip_while(|piece| piece.bytes().all(|byte| byte.is_ascii_digit()));
            let ends_in_group =
                text.contains('.') && pieces.next().is_some_and(|last| last.parse::<Group>().is_ok());
            let cause = if RESERVED.contains(&text) {
                "it means something else on the command line"
            } else if ends_in_group {
                "it would look like the name of a step"
            } else {
                continue;
            };
            let found =
                Diagnostic::error(codes::RESERVED_NAME, format!("a component cannot be named `{text}`"));
            self.note(found.because(cause).hint("choose another name"), name.span);
        }
        for name in file.phases.iter().map(|phase| &phase.name) {
            let taken = match name.value.as_str() {
                ALL => file.phases.len() > 1,
                text => RESERVED.contains(&text),
            };
            if taken {
                let summary = format!("a phase cannot be named `{}`", name.value);
                let found = Diagnostic::error(codes::RESERVED_NAME, summary)
                    .because("it means something else on the command line");
                self.note(found.hint("choose another name"), name.span);
            }
        }
    }

    fn roots(&mut self) {
        let file = self.file;
        for root in &file.roots {
            if let Err(cause) = super::roots::check_root(&root.value) {
                let summary = format!("`{}` cannot be a root", shown(&root.value));
                self.note(Diagnostic::error(codes::STRAY_PATH, summary).because(cause), root.span);
            }
        }
    }

    fn secrets(&mut self) {
        if let Some(key) = &self.file.vault.key
            && key.value.reveal().as_literal().is_some()
        {
            let found =
                Diagnostic::error(codes::SECRET_LITERAL, "the key of the vault is written into the file")
                    .because("whoever reads the file could open every checkpoint")
                    .hint("write `${env:NAME}` or `${file:path}`");
            self.note(found, key.span);
        }
    }

    fn dependencies(&mut self, component: &Component) {
        let name = &component.name.value;
        let mut seen: BTreeMap<&str, &Dependency> = BTreeMap::new();
        for dependency in &component.dependencies {
            let (on, field) = (&dependency.on, field_of(dependency.kind));
            if on.value == *name {
                let found = Diagnostic::error(
                    codes::SELF_DEPENDENCY,
                    format!("component `{name}` {} itself", verb_of(dependency.kind)),
                )
                .hint(format!("remove `{name}` from its own `{field}`"));
                self.note(found, on.span);
                continue;
            }
            if !self.names.contains(on.value.as_str()) {
                self.unknown(&format!("component `{name}` {}", verb_of(dependency.kind)), on);
                continue;
            }
            match seen.get(on.value.as_str()) {
                Some(first) if first.kind == dependency.kind => {
                    self.twice(
                        &format!("`{}` in `{field}` of component `{name}`", on.value),
                        first.on.span,
                        on.span,
                    );
                }
                Some(first)
                    if first.kind != DependencyKind::Reads && dependency.kind == DependencyKind::Inside =>
                {
                    let summary = format!(
                        "component `{name}` {} `{}` and {} it",
                        verb_of(first.kind),
                        on.value,
                        verb_of(dependency.kind)
                    );
                    let found = Diagnostic::warning(codes::DUPLICATE_ENTRY, summary)
                        .because("what lives in something needs it anyway")
                        .hint(format!("remove `{}` from `{}`", on.value, field_of(first.kind)));
                    self.note(found, on.span);
                }
                _ => {
                    seen.insert(on.value.as_str(), dependency);
                }
            }
        }
    }

    fn extra_edges(&mut self, component: &Component) {
        let name = &component.name.value;
        for edge in &component.extra_edges {
            if edge.other.value == *name && edge.own == edge.group {
                let found = Diagnostic::error(
                    codes::SELF_DEPENDENCY,
                    format!("a group of component `{name}` waits for itself"),
                );
                self.note(found.hint("remove the edge"), edge.other.span);
            } else if !self.names.contains(edge.other.value.as_str()) {
                self.unknown(&format!("an extra edge of component `{name}` names"), &edge.other);
            }
        }
    }

    /// A driver's field with nothing behind it would silently take its default.
    fn nothing_written(&mut self, component: &Component) {
        let name = &component.name.value;
        let own = component.config.entries().iter();
        for (key, value) in own.chain(component.verify.iter().flat_map(|look| look.config.entries())) {
            let field = shown(&key.value);
            if value.is_null() {
                let found = empty(format!("`{field}` of component `{name}` has no value"));
                self.note(found.hint(format!("write a value, or remove `{field}`")), key.span);
            } else if matches!(&value.kind, Kind::List(items) if items.is_empty())
                || matches!(&value.kind, Kind::Map(entries) if entries.is_empty())
            {
                let found = Diagnostic::warning(
                    codes::EMPTY,
                    format!("`{field}` of component `{name}` matches nothing"),
                )
                .because("an empty selector selects nothing, never everything");
                self.note(found.hint(format!("name what is meant, or remove `{field}`")), key.span);
            }
        }
    }

    fn circles(&mut self) {
        let file = self.file;
        for circle in circles(file) {
            let Some(first) = circle.first() else { continue };
            let path: Vec<String> = circle
                .iter()
                .map(|(component, dependency)| {
                    format!(
                        "`{}` {} `{}`",
                        component.name.value,
                        verb_of(dependency.kind),
                        dependency.on.value
                    )
                })
                .collect();
            let found = Diagnostic::error(codes::CYCLE, "components depend on each other in a circle")
                .because(path.join(", "))
                .hint("remove one of these dependencies: none of them could stop or start first");
            self.note(found, first.1.on.span);
        }
    }

    fn edges(&mut self) {
        let file = self.file;
        for component in &file.components {
            if let Some(span) = component.edge
                && component.dependencies.is_empty()
            {
                let summary = format!("component `{}` is an edge in front of nothing", component.name.value);
                let found = Diagnostic::warning(codes::EDGE_ALONE, summary)
                    .because("an edge opens last of all that stands behind it, and it needs nothing")
                    .hint("name what it lets traffic to in `needs`");
                self.note(found, span);
            }
        }
    }

    fn phases(&mut self) {
        let Some(phases_at) = self.file.phases_at else { return };
        let file = self.file;
        let mut seen: BTreeMap<&str, (&str, Span)> = BTreeMap::new();
        for phase in &file.phases {
            let name = phase.name.value.as_str();
            if phase.components.is_empty() {
                let found = empty(format!("phase `{name}` has no component"));
                self.note(found.hint("name its components, or remove the phase"), phase.name.span);
            }
            for member in &phase.components {
                let text = member.value.as_str();
                if !self.names.contains(text) {
                    self.unknown(&format!("phase `{name}` names"), member);
                    continue;
                }
                match seen.get(text).copied() {
                    Some((other, first)) if other == name => {
                        self.twice(&format!("`{text}` in phase `{name}`"), first, member.span);
                    }
                    Some((other, first)) => {
                        let summary = format!("component `{text}` is in two phases, `{other}` and `{name}`");
                        let found = Diagnostic::error(codes::PHASES, summary)
                            .because(format!(
                                "it is first named at line {}, column {}",
                                first.line, first.column
                            ))
                            .hint("leave it in the phase in which it is cut over");
                        self.note(found, member.span);
                    }
                    None => {
                        seen.insert(text, (name, member.span));
                    }
                }
            }
        }
        for component in &file.components {
            let name = component.name.value.as_str();
            if !seen.contains_key(name) {
                let found = Diagnostic::error(codes::PHASES, format!("component `{name}` is in no phase"))
                    .because(format!(
                        "`phases` at line {} lists the components of each phase",
                        phases_at.line
                    ))
                    .hint("add it to a phase, or remove `phases` to have a single one");
                self.note(found, component.name.span);
            }
        }
    }

    fn unknown(&mut self, who: &str, name: &Spanned<ComponentName>) {
        let summary = format!("{who} unknown component `{}`", name.value);
        let mut found = Diagnostic::error(codes::UNKNOWN_COMPONENT, summary);
        match closest(name.value.as_str(), self.names.iter().copied()) {
            Some(meant) => found = found.labelled(format!("did you mean `{meant}`?")),
            None if self.names.len() <= 20 => {
                let names: Vec<_> = self.names.iter().copied().collect();
                found = found.hint(format!("components here: {}", names.join(", ")));
            }
            None => {}
        }
        self.note(found, name.span);
    }

    fn twice(&mut self, what: &str, first: Span, second: Span) {
        let found = Diagnostic::error(codes::DUPLICATE_ENTRY, format!("{what} is listed twice"))
            .because(format!("it is first named at line {}, column {}", first.line, first.column))
            .hint("remove one of the two");
        self.note(found, second);
    }
}
