//! From a source to a [`MigrationFile`]. Each mistake is noted and reading goes on behind it, so that a person
//! sees all of them at once. Whether the parts fit each other is for [`lint`](super::lint()) to say.

use serde::de::DeserializeOwned;

use super::codes;
use super::decode::decode_field;
use super::fault::unknown_field;
use super::fields::FILE_NAMES;
use super::file::{ALL, Component, Limits, MigrationFile, Phase, Vault};
use super::findings::Findings;
use super::read::read;
use super::reference::{Reference, SecretReference};
use super::source::{Source, Span, Spanned};
use super::tree::{Kind, Tree, shown};
use crate::diagnostic::Diagnostic;
use crate::name::{ComponentName, MigrationName, NotAName, PhaseName};

/// Reads a migration file, or says everything that keeps it from being one.
pub fn parse(source: &Source) -> Result<MigrationFile, Vec<Diagnostic>> {
    let mut findings = Findings::default();
    let file = match read(source, &mut findings) {
        Some(tree) => Parser { source: source.clone(), findings: &mut findings }.file(tree),
        None => None,
    };
    match file {
        Some(file) if !findings.has_errors() => Ok(file),
        _ => Err(findings.into_list()),
    }
}

/// What reading a file carries along.
pub(super) struct Parser<'a> {
    /// About the part that is being read.
    pub(super) source: Source,
    pub(super) findings: &'a mut Findings,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct LongVault {
    at: Option<Spanned<Reference>>,
    key: Option<Spanned<SecretReference>>,
}

