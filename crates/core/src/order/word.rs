//! The words of the order: groups, milestones, dependencies, rules and edges.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::name::{ComponentName, NotAName};

/// A group of steps of one component. The order of the variants is the order of execution, but for a switched
/// component that merges: it recovers before it reverts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// Stop it, or close it for writers.
    Quiesce,
    /// Put the captured state back. Starts nothing.
    Revert,
    /// Bring back what users wrote since cutover.
    Recover,
    /// Judge the data while the door is shut.
    Prove,
    /// Start it, or open it again.
    Reopen,
    /// Judge the thing from outside, once it is open.
    Verify,
    /// Put beside what the revert will need, while users still come in. Before every other step of a plan, so it is no
    /// milestone, not among [`ALL`](Self::ALL), and nobody can hang an edge on it.
    Stage,
}

impl Group {
    /// All groups that are milestones, in order.
    pub const ALL: [Self; 6] =
        [Self::Quiesce, Self::Revert, Self::Recover, Self::Prove, Self::Reopen, Self::Verify];

    /// As written in a plan and a migration file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quiesce => "quiesce",
            Self::Revert => "revert",
            Self::Recover => "recover",
            Self::Prove => "prove",
            Self::Reopen => "reopen",
            Self::Verify => "verify",
            Self::Stage => "stage",
        }
    }

    /// The group of a step by the last word of its name.
    pub fn of_step(word: &str) -> Option<Self> {
        word.parse().ok().or_else(|| (word == Self::Stage.as_str()).then_some(Self::Stage))
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that is no [`Group`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the groups are quiesce, revert, recover, prove, reopen and verify")]
pub struct UnknownGroup;

impl FromStr for Group {
    type Err = UnknownGroup;
    fn from_str(text: &str) -> Result<Self, UnknownGroup> {
        Self::ALL.into_iter().find(|group| group.as_str() == text).ok_or(UnknownGroup)
    }
}

/// How a component, as configured, is put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The old side still lives; putting back is repointing.
    Switched,
    /// Putting back rewrites the thing itself.
    InPlace,
}

/// How one component depends on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DependencyKind {
    /// Uses it while running.
    Needs,
    /// Takes its value from it at start: settings, a secret, an image, a release link.
    Reads,
    /// Lives in it: a stream in its server. Counts as `Needs`.
    Inside,
}

impl DependencyKind {
    /// Whether the consumer uses the other one while running.
    pub const fn uses(self) -> bool {
        matches!(self, Self::Needs | Self::Inside)
    }
}

/// One dependency of a component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// The component that is depended on.
    pub on: ComponentName,
    /// In which way.
    pub kind: DependencyKind,
    /// Whether the consumer works with both sides of it (`compatible: both`).
    pub compatible_both: bool,
}

/// What the rule needs to know of one component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ordered {
    /// Its name, unique among the components.
    pub name: ComponentName,
    /// Switched or in place.
    pub mode: Mode,
    /// Whether it can be stopped, or closed for writers, without being put back.
    pub can_quiesce: bool,
    /// Whether a person accepted that it stays open while what it uses is rewritten (`live: accepted`).
    pub live_accepted: bool,
    /// Whether users' writes are merged back (`writes: merge`).
    pub merges: bool,
    /// Whether traffic enters here: DNS, a listener, a proxy (`edge: true`).
    pub edge: bool,
    /// What it depends on.
    pub dependencies: Vec<Dependency>,
    /// Edges that a person added: the first before the second.
    pub extra: Vec<(Milestone, Milestone)>,
}

/// The point at which a group of a component is done. Prints as `database.revert`, also in JSON.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Milestone {
    /// Whose.
    pub component: ComponentName,
    /// Which group.
    pub group: Group,
}

impl fmt::Display for Milestone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.component, self.group)
    }
}

/// Why a text is no [`Milestone`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAMilestone {
    /// There is no dot.
    #[error("a milestone is written COMPONENT.GROUP")]
    Form,
    /// What stands before the last dot is no name.
    #[error("the component of a milestone")]
    Component(#[source] NotAName),
    /// What stands after the last dot is no group.
    #[error("the group of a milestone")]
    Group(#[source] UnknownGroup),
}

impl FromStr for Milestone {
    type Err = NotAMilestone;
    fn from_str(text: &str) -> Result<Self, NotAMilestone> {
        // Names of components may hold dots, groups never do.
        let (component, group) = text.rsplit_once('.').ok_or(NotAMilestone::Form)?;
        Ok(Self {
            component: ComponentName::new(component).map_err(NotAMilestone::Component)?,
            group: group.parse().map_err(NotAMilestone::Group)?,
        })
    }
}

impl TryFrom<String> for Milestone {
    type Error = NotAMilestone;
    fn try_from(text: String) -> Result<Self, NotAMilestone> {
        text.parse()
    }
}

impl From<Milestone> for String {
    fn from(milestone: Milestone) -> Self {
        milestone.to_string()
    }
}

/// Which row of the table put an edge there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Rule {
    /// The groups of one component.
    #[serde(rename = "groups")]
    Groups,
    /// Consumers stop first.
    #[serde(rename = "1")]
    R1,
    /// Consumers leave what is switched.
    #[serde(rename = "2")]
    R2,
    /// Consumers are closed while it is rewritten.
    #[serde(rename = "3")]
    R3,
    /// Consumers start after it.
    #[serde(rename = "4")]
    R4,
    /// Readers go back after what they read.
    #[serde(rename = "5")]
    R5,
    /// Switched consumers wait for what is rewritten.
    #[serde(rename = "6")]
    R6,
    /// Recovery comes before anything moves.
    #[serde(rename = "7")]
    R7,
    /// What lives in a server waits for the server.
    #[serde(rename = "8")]
    R8,
    /// The second half of rule 6, for a component marked `edge: true`.
    #[serde(rename = "edge-last")]
    EdgeLast,
    /// Added by a person.
    #[serde(rename = "person")]
    Person,
    /// What is long is done before a door is shut.
    #[serde(rename = "staged")]
    Staged,
}

impl Rule {
    /// Why the rule is there, a short fragment for people.
    pub const fn because(self) -> &'static str {
        match self {
            Self::Groups => "the groups of a component follow each other",
            Self::R1 => "consumers stop first",
            Self::R2 => "nobody is left standing on what moves",
            Self::R3 => "nobody uses it while it is rewritten",
            Self::R4 => "a consumer starts on judged ground",
            Self::R5 => "what was read must be read again",
            Self::R6 => "traffic moves to what already stands",
            Self::R7 => "no split brain, and no write lost in between",
            Self::R8 => "what lives in a server is put back while the server runs",
            Self::EdgeLast => "the edge opens last of all that stands behind it",
            Self::Person => "the migration file asks for it",
            Self::Staged => "what is long is done before a door is shut",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Groups => "groups",
            Self::R1 => "rule 1",
            Self::R2 => "rule 2",
            Self::R3 => "rule 3",
            Self::R4 => "rule 4",
            Self::R5 => "rule 5",
            Self::R6 => "rule 6",
            Self::R7 => "rule 7",
            Self::R8 => "rule 8",
            Self::EdgeLast => "rule 6, edge",
            Self::Person => "added",
            Self::Staged => "staged first",
        })
    }
}

/// One milestone before another, and the rule that says so. Prints as `api.quiesce before database.revert`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Edge {
    /// What comes first.
    pub before: Milestone,
    /// What waits for it.
    pub after: Milestone,
    /// Which rule.
    pub rule: Rule,
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} before {}", self.before, self.after)
    }
}
