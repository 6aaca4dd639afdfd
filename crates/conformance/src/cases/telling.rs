//! The pure parts: configuration, states, differences, fingerprints, steps.

use backout_contract::{Depth, Driver, DriverDyn, erased::Erased};
use backout_core::observation::{Fingerprint, Seen};
use serde_json::Value;

use crate::bench::{Bench, Looked, NO_STEPS};
use crate::component::configure;
use crate::outcome::{Failure, Outcome, Ran, must, needs_steps};
use crate::scene::{Scene, as_ground, save};
use crate::world::{Change, World};

/// A key that the driver does not know is refused, with its place; and the kind can be explained.
pub async fn unknown_keys_are_refused<W: World>(bench: &Bench<W>) -> Outcome {
    bench.world.set_up().await;
    let configured = bench.configured()?;
    let keys = format!("{}\nno-such-key: 1", bench.world.config().trim_end());
    match configure::<W::Driver>(&keys) {
        Ok(_) => {
            must!(false, "the key `no-such-key` was taken: `Config` wants #[serde(deny_unknown_fields)]")
        }
        Err(found) => {
            must!(
                found.iter().any(|found| found.place.is_some()),
                "the key `no-such-key` was refused without a place: {found:?}"
            );
        }
    }
    let driver = Erased::<W::Driver>::default();
    must!(driver.schema().is_object(), "the schema of `Config` is no object");
    let page = driver.page();
    must!(!page.summary.trim().is_empty(), "`page` has no summary");
    must!(!page.page.trim().is_empty(), "`page` is empty: include the README");
    let unwritten =
        [page.summary, page.page].iter().any(|text| text.to_lowercase().contains("not written yet"));
    must!(!unwritten, "`page` or its summary still says that it is not written yet: write README.md");
    must!(!configured.target().trim().is_empty(), "`target` is empty");
    must!(
        !configured.claims(bench.world.root()).is_empty(),
        "`claims` is empty, so that two components on one thing would not be found"
    );
    Ok(Ran::Passed)
}

/// A state that was written as JSON and read again is the same state.
pub async fn states_survive_json<W: World>(bench: &Bench<W>) -> Outcome {
    save(bench).await?;
    let looked = bench.look(Depth::Keep).await?;
    let state = present(&looked)?;
    let text = state.to_string();
    let again: Value =
        serde_json::from_str(&text).map_err(|why| Failure::Broken(format!("no JSON: {why}")))?;
    must!(*state == again, "a state changed when it was written as JSON and read again");
    let typed: <W::Driver as Driver>::State = serde_json::from_str(&text)
        .map_err(|why| Failure::Broken(format!("a state that was written as JSON cannot be read: {why}")))?;
    let rewritten = serde_json::to_value(&typed)
        .map_err(|why| Failure::Broken(format!("a state that was read cannot be written as JSON: {why}")))?;
    must!(rewritten == *state, "a state that was read from JSON is written differently");
    let fingerprint = bench.fingerprint(&again)?;
    must!(
        Some(&fingerprint) == looked.seen.fingerprint(),
        "the fingerprint of a state changed when it was written as JSON and read again"
    );
    must!(W::Driver::STATE_VERSION > 0, "`STATE_VERSION` begins at 1");
    Ok(Ran::Passed)
}

/// `diff(x, x)` is empty; a difference of shape, or of being there at all, is not.
pub async fn diff_tells_what_differs<W: World>(bench: &Bench<W>) -> Outcome {
    let (saved, _) = save(bench).await?;
    bench.world.migrate().await;
    let live = bench.look(Depth::Look).await?;
    let (then, now) = (Some(present(&saved)?), live.state.as_ref());
    let configured = bench.configured()?;
    for (what, one, two, is_empty) in [
        ("diff(saved, saved)", then, then, true),
        ("diff(live, live)", now, now, true),
        ("diff(none, none)", None, None, true),
        ("diff(saved, live) after `migrate`", then, now, false),
        ("diff(saved, none)", then, None, false),
        ("diff(none, saved)", None, then, false),
        ("diff(none, live)", None, now, now.is_none()),
    ] {
        let delta = configured.diff(one, two)?;
        bench.diary.delta(&delta);
        let wanted = if is_empty { "be empty" } else { "list something" };
        must!(delta.is_empty() == is_empty, "`{what}` must {wanted}, and is {delta:?}");
    }
    let bench = Bench::<W>::new(&bench.test).await;
    let scene = as_ground(Scene::set(&bench).await)?;
    as_ground(scene.go_back(&bench).await)?;
    let back = bench.look(Depth::Look).await?;
    if back.seen.same_exactly(&scene.saved.seen) {
        let delta = bench.configured()?.diff(scene.saved.state.as_ref(), back.state.as_ref())?;
        must!(delta.is_empty(), "it was put back, fingerprints agree, and `diff` still lists {delta:?}");
    }
    Ok(Ran::Passed)
}

