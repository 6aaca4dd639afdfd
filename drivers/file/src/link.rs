//! A symbolic link, such as the one that names the current release.

use std::ffi::OsString;
use std::io::ErrorKind as Io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use backout_contract::{
    Captured, Context, Depth, Driver, DriverError, Effect, ErrorKind, KindPage, Piece, Session, StepOrder,
};
use backout_core::capability::{Capabilities, Quiescence};
use backout_core::checkpoint::DataPart;
use backout_core::delta::{Delta, Shown};
use backout_core::migration::{Claim, Reference};
use backout_core::order::Mode;
use backout_kit::atomic_put::{put_link, sync_folder_of};
use backout_kit::beside::{displace, swap};
use backout_kit::file_error::{FileError, OnFile};
use backout_kit::{marker, path_text, place};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::displaced::{self, Places, call_it_ready, is_there, remove};
use crate::judge::Found;
use crate::tree::config::{claims, path_mistakes, resolve, target};
use crate::trouble::{bad_data, of_file, shown, unmade, unreadable};

/// The kind `file.link`.
pub struct FileLink;

/// Keys of a `file.link`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkConfig {
    /// The link itself, relative to the migration file.
    pub path: Reference,
}

/// What a link is, as it is saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkState {
    /// What it names, as path text.
    pub target: String,
}

/// A link in the file system.
pub struct LinkSession {
    path: PathBuf,
}

impl Driver for FileLink {
    const KIND: &'static str = "file.link";
    const STATE_VERSION: u16 = 1;
    type Config = LinkConfig;
    type State = LinkState;
    type Session = LinkSession;

    fn page() -> KindPage {
        KindPage {
            summary: "a symbolic link, such as the one that names the current release",
            page: include_str!("../README.md"),
        }
    }

    fn capabilities(_: &LinkConfig) -> Capabilities {
        Capabilities {
            mode: Mode::Switched,
            quiescence: Quiescence::Passive,
            holds_data: false,
            records_writes: false,
            marker: true,
            keeps_displaced: false,
            stages: false,
            compare_and_set: false,
            sees_exactly: true,
        }
    }

    fn target(config: &LinkConfig) -> String {
        target(&config.path)
    }

    fn claims(config: &LinkConfig, root: &Path) -> Vec<Claim> {
        claims(&config.path, root)
    }

    fn check(config: &LinkConfig) -> Result<(), Vec<String>> {
        let mistakes = path_mistakes(&config.path);
        if mistakes.is_empty() { Ok(()) } else { Err(mistakes) }
    }

    fn shape(state: &LinkState) -> Value {
        json!(state.target)
    }

    fn diff(saved: Option<&LinkState>, live: Option<&LinkState>) -> Delta {
        let mut delta = Delta::default();
        let side =
            |state: Option<&LinkState>| state.map_or(Shown::Absent, |state| Shown::text(&state.target));
        if saved != live {
            delta.push("target", side(live), side(saved));
        }
        delta
    }

    fn steps(
        config: &LinkConfig,
        saved: Option<&LinkState>,
        live: Option<&LinkState>,
    ) -> Result<Vec<Piece<LinkState>>, String> {
        let link = target(&config.path);
        let title = match saved {
            Some(_) if saved == live => return Ok(Vec::new()),
            Some(saved) => format!("point {link} to {} again", saved.target),
            None => format!("remove {link}, which was not there"),
        };
        Ok(vec![Piece {
            title,
            effect: json!({ "starts_from": live.map(|live| &live.target) }),
            leaves: None,
        }])
    }

    async fn connect(config: LinkConfig, context: &Context) -> Result<LinkSession, DriverError> {
        Ok(LinkSession { path: resolve(&config.path, context)? })
    }
}

#[async_trait]
impl Session<FileLink> for LinkSession {
    async fn capture(&self, _: &Context, _: Depth) -> Result<Captured<LinkState>, DriverError> {
        Ok(Captured { state: read(&self.path)?, identity: None, data: Vec::new() })
    }

    async fn revert(&self, context: &Context, step: &StepOrder<LinkState>) -> Result<Effect, DriverError> {
        let places = Places::of(&self.path, context)?;
        let wanted = step.saved.as_ref().map(named).transpose()?;
        let live = Found::from_look(read(&self.path))?;
        let is_after = match (&live, &step.saved) {
            (Found::Present(live), Some(saved)) => live == saved,
            (Found::Absent, None) => true,
            _ => false,
        };
        if is_after {
            return finish(&places, wanted.as_deref());
        }
        let known = step.effect.get("starts_from").and_then(Value::as_str);
        if let Err(found) = live.is_before(step.before.as_ref(), |live| Some(live.target.as_str()) == known) {
            return Ok(Effect::Blocked { found });
        }
        match (live, wanted) {
            (Found::Unreadable(_), Some(target)) => replace_other(&places, &target),
            (Found::Unreadable(_), None) => {
                displace(&places.target, &places.displaced).map_err(of_file)?;
                Ok(applied(format!("set aside as {}", shown(&places.displaced))))
            }
            (_, Some(target)) => {
                put_link(&self.path, Path::new(&target)).map_err(of_file)?;
                Ok(applied(format!("points to {}", path_text::encode(&target))))
            }
            (_, None) => {
                std::fs::remove_file(&self.path).map_err(|error| unmade("remove", &self.path, error))?;
                sync_folder_of(&self.path).map_err(of_file)?;
                Ok(applied("removed".to_owned()))
            }
        }
    }

