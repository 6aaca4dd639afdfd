//! The plan as data: computed, immutable, ordered, bound to the checkpoint and to what was seen live.

mod build;
mod price;
mod steps;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::checkpoint::{BlobId, DataPart};
use crate::decide::{Course, Decision};
use crate::delta::{Delta, Reversibility};
use crate::digest::Digest;
use crate::name::{CheckpointId, ComponentName, KindName, MigrationName, PhaseName, StepId};
use crate::observation::Seen;
use crate::order::{Group, Rule};
use crate::writes::Way;

pub use build::{ComponentFacts, Draft, NO_SUCH_COMPONENT, PlanInput, TWO_ANSWERS, build};
pub use price::{Becomes, Count, DataPrice, Estimate, Price, Timings, bound, share};

/// The plan format this version writes.
pub const FORMAT: u16 = 3;

/// What a person chose for a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choices {
    /// The checkpoint to go back to; none is the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<CheckpointId>,
    /// Only these components, and what their going back pulls in; empty is everything.
    pub only: Vec<ComponentName>,
    /// Only this phase.
    pub phase: Option<PhaseName>,
    /// Leave these as they stand, whoever changed them.
    pub keep: BTreeSet<ComponentName>,
    /// Put the checkpoint over these, whoever changed them.
    pub overwrite: BTreeSet<ComponentName>,
}

/// One component in a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedComponent {
    /// Which.
    pub name: ComponentName,
    /// Its kind.
    pub kind: KindName,
    /// What it is, for people (`data/todo.db`).
    pub target: String,
    /// What was seen; none for a component that only a person can look at.
    pub live: Option<Seen>,
    /// What the checkpoint has.
    pub saved: Seen,
    /// What becomes of it.
    pub decision: Decision,
    /// Why it takes part though it stays as it is ("uses database, which is rewritten in place").
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// What differs, now → then.
    pub delta: Delta,
    /// Whether, until when and at what loss it can be put back.
    pub reversibility: Reversibility,
    /// What putting it back costs in data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<DataPrice>,
    /// The driver's saved state, in the vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<BlobId>,
    /// The saved data, in the vault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<DataPart>,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    /// Put beside what the reverts will need, and prove it, while users still come in.
    Stage,
    /// Close the component's door.
    Quiesce,
    /// One effect of the driver.
    Revert {
        /// What the driver needs to know, without secrets.
        effect: Value,
    },
    /// Take over what users wrote, once the saved state stands.
    Recover {
        /// Where to.
        way: Way,
    },
    /// A person does it and says so.
    Person {
        /// What to do.
        instructions: String,
    },
    /// Judge the data while the door is shut.
    Prove,
    /// Start afresh, so that what is read at start is read again.
    Restart,
    /// Open the component's door.
    Reopen,
    /// Run a program of the component's `then:`, which has no before and after.
    Then {
        /// Its place in the list.
        index: usize,
    },
    /// Judge the thing from outside.
    Verify,
}

/// Why a step comes after something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Because {
    /// After which step (`api.quiesce`).
    pub after: String,
    /// By which rule of the order.
    pub rule: Rule,
}

/// One externally visible effect, or one judgement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// `COMPONENT.GROUP`, stable between plans.
    pub id: StepId,
    /// Of which component.
    pub component: ComponentName,
    /// In which group.
    pub group: Group,
    /// What it does.
    #[serde(flatten)]
    pub action: Action,
    /// For people: imperative, without full stop.
    pub title: String,
    /// The steps that must have ended well before.
    pub after: Vec<StepId>,
    /// The edges that put it there, from other components.
    pub because: Vec<Because>,
    /// What must be there for a revert to begin (its shape), where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Seen>,
    /// What a revert leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Seen>,
}

impl Step {
    /// Whether it changes something outside.
    pub fn has_effect(&self) -> bool {
        !matches!(self.action, Action::Prove | Action::Verify)
    }

    /// Whether skipping it takes the guard from what comes after.
    pub fn is_guard(&self) -> bool {
        matches!(self.action, Action::Quiesce | Action::Prove)
    }
}

/// Something a person has to say before the plan can be carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// About which component.
    pub component: ComponentName,
    /// The question, one sentence.
    pub question: String,
    /// The options that answer it, as a person would type them.
    pub answers: Vec<String>,
}

/// The whole plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Format version, see [`FORMAT`].
    pub format: u16,
    /// Of which migration.
    pub migration: MigrationName,
    /// Digest of the migration file it was made with.
    pub file: Digest,
    /// Which checkpoint it goes back to.
    pub checkpoint: CheckpointId,
    /// The seal of that checkpoint.
    pub seal: Digest,
    /// What the person chose.
    pub choices: Choices,
    /// When it was made.
    pub made: Timestamp,
    /// What going back costs.
    pub price: Price,
    /// Every component that was compared, in the order of the file.
    pub components: Vec<PlannedComponent>,
    /// The steps, in an order in which they could be done one by one.
    pub steps: Vec<Step>,
    /// What needs an answer first.
    pub questions: Vec<Question>,
    /// Things a person should know, one sentence each.
    pub notes: Vec<String>,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.questions.is_empty()
    }

    /// The components that are put back.
    pub fn acting(&self) -> impl Iterator<Item = &PlannedComponent> {
        self.components.iter().filter(|component| component.decision.course == Course::Act)
    }

    /// A component by name.
    pub fn component(&self, name: &ComponentName) -> Option<&PlannedComponent> {
        self.components.iter().find(|component| component.name == *name)
    }

    /// A step by id.
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == *id)
    }

    /// The digest that an approval or a plan file binds to: what is done to what, in which order, from which
    /// shape to which. Prices, positions of living data and times are left out, so that data that merely grew
    /// leaves a plan valid.
    pub fn shape(&self) -> Digest {
        let shape_of = |seen: &Seen| match seen.fingerprint() {
            Some(fingerprint) => json!(fingerprint.shape),
            None => json!(seen.word()),
        };
        let components: BTreeMap<&str, Value> = self
            .components
            .iter()
            .map(|component| {
                let value = json!({
                    "kind": component.kind,
                    "course": component.decision.course,
                    "live": component.live.as_ref().map(shape_of),
                    "saved": shape_of(&component.saved),
                });
                (component.name.as_str(), value)
            })
            .collect();
        let steps: Vec<Value> = self
            .steps
            .iter()
            .map(|step| json!({"id": step.id, "title": step.title, "after": step.after}))
            .collect();
        let whole = json!({
            "migration": self.migration,
            "file": self.file,
            "checkpoint": self.checkpoint,
            "seal": self.seal,
            "choices": self.choices,
            "components": components,
            "steps": steps,
            "questions": self.questions,
        });
        Digest::of_value("backout/plan-shape", &whole)
    }
}

#[cfg(test)]
mod tests;
