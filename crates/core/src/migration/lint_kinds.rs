//! Whether a migration file fits what the drivers say about their kinds.

use std::collections::{BTreeMap, BTreeSet};

use super::claim::{Claim, overlaps};
use super::codes;
use super::file::{Component, MANUAL, MigrationFile, Writes, verb_of};
use super::findings::Findings;
use super::roots::check_path;
use super::source::Span;
use super::suggest::closest;
use super::tree::shown;
use crate::diagnostic::Diagnostic;
use crate::name::ComponentName;
use crate::order::DependencyKind;

/// What a driver says about one component as configured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KindFacts {
    /// A driver offers the kind. Where none does, nothing else is looked at.
    pub known: bool,
    /// Kinds that may have been meant.
    pub suggestions: Vec<String>,
    /// It holds data that users write.
    pub holds_data: bool,
    /// What users write can be recorded and taken over.
    pub records_writes: bool,
    /// It can be brought to rest.
    pub can_quiesce: bool,
    /// The old side still lives; if not, putting back rewrites the thing itself.
    pub switched: bool,
    /// What it lays claim to.
    pub claims: Vec<Claim>,
    /// Paths on this machine that it names, as written.
    pub paths: Vec<String>,
}

/// Everything that does not fit, in the order of the file. Components without facts, such as those whose own
/// keys could not be read, are left out.
pub fn lint_with_kinds(file: &MigrationFile, facts: &BTreeMap<ComponentName, KindFacts>) -> Vec<Diagnostic> {
    let mut lint = Lint { file, facts, findings: Findings::default() };
    for component in &file.components {
        let Some(own) = facts.get(&component.name.value) else { continue };
        if component.kind.value.as_str() == MANUAL {
            continue;
        }
        if !own.known {
            lint.unknown_kind(component, own);
            continue;
        }
        lint.writes(component, own);
        lint.rest(component, own);
        lint.paths(component, own);
    }
    lint.overlaps();
    lint.findings.into_list()
}

/// Probes that do not exist.
pub fn lint_probes(file: &MigrationFile, known: &BTreeSet<String>) -> Vec<Diagnostic> {
    let mut findings = Findings::default();
    for component in &file.components {
        for look in component.verify.iter().filter(|look| !known.contains(&look.probe.value)) {
            let summary = format!(
                "unknown probe `{}` in component `{}`",
                shown(&look.probe.value),
                component.name.value
            );
            let names: Vec<_> = known.iter().map(String::as_str).collect();
            let mut found = Diagnostic::error(codes::UNKNOWN_PROBE, summary)
                .at(file.source.place(look.probe.span))
                .hint(format!("probes: {}", names.join(", ")));
            if let Some(meant) = closest(&look.probe.value, names) {
                found = found.labelled(format!("did you mean `{meant}`?"));
            }
            findings.push(found);
        }
    }
    findings.into_list()
}

struct Lint<'a> {
    file: &'a MigrationFile,
    facts: &'a BTreeMap<ComponentName, KindFacts>,
    findings: Findings,
}

