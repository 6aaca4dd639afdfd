//! The saved database beside the live one, put together from its dump and proven there.
//!
//! | # | beside | left to do |
//! |---|---|---|
//! | 1 | none | all of it |
//! | 2 | there, without a mark | dropped, and made again: nobody knows how far it came |
//! | 3 | there, marked with what was saved | nothing |
//! | 4 | there, marked with something else | as row 2 |
//!
//! What is read and examined here is read by nobody again while users wait, as long as the server's list shows that nobody
//! has been let in since.

use backout_contract::{DriverError, Effect, ErrorKind, Exactness, StepOrder};
use backout_core::checkpoint::DataPart;
use backout_core::digest::Digest;
use backout_core::observation::Verdict;

use super::recording;
use super::site::Site;
use super::template;
use crate::catalog::Scope;
use crate::door::{Closed, Entry, Outside, Staged, behind};
use crate::dump;
use crate::examine;
use crate::look;
use crate::rows::sequences;
use crate::server::{Fault, Link, connect, of_postgres};
use crate::state::{State, Taken, is_exactly};
use crate::swap::{self, Properties};

/// Puts the saved database beside, while users still come in.
pub(super) async fn stage(site: &Site<'_>, step: &StepOrder<State>) -> Result<Effect, DriverError> {
    let Some(saved) = &step.saved else { return Ok(Effect::AlreadyThere) };
    let mut outside = site.outside().await?;
    let (beside, told) = put_beside(site, &mut outside, saved, &step.data).await?;
    Ok(match told {
        None => Effect::AlreadyThere,
        Some(left_out) => {
            let shown = site.address.of_database(&beside.name).shown();
            let left_out: String = left_out.iter().map(|one| format!("; {one}")).collect();
            Effect::Applied { evidence: format!("what was saved stands proven in {shown}{left_out}") }
        }
    })
}

/// The database beside, and, where this call made it, what our role could not put into it.
pub(super) async fn put_beside(
    site: &Site<'_>,
    outside: &mut Outside,
    saved: &State,
    data: &[DataPart],
) -> Result<(Entry, Option<Vec<String>>), DriverError> {
    let name = swap::beside(site.live(), site.context.run.as_ref());
    let stands = |staged: &Staged| staged.saved == digest(saved) && staged.taken == saved.taken;
    match outside.find(&name).await? {
        Some(found) if found.note.staged.as_ref().is_some_and(stands) => return Ok((found, None)),
        Some(found) => clear(site, outside, &found).await?,
        None => {}
    }
    let built = build(site, outside, &name, saved, data, true).await;
    let Built { left_out, closed, .. } = discard_unless(site, built, outside, &name).await?;
    let staged = Staged { saved: digest(saved), taken: saved.taken.clone(), closed };
    outside.annotate(&name, |note| note.staged = Some(staged)).await?;
    backout_kit::failpoint!("postgres-staged");
    match outside.find(&name).await? {
        Some(found) => Ok((found, Some(left_out))),
        None => Err(DriverError::new(ErrorKind::Other, "find what was just put beside")),
    }
}

/// Puts what was saved into a copy of its own, looks at it, and takes the copy away again.
pub(super) async fn rehearse(
    site: &Site<'_>,
    saved: &State,
    data: &[DataPart],
) -> Result<State, DriverError> {
    let mut outside = site.outside().await?;
    let name = swap::scratch(site.live(), &site.context.key);
    if let Some(found) = outside.find(&name).await? {
        clear(site, &outside, &found).await?;
    }
    let built = build(site, &mut outside, &name, saved, data, false).await;
    let built = discard_unless(site, built, &outside, &name).await?;
    swap::remove(&outside, &name, &site.pace).await?;
    Ok(built.state)
}

/// Drops what an attempt left that was cut off.
async fn clear(site: &Site<'_>, outside: &Outside, found: &Entry) -> Result<(), DriverError> {
    if swap::is_ours(found) {
        return swap::remove(outside, &found.name, &site.pace).await.map_err(DriverError::nothing_happened);
    }
    let shown = site.address.of_database(&found.name).shown();
    Err(DriverError::new(ErrorKind::Locked, format!("make {shown}"))
        .caused_by("a database of that name is there that is not known to be ours")
        .hint("rename it, or drop it if nobody needs it")
        .nothing_happened())
}

/// A part of a database is no use to anybody; what failed first is what matters.
async fn discard_unless<T>(
    site: &Site<'_>,
    built: Result<T, DriverError>,
    outside: &Outside,
    name: &str,
) -> Result<T, DriverError> {
    let error = match built {
        Ok(built) => return Ok(built),
        // Nothing of the live database was touched, whatever failed.
        Err(error) => error.nothing_happened(),
    };
    Err(match swap::remove(outside, name, &site.pace).await {
        Ok(()) => error,
        Err(left) => error.hint(format!(
            "{} is still there and takes up room; the next attempt takes it away first ({})",
            outside.address.of_database(name).shown(),
            left.chain()
        )),
    })
}

