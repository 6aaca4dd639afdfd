//! The one loop: take an event, write it, fold it, publish it, ask what is next, start it.
//!
//! It decides nothing (`core::next` does) and touches nothing (the units do), and it is the only writer of the
//! journal while a run is under way.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use backout_contract::{Stop, StopLevel};
use backout_core::journal::{Event, Request, Stance};
use backout_core::life::StepState;
use backout_core::name::{ComponentName, StepId};
use backout_core::next::{Command, Limits, next};
use backout_core::plan::Plan;
use tokio::sync::{mpsc, oneshot};

use super::before::keep_before;
use super::{Ending, Interrupt, doors, resolve, step};
use crate::assemble::Assembled;
use crate::book::Book;
use crate::look::find;
use crate::refusal::EngineError;
use crate::tools::Tools;

/// How often requests from other terminals are looked for.
const INBOX_EVERY: Duration = Duration::from_millis(200);

/// What a unit tells the dispatcher.
pub(super) enum Report {
    /// It is about to have an effect: write this durably, then let it go on.
    Intend(Vec<Event>, oneshot::Sender<()>),
    /// It is over.
    Over(StepId, Vec<Event>),
    /// A door was opened because the run stops, or could not be.
    Opened(ComponentName, Result<(), String>),
}

/// Drives the open run until it is closed, at rest, stuck or waiting.
pub(super) async fn drive(
    assembled: &Assembled,
    plan: &Plan,
    book: &mut Book,
    mut interrupts: mpsc::Receiver<Interrupt>,
    tools: &Tools,
) -> Result<Ending, EngineError> {
    keep_before(assembled, plan, book, tools).await?;
    backout_kit::failpoint!("before-kept");
    let steps = assembled.limit.unwrap_or(tools.limit).max(1);
    let limits = Limits { steps, per_kind: assembled.limit_per_kind.unwrap_or(steps).max(1) };
    let plan = Arc::new(plan.clone());
    let (reports, mut inbound) = mpsc::channel::<Report>(64);
    let (raise_stop, stop) = Stop::channel();
    let mut in_flight: BTreeSet<StepId> = BTreeSet::new();
    let mut opening = false;
    let mut inbox = tokio::time::interval(INBOX_EVERY);
    let mut may_interrupt = true;
    loop {
        if !opening {
            let run = book.life().open_run().ok_or_else(|| EngineError::Corrupt("the run is gone".into()))?;
            let commands = next(&plan, run, &in_flight, limits);
            if commands.is_empty() && in_flight.is_empty() {
                return ending(book);
            }
            for command in commands {
                match command {
                    Command::Start { step, attempt } => {
                        let run = run_of(book)?;
                        // What is started after a stop was asked for opens a door because of it.
                        let stop = if run.stop.is_some() { Stop::never() } else { stop.clone() };
                        let unit =
                            step::Unit::new(assembled, &plan, book.life(), &step, attempt, tools, &stop)?;
                        in_flight.insert(step);
                        tokio::spawn(unit.go(reports.clone()));
                    }
                    Command::Resolve(step) => {
                        let unit = step::Unit::new(assembled, &plan, book.life(), &step, 0, tools, &stop)?;
                        in_flight.insert(step);
                        tokio::spawn(resolve::go(unit, reports.clone()));
                    }
                    Command::Ask { step, question } => {
                        book.append(vec![Event::StepAsked { step, question }]).await?
                    }
                    Command::Reopen(component) => {
                        book.append(vec![Event::ReopenIntended { component: component.clone() }]).await?;
                        if let Some(part) = find(&assembled.parts, &component) {
                            opening = true;
                            let run = run_of(book)?.id.clone();
                            tokio::spawn(doors::open_door(
                                Arc::clone(part),
                                Arc::clone(&plan),
                                run,
                                tools.clone(),
                                reports.clone(),
                            ));
                        }
                    }
                    Command::Stuck(steps) => book.append(vec![Event::RunStuck { steps }]).await?,
                    Command::Rest(stance) => book.append(vec![Event::RunStopped { stance }]).await?,
                    Command::Close(outcome) => {
                        backout_kit::failpoint!("run-closing");
                        let run = run_of(book)?.id.clone();
                        book.append(vec![Event::RunClosed { outcome }]).await?;
                        return Ok(Ending::Closed { run, outcome });
                    }
                }
            }
            // Something was only written (asked, stuck, at rest): ask again what is next.
            if in_flight.is_empty() && !opening {
                continue;
            }
        }
        tokio::select! {
            biased;
            report = inbound.recv() => {
                let Some(first) = report else {
                    return Err(EngineError::Corrupt("the units are gone".into()));
                };
                take_reports(first, &mut inbound, &mut in_flight, &mut opening, book).await?;
            },
            interrupt = interrupts.recv(), if may_interrupt => match interrupt {
                Some(Interrupt::Finish) => {
                    raise_stop.send_replace(StopLevel::Finish);
                    if book.life().open_run().is_some_and(|run| run.stop.is_none()) {
                        book.append(vec![Event::StopRequested { stance: None, by: tools.actor.clone() }]).await?;
                    }
                }
                None => may_interrupt = false,
            },
            _ = inbox.tick() => {
                if take_requests(book, tools).await? {
                    raise_stop.send_replace(StopLevel::Finish);
                }
            }
        }
    }
}

