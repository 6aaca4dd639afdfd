//! The ways a case comes to its point: saved, migrated, about to go back; and back.

use std::collections::BTreeMap;

use backout_contract::{Depth, Effect, Exactness, StepOrder};
use serde_json::Value;

use crate::bench::{Bench, Looked};
use crate::listing::difference;
use crate::outcome::Failure;
use crate::world::World;

/// A migrated world at the moment when the first step of a rollback would begin.
pub(crate) struct Scene {
    /// The checkpoint.
    pub(crate) saved: Looked,
    /// What the world held then.
    pub(crate) contents: BTreeMap<String, String>,
    /// What a rollback starts from.
    pub(crate) live: Looked,
    /// Its steps.
    pub(crate) orders: Vec<StepOrder<Value>>,
}

impl Scene {
    /// Sets up, saves, migrates, lets users write, closes the door, plans.
    pub(crate) async fn set<W: World>(bench: &Bench<W>) -> Result<Self, Failure> {
        let (saved, contents) = save(bench).await?;
        bench.world.migrate().await;
        let _ = bench.world.write().await;
        Self::plan(bench, saved, contents).await
    }

    /// Closes the door and plans the way from what is there to what was saved.
    pub(crate) async fn plan<W: World>(
        bench: &Bench<W>,
        saved: Looked,
        contents: BTreeMap<String, String>,
    ) -> Result<Self, Failure> {
        bench.quiesce().await?;
        let live = bench.look(Depth::Look).await?;
        let orders = bench.orders(&saved, &live)?;
        Ok(Self { saved, contents, live, orders })
    }

    /// Does every step, looks after each as the engine does, judges, and opens the door.
    pub(crate) async fn go_back<W: World>(&self, bench: &Bench<W>) -> Result<(), Failure> {
        for order in &self.orders {
            match bench.revert(order).await? {
                Effect::Applied { .. } => {}
                other => {
                    return Err(Failure::Broken(format!(
                        "a step from its *before* was not applied: {other:?}"
                    )));
                }
            }
            let seen = bench.look(Depth::Look).await?.seen;
            if !seen.same_shape(&order.after) {
                return Err(Failure::Broken(format!(
                    "`revert` says Applied, and a look afterwards does not find the step's *after*: {seen:?}"
                )));
            }
        }
        self.finish(bench).await
    }

    /// Judges and opens the door.
    pub(crate) async fn finish<W: World>(&self, bench: &Bench<W>) -> Result<(), Failure> {
        bench.examine(Exactness::Data).await?;
        bench.restart(now()).await?;
        bench.reopen(&self.saved).await?;
        bench.examine(Exactness::Shape).await
    }

    /// Whether the thing is again exactly what was saved, or what is not.
    pub(crate) async fn is_back<W: World>(&self, bench: &Bench<W>) -> Result<Option<String>, Failure> {
        let live = bench.look(Depth::Look).await?;
        if !live.seen.same_exactly(&self.saved.seen) {
            return Ok(Some(format!("saved as {:?}, and a look now finds {:?}", self.saved.seen, live.seen)));
        }
        let delta = bench.configured()?.diff(self.saved.state.as_ref(), live.state.as_ref())?;
        if !delta.is_empty() {
            return Ok(Some(format!("`diff` of saved and live lists {delta:?}")));
        }
        let contents = bench.world.contents().await;
        Ok(difference(&self.contents, &contents)
            .map(|lines| format!("in the world (saved → now):\n    {lines}")))
    }
}

/// Sets up and saves.
pub(crate) async fn save<W: World>(bench: &Bench<W>) -> Result<(Looked, BTreeMap<String, String>), Failure> {
    bench.world.set_up().await;
    let saved = bench.look(Depth::Keep).await?;
    if saved.state.is_none() {
        return Err(Failure::NoGround("a look finds nothing where `set_up` made the thing".to_owned()));
    }
    Ok((saved, bench.world.contents().await))
}

/// Turns a broken duty of another case into missing ground for this one.
pub(crate) fn as_ground<T>(result: Result<T, Failure>) -> Result<T, Failure> {
    result.map_err(|failure| match failure {
        Failure::Broken(what) | Failure::NoGround(what) => Failure::NoGround(what),
    })
}

/// Unix milliseconds.
pub(crate) fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
