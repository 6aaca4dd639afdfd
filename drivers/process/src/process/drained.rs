//! Waiting until nobody is inside any more.

use backout_contract::{Context, DriverError, ErrorKind, StopLevel};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::health;
use super::quiesce::Drained;
use super::start::LOOK_EVERY;
use super::supervised::Supervised;

impl Supervised {
    /// Asks the program until it says that nobody is inside. One that hangs cannot say so, and is ended: only then is
    /// it sure, and opening starts it again. Gives what was done to it, if anything was.
    pub(super) async fn until_drained(
        &self,
        context: &Context,
        drained: &Drained,
    ) -> Result<Option<String>, DriverError> {
        let url = context.resolver.resolve(&drained.url)?;
        let limit = Instant::now() + drained.within.0;
        loop {
            let answer = health::fetch(url.reveal()).await;
            let hangs = answer.is_err();
            let left = match answer {
                // Nobody is inside of what ended meanwhile.
                Err(_) if self.find()?.is_none() => return Ok(None),
                Err(why) => why,
                Ok((_, body)) => {
                    let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
                    match answer.pointer(&drained.json) {
                        Some(value) if *value == drained.equals => return Ok(None),
                        Some(Value::Number(count)) => format!("{} is {count}", drained.json),
                        Some(_) => format!("{} is something else", drained.json),
                        None => format!("the answer has no {}", drained.json),
                    }
                }
            };
            let attempted = || format!("wait until nobody is inside {}", self.name());
            if hangs && Instant::now() >= limit {
                self.stop(context).await?;
                return Ok(Some(format!(
                    "it was ended, for it gave no answer within {}: {left}",
                    drained.within
                )));
            }
            if Instant::now() >= limit {
                return Err(DriverError::new(ErrorKind::TimedOut, attempted())
                    .caused_by(left)
                    .hint("the door is shut; `within` of `drained` says how long those inside may take"));
            }
            if context.stop.level() >= StopLevel::Abandon {
                return Err(DriverError::new(ErrorKind::Other, attempted()).caused_by("the run stops"));
            }
            sleep(LOOK_EVERY).await;
        }
    }
}
