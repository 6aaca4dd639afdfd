//! `backout arm` and `backout disarm`. Recorders come in a later version; until then arming records that it was
//! done, and says plainly what that does and does not prepare.

use backout_core::journal::Event;
use backout_core::migration::Writes;

use super::require;
use crate::app::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::view::notice;
use crate::wiring::{Migration, actor};

/// Arms.
pub fn arm(context: &Context) -> Result<Exit, Failure> {
    let migration = context.load()?;
    record(context, &migration, "arm", Event::Armed { by: actor() })?;
    notice::done(context.output, "armed");
    for line in prepared(&migration) {
        notice::say(context.output, line);
    }
    notice::say(context.output, "next: backout capture");
    Ok(Exit::Done)
}

/// Undoes it.
pub fn disarm(context: &Context) -> Result<Exit, Failure> {
    let migration = context.load()?;
    require::state(&migration.layout)?;
    record(context, &migration, "disarm", Event::Disarmed { by: actor() })?;
    notice::done(context.output, "disarmed");
    notice::say(context.output, "nothing was recording, so nothing had to be stopped");
    Ok(Exit::Done)
}

fn record(context: &Context, migration: &Migration, verb: &str, event: Event) -> Result<(), Failure> {
    context.wait(async {
        let mut writing = migration.write(verb, false).await?;
        require::no_open_run(writing.book.life())?;
        writing.book.append(vec![event]).await?;
        writing.close().await
    })
}

/// What arming means for each component with data.
fn prepared(migration: &Migration) -> Vec<String> {
    let holding: Vec<_> = migration
        .assembled
        .parts
        .iter()
        .filter(|part| part.capabilities().is_some_and(|capabilities| capabilities.holds_data))
        .collect();
    if holding.is_empty() {
        return vec!["no component holds data that users write, so nothing had to be prepared".to_owned()];
    }
    let mut lines = vec!["no recorder was started: this version does not record what users write".to_owned()];
    lines.extend(holding.into_iter().map(|part| {
        let becomes = match part.writes {
            Some(Writes::AcceptLoss) => "is given up when it goes back, as declared",
            _ => "is kept aside whole when it goes back, for a person to look at",
        };
        format!("  {}: what users write after the capture {becomes}", part.name)
    }));
    lines
}
