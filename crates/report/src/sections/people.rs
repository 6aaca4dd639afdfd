//! What people said, which processes carried the run, and what was kept of the state before it.

use backout_core::journal::{Choice, Stance};
use backout_core::report::{Answer, Carried, RunReport};

use crate::page::{Block, Cell, Section};
use crate::words::{moment, names};

pub fn section(run: &RunReport) -> Section {
    let by = |actor: &Option<backout_core::journal::Actor>| {
        actor.as_ref().map_or_else(|| "not recorded".to_owned(), ToString::to_string)
    };
    let answers = run.answers.iter().map(|one| {
        let (what, why) = answer(&one.answer);
        vec![Cell::time(moment(one.at)), Cell::name(by(&one.by)), Cell::plain(what), Cell::plain(why)]
    });
    let answers = Block::table(
        "Answers and choices",
        &["time", "who", "what", "why"],
        answers.collect(),
        "Nobody answered or chose anything.",
    );
    let holders = run.holders.iter().map(|one| {
        let how = match one.how {
            Carried::Opened => "opened it",
            Carried::Resumed => "took it up again",
            Carried::TookOver => "took it over",
            Carried::GaveUp => "gave it up",
        };
        vec![
            Cell::time(moment(one.at)),
            Cell::name(by(&one.by)),
            Cell::plain(how),
            Cell::plain(one.version.clone().unwrap_or_else(|| "not recorded".to_owned())),
            Cell::plain(one.epoch.to_string()),
        ]
    });
    let holders = Block::table(
        "Who held the run",
        &["time", "who", "how", "version", "epoch"],
        holders.collect(),
        "Nobody held the run.",
    );
    let kept = run.kept.iter().map(|one| {
        let how = if one.displaced { "the displaced thing is the copy" } else { "a copy lies in the vault" };
        vec![Cell::name(one.component.as_str()), Cell::plain(one.seen), Cell::plain(how)]
    });
    let kept = Block::table(
        "State before the run",
        &["component", "was", "how it was kept"],
        kept.collect(),
        "Nothing was kept of the state before the run.",
    );
    let approvals = match run.approvals.as_slice() {
        [] => "Approvals: none. This version asks for none; whoever may write the journal may roll back."
            .to_owned(),
        some => format!("Approvals: {}", names(some, "")),
    };
    let blocks = vec![answers, Block::paragraph(approvals), holders, kept];
    Section { heading: "People and processes", anchor: "people", blocks }
}

fn answer(answer: &Answer) -> (String, String) {
    let plain = |what: String| (what, String::new());
    match answer {
        Answer::To { checkpoint } => plain(format!("go back to {checkpoint}")),
        Answer::Only { components } => plain(format!("put back only {}", names(components, ""))),
        Answer::Phase { phase } => plain(format!("put back only phase {phase}")),
        Answer::Keep { component } => plain(format!("keep {component} as it stands")),
        Answer::Overwrite { component } => plain(format!("overwrite {component}, whoever changed it")),
        Answer::PauseBefore { step } => plain(format!("pause before {step}")),
        Answer::Choose { step, choice, reason } => {
            let word = match choice {
                Choice::Retry => "try again",
                Choice::Skip => "leave out",
                Choice::Accept => "take as done",
            };
            (format!("{word}: {step}"), reason.clone())
        }
        Answer::Stop { stance } => plain(match stance {
            None => "stop at a safe border".to_owned(),
            Some(Stance::Reopen) => "stop at a safe border, and open what can be opened".to_owned(),
            Some(Stance::StayClosed) => "stop at a safe border, and leave doors shut".to_owned(),
        }),
        Answer::Abandon => plain("give the run up".to_owned()),
    }
}
