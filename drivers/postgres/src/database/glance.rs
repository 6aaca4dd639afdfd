//! A look while users wait. What stands there as it was proven beside is known from outside, by the server's list of
//! databases: going in would open the door for a moment, and with it the question who else came in. Of anything else only
//! the objects are read.

use backout_contract::{DriverError, Glance, Known};

use super::capture::{captured, shape_of};
use super::site::Site;
use super::stage::digest;
use crate::look::taken;
use crate::state::State;
use crate::swap::Properties;

pub(super) async fn glance(site: &Site<'_>, saved: Option<&State>) -> Result<Glance<State>, DriverError> {
    if let Some(saved) = saved
        && let Some(state) = as_proven(site, saved).await.map_err(DriverError::nothing_happened)?
    {
        let known = Known::Proven(
            "content and data were proven to be what was saved when they were put beside, and nobody has been let in since"
                .to_owned(),
        );
        return Ok(Glance { captured: captured(site, Some(state)), known });
    }
    let state = shape_of(site, site.live()).await.map_err(DriverError::nothing_happened)?;
    // That nothing is there is all that there is to know.
    let known = if state.is_some() { Known::Shape } else { Known::All };
    Ok(Glance { captured: captured(site, state), known })
}

/// What was saved, where it stands in its place as it was proven: nobody was let in since, and what the server keeps of a
/// database outside of it, which anybody can change from outside, is as it was.
async fn as_proven(site: &Site<'_>, saved: &State) -> Result<Option<State>, DriverError> {
    let Ok(outside) = site.outside().await else { return Ok(None) };
    let Some(entry) = outside.find(site.live()).await? else { return Ok(None) };
    let Some(proven) = entry.note.put_back.as_ref().and_then(|put_back| put_back.proven.as_ref()) else {
        return Ok(None);
    };
    if proven.saved != digest(saved) || entry.closed().as_ref() != Some(&proven.closed) {
        return Ok(None);
    }
    let found = Properties::read(&*outside.link, site.live()).await?;
    let wanted = saved.schema.objects.get(Properties::OBJECT).map(Properties::of_object);
    if found.is_none() || found != wanted {
        return Ok(None);
    }
    let taken = taken(&outside.link).await;
    let taken = taken.map_err(|fault| fault.while_doing("look at a server"))?;
    let taken = crate::state::Taken { database: entry.oid, ..taken };
    Ok(Some(State { taken, ..saved.clone() }))
}
