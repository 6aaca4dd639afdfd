//! A revert that is killed or stopped anywhere leaves what can be told and finished.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use backout_contract::{Depth, Effect, Sighting, Stop, StopLevel};
use backout_kit::processes::end_all_children_of;

use crate::bench::Bench;
use crate::child::{self, Errand, Manner, log_of};
use crate::outcome::{Failure, Outcome, Ran, must};
use crate::scene::{Scene, as_ground, nothing_is_left};
use crate::strace;
use crate::world::World;

/// How many kills one case does at most, spread over the way, unless [`EVERY`] is set: each takes a new world and
/// two processes.
const MOST_KILLS: usize = 40;

/// The variable that asks for a kill at every call.
const EVERY: &str = "BACKOUT_CONFORMANCE_EVERY_KILL";

/// How many kills there are where only time can tell them apart.
const TIMED_KILLS: u32 = 12;

/// How often a simulated revert may be polled.
const MOST_POLLS: usize = 10_000;

/// What a killed driver's programs are given to end by themselves.
const GRACE: Duration = Duration::from_millis(200);

/// Killed anywhere, a look tells *before* from *after*, and a second attempt leads to what was saved; nothing is
/// lost that was displaced, and nothing is left behind after release.
pub async fn killed_anywhere_is_resumable<W: World>(bench: &Bench<W>) -> Outcome {
    Scene::works::<W>(&bench.test).await?;
    if !W::LIVES_OUTSIDE {
        return dropped_anywhere_is_resumable(bench).await;
    }
    let scene = as_ground(Scene::set(bench).await)?;
    let is_traced = strace::is_usable();
    let manner = if is_traced { Manner::Traced } else { Manner::Plain };
    let whole = child::run(bench, Errand::Revert(&scene.orders), manner).await?;
    if !whole.finished {
        return Err(Failure::NoGround(format!("the way back in a child process failed: {}", whole.said)));
    }
    let mut kills: Vec<(Manner, String)> = if is_traced {
        let log = std::fs::read_to_string(log_of(bench)).unwrap_or_default();
        strace::points(&log)
            .into_iter()
            .map(|point| {
                let when = format!("killed before {} number {}, {}", point.name, point.count, point.shown);
                (Manner::KilledBefore(point), when)
            })
            .collect()
    } else {
        eprintln!("strace cannot be used: kills are told apart by time only");
        (0..TIMED_KILLS)
            .map(|part| whole.took * part / TIMED_KILLS)
            .map(|delay| (Manner::KilledAfter(delay), format!("killed after {delay:?}")))
            .collect()
    };
    if std::env::var_os(EVERY).is_none() && kills.len() > MOST_KILLS {
        let (all, mut index) = (kills.len(), 0);
        kills.retain(|_| {
            index += 1;
            index * MOST_KILLS / all != (index - 1) * MOST_KILLS / all
        });
    }
    let mut struck = 0;
    for (manner, when) in kills {
        let bench = Bench::<W>::new(&bench.test).await;
        let scene = as_ground(Scene::set(&bench).await)?;
        let end = child::run(&bench, Errand::Revert(&scene.orders), manner).await?;
        struck += usize::from(!end.finished);
        resume(&bench, &scene, end.done, &when).await?;
    }
    if struck == 0 {
        return Err(Failure::NoGround(
            "no kill struck: the revert makes no call that could be seen".to_owned(),
        ));
    }
    Ok(Ran::Passed)
}

/// What a kill is for a thing that is only simulated in this process: its future is dropped where it waits.
async fn dropped_anywhere_is_resumable<W: World>(bench: &Bench<W>) -> Outcome {
    for polls in 0..MOST_POLLS {
        let bench = Bench::<W>::new(&bench.test).await;
        let scene = as_ground(Scene::set(&bench).await)?;
        let (mut done, mut left) = (0, polls);
        for order in &scene.orders {
            let session = bench.session().await?;
            let context = bench.context();
            let mut revert = session.revert(&context, order);
            let end = poll_fn(|waker| {
                if left == 0 {
                    return Poll::Ready(None);
                }
                left -= 1;
                revert.as_mut().poll(waker).map(Some)
            });
            let Some(said) = end.await else { break };
            said?;
            done += 1;
        }
        resume(&bench, &scene, done, &format!("dropped after {polls} polls")).await?;
        if done == scene.orders.len() {
            return Ok(Ran::Passed);
        }
    }
    Err(Failure::NoGround(format!("a revert was still not done after {MOST_POLLS} polls")))
}

/// Told to stop, a revert returns, and can be gone on with like one that was killed.
pub async fn stopped_is_resumable<W: World>(bench: &Bench<W>) -> Outcome {
    Scene::works::<W>(&bench.test).await?;
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

/// Goes on as a resumed run does: ends the children, looks, tries again, judges. `done` steps were seen done.
async fn resume<W: World>(bench: &Bench<W>, scene: &Scene, done: usize, when: &str) -> Outcome {
    let broken = |failure: Failure| match failure {
        Failure::Broken(what) | Failure::NoGround(what) => Failure::Broken(format!("{when}: {what}")),
    };
    end_all_children_of(bench.token(), GRACE)
        .await
        .map_err(|error| Failure::NoGround(format!("{when}: children could not be ended: {error}")))?;
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
    if bench.capabilities()?.keeps_displaced {
        let places = bench.displaced().await.map_err(broken)?;
        must!(!places.is_empty(), "{when}: what was displaced is not listed any more");
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
