//! From looks to a plan: decide each component, see who takes part, order, price.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::steps::{StepFacts, lay_out};
use super::{Choices, Count, DataPrice, FORMAT, Plan, PlannedComponent, Price, Question, Timings};
use crate::capability::Capabilities;
use crate::checkpoint::{BlobId, DataPart};
use crate::decide::{Answer, Course, Decision, Looks, MadeBy, Reason, decide};
use crate::delta::{Delta, Reversibility};
use crate::diagnostic::{Code, Diagnostic};
use crate::digest::Digest;
use crate::name::{CheckpointId, ComponentName, KindName, MigrationName};
use crate::observation::Seen;
use crate::order::{Cycle, Group, Ordered, closure, order, restarts, taking_part};
use crate::writes::Way;

/// No order of steps exists.
pub const NO_ORDER: Code = Code("BK0301");
/// A component cannot be put back at all.
pub const ONE_WAY: Code = Code("BK0302");
/// A selection leaves out what must go along.
pub const LEFT_OUT: Code = Code("BK0303");
/// An option names a component that the plan does not know.
pub const NO_SUCH_COMPONENT: Code = Code("BK0304");
/// Keep and overwrite of one component.
pub const TWO_ANSWERS: Code = Code("BK0305");

/// One effect that a driver proposes.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// For people: imperative, without full stop, the same however much data there is.
    pub title: String,
    /// What the driver needs to know, without secrets.
    pub effect: Value,
    /// What stands there afterwards; none is what the checkpoint has.
    pub leaves: Option<Seen>,
}

/// What is known of one component when a plan is made.
#[derive(Debug, Clone)]
pub struct ComponentFacts {
    /// What the order needs to know.
    pub ordered: Ordered,
    /// Its kind.
    pub kind: KindName,
    /// What it is, for people.
    pub target: String,
    /// What the driver promises; none for a component that only a person can put back.
    pub capabilities: Option<Capabilities>,
    /// What a person is told to do, for a component that only a person can put back.
    pub instructions: Option<String>,
    /// What is run once per run after it was put back, for people.
    pub then: Vec<String>,
    /// What the checkpoint has.
    pub saved: Seen,
    /// What was seen right after cutover.
    pub landed: Option<Seen>,
    /// What was seen now; none for a component that only a person can look at.
    pub live: Option<Seen>,
    /// Whether a run of ours put it back since.
    pub put_back: bool,
    /// What differs, now → then.
    pub delta: Delta,
    /// The driver's steps, or why it cannot be put back.
    pub drafts: Result<Vec<Draft>, String>,
    /// Whether, until when and at what loss it can be put back.
    pub reversibility: Reversibility,
    /// What it costs in data.
    pub price: Option<DataPrice>,
    /// What becomes of the writes that were recorded; none where nothing was.
    pub recovery: Option<Way>,
    /// The driver's saved state, in the vault.
    pub state: Option<BlobId>,
    /// The saved data, in the vault.
    pub data: Vec<DataPart>,
}

/// Everything a plan is made from.
#[derive(Debug, Clone)]
pub struct PlanInput {
    /// The migration.
    pub migration: MigrationName,
    /// Digest of its file.
    pub file: Digest,
    /// The checkpoint to go back to.
    pub checkpoint: CheckpointId,
    /// Its seal.
    pub seal: Digest,
    /// What the person chose.
    pub choices: Choices,
    /// Now.
    pub now: Timestamp,
    /// The components, in the order of the file.
    pub components: Vec<ComponentFacts>,
    /// How long steps took before.
    pub timings: Timings,
}

