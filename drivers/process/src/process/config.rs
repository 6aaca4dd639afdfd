//! What a person writes about a process.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use backout_core::migration::{DurationText, Reference, SecretReference};
use rustix::process::Signal;
use schemars::JsonSchema;
use serde::Deserialize;

use super::health;
use super::quiesce::{How, Quiesce};
use super::setting;

/// The keys of a component of kind `process`.
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
    /// The file that holds the number of the process.
    pub pid_file: PathBuf,
    /// The file to which the program's output is appended; it is lost otherwise.
    #[serde(default)]
    pub log: Option<PathBuf>,
    /// What answers when the program is well: `http://…` (2xx expected) or `HOST:PORT`.
    #[serde(default)]
    pub health: Option<Reference>,
    /// How long the program may take after its start until it is well.
    #[serde(default = "healthy_within")]
    pub healthy_within: DurationText,
    /// How it is stopped.
    #[serde(default)]
    pub stop: StopBy,
    /// How its door is closed.
    #[serde(default)]
    pub quiesce: Quiesce,
}

/// How a process is stopped.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StopBy {
    /// The signal that asks it to end.
    pub signal: SignalName,
    /// How long it and its children may take, before they are killed.
    pub within: DurationText,
}

impl Default for StopBy {
    fn default() -> Self {
        Self { signal: SignalName::Term, within: DurationText(Duration::from_secs(10)) }
    }
}

/// A signal by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "they are called what they are")]
pub enum SignalName {
    #[serde(rename = "TERM", alias = "SIGTERM")]
    Term,
    #[serde(rename = "INT", alias = "SIGINT")]
    Interrupt,
    #[serde(rename = "QUIT", alias = "SIGQUIT")]
    Quit,
    #[serde(rename = "HUP", alias = "SIGHUP")]
    HangUp,
    #[serde(rename = "USR1", alias = "SIGUSR1")]
    User1,
    #[serde(rename = "USR2", alias = "SIGUSR2")]
    User2,
    #[serde(rename = "WINCH", alias = "SIGWINCH")]
    WindowChange,
    #[serde(rename = "CONT", alias = "SIGCONT")]
    Continue,
}

impl SignalName {
    /// As the system takes it.
    pub fn signal(self) -> Signal {
        match self {
            Self::Term => Signal::TERM,
            Self::Interrupt => Signal::INT,
            Self::Quit => Signal::QUIT,
            Self::HangUp => Signal::HUP,
            Self::User1 => Signal::USR1,
            Self::User2 => Signal::USR2,
            Self::WindowChange => Signal::WINCH,
            Self::Continue => Signal::CONT,
        }
    }
}

fn healthy_within() -> DurationText {
    DurationText(Duration::from_secs(20))
}

/// Mistakes that the types cannot catch.
pub fn check(config: &Config) -> Result<(), Vec<String>> {
    let mut mistakes = Vec::new();
    if config.command.first().is_none_or(String::is_empty) {
        mistakes.push("`command` names no program".to_owned());
    }
    for name in config.environment.keys() {
        if name.is_empty() || name.contains(['=', '\0']) {
            mistakes.push(format!("`{}` in `environment` is no name of a variable", name.escape_default()));
        } else if name.starts_with("BACKOUT_") {
            mistakes.push(format!("`{name}` in `environment` is reserved: choose a name without `BACKOUT_`"));
        }
    }
    if config.pid_file.file_name().is_none() {
        mistakes.push("`pid_file` names no file".to_owned());
    }
    if let Some(target) = config.health.as_ref().and_then(Reference::as_literal)
        && let Err(mistake) = health::check(target)
    {
        mistakes.push(mistake.to_owned());
    }
    match &config.quiesce.how {
        How::Setting(setting) => mistakes.extend(setting::check(setting)),
        How::Command { close, open } if [close, open].iter().any(|command| command.is_empty()) => {
            mistakes.push("`command` and `undo` of `quiesce` each name a program".to_owned());
        }
        How::Stop | How::Signal { .. } | How::Command { .. } => {}
    }
    if mistakes.is_empty() { Ok(()) } else { Err(mistakes) }
}
