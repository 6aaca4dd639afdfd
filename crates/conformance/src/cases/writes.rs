//! What users write is recorded and counted, and recorders are no part of the thing.

use backout_contract::Depth;
use backout_core::writes::{Counted, Coverage, Occasion, Tally};

use crate::bench::{Bench, Looked};
use crate::listing::difference;
use crate::outcome::{Failure, Outcome, Ran, ask, must, needs_steps};
use crate::scene::{Scene, Start, as_ground, save};
use crate::world::World;

/// Ends a case as not applicable for drivers that record nothing.
macro_rules! needs_records {
    ($bench:expr) => {
        if !$bench.capabilities()?.records_writes {
            return Ran::not("the driver does not declare `records_writes`");
        }
    };
}

/// Recorders cover what users write to, and change neither shape nor position nor content; asked again, they are
/// there already.
pub async fn arming_changes_nothing_that_counts<W: World>(bench: &Bench<W>) -> Outcome {
    needs_records!(bench);
    let (saved, contents) = as_ground(save(bench).await)?;
    must!(bench.coverage().await?.is_none(), "nothing was armed yet, and `coverage` tells of recorders");
    must!(bench.count(&saved).await?.is_none(), "nothing was armed yet, and `count` counts");
    let mut last = None;
    for times in ["once", "twice"] {
        let coverage = bench.arm(Occasion::Arm).await?;
        must!(!coverage.covered.is_empty(), "`arm` asked for {times} covers nothing");
        must!(
            coverage.uncovered.is_empty() && coverage.interrupted.is_empty(),
            "`arm` asked for {times} leaves something out: {coverage:?}"
        );
        let seen = bench.look(Depth::Look).await?.seen;
        must!(
            seen == saved.seen,
            "with recorders in place a look finds {seen:?} instead of {:?}",
            saved.seen
        );
        let change = difference(&contents, &bench.world.contents().await).unwrap_or_default();
        must!(change.is_empty(), "`arm` asked for {times} changed the thing:\n    {change}");
        let coverage = without_notes(coverage);
        let looked = bench.coverage().await?.map(without_notes);
        must!(
            looked.as_ref() == Some(&coverage),
            "`arm` says {coverage:?}, and `coverage` right afterwards {looked:?}"
        );
        must!(
            last.as_ref().is_none_or(|last| *last == coverage),
            "`arm` says {last:?} at first, and then {coverage:?}"
        );
        last = Some(coverage);
    }
    Ok(Ran::Passed)
}

/// What is recorded, without words about how much is held meanwhile: others may write on the same server.
fn without_notes(coverage: Coverage) -> Coverage {
    Coverage { notes: Vec::new(), ..coverage }
}

/// Recorders that are put in place again keep what was recorded, and record each write once.
pub async fn arming_twice_is_once<W: World>(bench: &Bench<W>) -> Outcome {
    needs_records!(bench);
    let saved = armed(bench).await?;
    let Some(first) = bench.world.write_as_user().await else { return Ran::not(NO_WRITES) };
    bench.arm(Occasion::Arm).await?;
    let Some(second) = bench.world.write_as_user().await else { return Ran::not(NO_WRITES) };
    let counted = counted(bench, &saved).await?;
    let (expected, found) = (first.plus(second), counted.users());
    must!(
        found == expected,
        "users wrote {expected:?} around a second `arm`, and `count` tells of {found:?}"
    );
    Ok(Ran::Passed)
}

/// Every insert, change and deletion by users since the checkpoint is counted once, those before the cutover apart
/// from those since, and what the migration wrote for itself. What a state has itself, it does not lack.
pub async fn users_writes_are_counted<W: World>(bench: &Bench<W>) -> Outcome {
    needs_records!(bench);
    let saved = armed(bench).await?;
    let Some(before) = bench.world.write_as_user().await else { return Ran::not(NO_WRITES) };
    let migration = bench.world.write_as_migration().await.unwrap_or(0);
    bench.arm(Occasion::Cutover).await?;
    let halfway = bench.look(Depth::Keep).await?;
    let Some(since) = bench.world.write_as_user().await else { return Ran::not(NO_WRITES) };
    let counted = counted(bench, &saved).await?;
    must!(counted.gaps.is_empty(), "everything was recorded, and `count` tells of gaps: {:?}", counted.gaps);
    let sum = |of: fn(&backout_core::writes::TableWrites) -> Tally| {
        counted.tables.iter().fold(Tally::default(), |sum, table| sum.plus(of(table)))
    };
    let (found_before, found_since) = (sum(|table| table.before_cutover), sum(|table| table.since_cutover));
    must!(
        (found_before, found_since) == (before, since),
        "users wrote {before:?} before cutover and {since:?} since, and `count` tells of {found_before:?} and \
         {found_since:?}"
    );
    let found = counted.migration();
    must!(found == migration, "the migration wrote {migration} rows, and `count` tells of {found}");
    let later = self::counted(bench, &halfway).await?;
    must!(
        later.users() == since && later.migration() == 0,
        "a state that was captured between the writes lacks {since:?}, and `count` tells of {:?}, besides {} by the \
         migration",
        later.users(),
        later.migration()
    );
    let live = bench.look(Depth::Look).await?;
    let none = self::counted(bench, &live).await?;
    must!(none.tables.is_empty(), "live lacks nothing of itself, and `count` tells of {:?}", none.tables);
    Ok(Ran::Passed)
}

/// `coverage` and `count` leave contents and times as they were.
pub async fn counting_only_reads<W: World>(bench: &Bench<W>) -> Outcome {
    needs_records!(bench);
    let (unarmed, _) = as_ground(save(bench).await)?;
    for is_armed in [false, true] {
        if is_armed {
            bench.arm(Occasion::Arm).await?;
            let _ = bench.world.write_as_user().await;
        }
        let before = bench.world.traces().await;
        bench.coverage().await?;
        bench.count(&unarmed).await?;
        let change = difference(&before, &bench.world.traces().await).unwrap_or_default();
        must!(change.is_empty(), "`coverage` and `count` must not change anything, and did:\n    {change}");
    }
    Ok(Ran::Passed)
}

