//! Doors close, open and restart, each once.

use backout_contract::{Depth, Door, Effect};
use backout_core::capability::Quiescence;

use crate::bench::Bench;
use crate::outcome::{Failure, Outcome, Ran, must};
use crate::scene::{as_ground, now, save};
use crate::world::World;

/// `quiesce` shuts and `reopen` opens, each once; `door` says where it is; and the shape does not move with it, unless
/// the kind has no steps that would look for it.
pub async fn doors_shut_and_open<W: World>(bench: &Bench<W>) -> Outcome {
    if !bench.capabilities()?.has_door() {
        return Ran::not("the kind has no door");
    }
    let (saved, _) = as_ground(save(bench).await)?;
    let Some(at_first) = bench.world.door().await else {
        return Err(Failure::NoGround(
            "the kind has a door: `World::door` must say whether users come in".to_owned(),
        ));
    };
    if at_first != Door::Open {
        return Err(Failure::NoGround("`set_up` must leave the door open".to_owned()));
    }
    must!(bench.door().await? == Some(Door::Open), "users come in, and `door` does not say Open");
    for (turn, door) in [("quiesce", Door::Shut), ("reopen", Door::Open)] {
        for (times, wanted) in [("first", "Applied"), ("second", "AlreadyThere")] {
            let effect =
                if door == Door::Shut { bench.quiesce().await? } else { bench.reopen(&saved).await? };
            let as_wanted = match &effect {
                Some(Effect::Applied { .. }) => times == "first",
                Some(Effect::AlreadyThere) => times == "second",
                _ => false,
            };
            must!(as_wanted, "the {times} `{turn}` says {effect:?} instead of {wanted}");
            let world = bench.world.door().await;
            must!(
                world == Some(door),
                "after the {times} `{turn}` users find the door {world:?} instead of {door:?}"
            );
            let told = bench.door().await?;
            must!(told == Some(door), "after the {times} `{turn}` `door` says {told:?} instead of {door:?}");
        }
        let seen = bench.look(Depth::Look).await?.seen;
        let may_move = door == Door::Shut && W::WITHOUT_STEPS.is_some();
        must!(
            may_move || seen.same_shape(&saved.seen),
            "`{turn}` moved the shape from {:?} to {seen:?}: a step would not find its *before* again",
            saved.seen
        );
    }
    Ok(Ran::Passed)
}

/// A restart starts afresh once for each moment since which it is asked, behind a shut door; where opening
/// restarts, opening does.
pub async fn restarts_happen_once<W: World>(bench: &Bench<W>) -> Outcome {
    let quiescence = bench.capabilities()?.quiescence;
    let Quiescence::Door { opening_restarts } = quiescence else {
        return Ran::not("the kind has no door");
    };
    let (saved, _) = as_ground(save(bench).await)?;
    let Some(at_first) = bench.world.started().await else {
        return Err(Failure::NoGround(
            "the kind has a door: `World::started` must tell its starts apart".to_owned(),
        ));
    };
    // `since` lies well apart from both starts, as finely as the kind can tell.
    tokio::time::sleep(W::START_GRAIN).await;
    let since = now();
    tokio::time::sleep(W::START_GRAIN).await;
    bench.quiesce().await?;
    if bench.world.door().await != Some(Door::Shut) {
        return Err(Failure::NoGround("`quiesce` does not shut the door".to_owned()));
    }
    if !opening_restarts {
        let first = bench.restart(since).await?;
        must!(
            matches!(first, Some(Effect::Applied { .. })),
            "the first `restart` says {first:?} instead of Applied"
        );
        let afresh = bench.world.started().await;
        must!(afresh.as_ref() != Some(&at_first), "`restart` says Applied, and nothing was started afresh");
        let door = bench.world.door().await;
        must!(door == Some(Door::Shut), "after a `restart` behind a shut door users find it {door:?}");
        let second = bench.restart(since).await?;
        must!(second == Some(Effect::AlreadyThere), "the second `restart` since then says {second:?}");
        must!(bench.world.started().await == afresh, "the second `restart` since then started afresh again");
    }
    bench.reopen(&saved).await?;
    let opened = bench.world.started().await;
    must!(opened.is_some() && opened.as_ref() != Some(&at_first), "after `reopen` it was not started afresh");
    bench.reopen(&saved).await?;
    must!(bench.world.started().await == opened, "a second `reopen` started it afresh again");
    Ok(Ran::Passed)
}