fn run_of(book: &Book) -> Result<&backout_core::life::RunLife, EngineError> {
    book.life().open_run().ok_or_else(|| EngineError::Corrupt("the run is gone".into()))
}

/// Takes in one report and all that have come meanwhile: intents of steps that began side by side become durable
/// together, with one commit.
async fn take_reports(
    first: Report,
    inbound: &mut mpsc::Receiver<Report>,
    in_flight: &mut BTreeSet<StepId>,
    opening: &mut bool,
    book: &mut Book,
) -> Result<(), EngineError> {
    let mut intents = Vec::new();
    let mut waiting = Vec::new();
    let mut next = Some(first);
    while let Some(report) = next {
        match report {
            Report::Intend(events, go) => {
                intents.extend(events);
                waiting.push(go);
            }
            Report::Over(step, events) => {
                in_flight.remove(&step);
                book.note(events).await?;
                backout_kit::failpoint!("step-over");
            }
            Report::Opened(component, result) => {
                *opening = false;
                let event = match result {
                    Ok(()) => Event::Reopened { component },
                    // It was tried and would not open: rest with it shut.
                    Err(_) => Event::RunStopped { stance: Stance::StayClosed },
                };
                book.append(vec![event]).await?;
            }
        }
        next = inbound.try_recv().ok();
    }
    if !intents.is_empty() {
        book.append(intents).await?;
    }
    for go in waiting {
        backout_kit::failpoint!("step-intended");
        // The unit may have been ended with its runtime; then nobody waits.
        let _ = go.send(());
    }
    Ok(())
}

/// Takes requests out of the inbox: journaled first, removed after, so that one is neither lost nor taken twice.
/// Says whether a stop was among them.
async fn take_requests(book: &mut Book, tools: &Tools) -> Result<bool, EngineError> {
    let mut stopping = false;
    for posted in tools.inbox.waiting().await? {
        if !book.life().requests.contains(&posted.id) {
            let mut events = vec![Event::RequestTaken {
                request: posted.id.clone(),
                asks: posted.asks.clone(),
                by: posted.by.clone(),
            }];
            match posted.asks {
                Request::Stop { stance } => {
                    stopping = true;
                    events.push(Event::StopRequested { stance, by: posted.by });
                }
                Request::Choose { step, choice, reason } => {
                    let legal = book.life().open_run().is_some_and(|run| run.may_choose(&step, choice));
                    if legal {
                        events.push(Event::OperatorChose { step, choice, reason, by: posted.by });
                    }
                }
            }
            book.append(events).await?;
        }
        tools.inbox.remove(&posted.id).await?;
    }
    Ok(stopping)
}

fn ending(book: &Book) -> Result<Ending, EngineError> {
    let Some(run) = book.life().runs.last() else {
        return Err(EngineError::Corrupt("the run is gone".into()));
    };
    let id = run.id.clone();
    if let Some(outcome) = run.outcome {
        return Ok(Ending::Closed { run: id, outcome });
    }
    if let Some(stance) = run.at_rest {
        let paused = run.pause_before.clone().filter(|_| run.stop.is_none());
        return Ok(Ending::AtRest { run: id, stance, paused });
    }
    if !run.stuck.is_empty() {
        return Ok(Ending::Stuck { run: id, steps: run.stuck.clone() });
    }
    let asked = run
        .steps
        .iter()
        .filter_map(|(step, state)| match state {
            StepState::Asked { question } => Some((step.clone(), question.clone())),
            _ => None,
        })
        .collect();
    Ok(Ending::Waiting { run: id, asked })
}
