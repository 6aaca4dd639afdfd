//! A revert that is killed anywhere leaves what can be told and finished.

use std::future::poll_fn;
use std::io::Write;
use std::task::Poll;

use crate::bench::Bench;
use crate::child::{self, Errand, Manner, log_of};
use crate::outcome::{Failure, Outcome, Ran, needs_steps};
use crate::resume::resume;
use crate::scene::{Scene, Start, as_ground};
use crate::strace;
use crate::world::World;

/// The variable that asks for a kill at every call, however many there are.
const EVERY: &str = "BACKOUT_CONFORMANCE_EVERY_KILL";

/// How many kills there are where only time can tell them apart.
const TIMED_KILLS: u32 = 12;

/// How often a simulated revert may be polled.
const MOST_POLLS: usize = 10_000;

/// Killed anywhere, a look tells *before* from *after*, and a second attempt leads to what was saved; nothing is
/// lost that was displaced, and nothing is left behind after release.
pub async fn killed_anywhere_is_resumable<W: World>(bench: &Bench<W>) -> Outcome {
    interrupt(bench, Start::Migrated, 40).await
}

/// The same where nothing is there any more.
pub async fn killed_over_nothing_is_resumable<W: World>(bench: &Bench<W>) -> Outcome {
    interrupt(bench, Start::Gone, 15).await
}

/// The same where the thing was absent when the checkpoint was taken.
pub async fn killed_while_putting_away_is_resumable<W: World>(bench: &Bench<W>) -> Outcome {
    interrupt(bench, Start::WasAbsent, 15).await
}

/// Interrupts the way back at so many places, each in a world of its own, and goes on.
async fn interrupt<W: World>(bench: &Bench<W>, start: Start, most: usize) -> Outcome {
    needs_steps!(W);
    Scene::works::<W>(&bench.test, start).await?;
    let scene = match as_ground(Scene::set_from(bench, start).await)? {
        Ok(scene) => scene,
        Err(reason) => return Ran::not(reason),
    };
    if W::LIVES_OUTSIDE { kill(bench, &scene, start, most).await } else { drop_half_way(bench, start).await }
}

async fn kill<W: World>(bench: &Bench<W>, scene: &Scene, start: Start, most: usize) -> Outcome {
    let most = most.min(W::MOST_KILLS);
    let mut kills = kills(bench, scene).await?;
    if std::env::var_os(EVERY).is_none() && kills.len() > most {
        let (all, mut index) = (kills.len(), 0);
        kills.retain(|_| {
            index += 1;
            index * most / all != (index - 1) * most / all
        });
    }
    let mut struck = 0;
    for (manner, when) in kills {
        let bench = Bench::<W>::new(&bench.test).await;
        let Ok(scene) = as_ground(Scene::set_from(&bench, start).await)? else { continue };
        let end = child::run(&bench, Errand::Revert(&scene.orders), manner).await?;
        struck += usize::from(!end.finished);
        resume(&bench, &scene, end.done, &when).await?;
    }
    if struck == 0 {
        let why = "no kill struck: the revert makes no call that could be seen";
        return Err(Failure::NoGround(why.to_owned()));
    }
    Ok(Ran::Passed)
}

/// Does the whole way in a child process, and finds where a kill can strike it.
async fn kills<W: World>(bench: &Bench<W>, scene: &Scene) -> Result<Vec<(Manner, String)>, Failure> {
    let is_traced = strace::is_usable();
    let manner = if is_traced { Manner::Traced } else { Manner::Plain };
    let whole = child::run(bench, Errand::Revert(&scene.orders), manner).await?;
    if !whole.finished {
        return Err(Failure::NoGround(format!("the way back in a child process failed: {}", whole.said)));
    }
    if !is_traced {
        let _ = writeln!(std::io::stderr(), "strace cannot be used: kills are told apart by time only");
        let delays = (0..TIMED_KILLS).map(|part| whole.took * part / TIMED_KILLS);
        return Ok(delays
            .map(|delay| (Manner::KilledAfter(delay), format!("killed after {delay:?}")))
            .collect());
    }
    let log = std::fs::read_to_string(log_of(bench)).unwrap_or_default();
    let named = strace::points(&log).into_iter().map(|point| {
        let when = format!("killed before {} number {}, {}", point.name, point.count, point.shown);
        (Manner::KilledBefore(point), when)
    });
    Ok(named.collect())
}

/// What a kill is for a thing that is only simulated in this process: its future is dropped where it waits.
async fn drop_half_way<W: World>(bench: &Bench<W>, start: Start) -> Outcome {
    for polls in 0..MOST_POLLS {
        let bench = Bench::<W>::new(&bench.test).await;
        let Ok(scene) = as_ground(Scene::set_from(&bench, start).await)? else { continue };
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