impl Parser<'_> {
    fn file(&mut self, tree: Tree) -> Option<MigrationFile> {
        let whole = tree.span;
        let Kind::Map(entries) = tree.kind else {
            self.wrong(codes::WRONG_VALUE, "wrong migration file", whole, "expected a map of fields", &tree);
            return None;
        };
        let (mut migration, mut environment, mut store, mut components, mut phases) =
            (None, None, None, None, None);
        let (mut roots, mut vault, mut limits, mut phases_at) =
            (Vec::new(), Vault::default(), Limits::default(), None);
        let mut seen_name = false;
        for (key, value) in entries {
            match key.value.as_str() {
                "migration" => {
                    seen_name = true;
                    migration = self.name_value::<MigrationName>(&key, &value);
                }
                "environment" => environment = self.field(&key, &value),
                "roots" => roots = self.field(&key, &value).unwrap_or_default(),
                "store" => store = self.field(&key, &value),
                "vault" => vault = self.vault(&key, &value),
                "limits" => limits = self.field(&key, &value).unwrap_or_default(),
                "components" => components = Some(self.components(&key, value)),
                "phases" => {
                    phases_at = Some(key.span);
                    phases = Some(self.phases(&key, value));
                }
                name => {
                    let found = unknown_field(name, FILE_NAMES.iter().copied(), "");
                    self.findings.push(found.at(self.source.place(key.span)));
                }
            }
        }
        for (missing, name) in [(!seen_name, "migration"), (components.is_none(), "components")] {
            if missing {
                self.findings.push(
                    Diagnostic::error(codes::MISSING_FIELD, format!("`{}` lacks `{name}`", self.source.name))
                        .at(self.source.place(whole))
                        .hint(format!("add `{name}: ..`")),
                );
            }
        }
        let components = components?;
        let phases = phases.unwrap_or_else(|| implied_phase(&components));
        Some(MigrationFile {
            source: self.source.clone(),
            migration: migration?,
            environment,
            roots,
            store,
            vault,
            limits,
            components,
            phases,
            phases_at,
        })
    }

    fn vault(&mut self, key: &Spanned<String>, value: &Tree) -> Vault {
        if matches!(value.kind, Kind::Scalar(_)) {
            return Vault { at: self.field(key, value), key: None };
        }
        let Some(long) = self.field::<LongVault>(key, value) else { return Vault::default() };
        Vault { at: long.at, key: long.key }
    }

    fn components(&mut self, key: &Spanned<String>, value: Tree) -> Vec<Component> {
        let Kind::Map(entries) = value.kind else {
            self.wrong(
                codes::WRONG_VALUE,
                "wrong `components`",
                value.span,
                "expected a map of components",
                &value,
            );
            return Vec::new();
        };
        if entries.is_empty() {
            self.findings.push(empty("`components` has no component").at(self.source.place(key.span)));
        }
        entries.into_iter().filter_map(|(name, value)| self.component(&name, value)).collect()
    }

    fn phases(&mut self, key: &Spanned<String>, value: Tree) -> Vec<Phase> {
        let Kind::Map(entries) = value.kind else {
            let expected = "expected a map such as `data: [database]`";
            self.wrong(codes::WRONG_VALUE, "wrong `phases`", value.span, expected, &value);
            return Vec::new();
        };
        if entries.is_empty() {
            let found = empty("`phases` has no phase").hint("without `phases:` all components are one phase");
            self.findings.push(found.at(self.source.place(key.span)));
        }
        let mut phases = Vec::new();
        for (key, list) in entries {
            let name = self.name::<PhaseName>("phase", &key.value, key.span);
            let mut components = Vec::new();
            for item in self.items(&key, &list) {
                components.extend(self.name_value::<ComponentName>(&key, item));
            }
            phases.extend(name.map(|name| Phase { name, components }));
        }
        phases
    }

    /// A field read by its type; `None` where it cannot be, which has been noted.
    pub(super) fn field<T: DeserializeOwned>(&mut self, key: &Spanned<String>, value: &Tree) -> Option<T> {
        let outcome = decode_field(key, value, &self.source);
        self.noted(outcome)
    }

    pub(super) fn noted<T>(&mut self, outcome: Result<T, Diagnostic>) -> Option<T> {
        outcome.map_err(|diagnostic| self.findings.push(diagnostic)).ok()
    }

    /// The items of a list; none where it is no list, which has been noted.
    pub(super) fn items<'t>(&mut self, key: &Spanned<String>, value: &'t Tree) -> &'t [Tree] {
        match &value.kind {
            Kind::List(items) => items,
            kind => {
                let summary = format!("wrong `{}`", shown(&key.value));
                let example = match kind {
                    Kind::Scalar(scalar) if !scalar.text.is_empty() => {
                        format!(" such as `[{}]`", shown(&scalar.text))
                    }
                    _ => String::new(),
                };
                self.wrong(
                    codes::WRONG_VALUE,
                    &summary,
                    value.span,
                    &format!("expected a list{example}"),
                    value,
                );
                &[]
            }
        }
    }

    pub(super) fn name_value<N>(&mut self, key: &Spanned<String>, value: &Tree) -> Option<Spanned<N>>
    where
        N: TryFrom<String, Error = NotAName>,
    {
        let text: Spanned<String> = self.field(key, value)?;
        self.name(&format!("`{}`", shown(&key.value)), &text.value, text.span)
    }

    pub(super) fn name<N>(&mut self, what: &str, text: &str, span: Span) -> Option<Spanned<N>>
    where
        N: TryFrom<String, Error = NotAName>,
    {
        match N::try_from(text.to_owned()) {
            Ok(name) => Some(Spanned::new(name, span)),
            Err(error) => {
                self.findings.push(
                    Diagnostic::error(codes::BAD_NAME, format!("{what} cannot be named `{}`", shown(text)))
                        .because(error.to_string())
                        .at(self.source.place(span)),
                );
                None
            }
        }
    }

    pub(super) fn wrong(
        &mut self,
        code: crate::diagnostic::Code,
        summary: &str,
        span: Span,
        expected: &str,
        found: &Tree,
    ) {
        self.findings.push(
            Diagnostic::error(code, summary)
                .because(format!("{expected}, found {}", found.described()))
                .at(self.source.place(span)),
        );
    }
}

/// The message for something with nothing in it, without its place.
pub(super) fn empty(summary: impl Into<String>) -> Diagnostic {
    Diagnostic::error(codes::EMPTY, summary)
}

/// The one phase of a file without `phases:`.
pub(super) fn implied_phase(components: &[Component]) -> Vec<Phase> {
    let members = components.iter().map(|component| component.name.clone()).collect();
    PhaseName::new(ALL)
        .map(|name| Phase { name: Spanned::nowhere(name), components: members })
        .into_iter()
        .collect()
}
