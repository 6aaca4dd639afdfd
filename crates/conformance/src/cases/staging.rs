//! What is put beside before the door is shut, and what is put back only to see that it can be.

use backout_contract::{Depth, Door, DriverError, Effect, Known};
use backout_core::observation::Seen;

use crate::bench::{Bench, Looked};
use crate::listing::difference;
use crate::outcome::{Failure, Outcome, Ran, must, needs_steps};
use crate::scene::{Scene, Start, as_ground, nothing_is_left, save};
use crate::world::World;

/// Staging leaves the live thing and its door alone, once and twice; `release` takes what was staged away, and a revert
/// uses it.
pub async fn staging_changes_nothing_live<W: World>(bench: &Bench<W>) -> Outcome {
    needs_steps!(W);
    if !bench.capabilities()?.stages {
        return Ran::not("the driver does not declare `stages`");
    }
    Scene::works::<W>(&bench.test, Start::Migrated).await?;
    staged_and_released::<W>(&bench.test).await?;
    let scene = staged(bench).await?;
    let _ = bench.world.write().await;
    bench.quiesce().await?;
    glance_is_true(bench, &scene.saved).await?;
    scene.go_back(bench).await?;
    glance_is_true(bench, &scene.saved).await?;
    let wrong = scene.is_back(bench).await?;
    must!(
        wrong.is_none(),
        "after staging and going back, it is not what was saved: {}",
        wrong.unwrap_or_default()
    );
    Ok(Ran::Passed)
}

/// What a glance tells is what a look tells after it, as far as the glance says that it knows.
async fn glance_is_true<W: World>(bench: &Bench<W>, saved: &Looked) -> Result<(), Failure> {
    let session = bench.session().await?;
    let glance = session.glance(&bench.context(), saved.state.as_ref()).await?;
    let seen = match &glance.captured.state {
        Some(state) => Seen::Present { fingerprint: bench.fingerprint(state)? },
        None => Seen::Absent,
    };
    let whole = bench.look(Depth::Look).await?.seen;
    let is_true = match glance.known {
        Known::Shape => seen.same_shape(&whole),
        Known::All | Known::Proven(_) => seen.same_exactly(&whole),
    };
    if is_true {
        return Ok(());
    }
    Err(Failure::Broken(format!(
        "a glance knows {:?} and tells {seen:?}, and a look tells {whole:?}",
        glance.known
    )))
}

/// Stages twice in a migrated world whose door is open.
async fn staged<W: World>(bench: &Bench<W>) -> Result<Scene, Failure> {
    let (saved, contents) = as_ground(save(bench).await)?;
    bench.world.migrate().await;
    let _ = bench.world.write().await;
    let live = bench.look(Depth::Look).await?;
    let orders = bench.orders(&saved, &live)?;
    let before = bench.world.contents().await;
    for times in ["once", "twice"] {
        for order in &orders {
            let effect = bench.stage(order).await?;
            if let Effect::Blocked { found } = effect {
                return Err(Failure::Broken(format!("staging {times} was blocked: {found}")));
            }
        }
        if let Some(change) = difference(&before, &bench.world.contents().await) {
            return Err(Failure::Broken(format!("staging {times} changed the live thing:\n    {change}")));
        }
        if bench.world.door().await == Some(Door::Shut) {
            return Err(Failure::Broken(format!("staging {times} shut the door")));
        }
    }
    Ok(Scene { saved, contents, live, orders })
}

/// What was staged for a rollback that never came.
async fn staged_and_released<W: World>(test: &str) -> Outcome {
    let bench = Bench::<W>::new(test).await;
    staged(&bench).await?;
    bench.release().await?;
    nothing_is_left(&bench).await
}

/// A rehearsal brings out what was saved, leaves nothing behind and changes nothing; over damaged data it fails.
pub async fn a_rehearsal_tells_whether_it_can_be_put_back<W: World>(bench: &Bench<W>) -> Outcome {
    let (saved, _) = as_ground(save(bench).await)?;
    bench.world.migrate().await;
    let before = bench.world.traces().await;
    let Some(came_out) = rehearse(bench, &saved).await?? else {
        return Ran::not("the kind has no scratch copies");
    };
    must!(
        came_out.same_exactly(&saved.seen),
        "saved as {:?}, and a rehearsal brings out {came_out:?}",
        saved.seen
    );
    let change = difference(&before, &bench.world.traces().await);
    must!(change.is_none(), "a rehearsal changed something:\n    {}", change.unwrap_or_default());
    nothing_is_left(bench).await?;
    for part in &saved.data {
        let damaged = bench.vault().damage(&part.blob);
        damaged.map_err(|error| Failure::NoGround(format!("the test could not damage a blob: {error}")))?;
    }
    let proven = match rehearse(bench, &saved).await? {
        Ok(came_out) => came_out.is_none_or(|came_out| came_out.same_exactly(&saved.seen)),
        Err(_) => false,
    };
    must!(saved.data.is_empty() || !proven, "the saved data was damaged, and a rehearsal ended well");
    let change = difference(&before, &bench.world.traces().await);
    must!(change.is_none(), "a rehearsal that failed changed something:\n    {}", change.unwrap_or_default());
    nothing_is_left(bench).await
}

async fn rehearse<W: World>(
    bench: &Bench<W>,
    saved: &Looked,
) -> Result<Result<Option<Seen>, DriverError>, Failure> {
    let Some(state) = &saved.state else { return Ok(Ok(None)) };
    let said = bench.session().await?.rehearse(&bench.context(), state, &saved.data).await;
    Ok(match said {
        Ok(Some(state)) => Ok(Some(Seen::Present { fingerprint: bench.fingerprint(&state)? })),
        Ok(None) => Ok(None),
        Err(error) => {
            bench.diary.error(&error);
            Err(error)
        }
    })
}
