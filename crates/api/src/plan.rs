//! A plan.

use backout_core::delta::{Reversibility, Shown};
use backout_core::plan::{Count, Plan as Made};
use serde::Serialize;

use crate::Shape;

/// What going back would do, and what it costs.
#[derive(Debug, Serialize)]
pub struct Plan {
    /// Of which migration.
    pub migration: String,
    /// The checkpoint it goes back to.
    pub checkpoint: String,
    /// When it was made.
    pub made: jiff::Timestamp,
    /// What an approval or a plan file binds to.
    pub shape: String,
    /// Whether there is nothing to do and nothing to answer.
    pub empty: bool,
    /// What it costs.
    pub price: Price,
    /// Every component that was compared, in the order of the file.
    pub components: Vec<Component>,
    /// The steps, in an order in which they could be done one by one.
    pub steps: Vec<Step>,
    /// What a person has to answer first.
    pub questions: Vec<Question>,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// What going back costs.
#[derive(Debug, Serialize)]
pub struct Price {
    /// Writes that the put-back state lacks; the least known number where they could not all be counted, none
    /// where nobody can tell.
    pub writes: Option<u64>,
    /// Whether `writes` is exact.
    pub writes_exact: bool,
    /// Of those, what the run takes over.
    pub rescued: backout_core::plan::Count,
    /// Of those, what waits for a person.
    pub waiting: backout_core::plan::Count,
    /// Of those, what is given up.
    pub lost: backout_core::plan::Count,
    /// How many components hold data and are put back.
    pub data_components: usize,
    /// How many of them keep the displaced data readable until `commit` or `close`.
    pub kept_aside: usize,
    /// How many steps.
    pub steps: usize,
    /// How many of them a person does.
    pub person_steps: usize,
    /// From first to last step, judged by earlier runs.
    pub duration: Option<Estimate>,
    /// While doors are shut, judged by earlier runs.
    pub closed: Option<Estimate>,
}

/// A time from earlier runs.
#[derive(Debug, Serialize)]
pub struct Estimate {
    /// Milliseconds.
    pub millis: u64,
    /// Over how many earlier steps it was judged.
    pub samples: usize,
}

/// One component in a plan.
#[derive(Debug, Serialize)]
pub struct Component {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// What it is, for people.
    pub target: String,
    /// `leave`, `act` or `ask`.
    pub course: backout_core::decide::Course,
    /// Why.
    pub reason: backout_core::decide::Reason,
    /// Who made the difference.
    pub made_by: backout_core::decide::MadeBy,
    /// What was found: `present`, `absent`, `unreadable`, `unreachable`; none where only a person can look.
    pub live: Option<&'static str>,
    /// Why it takes part though it stays as it is.
    pub part: Option<String>,
    /// The first differences.
    pub changes: Vec<Change>,
    /// How many more there are.
    pub more: usize,
    /// Whether, until when and at what loss it can be put back.
    pub reversibility: Reversibility,
    /// What putting it back costs in data, by table where a recorder counts.
    pub price: Option<backout_core::plan::DataPrice>,
}

/// One difference.
#[derive(Debug, Serialize)]
pub struct Change {
    /// Where in the component.
    pub path: String,
    /// What stands there now.
    pub now: Side,
    /// What would stand there.
    pub then: Side,
}

/// One side of a difference.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// Nothing.
    Absent,
    /// A text that may be shown.
    Text(String),
    /// Something that is never shown.
    Sensitive,
}

/// One step.
#[derive(Debug, Serialize)]
pub struct Step {
    /// `COMPONENT.GROUP`.
    pub id: String,
    /// Of which component.
    pub component: String,
    /// In which group.
    pub group: &'static str,
    /// For people.
    pub title: String,
    /// The steps that must have ended well before.
    pub after: Vec<String>,
    /// The edges that put it there.
    pub because: Vec<Because>,
}

/// An edge that put a step where it is.
#[derive(Debug, Serialize)]
pub struct Because {
    /// After what.
    pub after: String,
    /// By which rule.
    pub rule: String,
    /// The rule in words.
    pub why: &'static str,
}

/// Something that a person has to answer.
#[derive(Debug, Serialize)]
pub struct Question {
    /// About which component.
    pub component: String,
    /// What is asked.
    pub question: String,
    /// The options that answer it.
    pub answers: Vec<String>,
}

impl Shape for Plan {
    const TYPE: &'static str = "plan";
}

impl From<&Shown> for Side {
    fn from(shown: &Shown) -> Self {
        match shown {
            Shown::Absent => Self::Absent,
            Shown::Text(text) => Self::Text(text.clone()),
            Shown::Sensitive => Self::Sensitive,
        }
    }
}

impl From<&backout_core::plan::Estimate> for Estimate {
    fn from(estimate: &backout_core::plan::Estimate) -> Self {
        Self { millis: estimate.millis, samples: estimate.samples }
    }
}

impl From<&backout_core::plan::Price> for Price {
    fn from(price: &backout_core::plan::Price) -> Self {
        let (writes, writes_exact) = match price.writes {
            Count::Exactly(count) => (Some(count), true),
            Count::AtLeast(count) => (Some(count), false),
            Count::Unknown => (None, false),
        };
        Self {
            writes,
            writes_exact,
            rescued: price.rescued,
            waiting: price.waiting,
            lost: price.lost,
            data_components: price.data_components,
            kept_aside: price.kept_aside,
            steps: price.steps,
            person_steps: price.person_steps,
            duration: price.duration.as_ref().map(Estimate::from),
            closed: price.closed.as_ref().map(Estimate::from),
        }
    }
}

impl From<&backout_core::plan::PlannedComponent> for Component {
    fn from(planned: &backout_core::plan::PlannedComponent) -> Self {
        let changes = planned.delta.changes.iter().map(|change| Change {
            path: change.path.clone(),
            now: (&change.now).into(),
            then: (&change.then).into(),
        });
        Self {
            name: planned.name.to_string(),
            kind: planned.kind.to_string(),
            target: planned.target.clone(),
            course: planned.decision.course,
            reason: planned.decision.reason,
            made_by: planned.decision.made_by,
            live: planned.live.as_ref().map(|seen| seen.word()),
            part: planned.part.clone(),
            changes: changes.collect(),
            more: planned.delta.more,
            reversibility: planned.reversibility.clone(),
            price: planned.price.clone(),
        }
    }
}

impl From<&backout_core::plan::Step> for Step {
    fn from(step: &backout_core::plan::Step) -> Self {
        let because = step.because.iter().map(|edge| Because {
            after: edge.after.clone(),
            rule: edge.rule.to_string(),
            why: edge.rule.because(),
        });
        Self {
            id: step.id.to_string(),
            component: step.component.to_string(),
            group: step.group.as_str(),
            title: step.title.clone(),
            after: step.after.iter().map(ToString::to_string).collect(),
            because: because.collect(),
        }
    }
}

impl From<&Made> for Plan {
    fn from(plan: &Made) -> Self {
        let questions = plan.questions.iter().map(|question| Question {
            component: question.component.to_string(),
            question: question.question.clone(),
            answers: question.answers.clone(),
        });
        Self {
            migration: plan.migration.to_string(),
            checkpoint: plan.checkpoint.to_string(),
            made: plan.made,
            shape: plan.shape().to_string(),
            empty: plan.is_empty(),
            price: (&plan.price).into(),
            components: plan.components.iter().map(Component::from).collect(),
            steps: plan.steps.iter().map(Step::from).collect(),
            questions: questions.collect(),
            notes: plan.notes.clone(),
        }
    }
}