/// Makes a plan.
///
/// # Errors
/// Choices that name no component or contradict each other, a selection that leaves out what must go along, a
/// component that cannot be put back, or no possible order.
pub fn build(input: PlanInput) -> Result<Plan, Vec<Diagnostic>> {
    check_choices(&input)?;
    let decided: Vec<Decision> =
        input.components.iter().map(|facts| decide_one(facts, &input.choices)).collect();
    let ordered: Vec<Ordered> = input.components.iter().map(|facts| facts.ordered.clone()).collect();
    let differing: BTreeSet<ComponentName> = input
        .components
        .iter()
        .zip(&decided)
        .filter(|(_, decision)| decision.course != Course::Leave)
        .map(|(facts, _)| facts.ordered.name.clone())
        .collect();

    let mut notes = Vec::new();
    let selected = select(&input, &ordered, &differing, &mut notes)?;
    let courses: BTreeMap<&ComponentName, Decision> = input
        .components
        .iter()
        .zip(&decided)
        .map(|(facts, decision)| {
            let name = &facts.ordered.name;
            let left = differing.contains(name) && !selected.contains(name);
            (name, if left { Decision { course: Course::Leave, ..*decision } } else { *decision })
        })
        .collect();
    let course_of =
        |name: &ComponentName| courses.get(name).map_or(Course::Leave, |decision| decision.course);

    let acting: BTreeSet<ComponentName> =
        selected.iter().filter(|name| course_of(name) == Course::Act).cloned().collect();
    refuse_one_way(&input, &acting)?;
    let parts = taking_part(&ordered, &selected);
    let restarting = restarts(&ordered, &parts.keys().cloned().collect());
    let sequence = order(&ordered).map_err(|cycle| vec![no_order(&cycle)])?;

    let step_facts: BTreeMap<ComponentName, StepFacts<'_>> = input
        .components
        .iter()
        .filter(|facts| parts.contains_key(&facts.ordered.name))
        .map(|facts| {
            let name = &facts.ordered.name;
            let facts = StepFacts {
                facts,
                acts: acting.contains(name),
                restarts: restarting.get(name).is_some_and(|causes| !causes.is_empty()),
            };
            (name.clone(), facts)
        })
        .collect();
    let steps = if acting.is_empty() { Vec::new() } else { lay_out(&sequence, &step_facts) };

    let components: Vec<PlannedComponent> = input
        .components
        .iter()
        .map(|facts| {
            let name = &facts.ordered.name;
            let part = (!acting.is_empty()).then(|| parts.get(name)).flatten();
            PlannedComponent {
                name: name.clone(),
                kind: facts.kind.clone(),
                target: facts.target.clone(),
                live: facts.live.clone(),
                saved: facts.saved.clone(),
                decision: courses.get(name).copied().unwrap_or(Decision {
                    course: Course::Leave,
                    reason: Reason::Same,
                    made_by: MadeBy::Nobody,
                }),
                part: part.map(ToString::to_string),
                delta: facts.delta.clone(),
                reversibility: facts.reversibility.clone(),
                price: facts.price.clone().filter(|_| acting.contains(name)),
                state: facts.state,
                data: facts.data.clone(),
            }
        })
        .collect();

    notes.extend(notes_on(&components));
    let price = price_of(&components, &steps, &input.timings);
    let questions = components.iter().filter_map(question).collect();
    Ok(Plan {
        format: FORMAT,
        migration: input.migration,
        file: input.file,
        checkpoint: input.checkpoint,
        seal: input.seal,
        choices: input.choices,
        made: input.now,
        price,
        components,
        steps,
        questions,
        notes,
    })
}

fn check_choices(input: &PlanInput) -> Result<(), Vec<Diagnostic>> {
    let known: BTreeSet<&ComponentName> = input.components.iter().map(|facts| &facts.ordered.name).collect();
    let Choices { only, keep, overwrite, .. } = &input.choices;
    let mut found: Vec<Diagnostic> = only
        .iter()
        .map(|name| ("--only", name))
        .chain(keep.iter().map(|name| ("--keep", name)))
        .chain(overwrite.iter().map(|name| ("--overwrite", name)))
        .filter(|(_, name)| !known.contains(name))
        .map(|(option, name)| {
            let all: Vec<&str> = known.iter().map(|name| name.as_str()).collect();
            Diagnostic::error(
                NO_SUCH_COMPONENT,
                format!("{option} names `{name}`, which is not in the checkpoint"),
            )
            .hint(format!("components: {}", all.join(", ")))
        })
        .collect();
    found.extend(keep.intersection(overwrite).map(|name| {
        Diagnostic::error(TWO_ANSWERS, format!("`{name}` is both to be kept and to be overwritten"))
            .hint("give one of --keep and --overwrite")
    }));
    if found.is_empty() { Ok(()) } else { Err(found) }
}

fn decide_one(facts: &ComponentFacts, choices: &Choices) -> Decision {
    let name = &facts.ordered.name;
    let answer = if choices.keep.contains(name) {
        Some(Answer::Keep)
    } else if choices.overwrite.contains(name) {
        Some(Answer::Overwrite)
    } else {
        None
    };
    match &facts.live {
        Some(live) => decide(
            Looks { saved: &facts.saved, landed: facts.landed.as_ref(), live, put_back: facts.put_back },
            answer,
        ),
        // Only a person can look: it goes back with the rest, once.
        None if facts.put_back => {
            Decision { course: Course::Leave, reason: Reason::Same, made_by: MadeBy::Nobody }
        }
        None if answer == Some(Answer::Keep) => {
            Decision { course: Course::Leave, reason: Reason::Kept, made_by: MadeBy::Unknown }
        }
        None => Decision { course: Course::Act, reason: Reason::ByHand, made_by: MadeBy::Unknown },
    }
}

