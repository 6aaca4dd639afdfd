//! A directory with everything in it, or a single file.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use backout_contract::{
    Captured, Context, Depth, Driver, DriverError, Effect, ErrorKind, KindPage, Piece, Session, Sighting,
    StepOrder,
};
use backout_core::capability::{Capabilities, Quiescence};
use backout_core::checkpoint::DataPart;
use backout_core::delta::Delta;
use backout_core::migration::Claim;
use backout_core::order::Mode;
use backout_kit::marker;
use serde_json::Value;

pub(crate) mod config;

mod build;
mod capture;
mod carry;
mod content;
mod diff;
mod handle;
mod keep;
mod ready;
mod revert;
mod selector;
mod state;
mod walk;

pub use config::TreeConfig;
pub use state::{Entry, TreeState, What};

use crate::displaced;
use crate::pace::blocking;
use crate::trouble::of_file;
use selector::Selector;

/// The kind `file.tree`.
pub struct FileTree;

/// A tree in the file system.
pub struct TreeSession {
    target: PathBuf,
    selector: Selector,
}

impl Driver for FileTree {
    const KIND: &'static str = "file.tree";
    const STATE_VERSION: u16 = 1;
    type Config = TreeConfig;
    type State = TreeState;
    type Session = TreeSession;

    fn page() -> KindPage {
        KindPage {
            summary: "a directory with everything in it, or a single file",
            page: include_str!("../../README.md"),
        }
    }

    fn capabilities(_: &TreeConfig) -> Capabilities {
        Capabilities {
            mode: Mode::InPlace,
            quiescence: Quiescence::Passive,
            holds_data: false,
            records_writes: false,
            marker: true,
            keeps_displaced: true,
            stages: false,
            compare_and_set: false,
            sees_exactly: true,
        }
    }

    fn target(config: &TreeConfig) -> String {
        config::target(&config.path)
    }

    fn claims(config: &TreeConfig, root: &Path) -> Vec<Claim> {
        config::claims(&config.path, root)
    }

    fn check(config: &TreeConfig) -> Result<(), Vec<String>> {
        config::check(config)
    }

    fn shape(state: &TreeState) -> Value {
        state.shape()
    }

    fn diff(saved: Option<&TreeState>, live: Option<&TreeState>) -> Delta {
        diff::diff(saved, live)
    }

    fn steps(
        config: &TreeConfig,
        saved: Option<&TreeState>,
        live: Option<&TreeState>,
    ) -> Result<Vec<Piece<TreeState>>, String> {
        let target = config::target(&config.path);
        let title = match (saved, live) {
            (Some(saved), Some(live)) if saved.same_shape(live) => return Ok(Vec::new()),
            (Some(_), _) => format!("put {target} back as it was saved"),
            (None, _) => format!("set {target} aside, which was not there"),
        };
        Ok(vec![Piece { title, effect: revert::effect(live), leaves: None }])
    }

    async fn connect(config: TreeConfig, context: &Context) -> Result<TreeSession, DriverError> {
        let target = config::resolve(&config.path, context)?;
        let selector = Selector::read(&config.exclude)
            .map_err(|mistake| DriverError::new(ErrorKind::Config, mistake).nothing_happened())?;
        Ok(TreeSession { target, selector })
    }
}

#[async_trait]
impl Session<FileTree> for TreeSession {
    async fn capture(&self, context: &Context, depth: Depth) -> Result<Captured<TreeState>, DriverError> {
        capture::capture(context, &self.target, &self.selector, depth).await
    }

    async fn revert(&self, context: &Context, step: &StepOrder<TreeState>) -> Result<Effect, DriverError> {
        revert::revert(context, &self.target, &self.selector, step).await
    }

    async fn sight(
        &self,
        context: &Context,
        step: &StepOrder<TreeState>,
    ) -> Result<Option<Sighting>, DriverError> {
        revert::sight(context, &self.target, &self.selector, step).await
    }

    async fn ready(
        &self,
        _: &Context,
        saved: Option<&TreeState>,
        _: &[DataPart],
    ) -> Result<Vec<String>, DriverError> {
        ready::ready(&self.target, &self.selector, saved)
    }

    async fn capture_displaced(&self, context: &Context) -> Result<Option<Captured<TreeState>>, DriverError> {
        capture::capture_displaced(context, &self.target, &self.selector).await
    }

    async fn read_marker(&self, _: &Context) -> Result<Option<Value>, DriverError> {
        marker::read(&self.target).map_err(|error| of_file(error).nothing_happened())
    }

    async fn write_marker(&self, _: &Context, value: Option<&Value>) -> Result<(), DriverError> {
        match value {
            Some(value) => marker::write(&self.target, value),
            None => marker::remove(&self.target),
        }
        .map_err(of_file)
    }

    async fn displaced(&self, _: &Context) -> Result<Vec<String>, DriverError> {
        displaced::listed(&self.target)
    }

    async fn release(&self, _: &Context) -> Result<(), DriverError> {
        let target = self.target.clone();
        blocking(move || displaced::release(&target)).await
    }
}
