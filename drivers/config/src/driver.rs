//! The kind `config.values`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use backout_contract::{
    Captured, Context, Depth, Driver, DriverError, Effect, ErrorKind, KindPage, Piece, Session, StepOrder,
};
use backout_core::capability::{Capabilities, Quiescence};
use backout_core::checkpoint::DataPart;
use backout_core::delta::Delta;
use backout_core::migration::Claim;
use backout_core::order::Mode;
use backout_kit::{marker, place};
use rustix::process::geteuid;
use serde_json::Value;

use crate::config::{Chosen, ValuesConfig, claims, resolve};
use crate::state::{Held, ValuesState};
use crate::trouble::{of_file, shown};
use crate::{capture, diff, file, revert};

/// The kind `config.values`.
pub struct ConfigValues;

/// A settings file.
pub struct ValuesSession {
    path: PathBuf,
    chosen: Chosen,
    /// What this session saw last; none before it looked.
    seen: Mutex<Option<BTreeMap<String, Held>>>,
}

impl Driver for ConfigValues {
    const KIND: &'static str = "config.values";
    const STATE_VERSION: u16 = 1;
    type Config = ValuesConfig;
    type State = ValuesState;
    type Session = ValuesSession;

    fn page() -> KindPage {
        KindPage {
            summary: "named values in a .env, JSON, YAML, TOML or INI file",
            page: include_str!("../README.md"),
        }
    }

    fn capabilities(_: &ValuesConfig) -> Capabilities {
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

    fn target(config: &ValuesConfig) -> String {
        backout_kit::path_text::encode(std::ffi::OsStr::new(config.file.as_written()))
    }

    fn claims(config: &ValuesConfig, root: &Path) -> Vec<Claim> {
        claims(config, root)
    }

    fn check(config: &ValuesConfig) -> Result<(), Vec<String>> {
        Chosen::read(config).map(|_| ())
    }

    fn shape(state: &ValuesState) -> Value {
        state.shape()
    }

    fn diff(saved: Option<&ValuesState>, live: Option<&ValuesState>) -> Delta {
        diff::diff(saved, live)
    }

    fn steps(
        config: &ValuesConfig,
        saved: Option<&ValuesState>,
        live: Option<&ValuesState>,
    ) -> Result<Vec<Piece<ValuesState>>, String> {
        let target = Self::target(config);
        let title = match (saved, live) {
            (Some(saved), Some(live)) if saved.same_values(&live.values) => return Ok(Vec::new()),
            (Some(_), _) => format!("put the named values of {target} back"),
            (None, Some(_)) => format!("take out of {target} the named values, which were not there"),
            (None, None) => format!("set {target} aside, which cannot be read"),
        };
        Ok(vec![Piece { title, effect: revert::effect(saved, live), leaves: None }])
    }

    async fn connect(config: ValuesConfig, context: &Context) -> Result<ValuesSession, DriverError> {
        let chosen = Chosen::read(&config).map_err(|mistakes| {
            DriverError::new(ErrorKind::Config, mistakes.join("; ")).nothing_happened()
        })?;
        Ok(ValuesSession { path: resolve(&config, context)?, chosen, seen: Mutex::new(None) })
    }
}

impl ValuesSession {
    fn seen(&self) -> std::sync::MutexGuard<'_, Option<BTreeMap<String, Held>>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Session<ConfigValues> for ValuesSession {
    async fn capture(&self, context: &Context, depth: Depth) -> Result<Captured<ValuesState>, DriverError> {
        let captured = capture::capture(context, &self.path, &self.chosen, depth).await;
        *self.seen() = match &captured {
            Ok(captured) => {
                Some(captured.state.as_ref().map(|state| state.values.clone()).unwrap_or_default())
            }
            Err(_) => None,
        };
        captured
    }

    async fn revert(&self, context: &Context, step: &StepOrder<ValuesState>) -> Result<Effect, DriverError> {
        let seen = self.seen().clone();
        revert::revert(context, &self.path, &self.chosen, step, seen.as_ref()).await
    }

    async fn ready(
        &self,
        _: &Context,
        saved: Option<&ValuesState>,
        data: &[DataPart],
    ) -> Result<Vec<String>, DriverError> {
        let mut found = place::obstacles(&self.path).map_err(|error| of_file(error).nothing_happened())?;
        found.extend(revert::obstacle(&self.path, &self.chosen, saved, data));
        let we = geteuid().as_raw();
        let live = file::read(&self.path).ok().flatten().map(|content| content.facts);
        let owner = live.or(saved.map(|saved| saved.file)).map(|facts| facts.user);
        if let Some(owner) = owner.filter(|owner| we != 0 && *owner != we) {
            found.push(format!("{} belongs to user {owner}, and only root can keep that", shown(&self.path)));
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
        file::left_beside(&self.path)
    }

    async fn release(&self, _: &Context) -> Result<(), DriverError> {
        file::release(&self.path)
    }
}
