//! The way back, once, twice, over drift, and with a liar.

use std::collections::BTreeSet;

use backout_contract::{Depth, Effect, SessionDyn, Stop};
use backout_core::observation::Seen;

use crate::bench::Bench;
use crate::liar::Liar;
use crate::listing::difference;
use crate::outcome::{Failure, Outcome, Ran, must, needs_steps};
use crate::scene::{Scene, as_ground, save};
use crate::world::World;

/// The steps, done one after the other, lead back to exactly what was saved, data too; where there are none, closing
/// and opening the door does.
pub async fn steps_lead_to_saved<W: World>(bench: &Bench<W>) -> Outcome {
    let scene = Scene::set(bench).await?;
    scene.go_back(bench).await?;
    let wrong = scene.is_back(bench).await?;
    must!(wrong.is_none(), "after every step it is not what was saved: {}", wrong.unwrap_or_default());
    Ok(Ran::Passed)
}

/// A step that is asked for again says [`Effect::AlreadyThere`] and touches nothing.
pub async fn twice_is_once<W: World>(bench: &Bench<W>) -> Outcome {
    needs_steps!(W);
    let scene = Scene::set(bench).await?;
    for order in &scene.orders {
        let first = bench.revert(order).await?;
        if !matches!(first, Effect::Applied { .. })
            || !bench.look(Depth::Look).await?.seen.same_shape(&order.after)
        {
            return Err(Failure::NoGround(format!(
                "the first attempt did not lead to the step's *after*: {first:?}"
            )));
        }
        let before = bench.world.traces().await;
        let second = match bench.try_revert(order, Stop::never()).await? {
            Ok(second) => second,
            Err(error) => {
                return Err(Failure::Broken(format!("the second attempt failed to {}", error.chain())));
            }
        };
        must!(second == Effect::AlreadyThere, "the second attempt says {second:?} instead of AlreadyThere");
        let change = difference(&before, &bench.world.traces().await);
        must!(change.is_none(), "the second attempt changed something:\n    {}", change.unwrap_or_default());
    }
    Ok(Ran::Passed)
}

/// When live is neither the step's *before* nor its *after*, the step is refused and nothing is touched.
pub async fn drift_is_refused<W: World>(bench: &Bench<W>) -> Outcome {
    needs_steps!(W);
    let scene = Scene::set(bench).await?;
    let Some(order) = scene.orders.first() else { return Ran::not("there is no step") };
    bench.world.drift().await;
    let live = bench.look(Depth::Look).await?;
    if live.seen.same_shape(&scene.live.seen) || live.seen.same_shape(&order.after) {
        return Err(Failure::NoGround("a look does not see the world's `drift`".to_owned()));
    }
    let before = bench.world.traces().await;
    let effect = bench.revert(order).await?;
    must!(
        matches!(effect, Effect::Blocked { .. }),
        "somebody changed the thing after the plan was made, and `revert` says {effect:?} instead of Blocked"
    );
    let change = difference(&before, &bench.world.traces().await);
    must!(change.is_none(), "a refused step changed something:\n    {}", change.unwrap_or_default());
    Ok(Ran::Passed)
}

/// A revert that does nothing and says that it did is found out by the look that follows.
pub async fn a_lie_is_found_out<W: World>(bench: &Bench<W>) -> Outcome {
    needs_steps!(W);
    let scene = Scene::set(bench).await?;
    let Some(order) = scene.orders.first() else { return Ran::not("there is no step") };
    let liar = Liar::around(bench.session().await?);
    let said = liar.revert(&bench.context(), order).await?;
    let seen = match liar.capture(&bench.context(), Depth::Look).await?.state {
        Some(state) => Seen::Present { fingerprint: bench.fingerprint(&state)? },
        None => Seen::Absent,
    };
    must!(!seen.same_shape(&order.after), "nothing was done, `revert` said {said:?}, and a look believes it");
    Ok(Ran::Passed)
}

/// Saved data that is damaged or lost is refused before anything is changed.
pub async fn damaged_data_changes_nothing<W: World>(bench: &Bench<W>) -> Outcome {
    needs_steps!(W);
    let (saved, _) = as_ground(save(bench).await)?;
    if saved.data.is_empty() {
        return Ran::not("the driver keeps no data apart from its state");
    }
    for is_lost in [false, true] {
        let bench = Bench::<W>::new(&bench.test).await;
        let scene = Scene::set(&bench).await?;
        let blobs: BTreeSet<_> = scene.saved.data.iter().map(|part| part.blob).collect();
        for blob in &blobs {
            let done = if is_lost { bench.vault().lose(blob) } else { bench.vault().damage(blob) };
            done.map_err(|error| Failure::NoGround(format!("the test could not damage a blob: {error}")))?;
        }
        let word = if is_lost { "lost" } else { "damaged" };
        let mut before = bench.world.contents().await;
        let mut refused = false;
        for order in &scene.orders {
            refused = bench.try_revert(order, Stop::never()).await?.is_err();
            let now = bench.world.contents().await;
            if refused {
                let change = difference(&before, &now).unwrap_or_default();
                must!(
                    change.is_empty(),
                    "saved data was {word}, and `revert` changed the thing:\n    {change}"
                );
                break;
            }
            before = now;
        }
        must!(refused, "saved data was {word}, and every `revert` ended well");
    }
    Ok(Ran::Passed)
}
