//! `backout check`: lints the file, and looks whether everything is there to go back with.

use std::sync::Arc;

use backout_contract::{Depth, ProbeLook, Stop};
use backout_core::diagnostic::Diagnostic;
use backout_core::life::Life;
use backout_core::name::ComponentName;
use backout_core::observation::Seen;
use backout_engine::{Part, Tools, advice, check_claims, look_all, saved_state};
use clap::Args;

use crate::app::Context;
use crate::codes;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::reading::Reading;
use crate::signals;
use crate::view::check::{Checked, show};
use crate::wiring::Migration;

/// Arguments of `backout check`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Read the file alone: run no program and open no connection
    #[arg(long)]
    pub offline: bool,
}

/// Checks.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    let place = context.place()?;
    let migration = match place.load() {
        Ok(migration) => migration,
        // What is wrong with the file is the answer, and not a failure to give one.
        Err(failure) if failure.source.is_some() => {
            show(
                context.output,
                &Checked {
                    migration: None,
                    file: &place.named,
                    source: failure.source.as_ref(),
                    components: 0,
                    phases: 0,
                    offline: true,
                    found: &failure.diagnostics,
                },
            );
            return Ok(failure.exit);
        }
        Err(failure) => return Err(failure),
    };
    let mut found = migration.assembled.warnings.clone();
    if !arguments.offline {
        let life = Reading::whole(&migration.layout)?;
        let tools = migration.look(&life)?;
        let looked = preflight(&migration, &life, &tools);
        let leftovers = Arc::clone(&tools.leftovers);
        found.extend(context.wait(signals::or_leave(looked, leftovers.as_ref(), context.output))?);
    }
    show(
        context.output,
        &Checked {
            migration: Some(migration.assembled.name.to_string()),
            file: &place.named,
            source: Some(&migration.file.source),
            components: migration.assembled.parts.len(),
            phases: migration.assembled.phases.len(),
            offline: arguments.offline,
            found: &found,
        },
    );
    let errors: Vec<Diagnostic> = found.into_iter().filter(Diagnostic::is_error).collect();
    Ok(if errors.is_empty() { Exit::Done } else { Failure::of(errors).exit })
}

/// Looks at every component, its claim, what going back with it would need, and its probes. Reads only.
async fn preflight(migration: &Migration, life: &Life, tools: &Tools) -> Vec<Diagnostic> {
    let parts: Vec<Arc<Part>> =
        migration.assembled.parts.iter().filter(|part| part.configured.is_some()).cloned().collect();
    let stop = Stop::never();
    let mut found = Vec::new();
    let looked = look_all(&parts, tools, Depth::Look, &stop).await;
    for one in &looked {
        if let Seen::Unreadable { cause } | Seen::Unreachable { cause } = &one.observation.seen {
            let (component, word) = (&one.observation.component, one.observation.seen.word());
            found.push(
                Diagnostic::error(codes::NOT_SEEN, format!("`{component}` is {word}"))
                    .because(cause.clone())
                    .hints(one.hints.clone()),
            );
        }
    }
    if life.checkpoint().is_none() {
        for (part, one) in parts.iter().zip(&looked) {
            if one.observation.seen == Seen::Absent {
                found.push(
                    Diagnostic::warning(codes::NOT_SEEN, format!("`{}` is not there", part.name))
                        .because(format!("nothing stands at {}", part.target))
                        .hint("if the migration makes it, going back puts it away; else correct the file"),
                );
            }
        }
    }
    let seen = |name: &ComponentName| {
        looked.iter().find(|one| one.observation.component == *name).map(|one| one.observation.seen.clone())
    };
    found.extend(check_claims(&parts, life, seen, tools).await);
    for (part, one) in parts.iter().zip(&looked) {
        if one.observation.seen.is_known() {
            found.extend(missing(part, life, tools, &stop).await);
            let said = advice(part, tools, &stop).await;
            found.extend(said.into_iter().map(|said| {
                Diagnostic::warning(
                    codes::ADVICE,
                    format!("`{}`: something to know before it is put back", part.name),
                )
                .because(said)
            }));
        }
    }
    for part in &migration.assembled.parts {
        found.extend(probes(part, tools, &stop).await);
    }
    found
}

/// Rights, space and tools that putting a component back would lack.
async fn missing(part: &Part, life: &Life, tools: &Tools, stop: &Stop) -> Vec<Diagnostic> {
    let Some(configured) = &part.configured else { return Vec::new() };
    let saved = life.checkpoint().and_then(|(_, checkpoint, _)| checkpoint.components.get(&part.name));
    // What is wrong with a checkpoint is for `checkpoint verify` to say.
    let blob = saved.and_then(|saved| saved.state);
    let state = saved_state(blob.as_ref(), &part.name, tools).await.unwrap_or_default();
    let data = saved.map(|saved| saved.data.clone()).unwrap_or_default();
    let context = tools.context(&part.name, None, "check", stop);
    let missing = match configured.connect(&context).await {
        Ok(session) => session.ready(&context, state.as_ref(), &data).await,
        Err(error) => Err(error),
    };
    let (list, hints) = match missing {
        Ok(list) => (list, Vec::new()),
        Err(error) => (vec![error.chain()], error.hints),
    };
    let name = &part.name;
    list.into_iter()
        .map(|what| {
            let found = Diagnostic::error(codes::NOT_READY, format!("`{name}` is not ready to be put back"));
            hints.iter().fold(found.because(what), |found, hint| found.hint(hint.clone()))
        })
        .collect()
}

/// What the declared looks say now. Before a migration all should be well; a look that is bad is worth a warning.
async fn probes(part: &Part, tools: &Tools, stop: &Stop) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let context = tools.context(&part.name, None, "check", stop);
    for (_, probe) in &part.verify {
        let describe = || format!("`{}`: {}", part.name, probe.describe());
        match probe.look(&context).await {
            Ok(ProbeLook::Ok { .. }) => {}
            Ok(ProbeLook::Bad { found: cause } | ProbeLook::Unknown { why: cause }) => {
                found.push(
                    Diagnostic::warning(codes::NOT_SEEN, format!("{} is not well", describe()))
                        .because(cause),
                );
            }
            Err(error) => {
                let cause = error.chain();
                let mut one =
                    Diagnostic::error(codes::NOT_SEEN, format!("{} cannot be looked at", describe()));
                one.hints = error.hints;
                found.push(one.because(cause));
            }
        }
    }
    found
}