impl Lint<'_> {
    fn note(&mut self, diagnostic: Diagnostic, span: Span) {
        self.findings.push(diagnostic.at(self.file.source.place(span)));
    }

    fn unknown_kind(&mut self, component: &Component, facts: &KindFacts) {
        let (name, kind) = (&component.name.value, &component.kind);
        let mut found = Diagnostic::error(
            codes::UNKNOWN_KIND,
            format!("component `{name}` has the unknown kind `{}`", kind.value),
        )
        .hint("`backout drivers` lists the kinds; `command` and `manual` take part in everything");
        if let Some(meant) = facts.suggestions.first() {
            found = found.labelled(format!("did you mean `{meant}`?"));
        }
        self.note(found, kind.span);
    }

    fn writes(&mut self, component: &Component, facts: &KindFacts) {
        let (name, kind) = (&component.name.value, &component.kind.value);
        match &component.writes {
            None if facts.holds_data => {
                let summary = format!("component `{name}` does not say what becomes of users' writes");
                let found = Diagnostic::error(codes::WRITES_MISSING, summary)
                    .because(format!("`{kind}` holds data, and what was written since is not in the checkpoint"))
                    .hint(
                        "add `writes: merge` to put it back in, `review` to keep it for a person, or `accept-loss` to \
                         give it up",
                    );
                self.note(found, component.name.span);
            }
            Some(writes) if !facts.holds_data => {
                let summary = format!("`writes` of component `{name}` has no effect");
                let found = Diagnostic::warning(codes::WRITES_POINTLESS, summary)
                    .because(format!("`{kind}` holds no data that users write"));
                self.note(found.hint("remove it"), writes.span);
            }
            Some(writes) if writes.value == Writes::Merge && !facts.records_writes => {
                let summary = format!("component `{name}` cannot merge writes");
                let found = Diagnostic::error(codes::MERGE_UNSUPPORTED, summary)
                    .because(format!("`{kind}` does not record what users write"))
                    .hint("`writes: review` keeps the displaced data for a person");
                self.note(found, writes.span);
            }
            _ => {}
        }
    }

    /// Nobody may use a thing while it is rewritten (rule 3 of the order of steps).
    fn rest(&mut self, component: &Component, facts: &KindFacts) {
        if facts.can_quiesce || component.live_accepted {
            return;
        }
        let name = &component.name.value;
        for dependency in component.uses() {
            let on = &dependency.on;
            let in_place = |facts: &KindFacts| facts.known && !facts.switched;
            if !self.facts.get(&on.value).is_some_and(in_place) {
                continue;
            }
            let summary = format!("component `{name}` cannot be quiesced while `{}` is rewritten", on.value);
            let found = Diagnostic::error(codes::CANNOT_QUIESCE, summary)
                .because(format!(
                    "`{name}` {} `{}`, which is put back in place, and would use it half-done",
                    verb_of(dependency.kind),
                    on.value
                ))
                .hint(format!("give `{name}` a maintenance mode"))
                .hint(format!("or declare `live: accepted` at `{name}` if it bears that"));
            self.note(found, on.span);
        }
    }

    fn paths(&mut self, component: &Component, facts: &KindFacts) {
        let stray: Vec<(Option<Span>, String)> = facts
            .paths
            .iter()
            .filter_map(|path| Some((value_at(component, path), check_path(path, &self.file.roots).err()?)))
            .collect();
        // What a kind keeps beside what was written goes astray with it, and is not worth a message of its own.
        let is_written = stray.iter().any(|(place, _)| place.is_some());
        for (place, cause) in stray.into_iter().filter(|(place, _)| place.is_some() || !is_written) {
            let summary = format!("component `{}` leaves the declared roots", component.name.value);
            let found = Diagnostic::error(codes::STRAY_PATH, summary)
                .because(cause)
                .hint("write it relative to the migration file, or declare its folder in `roots`");
            self.note(found, place.unwrap_or(component.name.span));
        }
    }

    fn overlaps(&mut self) {
        let file = self.file;
        let index_of: BTreeMap<&str, usize> =
            file.components.iter().enumerate().map(|(index, c)| (c.name.value.as_str(), index)).collect();
        let claims: Vec<(usize, &Claim)> = file
            .components
            .iter()
            .enumerate()
            .filter_map(|(index, component)| Some((index, self.facts.get(&component.name.value)?)))
            .flat_map(|(index, facts)| facts.claims.iter().map(move |claim| (index, claim)))
            .collect();
        let lives_in = |inner: usize, outer: usize| {
            let (mut here, mut steps) = (inner, 0);
            while let Some(next) = file.components.get(here).and_then(|component| {
                let dependency = component.depends(DependencyKind::Inside).next()?;
                index_of.get(dependency.on.value.as_str()).copied()
            }) {
                steps += 1;
                if next == outer || steps > file.components.len() {
                    return next == outer;
                }
                here = next;
            }
            false
        };
        for (first, second) in overlaps(&claims, lives_in) {
            let (Some(first), Some(second)) = (file.components.get(first), file.components.get(second))
            else {
                continue;
            };
            let (one, other) = (&first.name, &second.name);
            let summary = format!("components `{}` and `{}` are on one thing", one.value, other.value);
            let found = Diagnostic::error(codes::OVERLAP, summary)
                .because(format!(
                    "both would put it back; `{}` is at line {}, column {}",
                    one.value, one.span.line, one.span.column
                ))
                .hint("let one component have it, or name different parts of it");
            self.note(found, other.span);
        }
    }
}

/// Where a component names a path: the value that is just that.
fn value_at(component: &Component, path: &str) -> Option<Span> {
    use super::tree::{Kind, Tree};
    fn find(tree: &Tree, path: &str) -> Option<Span> {
        match &tree.kind {
            Kind::Scalar(scalar) => (scalar.text == path).then_some(tree.span),
            Kind::List(items) => items.iter().find_map(|item| find(item, path)),
            Kind::Map(entries) => entries.iter().find_map(|(_, value)| find(value, path)),
        }
    }
    find(&component.config, path)
}
