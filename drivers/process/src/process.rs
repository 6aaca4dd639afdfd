//! The kind `process`.

mod config;
mod door;
mod drained;
mod health;
mod identity;
mod quiesce;
mod record;
mod setting;
mod start;
mod state;
mod stop;
mod stranger;
mod supervised;

use std::collections::BTreeSet;
use std::path::Path;

use async_trait::async_trait;
use backout_contract::{
    Captured, Context, Depth, Door, Driver, DriverError, Effect, ErrorKind, Exactness, KindPage, Piece,
    Session, StepOrder,
};
use backout_core::capability::{Capabilities, Quiescence};
use backout_core::checkpoint::DataPart;
use backout_core::delta::Delta;
use backout_core::migration::Claim;
use backout_core::observation::Verdict;
use backout_core::order::Mode;
use backout_kit::{marker, path_text, place};
use serde_json::{Value, json};

use config::Config;
use quiesce::How;
use state::State;
use supervised::Supervised;

/// A program that runs for a long time and is supervised by a pid file.
pub struct Process;

impl Driver for Process {
    const KIND: &'static str = "process";
    const STATE_VERSION: u16 = 1;
    type Config = Config;
    type State = State;
    type Session = Supervised;

    fn page() -> KindPage {
        KindPage {
            summary: "a program that runs for a long time, with a pid file",
            page: include_str!("../README.md"),
        }
    }

    fn capabilities(config: &Config) -> Capabilities {
        Capabilities {
            mode: Mode::InPlace,
            quiescence: Quiescence::Door { opening_restarts: matches!(config.quiesce.how, How::Stop) },
            holds_data: false,
            records_writes: false,
            marker: true,
            keeps_displaced: false,
            stages: false,
            compare_and_set: false,
            sees_exactly: true,
        }
    }

    fn target(config: &Config) -> String {
        format!(
            "{} ({})",
            supervised::shown_program(&config.command),
            path_text::encode(config.pid_file.as_os_str())
        )
    }

    fn claims(config: &Config, root: &Path) -> Vec<Claim> {
        let at = |space: &str, file: &Path, parts| Claim {
            space: space.to_owned(),
            path: place::pieces(&place::absolute(root, file)),
            parts,
        };
        let mut claims = vec![at("process", &config.pid_file, None)];
        if let How::Setting(setting) = &config.quiesce.how {
            claims.push(at("file", &setting.file, Some(BTreeSet::from([setting.key.clone()]))));
        }
        claims
    }

    fn check(config: &Config) -> Result<(), Vec<String>> {
        config::check(config)
    }

    fn shape(_: &State) -> Value {
        json!({ "runs": true })
    }

    fn diff(saved: Option<&State>, live: Option<&State>) -> Delta {
        state::diff(saved, live)
    }

    /// None: putting back never starts anything, and opening does what is to be done.
    fn steps(_: &Config, _: Option<&State>, _: Option<&State>) -> Result<Vec<Piece<State>>, String> {
        Ok(Vec::new())
    }

    async fn connect(config: Config, context: &Context) -> Result<Supervised, DriverError> {
        Ok(Supervised::new(config, context))
    }
}

#[async_trait]
impl Session<Process> for Supervised {
    async fn capture(&self, context: &Context, _: Depth) -> Result<Captured<State>, DriverError> {
        let state = self.find_or_nobody(context).await?.map(|_| State {});
        Ok(Captured { state, identity: None, data: Vec::new() })
    }

    async fn revert(&self, _: &Context, _: &StepOrder<State>) -> Result<Effect, DriverError> {
        Err(DriverError::new(ErrorKind::Other, "put back a process by a step, of which it has none")
            .nothing_happened())
    }

    async fn examine(
        &self,
        context: &Context,
        exactness: Exactness,
    ) -> Result<(Verdict, Vec<String>), DriverError> {
        let Some(process) = self.find()? else {
            return Ok((Verdict::Restored, vec!["no process runs".to_owned()]));
        };
        let mut looked = vec![format!("process {} runs", process.pid)];
        let mut verdict = Verdict::Restored;
        match self.examine_health(context, &process).await? {
            None => {}
            Some(Ok(found)) => looked.push(found),
            Some(Err(found)) => {
                verdict = verdict.and(Verdict::Differs { what: found.clone() });
                looked.push(found);
            }
        }
        if exactness == Exactness::Shape && self.where_is_door()? == Door::Shut {
            let what = "it runs behind a shut door".to_owned();
            looked.push(what.clone());
            verdict = verdict.and(Verdict::Differs { what });
        }
        Ok((verdict, looked))
    }

    async fn ready(
        &self,
        context: &Context,
        saved: Option<&State>,
        _: &[DataPart],
    ) -> Result<Vec<String>, DriverError> {
        let mut missing = self.door_not_ready();
        if let Err(error) = self.find_or_nobody(context).await {
            missing.push(error.hints.iter().fold(error.chain(), |text, hint| format!("{text}; {hint}")));
        }
        if self.pid_file.parent().is_some_and(Path::exists) {
            missing.extend(door::obstacles(&self.pid_file));
        }
        if saved.is_some() {
            missing.extend(self.not_startable([&self.config.command]));
            if let Err(error) = self.service(context).and_then(|_| self.health(context)) {
                missing.push(format!("a value cannot be had: {}", error.chain()));
            }
        }
        Ok(missing)
    }

    async fn door(&self, _: &Context) -> Result<Door, DriverError> {
        self.where_is_door()
    }

    async fn quiesce(&self, context: &Context) -> Result<Effect, DriverError> {
        self.close(context).await
    }

    async fn restart(&self, context: &Context, since: i64) -> Result<Effect, DriverError> {
        self.start_afresh(context, since).await
    }

    async fn reopen(&self, context: &Context, saved: Option<&State>) -> Result<Effect, DriverError> {
        self.open(context, saved).await
    }

    async fn read_marker(&self, _: &Context) -> Result<Option<Value>, DriverError> {
        marker::read(&self.pid_file).map_err(|error| DriverError::io(error.to_string(), error.source))
    }

    async fn write_marker(&self, _: &Context, marker: Option<&Value>) -> Result<(), DriverError> {
        match marker {
            Some(marker) => marker::write(&self.pid_file, marker),
            None => marker::remove(&self.pid_file),
        }
        .map_err(|error| DriverError::io(error.to_string(), error.source))
    }
}
