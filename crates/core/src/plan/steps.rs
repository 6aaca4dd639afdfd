//! The steps of those who take part, hung on the milestones of the order.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Because, ComponentFacts, Step};
use crate::capability::Quiescence;
use crate::name::{ComponentName, StepId};
use crate::observation::Seen;
use crate::order::{Group, Milestone, Order, Rule};
use crate::writes::Way;

/// What the layout needs to know of one component that takes part.
pub(super) struct StepFacts<'a> {
    /// The component.
    pub facts: &'a ComponentFacts,
    /// Whether it is put back (and not only brought to rest and opened again).
    pub acts: bool,
    /// Whether something that it reads at start is put back.
    pub restarts: bool,
}

/// Lays out the steps in an order in which they could be done one by one.
///
/// Every component has every group as a milestone, empty or not: dropping the empty ones would lose order. A step
/// comes after the last steps of the nearest milestones before it that have any.
pub(super) fn lay_out(order: &Order, components: &BTreeMap<ComponentName, StepFacts<'_>>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut last: BTreeMap<Milestone, Frontier> = BTreeMap::new();
    for milestone in order.sequence() {
        let mut before = Frontier::default();
        for (earlier, rule) in order.predecessors(milestone) {
            if let Some(frontier) = last.get(earlier) {
                before.join(frontier, milestone, earlier, rule);
            }
        }
        let own = components
            .get(&milestone.component)
            .map(|facts| steps_of(facts, milestone.group))
            .unwrap_or_default();
        for (index, (action, title)) in own.into_iter().enumerate() {
            let Some(id) = step_id(milestone, index) else { continue };
            let facts = components.get(&milestone.component).map(|facts| facts.facts);
            let (from, to) = expectation(facts, &action, index);
            let because = before
                .reasons
                .iter()
                .map(|(after, rule)| Because { after: after.to_string(), rule: *rule })
                .collect();
            steps.push(Step {
                id: id.clone(),
                component: milestone.component.clone(),
                group: milestone.group,
                action,
                title,
                after: before.steps.iter().cloned().collect(),
                because,
                before: from,
                to,
            });
            before = Frontier { steps: BTreeSet::from([id]), reasons: BTreeMap::new() };
        }
        last.insert(milestone.clone(), before);
    }
    staged_first(components, steps)
}

/// Puts what is put beside before everything else: nothing is shut or changed before what replaces it stands.
fn staged_first(components: &BTreeMap<ComponentName, StepFacts<'_>>, mut steps: Vec<Step>) -> Vec<Step> {
    let stages = |component: &&StepFacts<'_>| {
        component.acts && component.facts.capabilities.is_some_and(|capabilities| capabilities.stages)
    };
    let mut staged: Vec<Step> = Vec::new();
    for facts in components.values().filter(stages).map(|component| component.facts) {
        let name = &facts.ordered.name;
        let revert = steps.iter().find(|step| step.component == *name && step.group == Group::Revert);
        // What was absent is put aside: there is nothing to put beside.
        if !matches!(facts.saved, Seen::Present { .. }) || revert.is_none() {
            continue;
        }
        let Ok(id) = StepId::new(&format!("{name}.{}", Group::Stage)) else { continue };
        staged.push(Step {
            id,
            component: name.clone(),
            group: Group::Stage,
            action: Action::Stage,
            title: format!("put {name} beside as saved, and prove it there"),
            after: Vec::new(),
            because: Vec::new(),
            before: None,
            to: None,
        });
    }
    for first in steps.iter_mut().filter(|step| step.after.is_empty()) {
        first.after = staged.iter().map(|step| step.id.clone()).collect();
        let others = staged.iter().filter(|step| step.component != first.component);
        first.because =
            others.map(|step| Because { after: step.id.to_string(), rule: Rule::Staged }).collect();
    }
    staged.append(&mut steps);
    staged
}

/// The last steps before a milestone, and the edges from other components that lead there.
#[derive(Default, Clone)]
struct Frontier {
    steps: BTreeSet<StepId>,
    reasons: BTreeMap<StepId, Rule>,
}

