//! What is left to do, derived from facts. Owners and dates are for people to fill in.
//!
//! | # | fact | about |
//! |---|---|---|
//! | 1 | the journal cannot be followed to its end | journal |
//! | 2 | a step needs a person, and the run is not over | answer |
//! | 3 | the run is not over, and no step needs a person | resume |
//! | 4 | a door is shut still, or it is unclear | door |
//! | 5 | a component differs, cannot be told, or has steps and was not judged though the run is over | verdict |
//! | 6 | a step was left out | skipped |
//! | 7 | a person took a step as done | accepted |
//! | 8 | the look after a step did not agree with it | unconfirmed |
//! | 9 | conflicts are open; a later account replaces the run's | conflicts |
//! | 10 | writes wait in files; likewise | review |
//! | 11 | writes were recorded and not taken over, and the run will not come to it | recover |
//! | 12 | no rule takes some writes over | unmapped |
//! | 13 | writes are lost | loss |
//! | 14 | something was not recorded, or not always | gap |
//! | 15 | only a part was to go back | partial |
//! | 16 | displaced data is kept, and nobody committed or closed since | displaced |
//! | 17 | there was a run | cause, prevention, monitoring, communication, next try |
//! | 18 | there was no run, and some component could not be captured | capture |

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::happening::{Happening, Moment};
use super::step::StepAccount;
use super::{ChainSeen, Recorder, RunReport};
use crate::life::{Finish, RunLife, StepState};
use crate::name::{ComponentName, StepId};
use crate::observation::Verdict;
use crate::plan::Count;
use crate::writes::{Gap, Recovered};

/// Something that is left to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FollowUp {
    /// What kind of thing.
    pub about: About,
    /// Which component it concerns.
    pub component: Option<ComponentName>,
    /// Which step it concerns.
    pub step: Option<StepId>,
    /// What to do, one sentence without full stop.
    pub what: String,
    /// Who does it; always open, for people to fill in.
    pub owner: Option<String>,
    /// Until when; likewise.
    pub due: Option<String>,
}

/// What kind of thing is left to do; see the table of this module.
#[allow(missing_docs, reason = "the table above says more than a line each could")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    Journal,
    Answer,
    Resume,
    Door,
    Verdict,
    Skipped,
    Accepted,
    Unconfirmed,
    Conflicts,
    Review,
    Recover,
    Unmapped,
    Loss,
    Gap,
    Partial,
    Displaced,
    Cause,
    Prevention,
    Monitoring,
    Communication,
    NextTry,
    Capture,
}

/// What the follow-ups of a run are derived from.
pub(super) struct Facts<'a> {
    pub chain: &'a ChainSeen,
    pub run: &'a RunReport,
    pub life: &'a RunLife,
    pub recorders: &'a [Recorder],
    pub after: &'a [Moment],
    /// Accounts of `recover` after the run.
    pub recovered_since: &'a BTreeMap<ComponentName, Recovered>,
}

#[derive(Default)]
struct List(Vec<FollowUp>);

impl List {
    fn add(&mut self, about: About, component: Option<&ComponentName>, what: impl Into<String>) {
        let what = what.into();
        self.0.push(FollowUp {
            about,
            component: component.cloned(),
            step: None,
            what,
            owner: None,
            due: None,
        });
    }

    fn of_step(&mut self, about: About, account: &StepAccount, what: String) {
        let (component, step) = (account.component.clone(), Some(account.step.clone()));
        self.0.push(FollowUp { about, component, step, what, owner: None, due: None });
    }
}

/// What is left to do where there was no run.
pub(super) fn without_run(chain: &ChainSeen, before: &[Moment]) -> Vec<FollowUp> {
    let mut list = List::default();
    broken(&mut list, chain);
    let missed: BTreeSet<&ComponentName> = before
        .iter()
        .filter_map(|moment| match &moment.what {
            Happening::NotSeen { component, look: crate::journal::Look::Saved, .. } => Some(component),
            _ => None,
        })
        .collect();
    for component in missed {
        list.add(About::Capture, Some(component), format!("look whether {component} was captured after all"));
    }
    list.0
}

/// What is left to do after a run, or during one.
pub(super) fn of_run(facts: &Facts<'_>) -> Vec<FollowUp> {
    let mut list = List::default();
    broken(&mut list, facts.chain);
    unfinished(&mut list, facts);
    doors(&mut list, facts.run);
    verdicts(&mut list, facts);
    steps(&mut list, facts);
    writes(&mut list, facts);
    gaps(&mut list, facts);
    kept(&mut list, facts);
    always(&mut list, facts.run);
    list.0
}

fn broken(list: &mut List, chain: &ChainSeen) {
    if let Some(problem) = &chain.problem {
        list.add(About::Journal, None, format!("find out what became of the journal: {problem}"));
    }
}

fn unfinished(list: &mut List, facts: &Facts<'_>) {
    if facts.run.standing.over {
        return;
    }
    let mut asked = false;
    for account in &facts.run.steps {
        if facts.life.state(&account.step).needs_person() {
            asked = true;
            let detail = account.detail.as_deref().unwrap_or(account.state);
            let what = format!("say what becomes of {}: {detail}", account.step);
            list.of_step(About::Answer, account, what);
        }
    }
    if !asked {
        let what = format!("take run {} up again, or give it up", facts.run.id);
        list.add(About::Resume, None, what);
    }
}

