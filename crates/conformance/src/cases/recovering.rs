//! What users wrote is taken over to what was put back, each write once.

use std::collections::BTreeMap;
use std::path::PathBuf;

use backout_contract::{Depth, RecoverOrder};
use backout_core::writes::{Occasion, Recovered, Tally, Way};
use backout_kit::processes::end_all_children_of;

use crate::bench::{Bench, run};
use crate::child::{self, Errand, Manner, log_of};
use crate::listing::difference;
use crate::outcome::{Failure, Outcome, Ran, must, needs_steps};
use crate::scene::{Scene, Start};
use crate::strace;
use crate::world::World;

/// How many kills are tried unless every one is asked for.
const MOST_KILLS: usize = 30;

/// What a killed driver's programs are given to end by themselves.
const GRACE: std::time::Duration = std::time::Duration::from_millis(200);

/// Ends a case as not applicable for drivers that record nothing.
macro_rules! needs_records {
    ($bench:expr) => {
        if !$bench.capabilities()?.records_writes {
            return Ran::not("the driver does not declare `records_writes`");
        }
    };
}

/// After the way back, users' writes are taken over: what stands then is what they would have made of the saved thing.
/// Asked again, nothing is left to do.
pub async fn writes_are_taken_over_once<W: World>(bench: &Bench<W>) -> Outcome {
    needs_records!(bench);
    needs_steps!(W);
    Scene::works::<W>(&bench.test, Start::Migrated).await?;
    let Some(ground) = Ground::lay(bench, false).await? else { return Ran::not(NO_WRITES) };
    let recovered = bench.recover(Way::Merge).await?;
    let sum = ground.written.sum();
    must!(
        recovered.applied == sum && recovered.conflicts() == 0 && recovered.unmapped == 0,
        "users wrote {sum} rows that nobody else touched, and `recover` says {recovered:?}"
    );
    ground.stands(bench, "after users' writes were taken over").await?;
    let again = bench.recover(Way::Merge).await?;
    must!(again.applied == 0, "asked again, `recover` takes {} writes over once more", again.applied);
    ground.stands(bench, "after `recover` was asked twice").await?;
    Ok(Ran::Passed)
}

/// What the migration wrote for itself stays where it was.
pub async fn the_migrations_writes_are_not_taken_over<W: World>(bench: &Bench<W>) -> Outcome {
    needs_records!(bench);
    needs_steps!(W);
    Scene::works::<W>(&bench.test, Start::Migrated).await?;
    let Some(ground) = Ground::lay(bench, true).await? else { return Ran::not(NO_WRITES) };
    if !ground.has_the_migrations {
        return Ran::not("the migration has no way to say what it writes for itself");
    }
    bench.recover(Way::Merge).await?;
    ground.stands(bench, "the migration wrote for itself, and users' writes were taken over").await?;
    Ok(Ran::Passed)
}

/// `review` writes files and takes nothing over; twice they are the same files; afterwards, the writes can still be
/// taken over.
pub async fn a_review_takes_nothing_over<W: World>(bench: &Bench<W>) -> Outcome {
    needs_records!(bench);
    needs_steps!(W);
    Scene::works::<W>(&bench.test, Start::Migrated).await?;
    let Some(ground) = Ground::lay(bench, false).await? else { return Ran::not(NO_WRITES) };
    let put_back = bench.world.traces().await;
    let mut last = None;
    for times in ["once", "twice"] {
        let reviewed = bench.recover(Way::Review).await?;
        let sum = ground.written.sum();
        must!(
            (reviewed.applied, reviewed.waiting) == (0, sum),
            "users wrote {sum} rows, and `recover` with `review`, asked for {times}, says {reviewed:?}"
        );
        let change = difference(&put_back, &bench.world.traces().await).unwrap_or_default();
        must!(change.is_empty(), "`review`, asked for {times}, changed the thing:\n    {change}");
        let files = bench.files_for_people();
        must!(!files.is_empty(), "`review` wrote no file");
        must!(last.as_ref().is_none_or(|last| *last == files), "`review` twice wrote other files");
        last = Some(files);
    }
    bench.recover(Way::Merge).await?;
    ground.stands(bench, "after a review, users' writes were taken over").await?;
    Ok(Ran::Passed)
}

/// Killed anywhere while it takes writes over, it has taken over some or none, and goes on to the same end.
pub async fn killed_while_taking_over_is_resumable<W: World>(bench: &Bench<W>) -> Outcome {
    needs_records!(bench);
    needs_steps!(W);
    if !W::LIVES_OUTSIDE {
        return Ran::not("nobody else can go on with a thing that lives in this process");
    }
    Scene::works::<W>(&bench.test, Start::Migrated).await?;
    let Some(first) = Ground::lay(bench, false).await? else { return Ran::not(NO_WRITES) };
    let mut struck = 0;
    for (manner, when) in kills(bench).await? {
        let bench = Bench::<W>::new(&bench.test).await;
        let Some(ground) = Ground::lay_like(&bench, first.wanted.clone(), false).await? else { continue };
        let order = bench.recover_order(Way::Merge);
        let end = child::run(&bench, Errand::Recover(&order.folder), manner).await?;
        struck += usize::from(!end.finished);
        end_all_children_of(bench.token(), GRACE)
            .await
            .map_err(|error| Failure::NoGround(format!("{when}: children could not be ended: {error}")))?;
        let broken = |failure| match failure {
            Failure::Broken(what) | Failure::NoGround(what) => Failure::Broken(format!("{when}: {what}")),
        };
        bench.recover(Way::Merge).await.map_err(broken)?;
        ground.stands(&bench, &format!("{when}, and asked again")).await?;
        let again = bench.recover(Way::Merge).await.map_err(broken)?;
        must!(again.applied == 0, "{when}, and asked again: writes are taken over once more");
    }
    if struck == 0 {
        let why = "no kill struck: taking over makes no call that could be seen";
        return Err(Failure::NoGround(why.to_owned()));
    }
    Ok(Ran::Passed)
}

