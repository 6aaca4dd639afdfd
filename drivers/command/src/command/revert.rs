//! Putting back, with the person's own program.

use backout_contract::{Context, DriverError, Effect, ErrorKind, Piece, StepOrder};
use backout_core::observation::Seen;
use serde_json::{Value, json};

use super::config::Config;
use super::run::{Programs, name};
use super::state::{State, mark, shape};

/// The one step: the program gets what was saved.
pub fn steps(config: &Config, saved: Option<&State>, live: Option<&State>) -> Vec<Piece<State>> {
    if saved.map(shape) == live.map(shape) && saved.is_some() {
        return Vec::new();
    }
    let what = if saved.is_some() { "with what was saved" } else { "for what was absent" };
    let effect = json!({ "starts_from": live.and_then(mark) });
    vec![Piece { title: format!("run {} {what}", name(&config.revert)), effect, leaves: None }]
}

impl Programs {
    /// Runs `revert` unless it is done already or something else stands there.
    pub(super) async fn put_back(
        &self,
        context: &Context,
        step: &StepOrder<State>,
    ) -> Result<Effect, DriverError> {
        let live = self.read(context).await;
        if let Ok(live) = &live
            && live.as_ref().map(shape) == step.saved.as_ref().map(shape)
        {
            return Ok(Effect::AlreadyThere);
        }
        if let Err(found) = may_start(live, step) {
            return Ok(Effect::Blocked { found });
        }
        let content = step.saved.as_ref().map(|saved| saved.content.written());
        let mut variables = vec![("BACKOUT_STATE", if content.is_some() { "present" } else { "absent" })];
        if content.is_some() {
            variables.push(("BACKOUT_STATE_FILE", "/dev/stdin"));
        }
        let done = self.run(context, &self.config.revert, &variables, content).await?;
        match done.code {
            0 => Ok(Effect::Applied { evidence: done.said() }),
            _ => Err(done.failed(ErrorKind::Other)),
        }
    }
}

/// Whether the step may start from what was found; if not, what that is, for people.
fn may_start(live: Result<Option<State>, DriverError>, step: &StepOrder<State>) -> Result<(), String> {
    let starts_from = step.effect.get("starts_from").and_then(Value::as_str);
    match (live, &step.before) {
        // Secrets have no mark; the look of whoever asked is all there is.
        (Ok(Some(live)), Some(Seen::Present { .. }) | None)
            if live.secret || mark(&live).as_deref() == starts_from =>
        {
            Ok(())
        }
        (Ok(None), Some(Seen::Absent) | None) => Ok(()),
        (Err(_), Some(Seen::Unreadable { .. } | Seen::Unreachable { .. }) | None) => Ok(()),
        (Ok(Some(_)), _) => Err("it is neither what the step starts from nor what it leaves".to_owned()),
        (Ok(None), _) => Err("nothing is there any more".to_owned()),
        (Err(error), _) => Err(format!("it cannot be read: {}", error.chain())),
    }
}
