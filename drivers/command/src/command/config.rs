//! What a person writes about a component that their own programs look after.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use backout_core::capability::{Capabilities, Quiescence};
use backout_core::digest::Digest;
use backout_core::migration::{Claim, SecretReference, Size};
use backout_core::order;
use backout_kit::{path_text, place};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

/// A program and its arguments; never a shell. A relative path counts from `directory`, a bare name is looked up in
/// `PATH`.
pub type Arguments = Vec<String>;

/// The keys of a component of kind `command`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Prints the state. Exit 0: it is there; 3: it is not; anything else: it cannot be read.
    pub capture: Arguments,
    /// Puts a state back, which it reads from its input.
    pub revert: Arguments,
    /// Prints the lines by which people compare a state, which it reads from its input.
    #[serde(default)]
    pub diff: Option<Arguments>,
    /// Judges what is there, also behind the shut door. Exit 0: it is as it should be; 1: it is not; anything else: it cannot tell.
    #[serde(default)]
    pub judge: Option<Arguments>,
    /// Closes the door and returns when nobody is inside.
    #[serde(default)]
    pub quiesce: Option<Arguments>,
    /// Opens the door, starting afresh whatever reads something at its start, and returns when it answers.
    #[serde(default)]
    pub reopen: Option<Arguments>,
    /// Looks where the door is. Exit 0: it is shut; 1: it is open.
    #[serde(default)]
    pub closed: Option<Arguments>,
    /// The most that one program may print.
    #[serde(default = "output")]
    pub output: Size,
    /// Variables that the programs get besides `PATH`, `HOME`, `LANG`, `LC_*`, `TZ`, `USER` and `TMPDIR`.
    #[serde(default)]
    pub environment: BTreeMap<String, SecretReference>,
    /// Where the programs start; the folder of the migration file otherwise.
    #[serde(default)]
    pub directory: Option<PathBuf>,
    /// Whether the state is nobody's business as a whole.
    #[serde(default)]
    pub secret: bool,
    /// Whether putting back repoints (the old side lives) or rewrites the thing itself.
    #[serde(default)]
    pub mode: Mode,
    /// Whether users write data into it.
    #[serde(default)]
    pub data: bool,
    /// It does nothing of its own and needs no door.
    #[serde(default)]
    pub passive: bool,
}

/// Whether putting back repoints or rewrites.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The old side still lives.
    Switched,
    /// The thing itself is rewritten.
    #[default]
    InPlace,
}

fn output() -> Size {
    Size { bytes: 1024 * 1024 }
}

impl Config {
    /// Every program with the name of its key.
    pub fn programs(&self) -> impl Iterator<Item = (&'static str, &Arguments)> {
        let optional = [
            ("diff", &self.diff),
            ("judge", &self.judge),
            ("quiesce", &self.quiesce),
            ("reopen", &self.reopen),
            ("closed", &self.closed),
        ];
        let required = [("capture", &self.capture), ("revert", &self.revert)];
        required
            .into_iter()
            .chain(optional.into_iter().filter_map(|(key, program)| Some((key, program.as_ref()?))))
    }

    /// Where the programs start.
    pub fn directory(&self, root: &Path) -> PathBuf {
        place::absolute(root, self.directory.as_deref().unwrap_or(Path::new(".")))
    }
}

/// See [`Driver::capabilities`](backout_contract::Driver::capabilities).
pub fn capabilities(config: &Config) -> Capabilities {
    Capabilities {
        mode: match config.mode {
            Mode::Switched => order::Mode::Switched,
            Mode::InPlace => order::Mode::InPlace,
        },
        quiescence: match (&config.quiesce, config.passive) {
            (Some(_), _) => Quiescence::Door { opening_restarts: true },
            (None, true) => Quiescence::Passive,
            (None, false) => Quiescence::Impossible,
        },
        holds_data: config.data,
        records_writes: false,
        marker: false,
        keeps_displaced: false,
        stages: false,
        compare_and_set: false,
        sees_exactly: true,
    }
}

/// Nobody knows what the programs touch; but two components with the same program for looking are one thing.
pub fn claims(config: &Config, root: &Path) -> Vec<Claim> {
    let environment: BTreeMap<_, _> =
        config.environment.iter().map(|(name, value)| (name, value.reveal().as_written())).collect();
    let environment = Digest::of_value("backout/command/environment", &json!(environment));
    let mut path = place::pieces(&config.directory(root));
    path.push(format!("{} in {}", path_text::encode(config.capture.join(" ").as_ref()), environment.short()));
    vec![Claim { space: "command".to_owned(), path, parts: None }]
}

/// Mistakes that the types cannot catch.
pub fn check(config: &Config) -> Result<(), Vec<String>> {
    let mut mistakes = Vec::new();
    for (key, program) in config.programs() {
        if program.first().is_none_or(String::is_empty) {
            mistakes.push(format!("`{key}` names no program"));
        }
    }
    let door = [("quiesce", &config.quiesce), ("reopen", &config.reopen), ("closed", &config.closed)];
    if door.iter().any(|(_, program)| program.is_some()) {
        for (key, _) in door.iter().filter(|(_, program)| program.is_none()) {
            mistakes.push(format!("`quiesce`, `reopen` and `closed` belong together: `{key}` is missing"));
        }
        if config.passive {
            mistakes.push("what has `quiesce` is not `passive`".to_owned());
        }
    }
    for name in config.environment.keys() {
        if name.is_empty() || name.contains(['=', '\0']) {
            mistakes.push(format!("`{}` in `environment` is no name of a variable", name.escape_default()));
        } else if name.starts_with("BACKOUT_") {
            mistakes.push(format!("`{name}` in `environment` is reserved: choose a name without `BACKOUT_`"));
        }
    }
    if config.output.bytes == 0 {
        mistakes.push("`output` leaves no room".to_owned());
    }
    if mistakes.is_empty() { Ok(()) } else { Err(mistakes) }
}
