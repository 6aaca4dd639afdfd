//! Probe `command`: a person's own program says whether all is well.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use backout_contract::{Context, DriverError, KindPage, Probe, ProbeLook, StopLevel};
use backout_core::migration::{DurationText, SecretReference};
use backout_kit::bounded_output::BoundedOutput;
use backout_kit::child::{ChildRequest, Ending};
use backout_kit::last_lines::{last_lines, without_secrets};
use backout_kit::{path_text, place};
use schemars::JsonSchema;
use serde::Deserialize;

/// How much is kept of the beginning, and how much of the end, of what a program prints, in bytes.
const KEEP: usize = 512 * 1024;

/// A person's own program that says whether all is well.
pub struct Command;

/// The keys of a probe `command`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The program and its arguments, never a shell. A relative path counts from `directory`, a bare name is looked
    /// up in `PATH`.
    pub command: Vec<String>,
    /// Where the program starts; the folder of the migration file otherwise.
    #[serde(default)]
    pub directory: Option<PathBuf>,
    /// Variables that the program gets besides `PATH`, `HOME`, `LANG`, `LC_*`, `TZ`, `USER` and `TMPDIR`.
    #[serde(default)]
    pub environment: BTreeMap<String, SecretReference>,
    /// The exit code that means well.
    #[serde(default)]
    pub exit: u8,
    /// A text that the program must print.
    #[serde(default)]
    pub contains: Option<String>,
    /// How long the program may run.
    #[serde(default = "ten_seconds")]
    pub timeout: DurationText,
}

fn ten_seconds() -> DurationText {
    DurationText(Duration::from_secs(10))
}

#[async_trait]
impl Probe for Command {
    const KIND: &'static str = "command";
    type Config = Config;

    fn page() -> KindPage {
        KindPage { summary: "your own program says whether all is well", page: include_str!("../README.md") }
    }

    fn describe(config: &Config) -> String {
        format!("run {}", path_text::encode(OsStr::new(&config.command.join(" "))))
    }

    async fn look(config: &Config, context: &Context) -> Result<ProbeLook, DriverError> {
        let (program, arguments) =
            config.command.split_first().map_or(("", [].as_slice()), |(first, rest)| (first.as_str(), rest));
        let mut request = ChildRequest::new(program, arguments);
        let directory = config.directory.as_deref().unwrap_or(Path::new("."));
        request.working_directory = Some(place::absolute(&context.root, directory));
        let mut secrets = Vec::new();
        for (name, value) in &config.environment {
            let reference = value.reveal();
            let value = context.resolver.resolve(reference)?;
            request.variables.push((OsString::from(name), OsString::from(value.reveal())));
            if reference.references().next().is_some() {
                secrets.push(value.reveal().to_owned());
            }
        }
        request.variables.push(("BACKOUT_COMPONENT".into(), context.component.as_str().into()));
        request.token = Some(context.child_token.clone());
        request.deadline = Some(config.timeout.0.min(context.deadline));
        request.keep_bytes = KEEP;

        let name = path_text::encode(Path::new(program).file_name().unwrap_or(OsStr::new(program)));
        let report = match request.run(context.stop.reached(StopLevel::Abandon)).await {
            Ok(report) => report,
            Err(error) => return Ok(ProbeLook::Unknown { why: format!("{name} cannot be run: {error}") }),
        };
        let ending = report.ending;
        let last = |output: &BoundedOutput| {
            last_lines(&without_secrets(&output.text(), secrets.iter().map(String::as_str)), 1).pop()
        };
        let said = last(&report.errors)
            .or_else(|| last(&report.output))
            .map_or(String::new(), |line| format!(": {line}"));
        Ok(match ending {
            Ending::Exited(code) if code == i32::from(config.exit) => {
                contained(config, &report.output, &format!("{name} {ending}"))
            }
            Ending::Exited(_) => {
                ProbeLook::Bad { found: format!("{name} {ending} instead of {}{said}", config.exit) }
            }
            Ending::TimedOut => {
                ProbeLook::Bad { found: format!("{name} did not end within {}{said}", config.timeout) }
            }
            Ending::Signalled(_) => ProbeLook::Bad { found: format!("{name} {ending}{said}") },
            Ending::Stopped | Ending::Unknown => ProbeLook::Unknown { why: format!("{name} {ending}") },
        })
    }
}

fn contained(config: &Config, output: &BoundedOutput, ended: &str) -> ProbeLook {
    match &config.contains {
        Some(text) if !output.text().contains(text) => match output.dropped() {
            0 => ProbeLook::Bad {
                found: format!(
                    "{ended}, and its output does not contain `{}`",
                    path_text::encode(OsStr::new(text))
                ),
            },
            _ => ProbeLook::Unknown { why: format!("{ended}, and printed too much to be searched") },
        },
        _ => ProbeLook::Ok { found: ended.to_owned() },
    }
}
