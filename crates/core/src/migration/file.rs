//! What a migration file says, as types. Every name keeps the place where it stands, so that whoever finds a
//! mistake later can point at it.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::reference::{Reference, SecretReference};
use super::scalars::{DurationText, Ratio, Size};
use super::source::{Source, Span, Spanned};
use super::tree::Tree;
use crate::name::{ComponentName, KindName, MigrationName, PhaseName};
use crate::order::{self, DependencyKind, Group, Milestone};

/// The kind of a component that a person puts back.
pub const MANUAL: &str = "manual";
/// The name of the only phase of a file without `phases:`.
pub const ALL: &str = "all";

/// A migration file.
#[derive(Debug, Clone)]
pub struct MigrationFile {
    /// What it was read from; empty where a program made it.
    pub source: Source,
    /// The name of the migration.
    pub migration: Spanned<MigrationName>,
    /// A label that targets must bear too.
    pub environment: Option<Spanned<String>>,
    /// Absolute folders outside the file's own in which components may have paths.
    pub roots: Vec<Spanned<String>>,
    /// Where the journal lives, if not beside the file.
    pub store: Option<Spanned<Reference>>,
    /// Where the checkpoints' data live.
    pub vault: Vault,
    /// How much may go on at once.
    pub limits: Limits,
    /// The components in the order of the file.
    pub components: Vec<Component>,
    /// The phases in the order of the file; without `phases:` a single one named [`ALL`].
    pub phases: Vec<Phase>,
    /// Where `phases:` stands, if it does.
    pub phases_at: Option<Span>,
}

/// Where the checkpoints' data live, and what seals them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vault {
    /// A folder or an address; none is `.backout/vault`.
    pub at: Option<Spanned<Reference>>,
    /// The passphrase, as a reference; none is a key file in the state directory.
    pub key: Option<Spanned<SecretReference>>,
}

/// How much a run may do at once and keep.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Steps side by side in one run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallel: Option<NonZeroU32>,
    /// Steps side by side in one run for each kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallel_per_kind: Option<NonZeroU32>,
    /// Space for the checkpoint of the present that a run takes before it changes anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub present_space: Option<Size>,
    /// Time for that checkpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub present_time: Option<DurationText>,
    /// How much more than was stated may be lost to users who write on while a run is prepared; a quarter, and never
    /// fewer than a hundred writes, unless given. What is stated as lossless may never lose anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_tolerance: Option<Ratio>,
}

/// One thing that can be put back.
#[derive(Debug, Clone)]
pub struct Component {
    /// Its name.
    pub name: Spanned<ComponentName>,
    /// Its kind.
    pub kind: Spanned<KindName>,
    /// What it needs, reads and lives in, in this order.
    pub dependencies: Vec<Dependency>,
    /// It may go on working while what it needs is rewritten in place.
    pub live_accepted: bool,
    /// It opens last of all that stands behind it; the place of `edge: true`.
    pub edge: Option<Span>,
    /// What becomes of writes that the put-back state lacks.
    pub writes: Option<Spanned<Writes>>,
    /// Looks that verify it, in order.
    pub verify: Vec<Verification>,
    /// What is run once per run after it is put back.
    pub then: Vec<Action>,
    /// A person's extra edges.
    pub extra_edges: Vec<ExtraEdge>,
    /// Longest time for one of its steps.
    pub timeout: Option<DurationText>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What a person does; for the kind [`MANUAL`] alone.
    pub manual: Option<Manual>,
    /// The driver's own keys, a map placed at the component's name.
    pub config: Tree,
}

/// One component depends on another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// In which way.
    pub kind: DependencyKind,
    /// On what.
    pub on: Spanned<ComponentName>,
    /// Both sides of the migration work with both sides of what it depends on.
    pub compatible: bool,
}

/// What becomes of the writes that the put-back state lacks.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Writes {
    /// They are put into the restored state.
    Merge,
    /// They are kept for a person to look at.
    Review,
    /// They are lost, and that is accepted.
    AcceptLoss,
}

/// One look that verifies a component.
#[derive(Debug, Clone)]
pub struct Verification {
    /// The probe's name.
    pub probe: Spanned<String>,
    /// The probe's own keys, a map placed at the probe's name.
    pub config: Tree,
}

/// Something to run that has no before and after, such as clearing a cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// The program and its arguments; never a shell.
    pub run: Vec<Reference>,
    /// Longest time it may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<DurationText>,
}

/// What a person does to put a component back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manual {
    /// What to do.
    pub instructions: String,
    /// What to answer when it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
}

/// An edge that a person adds between a group of a component and a group of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraEdge {
    /// Whether the component's own group comes before or after the other.
    pub side: Side,
    /// The component's own group.
    pub own: Group,
    /// The other component.
    pub other: Spanned<ComponentName>,
    /// The other component's group.
    pub group: Group,
}

/// On which side of another group a component's own group stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Own group first.
    Before,
    /// Other group first.
    After,
}

/// Components that are cut over together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phase {
    /// Its name.
    pub name: Spanned<PhaseName>,
    /// Its components in the order of the file.
    pub components: Vec<Spanned<ComponentName>>,
}

impl MigrationFile {
    /// A component by its name, by looking at each.
    pub fn component(&self, name: &str) -> Option<&Component> {
        self.components.iter().find(|component| component.name.value.as_str() == name)
    }

    /// The phase of a component, by looking at each.
    pub fn phase_of(&self, name: &ComponentName) -> Option<&Phase> {
        self.phases.iter().find(|phase| phase.components.iter().any(|member| member.value == *name))
    }

    /// The source for decoding a component's own keys: messages name the component, and a mistyped field of the
    /// header is recognised.
    pub fn source_of(&self, component: &Component) -> Source {
        let name = format!("component `{}`", component.name.value);
        self.source.about(&name, component.name.span, super::fields::COMPONENT_NAMES)
    }
}

impl Component {
    /// What it depends on in one way.
    pub fn depends(&self, kind: DependencyKind) -> impl Iterator<Item = &Dependency> {
        self.dependencies.iter().filter(move |dependency| dependency.kind == kind)
    }

    /// What it uses while running: what it needs and what it lives in.
    pub fn uses(&self) -> impl Iterator<Item = &Dependency> {
        self.dependencies.iter().filter(|dependency| dependency.kind.uses())
    }
}

impl Writes {
    /// As written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Review => "review",
            Self::AcceptLoss => "accept-loss",
        }
    }
}

impl Dependency {
    /// As the order of steps wants it.
    pub fn for_order(&self) -> order::Dependency {
        order::Dependency { on: self.on.value.clone(), kind: self.kind, compatible_both: self.compatible }
    }
}

impl ExtraEdge {
    /// The milestone that comes first and the one that waits for it.
    pub fn milestones(&self, component: &ComponentName) -> (Milestone, Milestone) {
        let own = Milestone { component: component.clone(), group: self.own };
        let other = Milestone { component: self.other.value.clone(), group: self.group };
        match self.side {
            Side::Before => (own, other),
            Side::After => (other, own),
        }
    }
}

/// The field that declares a way to depend on something.
pub(super) fn field_of(kind: DependencyKind) -> &'static str {
    match kind {
        DependencyKind::Needs => "needs",
        DependencyKind::Reads => "reads",
        DependencyKind::Inside => "inside",
    }
}

/// A way to depend on something as a verb.
pub(super) fn verb_of(kind: DependencyKind) -> &'static str {
    match kind {
        DependencyKind::Needs => "needs",
        DependencyKind::Reads => "reads",
        DependencyKind::Inside => "lives in",
    }
}
