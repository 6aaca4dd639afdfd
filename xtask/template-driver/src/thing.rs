//! The kind `{{name}}.thing`. It is called after what people call the thing: rename it here, in its folder, in the
//! README and in the test.

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

use config::ThingConfig;
use state::ThingState;

/// The kind `{{name}}.thing`.
pub struct {{Name}}Thing;

/// The thing, connected.
pub struct ThingSession {
    path: PathBuf,
}

impl Driver for {{Name}}Thing {
    const KIND: &'static str = "{{name}}.thing";
    const STATE_VERSION: u16 = 1;
    type Config = ThingConfig;
    type State = ThingState;
    type Session = ThingSession;

    fn page() -> KindPage {
        KindPage { summary: "say in one line what it is", page: include_str!("../README.md") }
    }

    // Promise only what holds: each promise brings its cases, and the planner builds on it.
    fn capabilities(_: &ThingConfig) -> Capabilities {
        Capabilities {
            mode: Mode::InPlace,
            quiescence: Quiescence::Passive,
            holds_data: false,
            marker: false,
            keeps_displaced: false,
            compare_and_set: false,
            sees_exactly: true,
        }
    }

    fn target(config: &ThingConfig) -> String {
        config.target()
    }

    fn claims(config: &ThingConfig, root: &Path) -> Vec<Claim> {
        config.claims(root)
    }

    fn check(config: &ThingConfig) -> Result<(), Vec<String>> {
        config.check()
    }

    fn shape(state: &ThingState) -> Value {
        state.shape()
    }

    fn diff(saved: Option<&ThingState>, live: Option<&ThingState>) -> Delta {
        diff::diff(saved, live)
    }

    fn steps(
        config: &ThingConfig,
        saved: Option<&ThingState>,
        live: Option<&ThingState>,
    ) -> Result<Vec<Piece<ThingState>>, String> {
        revert::steps(config, saved, live)
    }

    async fn connect(config: ThingConfig, context: &Context) -> Result<ThingSession, DriverError> {
        Ok(ThingSession { path: context.path(&config.path) })
    }
}

#[async_trait]
impl Session<{{Name}}Thing> for ThingSession {
    async fn capture(&self, context: &Context, depth: Depth) -> Result<Captured<ThingState>, DriverError> {
        capture::capture(&self.path, context, depth).await
    }

    async fn revert(&self, context: &Context, step: &StepOrder<ThingState>) -> Result<Effect, DriverError> {
        revert::revert(&self.path, context, step).await
    }
}

/// The answer of a function that nobody has written yet. Remove it with its last use.
fn unwritten(attempted: &str, path: &Path, file: &str) -> DriverError {
    DriverError::new(ErrorKind::Other, format!("{attempted} {}", path.display()))
        .caused_by(format!("this is not written yet: fill {file}, as docs/driver-guide.md says"))
        .nothing_happened()
}
