//! What is gone, damaged, or was not there before.

use backout_contract::{Depth, Effect};
use backout_core::observation::Seen;

use crate::bench::Bench;
use crate::outcome::{Failure, Outcome, Ran, ask, must, needs_steps};
use crate::scene::{Scene, Start, as_broken, as_ground, save};
use crate::world::World;

/// A thing that is not there any more is seen as absent, and comes back whole.
pub async fn what_is_gone_comes_back<W: World>(bench: &Bench<W>) -> Outcome {
    Scene::works::<W>(&bench.test, Start::Migrated).await?;
    let (saved, contents) = as_ground(save(bench).await)?;
    bench.world.migrate().await;
    ask!(bench.world.remove().await);
    let live = match bench.try_look(Depth::Look).await? {
        Ok(live) => live,
        Err(error) => {
            return Err(Failure::Broken(format!(
                "the thing is gone, and instead of a look without state there is an error: {}",
                error.chain()
            )));
        }
    };
    must!(live.seen == Seen::Absent, "the thing is gone, and a look finds {:?}", live.seen);
    let scene = as_broken(Scene::plan(bench, saved, contents).await)?;
    as_broken(scene.go_back(bench).await)?;
    let wrong = scene.is_back(bench).await?;
    must!(wrong.is_none(), "it was gone and is back, and not what was saved: {}", wrong.unwrap_or_default());
    Ok(Ran::Passed)
}

/// A thing that nobody can read is an error that says so, and never blocks the way back.
pub async fn what_is_unreadable_comes_back<W: World>(bench: &Bench<W>) -> Outcome {
    Scene::works::<W>(&bench.test, Start::Migrated).await?;
    let (saved, contents) = as_ground(save(bench).await)?;
    bench.world.migrate().await;
    ask!(bench.world.corrupt().await);
    let before = bench.world.traces().await;
    match bench.try_look(Depth::Look).await? {
        Ok(looked) => must!(false, "the thing is damaged, and a look finds {:?}", looked.seen),
        Err(error) => {
            let seen = crate::bench::seen_by(&error);
            must!(
                matches!(seen, Some(Seen::Unreadable { .. })),
                "the thing is damaged, and the error's kind is {:?} instead of Unreadable ({})",
                error.kind,
                error.chain()
            );
        }
    }
    let change = crate::listing::difference(&before, &bench.world.traces().await).unwrap_or_default();
    must!(change.is_empty(), "a look at a damaged thing changed it:\n    {change}");
    let scene = as_broken(Scene::plan(bench, saved, contents).await)?;
    as_broken(scene.go_back(bench).await)?;
    let wrong = scene.is_back(bench).await?;
    must!(
        wrong.is_none(),
        "it was damaged and is back, and not what was saved: {}",
        wrong.unwrap_or_default()
    );
    Ok(Ran::Passed)
}

/// What was absent when the checkpoint was taken is put away again.
pub async fn what_was_absent_is_put_away<W: World>(bench: &Bench<W>) -> Outcome {
    needs_steps!(W);
    let scene = match as_ground(Scene::set_from(bench, Start::WasAbsent).await)? {
        Ok(scene) => scene,
        Err(reason) => return Ran::not(reason),
    };
    if scene.saved.seen != Seen::Absent {
        return Err(Failure::NoGround(format!("the thing is gone, and a look finds {:?}", scene.saved.seen)));
    }
    for order in &scene.orders {
        let effect = bench.revert(order).await?;
        must!(matches!(effect, Effect::Applied { .. }), "putting it away says {effect:?}");
    }
    let seen = bench.look(Depth::Look).await?.seen;
    must!(seen == Seen::Absent, "it was put away, and a look finds {seen:?}");
    let now = bench.world.contents().await;
    let change = crate::listing::difference(&scene.contents, &now).unwrap_or_default();
    must!(change.is_empty(), "it was put away, and the world is not as without it:\n    {change}");
    for order in &scene.orders {
        let effect = bench.revert(order).await?;
        must!(effect == Effect::AlreadyThere, "putting it away twice says {effect:?}");
    }
    Ok(Ran::Passed)
}
