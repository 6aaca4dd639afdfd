//! What a run displaces is kept, listed, and removed on request, and nothing else is.

use backout_contract::{Context, Depth, Effect, StepOrder};
use backout_core::name::RunId;
use backout_core::observation::Seen;
use serde_json::Value;

use crate::bench::{Bench, Looked};
use crate::listing::difference;
use crate::outcome::{Failure, Outcome, Ran, must, needs_steps};
use crate::scene::{Scene, Start, as_ground, nothing_is_left, save};
use crate::world::World;

/// The displaced thing stays whole until it is released, and `displaced` lists it.
pub async fn what_is_displaced_is_kept<W: World>(bench: &Bench<W>) -> Outcome {
    needs_steps!(W);
    let scene = as_ground(Scene::set(bench).await)?;
    let early = bench.displaced().await?;
    must!(early.is_empty(), "nothing was displaced yet, and `displaced` lists {early:?}");
    go_back_by_force(bench, &scene).await?;
    let places = bench.displaced().await?;
    if !bench.capabilities()?.keeps_displaced {
        return Ran::not("the driver does not declare `keeps_displaced`");
    }
    must!(
        !places.is_empty(),
        "the driver declares `keeps_displaced`, and after a revert `displaced` lists nothing"
    );
    for place in &places {
        must!(
            bench.world.is_kept(place).await,
            "`displaced` lists {place:?}, and what was there is not kept whole"
        );
    }
    Ok(Ran::Passed)
}

/// What a run displaced can be captured as it was when it stood at its place, and put back from that by another run,
/// which displaces in its turn; the answer for each run stays its own.
pub async fn what_is_displaced_can_be_captured<W: World>(bench: &Bench<W>) -> Outcome {
    needs_steps!(W);
    if !bench.capabilities()?.keeps_displaced {
        return Ran::not("the driver does not declare `keeps_displaced`");
    }
    Scene::works::<W>(&bench.test, Start::Migrated).await?;
    let (saved, contents) = as_ground(save(bench).await)?;
    bench.world.migrate().await;
    let _ = bench.world.write().await;
    let scene = as_ground(Scene::plan(bench, saved, contents).await)?;
    let migrated = bench.world.contents().await;
    let early = displaced_by(bench, "r1").await?;
    must!(early.is_none(), "nothing was displaced yet, and `capture_displaced` gives {:?}", early.map(seen));
    as_ground(go_back_by_force(bench, &scene).await)?;

    let Some(first) = displaced_by(bench, "r1").await? else {
        return Err(Failure::Broken(
            "`capture_displaced` gives nothing of what the run displaced".to_owned(),
        ));
    };
    must!(
        first.seen.same_exactly(&scene.live.seen),
        "before it was displaced a look found {:?}, and `capture_displaced` gives {:?}",
        scene.live.seen,
        first.seen
    );
    let put_back = bench.look(Depth::Look).await?;
    let orders = bench.orders(&first, &put_back)?;
    for order in &orders {
        let effect = revert_by(bench, "r2", order).await?;
        must!(
            matches!(effect, Effect::Applied { .. }),
            "a step of another run, to what the first one displaced, was not applied: {effect:?}"
        );
    }
    let live = bench.look(Depth::Look).await?.seen;
    let change = difference(&migrated, &bench.world.contents().await);
    must!(
        live.same_exactly(&first.seen) && change.is_none(),
        "put back from what `capture_displaced` gave, it is not what was displaced:\n    {}",
        change.unwrap_or_default()
    );
    for (run, expected) in [("r1", Some(&first.seen)), ("r2", Some(&scene.saved.seen)), ("r3", None)] {
        let found = displaced_by(bench, run).await?.map(seen);
        let agree = match (&found, expected) {
            (Some(found), Some(expected)) => found.same_exactly(expected),
            (found, expected) => found.is_none() && expected.is_none(),
        };
        must!(agree, "after two runs, `capture_displaced` of {run} gives {found:?} instead of {expected:?}");
    }
    Ok(Ran::Passed)
}

fn seen(looked: Looked) -> Seen {
    looked.seen
}

/// The context of a call in a run.
fn context_of<W: World>(bench: &Bench<W>, run: &str) -> Result<Context, Failure> {
    let run = RunId::new(run).map_err(|why| Failure::NoGround(why.to_string()))?;
    Ok(Context { run: Some(run), ..bench.context() })
}

async fn revert_by<W: World>(
    bench: &Bench<W>,
    run: &str,
    order: &StepOrder<Value>,
) -> Result<Effect, Failure> {
    Ok(bench.session().await?.revert(&context_of(bench, run)?, order).await?)
}

async fn displaced_by<W: World>(bench: &Bench<W>, run: &str) -> Result<Option<Looked>, Failure> {
    let captured = bench.session().await?.capture_displaced(&context_of(bench, run)?).await?;
    let Some(captured) = captured else { return Ok(None) };
    let seen = match &captured.state {
        Some(state) => Seen::Present { fingerprint: bench.fingerprint(state)? },
        None => Seen::Absent,
    };
    Ok(Some(Looked { seen, state: captured.state, identity: captured.identity, data: captured.data }))
}

/// `release` removes what was displaced, the driver's leftovers too, and leaves the thing alone; twice is once.
pub async fn release_removes_it_and_only_it<W: World>(bench: &Bench<W>) -> Outcome {
    needs_steps!(W);
    let scene = as_ground(Scene::set(bench).await)?;
    go_back_by_force(bench, &scene).await?;
    let places = bench.displaced().await?;
    let contents = bench.world.contents().await;
    for times in ["once", "twice"] {
        if let Err(failure) = bench.release().await {
            return Err(Failure::Broken(format!("`release` asked for {times}: {failure}")));
        }
        let change = difference(&contents, &bench.world.contents().await).unwrap_or_default();
        must!(change.is_empty(), "`release` changed the thing itself:\n    {change}");
        let left = bench.displaced().await?;
        must!(left.is_empty(), "after `release`, `displaced` lists {left:?}");
    }
    for place in &places {
        must!(!bench.world.is_kept(place).await, "after `release`, {place:?} is still there");
    }
    nothing_is_left(bench).await?;
    Ok(Ran::Passed)
}

async fn go_back_by_force<W: World>(bench: &Bench<W>, scene: &Scene) -> Result<(), Failure> {
    for order in &scene.orders {
        let effect = bench.revert(order).await?;
        let seen = bench.look(Depth::Look).await?.seen;
        if !matches!(effect, Effect::Applied { .. }) || !seen.same_shape(&order.after) {
            return Err(Failure::NoGround(format!(
                "the way back did not lead to the step's *after*: {effect:?}"
            )));
        }
    }
    Ok(())
}
