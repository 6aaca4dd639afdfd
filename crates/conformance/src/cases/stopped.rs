//! A revert that is told to stop.

use backout_contract::{Effect, Stop, StopLevel};

use crate::bench::Bench;
use crate::outcome::{Outcome, Ran, needs_steps};
use crate::resume::resume;
use crate::scene::{Scene, Start, as_ground};
use crate::world::World;

/// Told to stop, a revert returns, and can be gone on with like one that was killed.
pub async fn stopped_is_resumable<W: World>(bench: &Bench<W>) -> Outcome {
    needs_steps!(W);
    Scene::works::<W>(&bench.test, Start::Migrated).await?;
    for level in [StopLevel::Finish, StopLevel::Abandon] {
        for is_early in [true, false] {
            let bench = Bench::<W>::new(&bench.test).await;
            let scene = as_ground(Scene::set(&bench).await)?;
            let Some(order) = scene.orders.first() else { return Ran::not("there is no step") };
            let (sender, stop) = Stop::channel();
            let raise = async {
                if !is_early {
                    tokio::task::yield_now().await;
                }
                sender.send_replace(level);
            };
            let revert = async {
                if is_early {
                    tokio::task::yield_now().await;
                }
                bench.try_revert(order, stop.clone()).await
            };
            let ((), said) = tokio::join!(raise, revert);
            let done = usize::from(matches!(said?, Ok(Effect::Applied { .. } | Effect::AlreadyThere)));
            resume(&bench, &scene, done, &format!("stopped with {level:?}")).await?;
        }
    }
    Ok(Ran::Passed)
}
