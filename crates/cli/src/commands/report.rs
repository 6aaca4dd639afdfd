//! `backout report`: the incident record of a run, from the journal alone.

use std::path::{Path, PathBuf};

use backout_core::diagnostic::Diagnostic;
use backout_core::name::RunId;
use backout_core::report::{NoSuchRun, Report, Reporter};
use backout_store::Follower;
use clap::{Args, ValueEnum};

use crate::app::Context;
use crate::codes;
use crate::exit::Exit;
use crate::failure::{Failure, chain};
use crate::hints;
use crate::report_file;
use crate::view;

/// Arguments of `backout report`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The run; the last one unless said
    #[arg(value_name = "RUN", value_parser = RunId::new)]
    pub run: Option<RunId>,
    /// How it is written: md, html or json; by the name of the file unless said, else md
    #[arg(long, value_enum, value_name = "FORMAT", hide_possible_values = true, conflicts_with = "json")]
    pub format: Option<Format>,
    /// Write it to a file; replaces an earlier report that nobody has changed, and nothing else
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// How a report is written.
#[allow(missing_docs, reason = "their documentation would become help texts that say nothing more")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Md,
    Html,
    Json,
}

impl Format {
    /// As the name of a file says.
    fn of(path: &Path) -> Self {
        let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
        match extension.as_ref().and_then(|extension| extension.to_str()) {
            Some("html" | "htm") => Self::Html,
            Some("json") => Self::Json,
            _ => Self::Md,
        }
    }
}

/// Writes it.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    let (report, exit) = read(arguments.run.clone(), context)?;
    let named = arguments.out.as_deref().map_or(Format::Md, Format::of);
    let format = if context.output.json { Format::Json } else { arguments.format.unwrap_or(named) };
    match (&arguments.out, format) {
        (None, Format::Json) => context.output.document(&backout_api::Report(&report)),
        (None, Format::Md) => view::page::raw(context.output, &backout_report::markdown(&report)),
        (None, Format::Html) => view::page::raw(context.output, &backout_report::html(&report)),
        (Some(path), format) => {
            let text = match format {
                Format::Json => view::document_text(&backout_api::Report(&report)),
                Format::Md => report_file::marked(&backout_report::markdown(&report)),
                Format::Html => report_file::marked(&backout_report::html(&report)),
            };
            report_file::write(path, &text)?;
            let shown = backout_kit::path_text::encode(path.as_os_str());
            view::notice::aside(context.output, format!("written to {shown}"));
        }
    }
    Ok(exit)
}

/// What the journal tells, as far as it can be followed. A journal that cannot be followed to its end still tells
/// what came before, and the report says so.
fn read(wanted: Option<RunId>, context: &Context) -> Result<(Report, Exit), Failure> {
    let place = context.place()?;
    let layout = match place.load() {
        Ok(migration) => migration.layout,
        // The record is worth having whatever happened to the file.
        Err(_) if place.layout().exists() => place.layout(),
        Err(failure) => return Err(failure),
    };
    let mut follower = Follower::new(layout.journal());
    let mut reporter = Reporter::new(wanted);
    let problem = follower.read_new(|record, _| reporter.take(&record)).err();
    let exit = if problem.is_none() { Exit::Done } else { Exit::Failed };
    let problem = problem.map(|problem| chain(&problem));
    match reporter.report(follower.chain().head(), problem.clone()) {
        Ok(report) => Ok((report, exit)),
        Err(error) => Err(unknown(&error, problem)),
    }
}

fn unknown(error: &NoSuchRun, problem: Option<String>) -> Failure {
    let mut found = Diagnostic::error(codes::UNKNOWN_NAME, error.to_string());
    // It may stand behind the place where the journal breaks.
    found.cause = problem;
    let hint = hints::for_unknown(error.run.as_str(), error.known.iter().map(RunId::as_str));
    found.hints = hint.into_iter().collect();
    found.hint("see which there are: backout runs").into()
}