fn doors(list: &mut List, run: &RunReport) {
    for door in &run.closed.doors {
        let name = &door.component;
        if door.still_shut {
            list.add(
                About::Door,
                Some(name),
                format!("open {name} again: nothing in the record says that it is open"),
            );
        } else if door.unclear {
            list.add(
                About::Door,
                Some(name),
                format!("look whether {name} is open: only some of its reopening steps are done"),
            );
        }
    }
}

fn verdicts(list: &mut List, facts: &Facts<'_>) {
    for judged in &facts.run.verdicts {
        let name = &judged.component;
        match &judged.verdict {
            Verdict::Restored => {}
            Verdict::Differs { what } => {
                list.add(About::Verdict, Some(name), format!("put right what differs at {name}: {what}"));
            }
            Verdict::Unknown { why } => {
                list.add(About::Verdict, Some(name), format!("look at {name} by other means: {why}"));
            }
        }
    }
    if facts.run.standing.over {
        let judged: BTreeSet<&ComponentName> = facts.run.verdicts.iter().map(|one| &one.component).collect();
        for one in facts.run.components.iter().filter(|one| one.steps > 0 && !judged.contains(&one.name)) {
            let name = &one.name;
            list.add(
                About::Verdict,
                Some(name),
                format!("look whether {name} is as it should be: nobody judged it"),
            );
        }
    }
}

fn steps(list: &mut List, facts: &Facts<'_>) {
    for account in &facts.run.steps {
        let step = &account.step;
        match facts.life.state(step) {
            StepState::Skipped { reason } => {
                let what = format!("do by hand, or do without, what was left out at {step}: {reason}");
                list.of_step(About::Skipped, account, what);
            }
            StepState::Done(Finish::Accepted) => {
                let what = format!("look at what a person took as done at {step}");
                list.of_step(About::Accepted, account, what);
            }
            _ if account.is_unconfirmed() => {
                let what = format!("look at {step}: the look after it did not agree");
                list.of_step(About::Unconfirmed, account, what);
            }
            _ => {}
        }
    }
}

fn writes(list: &mut List, facts: &Facts<'_>) {
    for account in &facts.run.cost.writes {
        let name = &account.component;
        let since = facts.recovered_since.get(name);
        if let Some(done) = since.or(account.recovered.as_ref()) {
            if done.open_conflicts > 0 {
                let what = format!("say which version stands, for {} rows of {name}", done.open_conflicts);
                list.add(About::Conflicts, Some(name), what);
            }
            if done.waiting > 0 {
                let files = done.files.join(", ");
                let place = if files.is_empty() { String::new() } else { format!(" in {files}") };
                let what = format!("go through {} writes to {name}{place}", done.waiting);
                list.add(About::Review, Some(name), what);
            }
            if done.unmapped > 0 {
                let what =
                    format!("say what becomes of {} writes to {name} that no rule takes over", done.unmapped);
                list.add(About::Unmapped, Some(name), what);
            }
        } else if account.waiting != Count::Exactly(0) {
            let what = format!(
                "take over what users wrote to {name}: {} writes are recorded and wait",
                account.waiting
            );
            list.add(About::Recover, Some(name), what);
        }
        let loses = !matches!(account.lost, Count::Exactly(0) | Count::AtLeast(0));
        if since.is_none() && account.recovered.is_none() && loses {
            let what = format!("tell whoever is concerned that {} writes to {name} are lost", account.lost);
            list.add(About::Loss, Some(name), what);
        }
    }
}

fn gaps<'a>(list: &mut List, facts: &Facts<'a>) {
    let mut seen: BTreeMap<(&ComponentName, &str), BTreeSet<&str>> = BTreeMap::new();
    let mut add = |component: &'a ComponentName, gap: &'a Gap| {
        seen.entry((component, &gap.why)).or_default().insert(&gap.table);
    };
    for recorder in facts.recorders {
        let coverage = &recorder.coverage;
        coverage.uncovered.iter().chain(&coverage.interrupted).for_each(|gap| add(&recorder.component, gap));
    }
    for account in &facts.run.cost.writes {
        account.counted.iter().flat_map(|counted| &counted.gaps).for_each(|gap| add(&account.component, gap));
    }
    for ((name, why), tables) in seen {
        let tables: Vec<&str> = tables.into_iter().collect();
        let what = format!("find out what was written to {} of {name} unrecorded: {why}", tables.join(", "));
        list.add(About::Gap, Some(name), what);
    }
}

fn kept(list: &mut List, facts: &Facts<'_>) {
    if facts.run.decision.is_partial() {
        list.add(About::Partial, None, "say what becomes of the components that did not go back");
    }
    let released =
        |moment: &Moment| matches!(moment.what, Happening::Committed { .. } | Happening::Closed { .. });
    if facts.after.iter().any(released) {
        return;
    }
    for kept in facts.run.kept.iter().filter(|kept| kept.displaced && kept.seen == "present") {
        let name = &kept.component;
        let what =
            format!("let go of the displaced data of {name}, once nobody needs it, with commit or close");
        list.add(About::Displaced, Some(name), what);
    }
}

fn always(list: &mut List, run: &RunReport) {
    for (about, what) in [
        (About::Cause, "find and write down the root cause"),
        (About::Prevention, "say what would have kept it from happening, and do it"),
        (About::Monitoring, "say which signal should have told earlier, and watch it"),
        (About::Communication, "tell those who were told of the migration how it ended"),
    ] {
        list.add(about, None, what);
    }
    if run.standing.over {
        list.add(
            About::NextTry,
            None,
            "decide whether and when the migration is tried again, and what changes in it first",
        );
    }
}