/// Takes over in a child process, and finds where a kill can strike it.
async fn kills<W: World>(bench: &Bench<W>) -> Result<Vec<(Manner, String)>, Failure> {
    let is_traced = strace::is_usable();
    let manner = if is_traced { Manner::Traced } else { Manner::Plain };
    let order = bench.recover_order(Way::Merge);
    let whole = child::run(bench, Errand::Recover(&order.folder), manner).await?;
    if !whole.finished {
        return Err(Failure::NoGround(format!("taking over in a child process failed: {}", whole.said)));
    }
    if !is_traced {
        let delays = (0..8u32).map(|part| whole.took * part / 8);
        return Ok(delays
            .map(|delay| (Manner::KilledAfter(delay), format!("killed after {delay:?}")))
            .collect());
    }
    let log = std::fs::read_to_string(log_of(bench)).unwrap_or_default();
    let points = strace::points(&log);
    let (all, most) = (points.len(), MOST_KILLS.min(W::MOST_KILLS));
    let chosen = points.into_iter().enumerate().filter(|(at, _)| {
        std::env::var_os("BACKOUT_CONFORMANCE_EVERY_KILL").is_some()
            || all <= most
            || (at + 1) * most / all != at * most / all
    });
    let named = chosen.map(|(_, point)| {
        let when = format!(
            "killed while taking over, before {} number {}, {}",
            point.name, point.count, point.shown
        );
        (Manner::KilledBefore(point), when)
    });
    Ok(named.collect())
}

const NO_WRITES: &str = "users cannot write in a way that is recorded";

/// A world that was put back, and what it would hold if users had written to what was saved.
struct Ground {
    wanted: BTreeMap<String, String>,
    written: Tally,
    has_the_migrations: bool,
}

impl Ground {
    /// Saved, migrated, written to and put back; none where users cannot write.
    async fn lay<W: World>(bench: &Bench<W>, with_the_migrations: bool) -> Result<Option<Self>, Failure> {
        let control = Bench::<W>::new(&bench.test).await;
        control.world.set_up().await;
        if control.world.write_as_user().await.is_none() {
            return Ok(None);
        }
        Self::lay_like(bench, control.world.contents().await, with_the_migrations).await
    }

    /// The same where it is known what such a world would hold.
    async fn lay_like<W: World>(
        bench: &Bench<W>,
        wanted: BTreeMap<String, String>,
        with_the_migrations: bool,
    ) -> Result<Option<Self>, Failure> {
        bench.world.set_up().await;
        let unarmed = bench.world.contents().await;
        bench.arm(Occasion::Arm).await?;
        let saved = bench.look(Depth::Keep).await?;
        let contents = bench.world.contents().await;
        if contents != unarmed {
            return Err(Failure::NoGround("recorders change the thing".to_owned()));
        }
        bench.world.migrate().await;
        bench.arm(Occasion::Cutover).await?;
        let Some(written) = bench.world.write_as_user().await else { return Ok(None) };
        let has_the_migrations = with_the_migrations && bench.world.write_as_migration().await.is_some();
        let scene = Scene::plan(bench, saved, contents).await?;
        crate::scene::as_ground(scene.go_back(bench).await)?;
        Ok(Some(Self { wanted, written, has_the_migrations }))
    }

    async fn stands<W: World>(&self, bench: &Bench<W>, when: &str) -> Result<(), Failure> {
        let change = difference(&self.wanted, &bench.world.contents().await).unwrap_or_default();
        must!(
            change.is_empty(),
            "{when}, and it is not what users would have made of the saved thing (wanted → now):\n    {change}"
        );
        Ok(())
    }
}

impl<W: World> Bench<W> {
    fn recover_order(&self, way: Way) -> RecoverOrder {
        RecoverOrder {
            way,
            from: vec![run()],
            sealed: Vec::new(),
            most_lost: None,
            folder: self.folder_for_people(),
            winner: None,
        }
    }

    fn folder_for_people(&self) -> PathBuf {
        self.workshop().join("people")
    }

    fn files_for_people(&self) -> BTreeMap<String, Vec<u8>> {
        let listed = std::fs::read_dir(self.folder_for_people()).into_iter().flatten().flatten();
        listed
            .map(|entry| {
                let name = entry.file_name().to_string_lossy().into_owned();
                (name, std::fs::read(entry.path()).unwrap_or_default())
            })
            .collect()
    }

    /// Takes recorded writes over, or writes them to files.
    ///
    /// # Errors
    /// What the driver says.
    pub async fn recover(&self, way: Way) -> Result<Recovered, Failure> {
        let said = self.session().await?.recover(&self.context(), &self.recover_order(way)).await;
        let recovered = said.inspect_err(|error| self.diary.error(error))?;
        for conflict in &recovered.conflicts {
            self.diary.shown("the table of a conflict", &conflict.table);
            self.diary.shown("the key of a conflict", &conflict.key);
        }
        Ok(recovered)
    }
}
