//! `backout arm` and `backout disarm`: recorders in place before the capture, and away again.

use backout_core::migration::Writes;
use backout_core::name::ComponentName;
use backout_core::writes::Coverage;
use backout_engine::Part;

use super::require;
use crate::app::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::view::words::counted;
use crate::view::{Line, Output, notice};
use crate::wiring::Migration;

/// Arms.
pub fn arm(context: &Context) -> Result<Exit, Failure> {
    let migration = context.load()?;
    let placed = context.wait(async {
        let mut writing = migration.write("arm", false).await?;
        require::no_open_run(writing.book.life())?;
        let tools = writing.tools.clone();
        let placed = backout_engine::arm(&migration.assembled, &mut writing.book, &tools).await?;
        writing.close().await?;
        Ok(placed)
    })?;
    notice::done(context.output, "armed");
    for (component, coverage) in &placed {
        recorded(context.output, component, coverage);
    }
    let others = not_recorded(&migration);
    if placed.is_empty() && others.is_empty() {
        notice::say(
            context.output,
            "no component holds data that users write, so nothing had to be prepared",
        );
    }
    for line in others {
        notice::say(context.output, line);
    }
    notice::say(context.output, "next: backout capture");
    Ok(Exit::Done)
}

/// Undoes it.
pub fn disarm(context: &Context) -> Result<Exit, Failure> {
    let migration = context.load()?;
    require::state(&migration.layout)?;
    let removed = context.wait(async {
        let mut writing = migration.write("disarm", false).await?;
        require::no_open_run(writing.book.life())?;
        let tools = writing.tools.clone();
        let removed = backout_engine::disarm(&migration.assembled, &mut writing.book, &tools).await?;
        writing.close().await?;
        Ok(removed)
    })?;
    notice::done(context.output, "disarmed");
    match removed.len() {
        0 => notice::say(context.output, "nothing was recording, so nothing had to be stopped"),
        _ => {
            let names: Vec<&str> = removed.iter().map(|name| name.as_str()).collect();
            notice::say(
                context.output,
                format!("  {}: what users write is no longer recorded", names.join(", ")),
            );
        }
    }
    Ok(Exit::Done)
}

/// What the recorders of one component record.
pub fn recorded(output: Output, component: &ComponentName, coverage: &Coverage) {
    let said = match coverage.covered.len() {
        0 => "no table is recorded".to_owned(),
        covered => {
            let tables = counted(covered, "table");
            format!("every write to {tables} is recorded, proven by a marker write")
        }
    };
    notice::say(output, format!("  {component}: {said}"));
    for gap in &coverage.uncovered {
        warn(output, format!("{component}: {} is not recorded: {}", gap.table, gap.why));
    }
    for gap in &coverage.interrupted {
        notice::say(output, format!("  {component}: {}: {}", gap.table, gap.why));
    }
    for note in &coverage.notes {
        notice::say(output, format!("  {component}: {note}"));
    }
}

fn warn(output: Output, text: String) {
    if !output.json {
        output.aside(Line::new().doubtful("warning").plain(format!(": {text}")));
    }
}

/// What becomes of writes to data that nobody records.
fn not_recorded(migration: &Migration) -> Vec<String> {
    let holding = |part: &&std::sync::Arc<Part>| {
        part.capabilities()
            .is_some_and(|capabilities| capabilities.holds_data && !capabilities.records_writes)
    };
    let parts = migration.assembled.parts.iter().filter(holding);
    parts
        .map(|part| {
            let becomes = match part.writes {
                Some(Writes::AcceptLoss) => "are given up when it goes back, as declared",
                _ => "are kept aside with the whole when it goes back, if its kind can",
            };
            format!("  {}: its kind does not record; writes after the capture {becomes}", part.name)
        })
        .collect()
}