/// The components with a difference that this plan is about.
fn select(
    input: &PlanInput,
    ordered: &[Ordered],
    differing: &BTreeSet<ComponentName>,
    notes: &mut Vec<String>,
) -> Result<BTreeSet<ComponentName>, Vec<Diagnostic>> {
    let only = &input.choices.only;
    let by_hand = |name: &ComponentName| {
        input.components.iter().any(|facts| facts.ordered.name == *name && facts.live.is_none())
    };
    if only.is_empty() && input.choices.phase.is_none() {
        // What only a person can look at goes along with real differences, never alone.
        if differing.iter().all(&by_hand) {
            return Ok(BTreeSet::new());
        }
        return Ok(differing.clone());
    }
    let wanted: BTreeSet<ComponentName> = only.iter().cloned().collect();
    // What is kept differs too: leaving out a consumer that has to go along is refused, not passed over.
    let differing_or_kept: BTreeSet<ComponentName> = differing.union(&input.choices.keep).cloned().collect();
    let selection = closure(ordered, &differing_or_kept, &wanted, &input.choices.keep).map_err(|left| {
        vec![
            Diagnostic::error(LEFT_OUT, "the selection leaves out what must go along")
                .because(left.to_string())
                .hint(left.cure()),
        ]
    })?;
    notes.extend(selection.joined.iter().map(|(name, why)| format!("`{name}` joins the selection: {why}")));
    let left: Vec<&str> = differing
        .iter()
        .filter(|name| !selection.members.contains(*name))
        .map(|name| name.as_str())
        .collect();
    if !left.is_empty() {
        notes.push(format!("left as they are by the selection, though they differ: {}", left.join(", ")));
    }
    Ok(selection.members.intersection(differing).cloned().collect())
}

fn refuse_one_way(input: &PlanInput, acting: &BTreeSet<ComponentName>) -> Result<(), Vec<Diagnostic>> {
    let found: Vec<Diagnostic> = input
        .components
        .iter()
        .filter(|facts| acting.contains(&facts.ordered.name))
        .filter_map(|facts| {
            let why = facts.drafts.as_ref().err()?;
            Some(
                Diagnostic::error(ONE_WAY, format!("`{}` cannot be put back", facts.ordered.name))
                    .because(why.clone())
                    .hint(format!("leave it and go back with the rest: --keep {}", facts.ordered.name)),
            )
        })
        .collect();
    if found.is_empty() { Ok(()) } else { Err(found) }
}

fn no_order(cycle: &Cycle) -> Diagnostic {
    Diagnostic::error(NO_ORDER, cycle.problem()).because(cycle.path_text()).hint(cycle.cure())
}

fn question(component: &PlannedComponent) -> Option<Question> {
    if component.decision.course != Course::Ask {
        return None;
    }
    let name = &component.name;
    let question = match component.decision.reason {
        Reason::WritesUnknown => {
            format!(
                "the data of `{name}` moved and nobody looked after cutover, so it cannot be told who wrote"
            )
        }
        Reason::DriftSincePutBack => format!("somebody changed `{name}` after it was put back"),
        _ => format!("somebody changed `{name}` after cutover"),
    };
    Some(Question {
        component: name.clone(),
        question,
        answers: vec![format!("--keep {name}"), format!("--overwrite {name}")],
    })
}

fn notes_on(components: &[PlannedComponent]) -> Vec<String> {
    let mut notes = Vec::new();
    for component in components {
        let name = &component.name;
        match component.decision.reason {
            Reason::LandedUnknown if component.decision.course == Course::Act => notes.push(format!(
                "nobody looked at `{name}` after cutover, so changes made since cannot be told from the migration's"
            )),
            Reason::Unreadable => notes.push(format!(
                "what stands at `{name}` cannot be read; it is set aside as it is, and its content is not judged"
            )),
            Reason::Unreachable => {
                notes.push(format!("`{name}` did not answer; it is looked at again when its turn comes"));
            }
            Reason::LaterWrites => {
                notes.push(format!("`{name}` stands as saved; its later writes stay"));
            }
            _ => {}
        }
    }
    notes
}

fn sum(prices: &[&DataPrice], part: impl Fn(&DataPrice) -> Count) -> Count {
    prices.iter().fold(Count::Exactly(0), |sum, price| sum.plus(part(price)))
}

fn price_of(components: &[PlannedComponent], steps: &[super::Step], timings: &Timings) -> Price {
    let prices: Vec<&DataPrice> =
        components.iter().filter_map(|component| component.price.as_ref()).collect();
    let estimate = |wanted: &dyn Fn(Group) -> bool| {
        let mut millis = 0;
        let mut samples = usize::MAX;
        for step in steps.iter().filter(|step| wanted(step.group)) {
            let known = timings.get(&step.id)?;
            millis += known.millis;
            samples = samples.min(known.samples);
        }
        (samples != usize::MAX).then_some(super::Estimate { millis, samples })
    };
    Price {
        writes: sum(&prices, |price| price.writes),
        rescued: sum(&prices, |price| price.rescued),
        waiting: sum(&prices, |price| price.waiting),
        lost: sum(&prices, |price| price.lost),
        kept_aside: prices.iter().filter(|price| price.kept_aside).count(),
        data_components: prices.len(),
        steps: steps.len(),
        person_steps: steps.iter().filter(|step| matches!(step.action, super::Action::Person { .. })).count(),
        duration: estimate(&|_| true),
        closed: if steps.iter().any(|step| step.group == Group::Quiesce) {
            estimate(&|group| !matches!(group, Group::Verify | Group::Stage))
        } else {
            Some(super::Estimate { millis: 0, samples: 0 })
        },
    }
}