/// A database that was made here.
struct Built {
    state: State,
    /// What our role could not put into it.
    left_out: Vec<String>,
    /// Since when nobody could reach what was proven.
    closed: Option<Closed>,
}

/// Makes a database, fills it from the dump, dresses it, shuts its door, and proves it.
async fn build(
    site: &Site<'_>,
    outside: &mut Outside,
    name: &str,
    saved: &State,
    data: &[DataPart],
    with_recorder: bool,
) -> Result<Built, DriverError> {
    let address = site.address.of_database(name);
    let like = match saved.schema.objects.get(Properties::OBJECT) {
        Some(object) => Properties::of_object(object),
        None => {
            return Err(DriverError::new(
                ErrorKind::BadData,
                format!("read what {} was like", site.address.shown()),
            )
            .caused_by("the saved state does not say it"));
        }
    };
    site.pace.check("put a database beside")?;
    // A rehearsal is to prove what outlives the server, where that was saved.
    let may_copy = with_recorder || !template::has_dump(data);
    let copied = may_copy && template::put_beside(site, outside, name, &like, data).await?;
    let restored = match copied {
        true => dump::Restored::default(),
        false => restore(site, outside, name, &like, (&saved.taken, data)).await?,
    };
    backout_kit::failpoint!("postgres-restored");
    let is_sound = {
        let mut link = connect(&address).await?;
        set_sequences(&link, saved)
            .await
            .map_err(|fault| fault.while_doing(format!("set the sequences of {}", address.shown())))?;
        if with_recorder {
            recording::place_again(site, &mut link, saved).await?;
        }
        site.pace
            .within("collect statistics", async {
                link.batch_execute("ANALYZE")
                    .await
                    .map_err(|error| of_postgres(format!("collect statistics of {}", address.shown()), error))
            })
            .await?;
        // Whoever puts it into its place is told what is wrong then; here it only says that it is to be examined again.
        with_recorder && is_sound(site, &link).await?
    };
    swap::finish(outside, name, &like).await?;
    let look = |links| look::look(links, &Scope::Database, &site.pace);
    let (state, closed) = behind(outside, name, site.config.jobs(), &site.pace, look).await?;
    if with_recorder && !is_exactly(&state, saved) {
        let delta = crate::state::diff(Some(saved), Some(&state));
        let first = delta.changes.first().map(|change| change.path.clone()).unwrap_or_default();
        let error = DriverError::new(ErrorKind::BadData, format!("prove {}", address.shown()))
            .caused_by(format!("what was put there is not what was saved: {first}"));
        return Err(restored.left_out.into_iter().fold(error, DriverError::hint));
    }
    Ok(Built { state, left_out: restored.left_out, closed: closed.filter(|_| is_sound) })
}

async fn is_sound(site: &Site<'_>, link: &Link) -> Result<bool, DriverError> {
    let examined =
        examine::examine(link, &Scope::Database, Exactness::Data, &site.config.checks, &site.pace).await?;
    Ok(examined.0 == Verdict::Restored)
}

/// Makes a database and fills it from the dump.
async fn restore(
    site: &Site<'_>,
    outside: &mut Outside,
    name: &str,
    like: &Properties,
    (taken, data): (&Taken, &[DataPart]),
) -> Result<dump::Restored, DriverError> {
    // Before anything is made: what is damaged or foreign is found here.
    let taken = template::as_dumped(site.context, taken, data).await?;
    let fetched = dump::fetch(site.context, data, &taken).await?;
    swap::make(outside, name, like).await?;
    let (version, address) = (outside.link.version, site.address.of_database(name));
    dump::restore(site.context, &fetched, &address, version, site.config.jobs()).await
}

/// Sequences go on outside every snapshot: where users drew numbers while the dump was made, it tells another value than
/// the look that was taken with it. That look came after the snapshot, so that no saved row is ahead of it.
async fn set_sequences(link: &Link, saved: &State) -> Result<(), Fault> {
    let found = sequences(link, &Scope::Database).await?.next;
    let moved =
        saved.sequences.iter().filter(|(name, next)| found.get(*name).is_some_and(|found| found != *next));
    for (name, next) in moved {
        link.execute("SELECT pg_catalog.setval($1::text::pg_catalog.regclass, $2, false)", &[name, next])
            .await?;
    }
    Ok(())
}

/// What tells one saved state from another.
pub(super) fn digest(saved: &State) -> Digest {
    Digest::of_value("postgres-saved", &serde_json::to_value(saved).unwrap_or_default())
}
