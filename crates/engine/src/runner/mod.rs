//! Carries a plan out: opens a run, keeps the state before it, and drives it to its end or to rest.

mod before;
mod dispatcher;
mod doors;
mod judging;
mod recover;
mod resolve;
mod revert;
mod step;

use backout_core::diagnostic::Diagnostic;
use backout_core::journal::{Event, Outcome, Stance};
use backout_core::life::RunLife;
use backout_core::name::{ComponentName, RunId, StepId};
use backout_core::plan::{Plan, Step};
use tokio::sync::mpsc;

use crate::assemble::Assembled;
use crate::book::Book;
use crate::capture::refuse_open_run;
use crate::claims::{refuse_claimed_elsewhere, renew_claims};
use crate::codes::{NO_RUN, STALE, TOO_DEAR, UNANSWERED};
use crate::gate::gate;
use crate::preview::PreviewInput;
use crate::refusal::{EngineError, Refusal};
use crate::tools::Tools;

/// Somebody at this terminal asks the run to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupt {
    /// At a safe border.
    Finish,
}

/// How a run shall go.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// Pause before this step.
    pub pause_before: Option<StepId>,
    /// Claim again targets that lost their marker.
    pub reclaim: bool,
    /// Most writes that may be lost; none is whatever the plan said. Where the count grows above it before a component
    /// is put back, its step does not begin.
    pub accept_loss: Option<u64>,
    /// Why it was decided.
    pub reason: Option<String>,
    /// The plan was made by this very command and nobody was waited for since, so it need not be made again to
    /// find out whether it is stale. Each step still looks before it acts.
    pub just_made: bool,
}

/// How a run ended, as far as this process is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// There was nothing to do, and it was looked at.
    NothingToDo,
    /// It is over.
    Closed {
        /// Which run.
        run: RunId,
        /// How.
        outcome: Outcome,
    },
    /// It came to rest at a safe border.
    AtRest {
        /// Which run.
        run: RunId,
        /// What doors did.
        stance: Stance,
        /// The step it pauses before, if it was asked to.
        paused: Option<StepId>,
    },
    /// It needs a person.
    Stuck {
        /// Which run.
        run: RunId,
        /// At which steps.
        steps: Vec<StepId>,
    },
    /// It waits for an answer.
    Waiting {
        /// Which run.
        run: RunId,
        /// For which steps, and what was asked.
        asked: Vec<(StepId, String)>,
    },
}

/// Carries a plan out. The plan is made afresh first: one whose shape has moved is refused as stale, one whose data
/// merely grew is not.
///
/// # Errors
/// Refused before anything was changed: another run is open, the plan is stale, wants answers, is too dear, or
/// something it leans on is not ready. After that only the journal or the vault can fail.
pub async fn run(
    assembled: &Assembled,
    plan: &Plan,
    options: RunOptions,
    book: &mut Book,
    interrupts: mpsc::Receiver<Interrupt>,
    tools: &Tools,
) -> Result<Ending, EngineError> {
    refuse_open_run(book)?;
    let fresh = if options.just_made {
        plan.clone()
    } else {
        let input = PreviewInput { choices: given_choices(plan) };
        let fresh = crate::preview::preview(assembled, book.life(), input, tools).await?;
        refuse_moved(plan, &fresh)?;
        fresh
    };
    refuse_questions(&fresh)?;
    refuse_price(&fresh, &options)?;
    if let Some(step) = options.pause_before.as_ref().filter(|step| fresh.step(step).is_none()) {
        return Err(EngineError::Invalid(vec![no_such_step(step, &fresh)]));
    }
    if fresh.is_empty() {
        return Ok(Ending::NothingToDo);
    }
    let problems = gate(assembled, &fresh, book.life(), tools, options.reclaim).await?;
    if !problems.is_empty() {
        return Err(Refusal { diagnostics: problems }.into());
    }
    let id = RunId::new(&book.life().next_run()).map_err(|cause| EngineError::Corrupt(cause.to_string()))?;
    let text = serde_json::to_vec(&fresh).map_err(|cause| EngineError::Corrupt(cause.to_string()))?;
    let blob = tools.vault.put(&text).await?;
    backout_kit::failpoint!("run-opening");
    let opened = Event::RunOpened {
        run: id.clone(),
        plan: blob,
        shape: fresh.shape(),
        checkpoint: fresh.checkpoint.clone(),
        steps: fresh.steps.iter().map(|step| step.id.clone()).collect(),
        pause_before: options.pause_before,
        reason: options.reason,
        choices: Some(fresh.choices.clone()),
        price: Some(Box::new(fresh.price.clone())),
        most_lost: options.accept_loss,
        by: tools.actor.clone(),
        version: tools.version.clone(),
    };
    book.append(vec![opened]).await?;
    backout_kit::failpoint!("run-opened");
    let parts = taking_part(assembled, &fresh);
    renew_claims(&parts, book, Some(&id), tools).await?;
    dispatcher::drive(assembled, &fresh, book, interrupts, tools).await
}

/// Takes a run up again. What was under way when its process ended is in doubt, and looked at first.
///
/// # Errors
/// Refused when there is no open run, or when a piece of the checkpoint that is still needed is damaged.
pub async fn resume(
    assembled: &Assembled,
    book: &mut Book,
    interrupts: mpsc::Receiver<Interrupt>,
    tools: &Tools,
) -> Result<Ending, EngineError> {
    take_up(assembled, book, Vec::new(), interrupts, tools).await
}

