//! What a resumed run does with a step in doubt.

use std::time::Duration;

use backout_contract::{Depth, Effect, Sighting};
use backout_kit::processes::end_all_children_of;

use crate::bench::Bench;
use crate::outcome::{Failure, Outcome, must};
use crate::scene::{Scene, nothing_is_left};
use crate::world::World;

/// What a killed driver's programs are given to end by themselves.
const GRACE: Duration = Duration::from_millis(200);

/// What a driver wants whose half-done work looks done.
const SAY_BEFORE: &str = " (a look found the step's *after*, so `revert` was not asked again: while it has something \
left to do, `sight` must say Before)";

/// Goes on as a resumed run does: ends the children, looks, tries again, judges. `done` steps were seen done.
pub(crate) async fn resume<W: World>(bench: &Bench<W>, scene: &Scene, done: usize, when: &str) -> Outcome {
    let broken = |failure: Failure| match failure {
        Failure::Broken(what) | Failure::NoGround(what) => Failure::Broken(format!("{when}: {what}")),
    };
    end_all_children_of(bench.token(), GRACE)
        .await
        .map_err(|error| Failure::NoGround(format!("{when}: children could not be ended: {error}")))?;
    let mut is_believed = false;
    for (index, order) in scene.orders.iter().enumerate().skip(done) {
        if index == done {
            let sighting = bench.sight(order).await.map_err(broken)?;
            match sighting {
                Sighting::Before => {}
                Sighting::After => {
                    let seen = bench.look(Depth::Look).await.map_err(broken)?.seen;
                    must!(
                        seen.same_shape(&order.after),
                        "{when}: `sight` says After, and a look finds {seen:?}"
                    );
                    // A run takes its word for it: whatever was still to be tidied up stays as it is.
                    is_believed = true;
                    continue;
                }
                other => must!(false, "{when}: nobody can tell *before* from *after*: {other:?}"),
            }
        }
        let effect = bench.revert(order).await.map_err(broken)?;
        must!(!matches!(effect, Effect::Blocked { .. }), "{when}: the second attempt says {effect:?}");
        let seen = bench.look(Depth::Look).await.map_err(broken)?.seen;
        must!(
            seen.same_shape(&order.after),
            "{when}: the second attempt says {effect:?}, and a look finds {seen:?}"
        );
    }
    if bench.capabilities()?.keeps_displaced && scene.live.state.is_some() {
        let places = bench.displaced().await.map_err(broken)?;
        let advice = if is_believed { SAY_BEFORE } else { "" };
        must!(!places.is_empty(), "{when}: `displaced` does not list what was displaced{advice}");
        for place in &places {
            must!(bench.world.is_kept(place).await, "{when}: what was displaced to {place:?} is not whole");
        }
    }
    scene.finish(bench).await.map_err(broken)?;
    let wrong = scene.is_back(bench).await.map_err(broken)?;
    must!(wrong.is_none(), "{when}, and resumed, it is not what was saved: {}", wrong.unwrap_or_default());
    bench.release().await.map_err(broken)?;
    nothing_is_left(bench).await.map_err(broken)
}
