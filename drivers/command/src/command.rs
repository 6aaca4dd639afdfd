//! The kind `command`.

mod capture;
mod config;
mod content;
mod revert;
mod run;
mod state;

use std::path::Path;

use async_trait::async_trait;
use backout_contract::{
    Captured, Context, Depth, Door, Driver, DriverError, Effect, ErrorKind, Exactness, KindPage, Piece,
    Session, StepOrder,
};
use backout_core::capability::Capabilities;
use backout_core::checkpoint::DataPart;
use backout_core::delta::Delta;
use backout_core::migration::Claim;
use backout_core::observation::Verdict;
use backout_core::plan::DataPrice;
use serde_json::Value;

use config::{Arguments, Config};
use run::Programs;
use state::State;

/// A component that a person's own programs look after.
pub struct Command;

impl Driver for Command {
    const KIND: &'static str = "command";
    const STATE_VERSION: u16 = 1;
    type Config = Config;
    type State = State;
    type Session = Programs;

    fn page() -> KindPage {
        KindPage {
            summary: "whatever has no kind of its own, through your own programs",
            page: include_str!("../README.md"),
        }
    }

    fn capabilities(config: &Config) -> Capabilities {
        config::capabilities(config)
    }

    fn target(config: &Config) -> String {
        format!("what {} prints", run::name(&config.capture))
    }

    fn claims(config: &Config, root: &Path) -> Vec<Claim> {
        config::claims(config, root)
    }

    fn check(config: &Config) -> Result<(), Vec<String>> {
        config::check(config)
    }

    fn shape(state: &State) -> Value {
        state::shape(state)
    }

    fn position(state: &State) -> Option<Value> {
        state::position(state)
    }

    fn diff(saved: Option<&State>, live: Option<&State>) -> Delta {
        state::diff(saved, live)
    }

    fn steps(
        config: &Config,
        saved: Option<&State>,
        live: Option<&State>,
    ) -> Result<Vec<Piece<State>>, String> {
        Ok(revert::steps(config, saved, live))
    }

    fn price(saved: &State, live: Option<&State>) -> Option<DataPrice> {
        state::price(saved, live)
    }

    async fn connect(config: Config, context: &Context) -> Result<Programs, DriverError> {
        Ok(Programs::new(config, context))
    }
}

#[async_trait]
impl Session<Command> for Programs {
    async fn capture(&self, context: &Context, _: Depth) -> Result<Captured<State>, DriverError> {
        Ok(Captured { state: self.read_to_show(context).await?, identity: None, data: Vec::new() })
    }

    async fn revert(&self, context: &Context, step: &StepOrder<State>) -> Result<Effect, DriverError> {
        self.put_back(context, step).await
    }

    async fn examine(
        &self,
        context: &Context,
        exactness: Exactness,
    ) -> Result<(Verdict, Vec<String>), DriverError> {
        let Some(judge) = &self.config.judge else { return Ok((Verdict::Restored, Vec::new())) };
        let word = match exactness {
            Exactness::Data => "data",
            Exactness::Shape => "shape",
        };
        let done = self.run(context, judge, &[("BACKOUT_EXACTNESS", word)], None).await?;
        let said = done.said();
        let verdict = match done.code {
            0 => Verdict::Restored,
            1 => Verdict::Differs { what: said.clone() },
            _ => Verdict::Unknown { why: said.clone() },
        };
        Ok((verdict, vec![said]))
    }

    async fn ready(
        &self,
        _: &Context,
        _: Option<&State>,
        _: &[DataPart],
    ) -> Result<Vec<String>, DriverError> {
        Ok(self.not_startable())
    }

    async fn door(&self, context: &Context) -> Result<Door, DriverError> {
        let done = self.run(context, declared(&self.config.closed)?, &[], None).await?;
        match done.code {
            0 => Ok(Door::Shut),
            1 => Ok(Door::Open),
            _ => Err(done
                .failed(ErrorKind::Unreadable)
                .hint("`closed` exits with 0 when the door is shut and with 1 when it is open")),
        }
    }

    async fn quiesce(&self, context: &Context) -> Result<Effect, DriverError> {
        self.move_door(context, declared(&self.config.quiesce)?, Door::Shut).await
    }

    async fn reopen(&self, context: &Context, _: Option<&State>) -> Result<Effect, DriverError> {
        self.move_door(context, declared(&self.config.reopen)?, Door::Open).await
    }
}

impl Programs {
    /// Looks before and after: a program that says it is done may be wrong.
    async fn move_door(
        &self,
        context: &Context,
        program: &Arguments,
        to: Door,
    ) -> Result<Effect, DriverError> {
        if self.door(context).await? == to {
            return Ok(Effect::AlreadyThere);
        }
        let done = self.run(context, program, &[], None).await?;
        if done.code != 0 {
            return Err(done.failed(ErrorKind::Other));
        }
        if self.door(context).await? != to {
            return Err(done.error(ErrorKind::Other, &"says that it is done, and the door has not moved"));
        }
        Ok(Effect::Applied { evidence: done.said() })
    }
}

/// The programs of the door are there together or not at all.
fn declared(program: &Option<Arguments>) -> Result<&Arguments, DriverError> {
    program.as_ref().ok_or_else(|| {
        DriverError::new(ErrorKind::Config, "move the door of a component that has none").nothing_happened()
    })
}
