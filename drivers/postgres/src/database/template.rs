//! A restore point that is a copy of the database on the same server: made while nobody is inside, quick to make and quick
//! to put back, and gone with the server. It keeps a name of ours until it is released.
//!
//! | # | the copy | a dump was saved too | put back from |
//! |---|---|---|---|
//! | 1 | there, the one that was noted | any | the copy |
//! | 2 | gone, or another database | yes | the dump |
//! | 3 | gone, or another database | no | nothing: refused, named |

use std::time::Duration;

use backout_contract::{Captured, Context, DriverError, ErrorKind};
use backout_core::checkpoint::DataPart;
use serde::{Deserialize, Serialize};
use tokio_postgres::error::SqlState;

use super::capture::{keep, state_of};
use super::site::Site;
use crate::door::{self, Closing, Note, Outside};
use crate::look::taken;
use crate::our_side::of_vault;
use crate::server::{identifier, literal, of_postgres};
use crate::state::{State, Taken};
use crate::swap::{self, Properties};

/// What the note on a copy is called among the data of a checkpoint.
const PART: &str = "template/copy.1";

/// What kind of data a dump's begins with.
const DUMP: &str = "dump/";

/// Which database the copy is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Copy {
    /// Its name.
    name: String,
    /// Its object number: a database of the same name that somebody made has another.
    number: u32,
}

/// Saves the live database as a copy on its server, and as a dump of that copy where that is wanted too. Its door is shut
/// for as long as getting everybody out and copying take, each at most as long as `door.wait` says.
///
/// # Errors
/// When somebody stays inside, when we may not copy, when it takes too long. The door is open again, and no copy is left.
pub(super) async fn save(site: &Site<'_>, with_dump: bool) -> Result<Captured<State>, DriverError> {
    let mut outside = site.outside().await?;
    let Some(found) = outside.find(site.live()).await? else {
        return Ok(Captured { state: None, identity: None, data: Vec::new() });
    };
    let like = Properties::read(&*outside.link, site.live()).await?.ok_or_else(|| {
        DriverError::new(ErrorKind::Unreadable, format!("find {}", site.address.shown())).nothing_happened()
    })?;
    let name = swap::template(&outside, site.live()).await?;
    let closing = Closing { read_only: false, except: Default::default(), ..site.config.closing() };
    door::shut(&mut outside, site.live(), &closing, &site.pace).await?;
    let made = copy_behind_the_door(&outside, site, &like, &name, &closing).await;
    // Whatever became of it, users come in again first.
    if found.lets_in {
        door::reopen(&mut outside, site.live()).await?;
    }
    let saved = match made {
        Ok(moment) => finish(site, &mut outside, &like, &name, moment, found.oid, with_dump).await,
        Err(error) => Err(error),
    };
    if saved.is_err() {
        // What failed first is what matters; a copy that stays is listed and dropped at release.
        let _ = swap::remove(&outside, &name, &site.pace).await;
    }
    saved
}

/// The moment, and the copy: behind the door every transaction of the database has ended, so that whatever is visible
/// anywhere in the cluster is in the copy.
async fn copy_behind_the_door(
    outside: &Outside,
    site: &Site<'_>,
    like: &Properties,
    name: &str,
    closing: &Closing,
) -> Result<Taken, DriverError> {
    let attempted = format!("copy {} within its server", site.address.shown());
    let moment = taken(&outside.link).await.map_err(|fault| fault.while_doing(attempted.clone()))?;
    copy(outside, site.live(), name, like, closing.patience.min(site.pace.left())).await.map_err(|error| {
        let took_long = error.code() == Some(&SqlState::QUERY_CANCELED);
        let error = of_postgres(attempted, error).nothing_happened();
        match took_long {
            true => error.hint("the door was opened again; let `door.wait` be longer, or save a dump (`restore-point: dump`)"),
            false => error.hint("the role of the address has to own the database and to have CREATEDB"),
        }
    })?;
    backout_kit::failpoint!("postgres-template-made");
    Ok(moment)
}

/// Makes a copy of a database that nobody is in. Nobody comes into the copy.
async fn copy(
    outside: &Outside,
    from: &str,
    to: &str,
    like: &Properties,
    longest: Duration,
) -> Result<(), tokio_postgres::Error> {
    let link = &outside.link;
    // Before 15 there was no other way than by files.
    let strategy = if link.version.major() >= 15 { " STRATEGY file_copy" } else { "" };
    let sql = format!(
        "CREATE DATABASE {} TEMPLATE {} OWNER {} ALLOW_CONNECTIONS false{strategy}",
        identifier(to),
        identifier(from),
        identifier(&like.owner)
    );
    link.batch_execute(&format!("SET statement_timeout = {}", longest.as_millis().max(1))).await?;
    let made = link.batch_execute(&sql).await;
    link.batch_execute("SET statement_timeout = 0").await?;
    made
}