/// A recorder that was taken away, by somebody or with what a migration made anew, is named; put in place again, it
/// records, and that something is missing is not forgotten.
pub async fn a_lost_recorder_is_named<W: World>(bench: &Bench<W>) -> Outcome {
    needs_records!(bench);
    for is_rebuilt in [false, true] {
        let bench = Bench::<W>::new(&bench.test).await;
        let saved = armed(&bench).await?;
        if is_rebuilt {
            ask!(bench.world.rebuild().await);
        } else {
            ask!(bench.world.drop_recorder().await);
        }
        let how = if is_rebuilt { "was rebuilt" } else { "lost its recorder" };
        let coverage = bench.coverage().await?.unwrap_or_default();
        must!(!coverage.uncovered.is_empty(), "something {how}, and `coverage` says that all is covered");
        let gaps = counted(&bench, &saved).await?.gaps;
        must!(!gaps.is_empty(), "something {how}, and `count` tells of no gap");
        let coverage = bench.arm(Occasion::Cutover).await?;
        must!(
            coverage.uncovered.is_empty() && !coverage.interrupted.is_empty(),
            "something {how}, and `arm` at cutover must cover it and say that it was interrupted: {coverage:?}"
        );
        let Some(written) = bench.world.write_as_user().await else { return Ran::not(NO_WRITES) };
        let counted = counted(&bench, &saved).await?;
        must!(
            counted.users() == written,
            "something {how} and is recorded again, users wrote {written:?}, and `count` tells of {:?}",
            counted.users()
        );
        must!(!counted.gaps.is_empty(), "something {how}, and `count` has forgotten it after the cutover");
    }
    Ok(Ran::Passed)
}

/// What was saved with recorders in place goes back like anything, lacks nothing of itself afterwards, and is recorded
/// again.
pub async fn recorders_do_not_stand_in_the_way<W: World>(bench: &Bench<W>) -> Outcome {
    needs_records!(bench);
    needs_steps!(W);
    Scene::works::<W>(&bench.test, Start::Migrated).await?;
    bench.world.set_up().await;
    bench.arm(Occasion::Arm).await?;
    let saved = bench.look(Depth::Keep).await?;
    let contents = bench.world.contents().await;
    bench.world.migrate().await;
    bench.arm(Occasion::Cutover).await?;
    if bench.world.write_as_user().await.is_none() {
        return Ran::not(NO_WRITES);
    }
    let scene = Scene::plan(bench, saved, contents).await?;
    match scene.go_back(bench).await {
        Ok(()) => {}
        Err(Failure::Broken(what) | Failure::NoGround(what)) => {
            return Err(Failure::Broken(format!("with recorders in place the way back fails: {what}")));
        }
    }
    let wrong = scene.is_back(bench).await?;
    must!(wrong.is_none(), "with recorders in place: {}", wrong.unwrap_or_default());
    let counted = counted(bench, &scene.saved).await?;
    must!(
        counted.tables.is_empty(),
        "what was put back lacks nothing of itself, and `count` tells of {:?}",
        counted.tables
    );
    let coverage = bench.coverage().await?;
    must!(
        coverage.as_ref().is_some_and(|coverage| coverage.uncovered.is_empty()),
        "what was put back was saved with recorders, and `coverage` tells of {coverage:?}"
    );
    let written = bench.world.write_as_user().await.unwrap_or_default();
    let found = self::counted(bench, &scene.saved).await?.users();
    must!(found == written, "users wrote {written:?} to what was put back, and `count` tells of {found:?}");
    Ok(Ran::Passed)
}

/// `disarm` takes recorders away with what they recorded, and nothing else; twice is once.
pub async fn disarming_leaves_nothing<W: World>(bench: &Bench<W>) -> Outcome {
    needs_records!(bench);
    let (saved, _) = as_ground(save(bench).await)?;
    let before = bench.world.recorders().await;
    must!(before.is_empty(), "nothing was armed yet, and the world holds {before:?}");
    bench.arm(Occasion::Arm).await?;
    if bench.world.recorders().await.is_empty() {
        return Err(Failure::NoGround("`World::recorders` sees none where there are some".to_owned()));
    }
    let contents = bench.world.contents().await;
    for times in ["once", "twice"] {
        bench.disarm().await?;
        let left = bench.world.recorders().await;
        must!(left.is_empty(), "after `disarm` asked for {times} there is still {left:?}");
        let change = difference(&contents, &bench.world.contents().await).unwrap_or_default();
        must!(change.is_empty(), "`disarm` asked for {times} changed the thing:\n    {change}");
        must!(bench.coverage().await?.is_none(), "after `disarm`, `coverage` tells of recorders");
        must!(bench.count(&saved).await?.is_none(), "after `disarm`, `count` counts");
    }
    Ok(Ran::Passed)
}

const NO_WRITES: &str = "users cannot write in a way that is recorded";

/// Set up, armed, saved.
async fn armed<W: World>(bench: &Bench<W>) -> Result<Looked, Failure> {
    bench.world.set_up().await;
    bench.arm(Occasion::Arm).await?;
    bench.look(Depth::Keep).await
}

async fn counted<W: World>(bench: &Bench<W>, target: &Looked) -> Result<Counted, Failure> {
    match bench.count(target).await? {
        Some(counted) => Ok(counted),
        None => {
            Err(Failure::Broken("recorders are in place, and `count` says that there are none".to_owned()))
        }
    }
}
