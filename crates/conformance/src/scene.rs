//! The ways a case comes to its point: saved, migrated, about to go back; and back.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use backout_contract::{Depth, Effect, Exactness, StepOrder};
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::bench::{Bench, Looked};
use crate::listing::difference;
use crate::outcome::{Failure, Outcome, Ran, must};
use crate::world::{Change, World};

/// What a way back starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Start {
    /// What the migration left, with writes on it.
    Migrated,
    /// Nothing: it was there when the checkpoint was taken, and is gone.
    Gone,
    /// What the migration left where nothing was when the checkpoint was taken.
    WasAbsent,
}

/// How a plain way back ended, once it was gone.
type Way = OnceCell<Result<(), Failure>>;

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
    /// Goes back once in a world of its own, so that what is wrong with the plain way is not blamed on a crooked one. All
    /// cases of a process that stand on the same plain way share one going.
    pub(crate) async fn works<W: World>(test: &str, start: Start) -> Result<(), Failure> {
        static WAYS: Mutex<BTreeMap<(TypeId, Start), Arc<Way>>> = Mutex::new(BTreeMap::new());
        let way = {
            let mut ways = WAYS.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(ways.entry((TypeId::of::<W>(), start)).or_default())
        };
        way.get_or_init(|| Self::try_plain_way::<W>(test, start)).await.clone()
    }

    async fn try_plain_way<W: World>(test: &str, start: Start) -> Result<(), Failure> {
        let bench = Bench::<W>::new(test).await;
        let plain = async {
            let Ok(scene) = Self::set_from(&bench, start).await? else { return Ok(Ran::Passed) };
            scene.go_back(&bench).await?;
            let wrong = scene.is_back(&bench).await?;
            let keeps = bench.capabilities()?.keeps_displaced && scene.live.state.is_some();
            let lost = keeps && bench.displaced().await?.is_empty();
            bench.release().await?;
            must!(wrong.is_none(), "the plain way back fails: {}", wrong.unwrap_or_default());
            must!(!lost, "after the plain way back nothing is displaced");
            nothing_is_left(&bench).await
        };
        as_ground(plain.await).map(|_| ())
    }

    /// Sets up, saves, migrates, lets users write, closes the door, plans.
    pub(crate) async fn set<W: World>(bench: &Bench<W>) -> Result<Self, Failure> {
        let (saved, contents) = save(bench).await?;
        bench.world.migrate().await;
        let _ = bench.world.write().await;
        Self::plan(bench, saved, contents).await
    }

    /// The same from another start, or why the world or the driver has none.
    pub(crate) async fn set_from<W: World>(
        bench: &Bench<W>,
        start: Start,
    ) -> Result<Result<Self, String>, Failure> {
        let (saved, contents) = match start {
            Start::Migrated => return Self::set(bench).await.map(Ok),
            Start::Gone => save(bench).await?,
            Start::WasAbsent => {
                bench.world.set_up().await;
                if let Change::Impossible(reason) = bench.world.remove().await {
                    return Ok(Err(reason.to_owned()));
                }
                let saved = bench.look(Depth::Keep).await?;
                let contents = bench.world.contents().await;
                bench.world.set_up().await;
                (saved, contents)
            }
        };
        bench.world.migrate().await;
        if start == Start::Gone
            && let Change::Impossible(reason) = bench.world.remove().await
        {
            return Ok(Err(reason.to_owned()));
        }
        let live = bench.look(Depth::Look).await?;
        if let Err(why) = bench.configured()?.steps(saved.state.as_ref(), live.state.as_ref())? {
            return Ok(Err(format!("`steps` says: {why}")));
        }
        Self::plan(bench, saved, contents).await.map(Ok)
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

    /// Judges and opens the door, where there is something to judge.
    pub(crate) async fn finish<W: World>(&self, bench: &Bench<W>) -> Result<(), Failure> {
        if self.saved.state.is_none() {
            return Ok(());
        }
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

/// No helper of ours stays in the world or in the scratch folder.
pub(crate) async fn nothing_is_left<W: World>(bench: &Bench<W>) -> Outcome {
    let left: Vec<String> = bench
        .world
        .traces()
        .await
        .into_keys()
        .filter(|name| name.contains(backout_kit::reserved::PREFIX))
        .collect();
    must!(left.is_empty(), "after `release`, helpers are left behind: {left:?}");
    let scratch: Vec<_> = std::fs::read_dir(bench.scratch())
        .map(|entries| entries.flatten().map(|entry| entry.file_name()).collect())
        .unwrap_or_default();
    must!(scratch.is_empty(), "after `release`, the scratch folder still holds {scratch:?}");
    Ok(Ran::Passed)
}

/// Turns a broken duty of another case into missing ground for this one.
pub(crate) fn as_ground<T>(result: Result<T, Failure>) -> Result<T, Failure> {
    result.map_err(|failure| match failure {
        Failure::Broken(what) | Failure::NoGround(what) => Failure::NoGround(what),
    })
}

/// Turns missing ground into a broken duty, where the ground is what the case is about.
pub(crate) fn as_broken<T>(result: Result<T, Failure>) -> Result<T, Failure> {
    result.map_err(|failure| match failure {
        Failure::Broken(what) | Failure::NoGround(what) => Failure::Broken(what),
    })
}

/// Unix milliseconds.
pub(crate) fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
