//! `backout demo`: a small real estate to try everything on, and the tale of a migration that is taken back.
//!
//! Every command of Backout that the tale shows is what really ran: this executable, with those words, in that
//! folder.

mod arguments;
mod ending;
mod folder;
mod hidden;
mod interrupts;
mod portrait;
mod service;
mod shell;
mod tale;

use std::path::Path;

use backout_core::diagnostic::Diagnostic;
use backout_kit::path_text;

use crate::app::Context;
use crate::codes;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::view::story::Story;
use crate::view::{Output, notice};

use folder::Folder;
use interrupts::Interrupts;
use portrait::blocking;
use service::Service;
use shell::Shell;
use tale::{Halt, Tale};

pub use arguments::{Arguments, EstateArguments, MigrateArguments, ServiceArguments, Stage};
pub use hidden::{migrate, serve, traffic};

/// Tells the tale, or stops an estate that a tale has left running.
///
/// # Errors
/// The estate could not be laid out or stopped, or something that the tale stands on failed.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    let dir = arguments.dir.as_deref();
    context.wait(async {
        match dir {
            Some(dir) if arguments.down => take_down(dir, context.output).await,
            _ => tell(arguments, context.output).await,
        }
    })
}

async fn tell(arguments: &Arguments, output: Output) -> Result<Exit, Failure> {
    let (dir, stage) = (arguments.dir.as_deref(), arguments.stage);
    if let Some(dir) = dir
        && folder::is_taken(dir).map_err(|error| failed(&error))?
    {
        let found = Diagnostic::error(codes::FILE_THERE, format!("{} is not empty", shell::quoted_path(dir)));
        return Err(found.hint("name a new or empty folder, or leave --dir out").into());
    }
    let interrupts = Interrupts::listen().map_err(|error| failed(&error))?;
    let folder = Folder::make(dir).map_err(|error| failed(&error))?;
    let mut story = Story::begin(output, "A migration goes wrong and is taken back, on a small real estate.");
    let shell = Shell::in_folder(&folder.path, story.has_colours(), interrupts.clone())
        .map_err(|error| failed(&error))?;
    let server = arguments.postgres.as_deref();
    let mut tale =
        Tale { folder: &folder, shell: &shell, story: &mut story, interrupts: &interrupts, server };
    let told = tale.tell(stage).await;
    if let Err(Halt::Broken(error)) = &told {
        story.pause();
        story.claim(false, &format!("{error:#}"));
    }
    let asked = match told {
        Err(Halt::Asked(exit)) => Some(exit),
        _ => None,
    };
    let ended = match stage {
        Some(stage) if asked.is_none() && story.holds() => ending::hand_over(&folder, &shell, stage, &story),
        _ => ending::put_away(&folder, &shell, &story).await,
    };
    ended.map_err(|error| failed(&error).after_changes())?;
    match asked {
        Some(exit) => Ok(exit),
        None => Ok(if story.end() { Exit::Done } else { Exit::Failed }),
    }
}

async fn take_down(dir: &Path, output: Output) -> Result<Exit, Failure> {
    let estate = folder::open(dir).map_err(|error| {
        let named = path_text::encode(dir.as_os_str());
        Diagnostic::error(codes::UNKNOWN_NAME, format!("there is no estate of the demo in {named}"))
            .because(format!("{error:#}"))
            .hint("name the folder that `demo` printed")
    })?;
    let stopped = Service::of(&estate).stop().await.map_err(|error| failed(&error).after_changes())?;
    let ended: Vec<String> = stopped.iter().map(|number| format!("process {number}")).collect();
    let done = if ended.is_empty() {
        "nothing was running".to_owned()
    } else {
        format!("stopped {}", ended.join(", "))
    };
    notice::done(output, done);
    let root = estate.root().to_owned();
    let dropped = blocking(move || estate.drop_databases()).await;
    for name in dropped.map_err(|error| failed(&error).after_changes())? {
        notice::done(output, format!("dropped the database {name}"));
    }
    let folder = shell::quoted_path(&root);
    notice::say(output, format!("everything else stays; to remove it: rm -r {folder}"));
    Ok(Exit::Done)
}

fn failed(error: &anyhow::Error) -> Failure {
    let mut chain = error.chain().map(ToString::to_string);
    let found = Diagnostic::error(codes::MACHINE, chain.next().unwrap_or_default());
    let causes: Vec<String> = chain.collect();
    if causes.is_empty() { found.into() } else { found.because(causes.join(": ")).into() }
}
