//! `backout status`: where the migration stands. Works beside a live writer, on a read-only folder, and on a broken
//! journal as far as it can be read.

use backout_core::life::{Legal, Life, StepState, legal_next};
use backout_store::{Layout, Standing};

use super::require::phase_states;
use crate::app::Context;
use crate::exit::Exit;
use crate::failure::{Failure, chain};
use crate::reading::{Reading, holder, manifest_problem};
use crate::view::failure::aside;
use crate::view::status::{Situation, show};
use crate::wiring::Migration;

/// Shows it.
pub fn run(context: &Context) -> Result<Exit, Failure> {
    let place = context.place()?;
    let (migration, trouble) = match place.load() {
        Ok(migration) => (Some(migration), None),
        Err(failure) => (None, Some(failure)),
    };
    let layout = migration.as_ref().map_or_else(|| place.layout(), |migration| migration.layout.clone());
    if let Some(failure) = trouble {
        if !layout.exists() {
            return Err(failure);
        }
        // The state is worth seeing whatever happened to the file.
        aside(context.output, &failure.diagnostics, failure.source.as_ref());
    }
    let broken = display(context, migration.as_ref(), &layout);
    Ok(if broken { Exit::Failed } else { Exit::Done })
}

/// Shows where a migration stands; says whether its journal is broken.
pub fn display(context: &Context, migration: Option<&Migration>, layout: &Layout) -> bool {
    let Reading { life, problem } = Reading::of(layout);
    let phases = migration.map(|migration| phase_states(migration, &life)).unwrap_or_default();
    let holder = holder(layout).filter(|(_, standing)| {
        // Of one that has ended only an unfinished run is worth a word.
        !matches!(standing, Standing::Ended | Standing::Restarted) || life.open_run().is_some()
    });
    let live = holder.as_ref().is_some_and(|(_, standing)| *standing == Standing::Running);
    let states: Vec<_> = phases.iter().map(|(_, _, state)| *state).collect();
    let next = match &problem {
        Some(_) => vec![Legal { command: "log --verify", does: "see at which record it breaks" }],
        None => next(&life, legal_next(&life, &states), live),
    };
    let broken = problem.is_some();
    show(
        context.output,
        &Situation {
            migration: migration
                .map(|migration| migration.assembled.name.to_string())
                .or_else(|| life.migration.as_ref().map(ToString::to_string)),
            phases,
            holder,
            next,
            warnings: warnings(migration, layout, &life),
            problem: problem.map(|problem| chain(&problem)),
            life: &life,
        },
    );
    broken
}

/// While a process carries the run, others can only watch it or ask it to stop; once it is gone, there is nobody to
/// ask.
fn next(life: &Life, legal: Vec<Legal>, live: bool) -> Vec<Legal> {
    match (life.open_run().is_some(), live) {
        (true, true) => vec![
            Legal { command: "log --follow", does: "watch what happens" },
            Legal { command: "stop", does: "bring the run to rest at a safe border" },
        ],
        (true, false) => {
            let answer =
                Legal { command: "step STEP accept --reason R", does: "say that a person has done the step" };
            let asked = life
                .open_run()
                .is_some_and(|run| run.steps.values().any(|state| matches!(state, StepState::Asked { .. })));
            let rest = legal.into_iter().filter(|one| one.command != "stop");
            asked.then_some(answer).into_iter().filter(|_| !is_stuck(life)).chain(rest).collect()
        }
        (false, _) => legal,
    }
}

/// A stuck run lists the ways on of each step anyway.
fn is_stuck(life: &Life) -> bool {
    life.open_run().is_some_and(|run| !run.stuck.is_empty())
}

fn warnings(migration: Option<&Migration>, layout: &Layout, life: &Life) -> Vec<String> {
    let mut warnings = Vec::new();
    let Some((id, checkpoint, _)) = life.checkpoint() else { return warnings };
    if migration.is_some_and(|migration| migration.assembled.digest != checkpoint.file) {
        warnings.push(format!("the migration file is not the one that checkpoint {id} was captured with"));
    }
    if let Some(problem) = manifest_problem(layout, life, id) {
        warnings.push(problem.summary);
    }
    warnings
}