/// Dresses the copy as the live one, shuts its door, and looks at it: what it holds is what was saved.
async fn finish(
    site: &Site<'_>,
    outside: &mut Outside,
    like: &Properties,
    name: &str,
    moment: Taken,
    live: u32,
    with_dump: bool,
) -> Result<Captured<State>, DriverError> {
    swap::finish(outside, name, like).await?;
    let mut captured = if with_dump {
        keep(site, name).await?
    } else {
        let state = state_of(site, name).await?;
        Captured { identity: None, state, data: Vec::new() }
    };
    let (Some(state), Some(entry)) = (&mut captured.state, outside.find(name).await?) else {
        return Err(DriverError::new(ErrorKind::Locked, format!("find the copy {name}"))
            .caused_by("somebody dropped it at this very moment"));
    };
    // Of the live database, by which its recorder tells what came later.
    let restore_point = state.taken.restore_point.take();
    state.taken = Taken { database: live, restore_point, ..moment };
    captured.identity = Some(crate::state::identity(&state.taken.system, &site.address));
    let note = Copy { name: name.to_owned(), number: entry.oid };
    let note = serde_json::to_vec(&note)
        .map_err(|error| DriverError::new(ErrorKind::Other, "note which copy was made").caused_by(error))?;
    let put = site.context.vault.put(&note).await;
    let blob = put.map_err(|error| of_vault("keep a note on the copy", error))?;
    captured.data.push(DataPart { name: PART.to_owned(), blob, bytes: note.len() as u64 });
    captured.data.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(captured)
}

/// Whether a dump is among the data.
pub(super) fn has_dump(data: &[DataPart]) -> bool {
    data.iter().any(|part| part.name.starts_with(DUMP))
}

/// Whether nothing but a copy was saved.
pub(super) fn stands_alone(data: &[DataPart]) -> bool {
    !has_dump(data) && data.iter().any(|part| part.name == PART)
}

/// The note on a copy among the data; none where none was made.
async fn noted(context: &Context, data: &[DataPart]) -> Result<Option<Copy>, DriverError> {
    let Some(part) = data.iter().find(|part| part.name == PART) else { return Ok(None) };
    let read = context.vault.get(&part.blob).await;
    let read = read.map_err(|error| of_vault("read which copy was made", error))?;
    serde_json::from_slice(&read).map(Some).map_err(|_| {
        DriverError::new(ErrorKind::BadData, "read which copy was made")
            .caused_by("the note on it is not what this program writes")
            .nothing_happened()
    })
}

/// Why a copy cannot be put back from; none where it can.
async fn missing(outside: &Outside, copy: &Copy) -> Result<Option<String>, DriverError> {
    let shown = outside.address.of_database(&copy.name).shown();
    Ok(match outside.find(&copy.name).await? {
        None => Some(format!("the copy {shown}, the restore point, was dropped or renamed")),
        Some(found) if found.oid != copy.number || found.note.copy_of.is_none() => {
            Some(format!("{shown} is another database than the copy that was made as the restore point"))
        }
        Some(_) => None,
    })
}

/// One sentence where nothing is there to be put back from.
pub(super) async fn ready(
    site: &Site<'_>,
    outside: &Outside,
    data: &[DataPart],
) -> Result<Option<String>, DriverError> {
    match noted(site.context, data).await? {
        Some(copy) if stands_alone(data) => missing(outside, &copy).await,
        _ => Ok(None),
    }
}

/// Puts the copy beside where there is one that can be used; says whether.
///
/// # Errors
/// When it is gone and no dump was saved; when it cannot be copied.
pub(super) async fn put_beside(
    site: &Site<'_>,
    outside: &Outside,
    name: &str,
    like: &Properties,
    data: &[DataPart],
) -> Result<bool, DriverError> {
    let Some(noted) = noted(site.context, data).await? else { return Ok(false) };
    if let Some(why) = missing(outside, &noted).await? {
        if has_dump(data) {
            return Ok(false);
        }
        return Err(DriverError::new(ErrorKind::BadData, format!("put {} beside", site.address.shown()))
            .caused_by(why)
            .hint("go back to another checkpoint: backout checkpoint list")
            .nothing_happened());
    }
    let failed =
        |error| of_postgres(format!("copy {}", outside.address.of_database(&noted.name).shown()), error);
    copy(outside, &noted.name, name, like, site.pace.left()).await.map_err(failed)?;
    let note = Note { copy_of: Some(name.to_owned()), ..Note::default() }.to_comment("").unwrap_or_default();
    let open = format!(
        "BEGIN; COMMENT ON DATABASE {0} IS {1}; REVOKE ALL ON DATABASE {0} FROM PUBLIC; \
         ALTER DATABASE {0} ALLOW_CONNECTIONS true; COMMIT",
        identifier(name),
        literal(&note)
    );
    outside.link.batch_execute(&open).await.map_err(failed)?;
    Ok(true)
}

/// When a dump was taken, in its own terms: one that was made of a copy bears the copy's number.
pub(super) async fn as_dumped(
    context: &Context,
    taken: &Taken,
    data: &[DataPart],
) -> Result<Taken, DriverError> {
    let number = noted(context, data).await?.map(|copy| copy.number);
    Ok(Taken { database: number.unwrap_or(taken.database), ..taken.clone() })
}
