//! What a run displaces is kept, listed, and removed on request, and nothing else is.

use backout_contract::{Depth, Effect};

use crate::bench::Bench;
use crate::listing::difference;
use crate::outcome::{Failure, Outcome, Ran, must, needs_steps};
use crate::scene::{Scene, as_ground, nothing_is_left};
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
