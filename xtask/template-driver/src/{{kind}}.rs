//! The kind `{{name}}.{{kind}}`: its promises, and each duty with a line that calls the file where it is done.

mod capture;
mod config;
mod diff;
mod revert;
mod state;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use backout_contract::{
    Captured, Context, Depth, Driver, DriverError, Effect, ErrorKind, KindPage, Piece, Session, StepOrder,
};
use backout_core::capability::{Capabilities, Quiescence};
use backout_core::delta::Delta;
use backout_core::migration::Claim;
use backout_core::order::Mode;
use serde_json::Value;

use config::{{Kind}}Config;
use state::{{Kind}}State;

/// The kind `{{name}}.{{kind}}`.
pub struct {{Name}}{{Kind}};

/// The thing, connected.
pub struct {{Kind}}Session {
    path: PathBuf,
}

impl Driver for {{Name}}{{Kind}} {
    const KIND: &'static str = "{{name}}.{{kind}}";
    const STATE_VERSION: u16 = 1;
    type Config = {{Kind}}Config;
    type State = {{Kind}}State;
    type Session = {{Kind}}Session;

    fn page() -> KindPage {
        KindPage { summary: "not written yet: say in one line what it is", page: include_str!("../README.md") }
    }

    // Promise only what holds: each promise brings its cases, and the planner builds on it.
    fn capabilities(_: &{{Kind}}Config) -> Capabilities {
        Capabilities {
            mode: Mode::InPlace,
            quiescence: Quiescence::Passive,
            holds_data: false,
            records_writes: false,
            marker: false,
            keeps_displaced: false,
            stages: false,
            compare_and_set: false,
            sees_exactly: true,
        }
    }

    fn target(config: &{{Kind}}Config) -> String {
        config.target()
    }

    fn claims(config: &{{Kind}}Config, root: &Path) -> Vec<Claim> {
        config.claims(root)
    }

    fn check(config: &{{Kind}}Config) -> Result<(), Vec<String>> {
        config.check()
    }

    fn shape(state: &{{Kind}}State) -> Value {
        state.shape()
    }

    fn diff(saved: Option<&{{Kind}}State>, live: Option<&{{Kind}}State>) -> Delta {
        diff::diff(saved, live)
    }

    fn steps(
        config: &{{Kind}}Config,
        saved: Option<&{{Kind}}State>,
        live: Option<&{{Kind}}State>,
    ) -> Result<Vec<Piece<{{Kind}}State>>, String> {
        revert::steps(config, saved, live)
    }

    async fn connect(config: {{Kind}}Config, context: &Context) -> Result<{{Kind}}Session, DriverError> {
        Ok({{Kind}}Session { path: context.path(&config.path) })
    }
}

#[async_trait]
impl Session<{{Name}}{{Kind}}> for {{Kind}}Session {
    async fn capture(&self, context: &Context, depth: Depth) -> Result<Captured<{{Kind}}State>, DriverError> {
        capture::capture(&self.path, context, depth).await
    }

    async fn revert(&self, context: &Context, step: &StepOrder<{{Kind}}State>) -> Result<Effect, DriverError> {
        revert::revert(&self.path, context, step).await
    }
}

/// The answer of a function that nobody has written yet. Remove it with its last use.
fn unwritten(attempted: &str, path: &Path, file: &str) -> DriverError {
    DriverError::new(ErrorKind::Other, format!("{attempted} {}", path.display()))
        .caused_by(format!("this is not written yet: fill {file}, as docs/driver-guide.md says"))
        .nothing_happened()
}