/// A migration and a drift move the shape; users who write move the position and leave the shape.
pub async fn shape_and_position_are_told_apart<W: World>(bench: &Bench<W>) -> Outcome {
    let (saved, _) = save(bench).await?;
    let holds_data = bench.capabilities()?.holds_data;
    let then = fingerprint(&saved)?;
    match bench.world.write().await {
        Change::Made => {
            let written = fingerprint(&bench.look(Depth::Look).await?)?;
            must!(written.shape == then.shape, "users wrote data, and the shape moved");
            must!(written.position.is_some(), "users write data into it, and the state has no position");
            must!(written.position != then.position, "users wrote data, and the position did not move");
            must!(holds_data, "users write data into it, and the driver's capabilities deny `holds_data`");
        }
        Change::Impossible(_) => {
            must!(!holds_data, "the driver declares `holds_data`, and the world cannot write any");
        }
    }
    bench.world.migrate().await;
    let migrated = known(bench.look(Depth::Look).await?)?;
    must!(!migrated.same_shape(&saved.seen), "`migrate` did not move the shape");
    if bench.world.write().await == Change::Made {
        let written = known(bench.look(Depth::Look).await?)?;
        must!(written.same_shape(&migrated), "users wrote data after `migrate`, and the shape moved");
        must!(
            !written.same_exactly(&migrated),
            "users wrote data after `migrate`, the position did not move"
        );
    }
    if W::WITHOUT_STEPS.is_none() {
        bench.world.drift().await;
        let drifted = known(bench.look(Depth::Look).await?)?;
        must!(!drifted.same_shape(&migrated), "`drift` left the shape of `migrate`");
        must!(!drifted.same_shape(&saved.seen), "`drift` left the shape of `set_up`");
    }
    Ok(Ran::Passed)
}

/// Titles of steps are one line without a full stop, and stay the same while data grows: plans bind to them.
pub async fn steps_read_well<W: World>(bench: &Bench<W>) -> Outcome {
    needs_steps!(W);
    let (saved, _) = save(bench).await?;
    bench.world.migrate().await;
    let live = bench.look(Depth::Look).await?;
    let titles = titles(bench, &saved, &live)?;
    for title in &titles {
        must!(!title.trim().is_empty(), "a step has no title");
        must!(!title.contains('\n'), "a step's title has more than one line: {title:?}");
        must!(!title.ends_with('.'), "a step's title ends in a full stop: {title:?}");
    }
    if bench.world.write().await == Change::Made {
        let grown = bench.look(Depth::Look).await?;
        let again = self::titles(bench, &saved, &grown)?;
        must!(again == titles, "titles changed while data merely grew: {titles:?} became {again:?}");
        let price = bench.configured()?.price(present(&saved)?, grown.state.as_ref())?;
        bench.diary.debug("a price", &price);
        must!(price.is_some(), "users wrote data that going back would take away, and `price` says nothing");
    }
    Ok(Ran::Passed)
}

fn titles<W: World>(bench: &Bench<W>, saved: &Looked, live: &Looked) -> Result<Vec<String>, Failure> {
    let pieces = bench.configured()?.steps(saved.state.as_ref(), live.state.as_ref())?;
    let pieces =
        pieces.map_err(|why| Failure::NoGround(format!("`steps` says that it cannot be put back: {why}")))?;
    if pieces.is_empty() {
        return Err(Failure::NoGround(NO_STEPS.to_owned()));
    }
    Ok(pieces.into_iter().map(|piece| piece.title).collect())
}

fn present(looked: &Looked) -> Result<&Value, Failure> {
    looked.state.as_ref().ok_or_else(|| Failure::NoGround(format!("nothing was read: {:?}", looked.seen)))
}

/// What was seen, where the look could tell.
fn known(looked: Looked) -> Result<Seen, Failure> {
    if looked.seen.is_known() {
        return Ok(looked.seen);
    }
    Err(Failure::NoGround(format!("a look finds {:?}", looked.seen)))
}

fn fingerprint(looked: &Looked) -> Result<Fingerprint, Failure> {
    match &looked.seen {
        Seen::Present { fingerprint } => Ok(*fingerprint),
        other => Err(Failure::NoGround(format!("a look finds {other:?}"))),
    }
}