    async fn ready(
        &self,
        _: &Context,
        saved: Option<&LinkState>,
        _: &[DataPart],
    ) -> Result<Vec<String>, DriverError> {
        let mut found = place::obstacles(&self.path).map_err(of_file)?;
        if let Some(saved) = saved {
            let folder = self.path.parent().unwrap_or(Path::new("/"));
            // Followed to its end: a link to a link that leads nowhere is as bad.
            match std::fs::metadata(folder.join(named(saved)?)) {
                Err(error) if matches!(error.kind(), Io::NotFound | Io::NotADirectory) => {
                    found.push(format!("what {} named, {}, is gone", shown(&self.path), saved.target));
                }
                _ => {}
            }
        }
        Ok(found)
    }

    async fn read_marker(&self, _: &Context) -> Result<Option<Value>, DriverError> {
        marker::read(&self.path).map_err(|error| of_file(error).nothing_happened())
    }

    async fn write_marker(&self, _: &Context, value: Option<&Value>) -> Result<(), DriverError> {
        match value {
            Some(value) => marker::write(&self.path, value),
            None => marker::remove(&self.path),
        }
        .map_err(of_file)
    }

    async fn displaced(&self, _: &Context) -> Result<Vec<String>, DriverError> {
        displaced::listed(&self.path)
    }

    async fn release(&self, _: &Context) -> Result<(), DriverError> {
        displaced::release(&self.path)
    }
}

/// What the link names; none where nothing is.
fn read(path: &Path) -> Result<Option<LinkState>, DriverError> {
    match std::fs::read_link(path) {
        Ok(target) => Ok(Some(LinkState { target: path_text::encode(target.as_os_str()) })),
        Err(error) if error.kind() == Io::NotFound => Ok(None),
        Err(error) if error.kind() == Io::InvalidInput => {
            let what = format!("read {}, which is no symbolic link", shown(path));
            Err(DriverError::new(ErrorKind::Unreadable, what)
                .hint("use the kind file.tree for a directory or a file")
                .nothing_happened())
        }
        Err(error) => Err(unreadable("read the link", path, error)),
    }
}

/// What a saved link names, checked to be something that a link can name.
fn named(saved: &LinkState) -> Result<OsString, DriverError> {
    path_text::decode(&saved.target)
        .ok()
        .filter(|target| !target.is_empty() && !target.as_bytes().contains(&0))
        .ok_or_else(|| bad_data("read the target of a saved link"))
}

fn applied(evidence: String) -> Effect {
    Effect::Applied { evidence }
}

/// Puts the link where something else stands, which is kept aside.
fn replace_other(places: &Places, target: &std::ffi::OsStr) -> Result<Effect, DriverError> {
    if is_there(&places.beside)? {
        // Only a link of ours may go: after an exchange it is the other thing that stands there.
        if !names(&places.beside, target).map_err(of_file)? {
            return Err(bad_data(format!("use {}, which is not what was saved", shown(&places.beside)))
                .hint("look what it is, move it away, and try again"));
        }
    } else {
        remove(&places.build)?;
        symlink(target, &places.build)
            .map_err(|error| unmade("make a link beside", &places.target, error))?;
        call_it_ready(places)?;
    }
    finish(places, Some(target))
}

/// Does what is left of an exchange.
fn finish(places: &Places, target: Option<&std::ffi::OsStr>) -> Result<Effect, DriverError> {
    let Some(target) = target.filter(|_| is_there(&places.beside).unwrap_or(false)) else {
        return Ok(Effect::AlreadyThere);
    };
    let mut is_new = |path: &Path| names(path, target);
    swap(&places.target, &places.beside, &places.displaced, &mut is_new).map_err(of_file)?;
    Ok(applied(format!(
        "points to {}; what stood there is {}",
        path_text::encode(target),
        shown(&places.displaced)
    )))
}

fn names(path: &Path, target: &std::ffi::OsStr) -> Result<bool, FileError> {
    match std::fs::read_link(path) {
        Ok(named) => Ok(named.as_os_str() == target),
        Err(error) if matches!(error.kind(), Io::InvalidInput) => Ok(false),
        Err(error) => Err(error).on_file("read the link", path),
    }
}
