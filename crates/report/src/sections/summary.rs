//! The outcome, the numbers that everybody asks for first, and who decided what, and why.

use backout_core::plan::Count;
use backout_core::report::{Answer, Report, RunReport, State};

use crate::page::{Block, Figure, Section, Text, Tone};
use crate::words::{capital, count, lasting, many, moment, names, seconds};

pub fn section(report: &Report, run: &RunReport) -> Section {
    let mut blocks = vec![Block::Outcome {
        tone: tone(run),
        word: Text::from(capital(run.standing.state.word())),
        sentence: Text::from(&run.standing.sentence),
    }];
    if !run.standing.over {
        let text = format!(
            "This run is not over. What stands here ends with the last record, of {}.",
            moment(run.until)
        );
        blocks.push(Block::Notice(Tone::Doubtful, Text::from(text)));
    }
    if let Some(problem) = &report.chain.problem {
        let text =
            format!("The journal could not be followed to its end: {problem}. What came after is not told.");
        blocks.push(Block::Notice(Tone::Bad, Text::from(text)));
    }
    blocks.push(Block::Figures(figures(run)));
    blocks.push(Block::Facts(facts(report, run)));
    Section { heading: "Summary", anchor: "summary", blocks }
}

pub fn without_run(report: &Report) -> Section {
    let mut blocks = vec![Block::Outcome {
        tone: Tone::Plain,
        word: Text::from("No run yet"),
        sentence: Text::from(match report.migration {
            Some(_) => "Nothing was rolled back: the journal tells of no run.",
            None => "The journal is empty: nothing was captured and nothing was rolled back.",
        }),
    }];
    if let Some(problem) = &report.chain.problem {
        let text =
            format!("The journal could not be followed to its end: {problem}. What came after is not told.");
        blocks.push(Block::Notice(Tone::Bad, Text::from(text)));
    }
    Section { heading: "Summary", anchor: "summary", blocks }
}

/// What is restored and lost something all the same is no plain good news.
fn tone(run: &RunReport) -> Tone {
    let lost_nothing = run.cost.paid.lost.is_none_or(|lost| lost == Count::Exactly(0));
    match run.standing.state {
        State::Restored if lost_nothing => Tone::Good,
        State::NotVerified | State::Stuck => Tone::Bad,
        State::Restored | State::Abandoned | State::AtRest | State::WaitsForPerson | State::Open => {
            Tone::Doubtful
        }
    }
}

fn figures(run: &RunReport) -> Vec<Figure> {
    let figure = |label: &str, value: String, note: String, tone| Figure {
        label: Text::from(label),
        value: Text::from(value),
        note: Text::from(note),
        tone,
    };
    let paid = &run.cost.paid;
    let shut = run.closed.doors.iter().filter(|door| door.still_shut || door.unclear);
    let still = names(shut.map(|door| &door.component), "");
    let (closed, closed_note, closed_tone) = if run.closed.doors.is_empty() {
        ("none".to_owned(), "no door was shut".to_owned(), Tone::Plain)
    } else if still.is_empty() {
        (
            lasting(run.closed.millis),
            names(run.closed.doors.iter().map(|door| &door.component), ""),
            Tone::Plain,
        )
    } else {
        (lasting(run.closed.millis), format!("not known to be open: {still}"), Tone::Bad)
    };
    let zero = |found: Option<Count>| found == Some(Count::Exactly(0));
    let (lost_note, loss_tone) = match paid.lost {
        Some(Count::Exactly(0)) => ("", Tone::Good),
        Some(Count::Exactly(_)) => ("", Tone::Bad),
        Some(Count::AtLeast(0)) => ("not everything was recorded", Tone::Doubtful),
        Some(Count::AtLeast(_)) => ("not everything was recorded", Tone::Bad),
        Some(Count::Unknown) => ("cannot be told", Tone::Bad),
        None => ("no writes were counted", Tone::Plain),
    };
    let waiting_tone =
        if paid.waiting.is_none() || zero(paid.waiting) { Tone::Plain } else { Tone::Doubtful };
    let conflicts = match paid.conflicts {
        0 => String::new(),
        more => many(usize::try_from(more).unwrap_or(usize::MAX), "conflict"),
    };
    let pending = match paid.pending {
        None | Some(Count::Exactly(0)) => String::new(),
        Some(more) => format!("{} still to come", count(more)),
    };
    let paused = run.millis.saturating_sub(paid.working_millis);
    let took_note = match (paused, run.standing.over) {
        (0, true) => many(paid.steps, "step"),
        (0, false) => format!("{} of {} done so far", paid.steps_done, many(paid.steps, "step")),
        _ => format!("worked {}, waited {}", lasting(paid.working_millis), lasting(paused)),
    };
    vec![
        figure("Doors shut", closed, closed_note, closed_tone),
        figure("Writes lost", figure_of(paid.lost), lost_note.to_owned(), loss_tone),
        figure("Writes saved", figure_of(paid.saved), pending, Tone::Plain),
        figure("Waiting for a person", figure_of(paid.waiting), conflicts, waiting_tone),
        figure(
            if run.standing.over { "Took" } else { "So far" },
            lasting(run.millis),
            took_note,
            Tone::Plain,
        ),
    ]
}

