//! Looking changes nothing, and tells the same twice.

use std::collections::BTreeMap;

use backout_contract::{Depth, Exactness};

use crate::bench::Bench;
use crate::child::{self, Errand};
use crate::listing::difference;
use crate::outcome::{Outcome, Ran, ask, must};
use crate::scene::{Scene, as_broken, as_ground, save};
use crate::world::World;

/// `connect`, `capture`, `ready`, `examine`, `door`, `sight`, `read_marker` and `displaced` leave contents and
/// times as they were, before the migration, after it, and when there is something to put back.
pub async fn capture_changes_nothing<W: World>(bench: &Bench<W>) -> Outcome {
    save(bench).await?;
    unchanged_by_looks(bench, None).await?;
    bench.world.migrate().await;
    unchanged_by_looks(bench, None).await?;
    let other = Bench::<W>::new(&bench.test).await;
    let scene = as_ground(Scene::set(&other).await)?;
    unchanged_by_looks(&other, Some(&scene)).await
}

async fn unchanged_by_looks<W: World>(bench: &Bench<W>, scene: Option<&Scene>) -> Outcome {
    let before = bench.world.traces().await;
    let unchanged = async |what: &str| -> Outcome {
        let after: BTreeMap<_, _> = bench.world.traces().await;
        let change = difference(&before, &after);
        must!(
            change.is_none(),
            "`{what}` must not change anything, and did:\n    {}",
            change.unwrap_or_default()
        );
        Ok(Ran::Passed)
    };
    let session = bench.session().await?;
    unchanged("connect").await?;
    bench.look(Depth::Look).await?;
    unchanged("capture(Look)").await?;
    let kept = bench.look(Depth::Keep).await?;
    unchanged("capture(Keep)").await?;
    session.ready(&bench.context(), kept.state.as_ref(), &kept.data).await?;
    unchanged("ready").await?;
    session.examine(&bench.context(), Exactness::Shape).await?;
    unchanged("examine").await?;
    bench.door().await?;
    unchanged("door").await?;
    if bench.capabilities()?.marker {
        session.read_marker(&bench.context()).await?;
        unchanged("read_marker").await?;
    }
    bench.displaced().await?;
    unchanged("displaced").await?;
    if let Some(order) = scene.and_then(|scene| scene.orders.first()) {
        bench.sight(order).await?;
        unchanged("sight").await?;
    }
    Ok(Ran::Passed)
}

/// Two looks at one thing bring back equal states, fingerprints and identities, however deep they go.
pub async fn capture_twice_is_equal<W: World>(bench: &Bench<W>) -> Outcome {
    save(bench).await?;
    let one = bench.look(Depth::Look).await?;
    let two = bench.look(Depth::Look).await?;
    let delta = bench.configured()?.diff(one.state.as_ref(), two.state.as_ref())?;
    must!(
        if W::TELLS_THE_MOMENT { delta.is_empty() } else { one.state == two.state },
        "two looks at one thing bring back different states"
    );
    must!(one.seen == two.seen, "two looks at one thing give {:?} and {:?}", one.seen, two.seen);
    must!(one.identity == two.identity, "identity went from {:?} to {:?}", one.identity, two.identity);
    must!(one.data.is_empty(), "capture(Look) put data into the vault");
    let kept = bench.look(Depth::Keep).await?;
    must!(
        one.seen == kept.seen,
        "capture(Look) gives {:?}, and capture(Keep) of the same thing {:?}",
        one.seen,
        kept.seen
    );
    Ok(Ran::Passed)
}

/// Whoever may read the thing and not write it can look at it, and sees the same.
pub async fn a_reader_can_look<W: World>(bench: &Bench<W>) -> Outcome {
    as_ground(save(bench).await)?;
    ask!(bench.world.let_read_only().await);
    let ours = bench.look(Depth::Look).await;
    let theirs = if W::LIVES_OUTSIDE && child::is_superuser() {
        Some(child::run(bench, Errand::Look, child::Manner::AsNobody).await?)
    } else {
        None
    };
    bench.world.let_write().await;
    let ours = as_broken(ours)?;
    must!(ours.seen.fingerprint().is_some(), "without the right to write, a look finds it {:?}", ours.seen);
    if let Some(end) = theirs {
        must!(
            end.seen.as_ref() == Some(&ours.seen),
            "another user who may read the thing sees {:?}, and we {:?} ({})",
            end.seen,
            ours.seen,
            end.said
        );
    }
    Ok(Ran::Passed)
}
