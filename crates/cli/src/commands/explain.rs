//! `backout explain`: a page for a code, a kind, a probe, a field, a step or a command.

use backout_contract::Registry;
use backout_core::diagnostic::Diagnostic;
use backout_core::migration::{MANUAL, fields};
use backout_core::name::StepId;
use backout_core::order::Group;
use clap::{Args, CommandFactory};
use serde_json::Value;

use super::require::with_hint;
use super::resume::plan_of;
use crate::app::Context;
use crate::arguments::Cli;
use crate::codes;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::hints;
use crate::pages;
use crate::reading::Reading;
use crate::view;
use crate::wiring::registry;

/// Arguments of `backout explain`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A code (BK0101), a kind (sqlite.database), a probe, a field, a step (database.revert) or a command
    #[arg(value_name = "WHAT")]
    pub what: String,
}

/// Shows the page of what was named.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    let what = arguments.what.as_str();
    let registry = registry();
    if let Some(page) = pages::of_code(what) {
        view::page::show(context.output, what, page);
    } else if let Some(page) = kind(&registry, what) {
        view::page::show(context.output, what, &page);
    } else if let Some(page) = joined(step(context, what), field(&registry, what)) {
        view::page::show(context.output, what, &page);
    } else if what == "compare" {
        // More than its help: what is compared, how, and what that burdens.
        view::page::show(context.output, what, include_str!("../../../../docs/compare.md"));
    } else if let Some(command) = Cli::command().find_subcommand_mut(what) {
        let help = command.render_long_help();
        match context.output.json {
            true => view::page::show(context.output, what, &help.to_string()),
            false => view::page::help(context.output, &help),
        }
    } else {
        return Err(unknown(&registry, what));
    }
    Ok(Exit::Done)
}

/// `quiesce` is a group of steps and a field of some kinds.
fn joined(one: Option<String>, other: Option<String>) -> Option<String> {
    match (one, other) {
        (Some(one), Some(other)) => Some(format!("{one}\n{other}")),
        (one, other) => one.or(other),
    }
}

fn kind(registry: &Registry, what: &str) -> Option<String> {
    if what == MANUAL {
        return Some(include_str!("manual.md").to_owned());
    }
    let page = registry.driver(what).map(|driver| driver.page());
    let page = page.or_else(|| registry.probe(what).map(|probe| probe.page()))?;
    Some(page.page.to_owned())
}

/// A field of the file or of any component, and the keys of that name that kinds and probes have.
fn field(registry: &Registry, what: &str) -> Option<String> {
    let mut page = String::new();
    let (of, name) = what.rsplit_once('.').map_or((None, what), |(of, name)| (Some(of), name));
    if of.is_none()
        && let Some(field) = fields::find(name)
    {
        page.push_str(&format!("# {name}\n\n{}\n", field.description));
    }
    let kinds = registry.drivers().map(|driver| (driver.kind(), driver.schema()));
    let probes = registry.probes().map(|probe| (probe.kind(), probe.schema()));
    for (owner, schema) in kinds.chain(probes).filter(|(owner, _)| of.is_none_or(|of| of == *owner)) {
        if let Some(property) = schema.get("properties").and_then(|properties| properties.get(name)) {
            let said = property.get("description").and_then(Value::as_str).unwrap_or("(not described)");
            page.push_str(&format!(
                "{}# {name} of {owner}\n\n{said}\n",
                if page.is_empty() { "" } else { "\n" }
            ));
        }
    }
    (!page.is_empty()).then_some(page)
}

/// A step of the open or last run, or what steps of its group do.
fn step(context: &Context, what: &str) -> Option<String> {
    let group = what.split('.').rev().find_map(Group::of_step)?;
    let mut page = format!("# {what}\n\n{}\n", about(group));
    let known = || -> Option<String> {
        let migration = context.place().ok()?.load().ok()?;
        let life = Reading::whole(&migration.layout).ok()?;
        let run = life.runs.last()?;
        let id = StepId::new(what).ok()?;
        let state = run.steps.get(&id)?;
        let tools = migration.look(&life).ok()?;
        let plan = context.wait(async { Ok(plan_of(run, &tools).await) }).ok().flatten();
        let mut text = format!("\nIn run {} it is {}.\n", run.id, state.word());
        let planned = plan.as_ref().and_then(|plan| plan.step(&id));
        if let Some(step) = planned {
            text.push_str(&format!("It does this: {}.\n", step.title));
            for edge in &step.because {
                text.push_str(&format!("It comes after {}: {}.\n", edge.after, edge.rule.because()));
            }
        }
        Some(text)
    };
    page.push_str(&known().unwrap_or_default());
    Some(page)
}

fn about(group: Group) -> &'static str {
    match group {
        Group::Stage => {
            "Puts what was captured beside the live thing and proves it there, while users still come in, so that the door is \
             shut only as long as the exchange takes. Before every other step."
        }
        Group::Quiesce => {
            "Closes the component's door: it is stopped, or lets no more writers in, and returns when nobody is inside. \
             It is a guard: skipping it blocks what it guards."
        }
        Group::Revert => {
            "Puts back what was captured: one effect, absolute and idempotent. It looks first, and refuses when what \
             stands there is neither what the plan was made on nor what was saved. It starts nothing."
        }
        Group::Recover => {
            "Takes over what users wrote since the component was saved, each write once, or writes it to files for a person."
        }
        Group::Prove => {
            "Judges the data while the door is still shut, byte for byte where that can be. It is a guard: skipping it \
             blocks the opening."
        }
        Group::Reopen => "Opens the component's door again, or starts it, as it was when it was captured.",
        Group::Verify => {
            "Judges the component from outside once it is open, by a way that is independent of the call that changed \
             it, and takes the looks that `verify:` declares."
        }
    }
}

fn unknown(registry: &Registry, what: &str) -> Failure {
    let command = Cli::command();
    let known: Vec<String> = registry
        .drivers()
        .map(|driver| driver.kind().to_owned())
        .chain(registry.probes().map(|probe| probe.kind().to_owned()))
        .chain(fields::COMPONENT.iter().chain(fields::FILE).map(|field| field.name.to_owned()))
        .chain(
            command.get_subcommands().filter(|one| !one.is_hide_set()).map(|one| one.get_name().to_owned()),
        )
        .chain(pages::codes().map(str::to_owned))
        .collect();
    let found = Diagnostic::error(codes::UNKNOWN_NAME, format!("there is no page about `{what}`"))
        .hint("codes stand in brackets behind `error`; `backout drivers` lists the kinds, `backout --help` the commands");
    with_hint(found, hints::for_unknown(what, known.iter().map(String::as_str))).into()
}