fn figure_of(found: Option<Count>) -> String {
    found.map_or_else(|| "–".to_owned(), count)
}

fn facts(report: &Report, run: &RunReport) -> Vec<(Text, Vec<Text>)> {
    let decision = &run.decision;
    let to = match (&decision.before_run, decision.sealed) {
        (Some(before), _) => format!("{}: the state before run {before}", decision.to),
        (None, Some(sealed)) => format!("checkpoint {}, sealed {}", decision.to, moment(sealed)),
        (None, None) => format!("checkpoint {}", decision.to),
    };
    let touched: Vec<String> = run
        .components
        .iter()
        .filter(|one| one.steps > 0)
        .map(|one| {
            one.kind.as_ref().map_or_else(|| one.name.to_string(), |kind| format!("{} ({kind})", one.name))
        })
        .collect();
    let untouched = run.components.iter().filter(|one| one.steps == 0).map(|one| &one.name);
    let mut facts: Vec<(&str, Vec<String>)> = vec![
        ("Migration", vec![names(report.migration.iter(), "unknown")]),
        ("Decided by", vec![format!("{}, at {}", decision.by, moment(run.began))]),
        ("Reason", vec![decision.reason.clone().unwrap_or_else(|| "no reason is recorded".to_owned())]),
        ("Goes back to", vec![to]),
        ("Scope", vec![scope(run)]),
        ("Bound", vec![bound(run)]),
        ("Components", vec![names(touched, "none")]),
        ("Not touched", vec![names(untouched, "")]),
        ("Began", vec![moment(run.began)]),
        ("Ended", vec![ended(run)]),
        ("Doors shut", doors(run)),
        ("Writes", vec![writes(run)]),
        ("Program", vec![format!("backout {}", decision.version)]),
    ];
    if run.clock_went_back {
        facts.push((
            "Clock",
            vec!["a clock went backwards during the run; times are corrected upwards".to_owned()],
        ));
    }
    facts
        .into_iter()
        .filter(|(_, values)| values.iter().any(|value| !value.is_empty()))
        .map(|(name, values)| (Text::from(name), values.into_iter().map(Text::from).collect()))
        .collect()
}

fn bound(run: &RunReport) -> String {
    let most = run.decision.most_lost;
    match most {
        None => String::new(),
        Some(0) => "no step begins that would lose any write".to_owned(),
        Some(most) => format!("no step begins that would lose more than {most} writes"),
    }
}

fn scope(run: &RunReport) -> String {
    let partial = run.answers.iter().find_map(|one| match &one.answer {
        Answer::Only { components } => {
            Some(format!("only {}, and what that pulls in", names(components, "")))
        }
        Answer::Phase { phase } => Some(format!("only phase {phase}, and what that pulls in")),
        _ => None,
    });
    match (partial, &run.decision.choices) {
        (Some(partial), _) => partial,
        (None, Some(_)) => "everything that was captured and had changed".to_owned(),
        (None, None) => "not recorded by the version that ran".to_owned(),
    }
}

fn ended(run: &RunReport) -> String {
    match run.ended {
        Some(ended) => format!("{}, after {} ({})", moment(ended), lasting(run.millis), seconds(run.millis)),
        None => format!("this run is not over; the last record is of {}", moment(run.until)),
    }
}

fn doors(run: &RunReport) -> Vec<String> {
    let Some(first) = run.closed.first_shut else { return vec!["no door was shut".to_owned()] };
    let until = run.closed.last_open.map_or_else(
        || "on, and not known to be open again".to_owned(),
        |last| format!("to {}", moment(last)),
    );
    let closed = &run.closed;
    let mut lines = vec![
        format!("{} ({}) in all", lasting(closed.millis), seconds(closed.millis)),
        format!("from {} {until}: {}", moment(first), seconds(closed.span_millis)),
    ];
    lines.extend(run.closed.doors.iter().map(|door| {
        let state = match (door.still_shut, door.unclear) {
            (true, _) => ", shut still",
            (_, true) => ", unclear whether it is open",
            _ => "",
        };
        format!("{}: {}{state}", door.component, seconds(door.millis))
    }));
    lines
}

fn writes(run: &RunReport) -> String {
    let paid = &run.cost.paid;
    match (paid.lost, paid.saved, paid.waiting) {
        (Some(lost), Some(saved), Some(waiting)) => format!(
            "lost: {}; saved: {}; waiting for a person: {}; conflicts: {}",
            count(lost),
            count(saved),
            count(waiting),
            paid.conflicts
        ),
        _ => "none were counted by this run".to_owned(),
    }
}