/// Brings a run whose process has ended to rest: what is in doubt is looked at, doors open as far as the stance and
/// the ground under them allow, and no step begins.
///
/// # Errors
/// As for [`resume`].
pub async fn rest(
    assembled: &Assembled,
    book: &mut Book,
    stance: Option<Stance>,
    tools: &Tools,
) -> Result<Ending, EngineError> {
    let stop = Event::StopRequested { stance, by: tools.actor.clone() };
    // Nobody at this terminal interrupts what is a stop already.
    let (_, interrupts) = mpsc::channel(1);
    take_up(assembled, book, vec![stop], interrupts, tools).await
}

async fn take_up(
    assembled: &Assembled,
    book: &mut Book,
    with: Vec<Event>,
    interrupts: mpsc::Receiver<Interrupt>,
    tools: &Tools,
) -> Result<Ending, EngineError> {
    let Some(open) = book.life().open_run() else {
        return Err(EngineError::refused(
            Diagnostic::error(NO_RUN, "there is no run to go on with")
                .because("the last run is over, or none was begun")
                .hint("see where the migration stands: backout status"),
        ));
    };
    let plan = load_plan(open, tools).await?;
    // First of all: in a copied folder, what looks like a child of the dead run may be the original's.
    refuse_claimed_elsewhere(&taking_part(assembled, &plan), book.life(), tools).await?;
    tools.leftovers.end_all().await;
    let needed = plan.acting().map(|component| component.name.clone()).collect();
    let problems =
        crate::gate::checkpoint_problems(book.life(), &plan.checkpoint, Some(&needed), tools).await?;
    if !problems.is_empty() {
        return Err(Refusal { diagnostics: problems }.into());
    }
    let mut events = vec![Event::RunResumed { by: tools.actor.clone(), version: tools.version.clone() }];
    events.extend(with);
    book.append(events).await?;
    backout_kit::failpoint!("run-resumed");
    dispatcher::drive(assembled, &plan, book, interrupts, tools).await
}

/// Reads a run's plan back.
///
/// # Errors
/// When the vault cannot give it, or it was written by a newer version.
pub(crate) async fn load_plan(run: &RunLife, tools: &Tools) -> Result<Plan, EngineError> {
    let bytes = tools.vault.get(&run.plan).await?;
    let plan: Plan = serde_json::from_slice(&bytes).map_err(|cause| {
        EngineError::Corrupt(format!("the plan of run {} cannot be read: {cause}", run.id))
    })?;
    if plan.format > backout_core::plan::FORMAT {
        return Err(EngineError::Corrupt(format!(
            "the plan of run {} was written by a newer version",
            run.id
        )));
    }
    if plan.shape() != run.shape {
        return Err(EngineError::Corrupt(format!(
            "the plan of run {} is not the one that was opened",
            run.id
        )));
    }
    Ok(plan)
}

/// The components that a plan touches.
pub(crate) fn taking_part(assembled: &Assembled, plan: &Plan) -> Vec<std::sync::Arc<crate::assemble::Part>> {
    let touched = |name: &ComponentName| plan.steps.iter().any(|step: &Step| step.component == *name);
    assembled.parts.iter().filter(|part| part.configured.is_some() && touched(&part.name)).cloned().collect()
}

/// The choices as the person gave them; those of a phase were spelled out by name when the plan was made.
fn given_choices(plan: &Plan) -> backout_core::plan::Choices {
    let mut choices = plan.choices.clone();
    if choices.phase.is_some() {
        choices.only.clear();
    }
    choices
}

fn refuse_moved(plan: &Plan, fresh: &Plan) -> Result<(), EngineError> {
    if plan.shape() == fresh.shape() {
        return Ok(());
    }
    let moved: Vec<String> = fresh
        .components
        .iter()
        .filter(|now| {
            plan.component(&now.name).is_none_or(|then| {
                then.decision.course != now.decision.course
                    || match (&then.live, &now.live) {
                        (Some(then), Some(now)) => !then.same_shape(now),
                        (then, now) => then != now,
                    }
            })
        })
        .map(|component| format!("`{}`", component.name))
        .collect();
    let cause = if plan.seal != fresh.seal {
        format!(
            "it goes back to the checkpoint with the seal {}, and the current one has {}",
            plan.seal.short(),
            fresh.seal.short()
        )
    } else if moved.is_empty() {
        "the migration file, the checkpoint or the steps are not those of the plan".to_owned()
    } else {
        format!("these are not as they were when the plan was made: {}", moved.join(", "))
    };
    Err(EngineError::refused(
        Diagnostic::error(STALE, "the plan is stale")
            .because(cause)
            .hint("make it again and look: backout plan"),
    ))
}

fn refuse_questions(plan: &Plan) -> Result<(), EngineError> {
    if plan.questions.is_empty() {
        return Ok(());
    }
    let diagnostics = plan
        .questions
        .iter()
        .map(|question| {
            question.answers.iter().fold(
                Diagnostic::error(UNANSWERED, format!("`{}` needs an answer", question.component))
                    .because(question.question.clone()),
                |diagnostic, answer| diagnostic.hint(answer.clone()),
            )
        })
        .collect();
    Err(Refusal { diagnostics }.into())
}

fn refuse_price(plan: &Plan, options: &RunOptions) -> Result<(), EngineError> {
    match options.accept_loss {
        Some(bound) if !plan.price.lost.is_within(bound) => Err(EngineError::refused(
            Diagnostic::error(TOO_DEAR, "the price is above what was accepted")
                .because(format!("going back would lose {} writes; accepted were {bound}", plan.price.lost))
                .hint("look at the price again: backout plan"),
        )),
        _ => Ok(()),
    }
}

fn no_such_step(step: &StepId, plan: &Plan) -> Diagnostic {
    let known: Vec<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
    Diagnostic::error(backout_core::plan::NO_SUCH_COMPONENT, format!("the plan has no step `{step}`"))
        .hint(format!("steps: {}", known.join(", ")))
}
