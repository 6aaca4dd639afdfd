//! Every step with its tries and what was shown for it, and every doubt with how it was settled.

use backout_core::report::{RunReport, StepAccount, TryOutcome};

use crate::page::{Block, Cell, Look, Section, Text, Tone};
use crate::words::{lasting, many, offset};

pub fn section(run: &RunReport) -> Section {
    let since = |at: jiff::Timestamp| {
        offset(u64::try_from(at.as_millisecond().saturating_sub(run.began.as_millisecond())).unwrap_or(0))
    };
    let rows = run.steps.iter().map(|account| {
        let began = account.tries.first().map_or_else(|| "–".to_owned(), |one| since(one.began));
        vec![
            Cell::name(account.step.as_str()),
            Cell { lines: vec![Text::from(group(account))], look: group_look(account) },
            Cell::state(tone(account), account.state),
            Cell::plain(account.attempts().to_string()),
            Cell::time(began),
            Cell::time(account.millis().map_or_else(|| "–".to_owned(), lasting)),
            Cell::lines(evidence(account)),
        ]
    });
    let head = ["step", "group", "state", "attempts", "began", "took", "evidence"];
    let steps =
        Block::table("Every step of the plan, in its order", &head, rows.collect(), "The plan had no steps.");
    let doubts = run.steps.iter().flat_map(|account| {
        account.doubts.iter().map(|doubt| {
            let looks = doubt.looks.iter().map(|look| {
                let found = match look.happened {
                    Some(true) => "it had happened: ",
                    Some(false) => "it had not happened: ",
                    None => "",
                };
                Text::from(format!("{} {found}{}", since(look.at), look.looked))
            });
            let settled = match doubt.settled {
                Some(at) => Cell::state(Tone::Good, since(at)),
                None => Cell::state(Tone::Bad, "open"),
            };
            vec![
                Cell::name(account.step.as_str()),
                Cell::time(since(doubt.since)),
                Cell::plain(&doubt.cause),
                Cell::lines(looks.collect()),
                settled,
            ]
        })
    });
    let doubts = Block::table(
        "Doubts, and how they were settled",
        &["step", "since", "why", "looks", "settled"],
        doubts.collect(),
        "No step was ever in doubt.",
    );
    Section { heading: "Steps and evidence", anchor: "steps", blocks: vec![steps, doubts] }
}

fn group(account: &StepAccount) -> &'static str {
    account.group.map_or("–", backout_core::order::Group::as_str)
}

fn group_look(account: &StepAccount) -> Look {
    account.group.map_or(Look::Plain, Look::Group)
}

fn tone(account: &StepAccount) -> Tone {
    match account.state {
        "done" if account.is_unconfirmed() => Tone::Doubtful,
        "done" | "already there" | "found done" => Tone::Good,
        "failed" | "blocked" | "in doubt" => Tone::Bad,
        "accepted" | "asked" | "skipped" => Tone::Doubtful,
        _ => Tone::Plain,
    }
}

/// What was shown or found, one line a try, and why the step is where it is.
fn evidence(account: &StepAccount) -> Vec<Text> {
    let several = account.tries.len() > 1;
    let mut lines: Vec<Text> = Vec::new();
    for one in &account.tries {
        let (word, shown) = outcome(&one.outcome);
        let said = match (word, shown.as_str()) {
            (word, "") => word.to_owned(),
            ("done", shown) if !several => shown.to_owned(),
            (word, shown) => format!("{word}: {shown}"),
        };
        match (several, said.as_str()) {
            (true, said) => lines.push(Text::from(format!("{}. {said}", one.attempt))),
            (false, "done") => {}
            (false, said) => lines.push(Text::from(said)),
        }
    }
    match (account.state, &account.detail) {
        ("asked", Some(question)) => lines.push(Text::from(format!("a person is asked: {question}"))),
        ("skipped", Some(reason)) => lines.push(Text::from(format!("left out: {reason}"))),
        _ => {}
    }
    if !account.undone.is_empty() {
        let times = many(account.undone.len(), "time");
        lines.push(Text::from(format!("opened again {times} because the run stopped")));
    }
    lines
}

fn outcome(outcome: &TryOutcome) -> (&'static str, String) {
    match outcome {
        TryOutcome::UnderWay => ("under way", "no outcome is recorded yet".to_owned()),
        TryOutcome::Applied { evidence, confirmed: true } => ("done", evidence.clone()),
        TryOutcome::Applied { evidence, confirmed: false } => {
            ("done, and the look afterwards did not agree", evidence.clone())
        }
        TryOutcome::AlreadyThere => ("there already", String::new()),
        TryOutcome::Judged { verdict } => ("verdict", (*verdict).to_owned()),
        TryOutcome::Blocked { found } => ("blocked by something else that stood there", found.clone()),
        TryOutcome::Failed { cause } => ("failed, nothing happened", cause.clone()),
        TryOutcome::InDoubt { cause } => ("in doubt", cause.clone()),
    }
}