impl Frontier {
    fn join(&mut self, earlier: &Frontier, to: &Milestone, from: &Milestone, rule: Rule) {
        self.steps.extend(earlier.steps.iter().cloned());
        // An edge from a milestone without steps is told by the steps that stand before it; a reason of the
        // milestone's own says more than one that the groups before it passed on.
        if from.component == to.component {
            for (step, rule) in &earlier.reasons {
                self.reasons.entry(step.clone()).or_insert(*rule);
            }
        } else {
            self.reasons.extend(earlier.steps.iter().map(|step| (step.clone(), rule)));
        }
    }
}

fn step_id(milestone: &Milestone, index: usize) -> Option<StepId> {
    let text = match index {
        0 => format!("{}.{}", milestone.component, milestone.group),
        more => format!("{}.{}.{}", milestone.component, milestone.group, more + 1),
    };
    StepId::new(&text).ok()
}

fn steps_of(component: &StepFacts<'_>, group: Group) -> Vec<(Action, String)> {
    let facts = component.facts;
    let name = &facts.ordered.name;
    let capabilities = facts.capabilities.as_ref();
    let door = capabilities.map(|capabilities| capabilities.quiescence);
    match group {
        Group::Quiesce => match door {
            Some(Quiescence::Door { .. }) => vec![(Action::Quiesce, format!("close {name}"))],
            _ => Vec::new(),
        },
        Group::Revert if component.acts => match (&facts.instructions, &facts.drafts) {
            (Some(instructions), _) => vec![(
                Action::Person { instructions: instructions.clone() },
                format!("a person puts {name} back and says so"),
            )],
            (None, Ok(drafts)) => drafts
                .iter()
                .map(|draft| (Action::Revert { effect: draft.effect.clone() }, draft.title.clone()))
                .collect(),
            (None, Err(_)) => Vec::new(),
        },
        Group::Recover if component.acts => match facts.recovery {
            Some(way @ Way::Merge) => {
                vec![(Action::Recover { way }, format!("take over what users wrote to {name}"))]
            }
            Some(way @ Way::Review) => {
                vec![(
                    Action::Recover { way },
                    format!("write what users wrote to {name} to files for a person"),
                )]
            }
            None => Vec::new(),
        },
        Group::Revert | Group::Recover => Vec::new(),
        Group::Prove
            if component.acts && capabilities.is_some_and(|capabilities| capabilities.holds_data) =>
        {
            vec![(Action::Prove, format!("prove the data of {name}"))]
        }
        Group::Prove => Vec::new(),
        Group::Reopen => {
            let mut steps = Vec::new();
            if let Some(Quiescence::Door { opening_restarts }) = door {
                if !opening_restarts && (component.restarts || component.acts) {
                    steps.push((
                        Action::Restart,
                        format!("restart {name}, so that it reads again what it reads"),
                    ));
                }
                steps.push((Action::Reopen, format!("open {name}")));
            }
            if component.acts {
                let then = facts.then.iter().enumerate();
                steps.extend(then.map(|(index, program)| (Action::Then { index }, format!("run {program}"))));
            }
            steps
        }
        Group::Verify => vec![(Action::Verify, format!("verify {name}"))],
        Group::Stage => Vec::new(),
    }
}

fn expectation(
    facts: Option<&ComponentFacts>,
    action: &Action,
    index: usize,
) -> (Option<crate::observation::Seen>, Option<crate::observation::Seen>) {
    let (Some(facts), Action::Revert { .. }) = (facts, action) else { return (None, None) };
    let Ok(drafts) = &facts.drafts else { return (None, None) };
    let from = match index.checked_sub(1).and_then(|earlier| drafts.get(earlier)) {
        Some(earlier) => earlier.leaves.clone(),
        None => facts.live.clone(),
    };
    let to = drafts.get(index).and_then(|draft| draft.leaves.clone()).unwrap_or_else(|| facts.saved.clone());
    (from, Some(to))
}
