//! One component of a migration file: its header, and what is left over for its driver.

use super::codes;
use super::decode::decode;
use super::fault::one_of;
use super::fields::COMPONENT_NAMES;
use super::file::{Action, Component, Dependency, ExtraEdge, MANUAL, Manual, Side, Verification, Writes};
use super::parse::{Parser, empty};
use super::scalars::DurationText;
use super::source::{Span, Spanned};
use super::suggest::closest;
use super::tree::{Entry, Kind, Tree, shown};
use crate::diagnostic::Diagnostic;
use crate::name::{ComponentName, KindName};
use crate::order::{DependencyKind, Group};

/// The fields of a component's header as far as they have been read.
#[derive(Default)]
struct Header {
    kind: Option<Spanned<KindName>>,
    dependencies: Vec<Dependency>,
    compatible: Vec<Spanned<ComponentName>>,
    live_accepted: bool,
    edge: Option<Span>,
    writes: Option<Spanned<Writes>>,
    verify: Vec<Verification>,
    then: Vec<Action>,
    extra_edges: Vec<ExtraEdge>,
    timeout: Option<DurationText>,
    owner: Option<String>,
    own: Vec<Entry>,
}

/// The long form of a dependency.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct LongDependency {
    on: Spanned<String>,
    compatible: Option<Compatible>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Compatible {
    Both,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Live {
    Accepted,
}

impl Parser<'_> {
    pub(super) fn component(&mut self, key: &Spanned<String>, value: Tree) -> Option<Component> {
        let name = self.name::<ComponentName>("component", &key.value, key.span);
        let subject = format!("component `{}`", shown(&key.value));
        let Kind::Map(entries) = value.kind else {
            let expected = "expected a map of fields such as `kind`";
            self.wrong(codes::WRONG_VALUE, &format!("wrong {subject}"), value.span, expected, &value);
            return None;
        };
        let whole_file = self.source.clone();
        self.source = whole_file.about(&subject, key.span, &[]);
        let mut header = Header::default();
        let mut has_kind = false;
        for (field, value) in entries {
            has_kind |= field.value == "kind";
            self.header_field(&mut header, field, value);
        }
        if !has_kind {
            self.findings.push(
                Diagnostic::error(codes::MISSING_FIELD, format!("{subject} lacks `kind`"))
                    .at(self.source.place(key.span))
                    .hint("add `kind: ..`; `backout drivers` lists the kinds"),
            );
        }
        self.mark_compatible(&mut header, &subject);
        let mut config = Tree { span: key.span, kind: Kind::Map(header.own) };
        let mut manual = None;
        if header.kind.as_ref().is_some_and(|kind| kind.value.as_str() == MANUAL) {
            self.source = whole_file.about(&subject, key.span, COMPONENT_NAMES);
            manual = self.noted(decode::<Manual>(&config, &self.source));
            config.kind = Kind::Map(Vec::new());
        }
        self.source = whole_file;
        Some(Component {
            name: name?,
            kind: header.kind?,
            dependencies: header.dependencies,
            live_accepted: header.live_accepted,
            edge: header.edge,
            writes: header.writes,
            verify: header.verify,
            then: header.then,
            extra_edges: header.extra_edges,
            timeout: header.timeout,
            owner: header.owner,
            manual,
            config,
        })
    }

    fn header_field(&mut self, header: &mut Header, key: Spanned<String>, value: Tree) {
        match key.value.as_str() {
            "kind" => header.kind = self.name_value::<KindName>(&key, &value),
            "needs" => self.dependencies(header, DependencyKind::Needs, &key, &value),
            "reads" => self.dependencies(header, DependencyKind::Reads, &key, &value),
            "inside" => {
                let dependency = self.dependency(DependencyKind::Inside, &key, &value);
                header.dependencies.extend(dependency);
            }
            "compatible" => {
                for item in self.items(&key, &value) {
                    header.compatible.extend(self.name_value::<ComponentName>(&key, item));
                }
            }
            "live" => header.live_accepted = matches!(self.field(&key, &value), Some(Live::Accepted)),
            "edge" => header.edge = self.field(&key, &value).unwrap_or(false).then_some(key.span),
            "writes" => header.writes = self.field(&key, &value),
            "verify" => {
                for item in self.items(&key, &value) {
                    header.verify.extend(self.verification(item));
                }
            }
            "then" => {
                for item in self.items(&key, &value) {
                    let action = self.field::<Action>(&key, item);
                    if action.as_ref().is_some_and(|action| action.run.is_empty()) {
                        self.findings.push(empty("`run` names no program").at(self.source.place(item.span)));
                    }
                    header.then.extend(action);
                }
            }
            "before" => self.extra_edges(header, Side::Before, &key, &value),
            "after" => self.extra_edges(header, Side::After, &key, &value),
            "timeout" => header.timeout = self.field(&key, &value),
            "owner" => header.owner = self.field(&key, &value),
            _ => header.own.push((key, value)),
        }
    }

    fn dependencies(
        &mut self,
        header: &mut Header,
        kind: DependencyKind,
        key: &Spanned<String>,
        value: &Tree,
    ) {
        for item in self.items(key, value) {
            let dependency = self.dependency(kind, key, item);
            header.dependencies.extend(dependency);
        }
    }

    fn dependency(&mut self, kind: DependencyKind, key: &Spanned<String>, item: &Tree) -> Option<Dependency> {
        if !matches!(item.kind, Kind::Map(_)) {
            let on = self.name_value::<ComponentName>(key, item)?;
            return Some(Dependency { kind, on, compatible: false });
        }
        let long = self.field::<LongDependency>(key, item)?;
        let on = self.name::<ComponentName>("component", &long.on.value, long.on.span)?;
        Some(Dependency { kind, on, compatible: matches!(long.compatible, Some(Compatible::Both)) })
    }

    /// `compatible: [D]` is short for `compatible: both` at each dependency on D.
    fn mark_compatible(&mut self, header: &mut Header, subject: &str) {
        for name in std::mem::take(&mut header.compatible) {
            let mut found = false;
            for dependency in header.dependencies.iter_mut().filter(|dependency| dependency.on == name) {
                dependency.compatible = true;
                found = true;
            }
            if !found {
                let summary =
                    format!("{subject} is compatible with `{}`, which it does not depend on", name.value);
                self.findings.push(
                    Diagnostic::error(codes::NOT_A_DEPENDENCY, summary)
                        .at(self.source.place(name.span))
                        .hint(format!("add `{}` to `needs`, or remove it here", name.value)),
                );
            }
        }
    }

    fn verification(&mut self, item: &Tree) -> Option<Verification> {
        let Kind::Map(entries) = &item.kind else {
            let expected = "expected a probe such as `{probe: http, url: ..}`";
            self.wrong(codes::WRONG_VALUE, "wrong `verify`", item.span, expected, item);
            return None;
        };
        let (mut probe, mut own) = (None, Vec::new());
        for (key, value) in entries {
            if key.value == "probe" {
                probe = Some((key.span, self.field::<Spanned<String>>(key, value)));
            } else {
                own.push((key.clone(), value.clone()));
            }
        }
        let Some((at, probe)) = probe else {
            self.findings.push(
                Diagnostic::error(codes::MISSING_FIELD, "`verify` lacks `probe`")
                    .at(self.source.place(item.span))
                    .hint("add `probe: ..`; `backout drivers` lists the probes"),
            );
            return None;
        };
        Some(Verification { probe: probe?, config: Tree { span: at, kind: Kind::Map(own) } })
    }

    /// `after: [api.prove]` speaks of the component's own revert; `after: {reopen: [api.prove]}` names the group.
    fn extra_edges(&mut self, header: &mut Header, side: Side, key: &Spanned<String>, value: &Tree) {
        let mut add = |this: &mut Self, own, list: &Tree| {
            for item in this.items(key, list) {
                let edge = this.extra_edge(side, own, key, item);
                header.extra_edges.extend(edge);
            }
        };
        let Kind::Map(entries) = &value.kind else {
            return add(self, Group::Revert, value);
        };
        for (group, list) in entries {
            match group.value.parse() {
                Ok(own) => add(self, own, list),
                Err(_) => self.no_group(&group.value, group.span),
            }
        }
    }

    fn extra_edge(
        &mut self,
        side: Side,
        own: Group,
        key: &Spanned<String>,
        item: &Tree,
    ) -> Option<ExtraEdge> {
        let text: Spanned<String> = self.field(key, item)?;
        let Some((name, group)) = text.value.rsplit_once('.') else {
            self.no_group(&text.value, text.span);
            return None;
        };
        let Ok(group) = group.parse() else {
            self.no_group(group, text.span);
            return None;
        };
        let other = self.name::<ComponentName>("component", name, text.span)?;
        Some(ExtraEdge { side, own, other, group })
    }

    fn no_group(&mut self, found: &str, span: Span) {
        let names = Group::ALL.map(Group::as_str);
        let mut error =
            Diagnostic::error(codes::BAD_EDGE, format!("`{}` names no group of steps", shown(found)))
                .because(format!("the groups are {}", one_of(&names)))
                .at(self.source.place(span))
                .hint("write `COMPONENT.GROUP`, such as `api.reopen`");
        if let Some(meant) = closest(found, names) {
            error = error.labelled(format!("did you mean `{meant}`?"));
        }
        self.findings.push(error);
    }
}
