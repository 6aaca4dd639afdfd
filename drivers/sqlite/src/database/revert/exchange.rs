//! Exchanges the file where no transaction can rewrite it: nothing is there, or nothing that SQLite can read.
//!
//! A journal or log that was left of the old file would be played into the new one, so they go first; a file that
//! cannot be read loses nothing by being without them, and they stay together under the displaced names.
//!
//! | # | old file | journals | displaced | new file | left to do |
//! |---|---|---|---|---|---|
//! | 1 | in place | in place | none | beside | all of it |
//! | 2 | in place | some or none in place | those journals | beside | the rest of them, then as row 3 |
//! | 3 | in place | none | journals | beside | give the old file a second name, then as row 4 |
//! | 4 | in place, with two names | none | all of it | beside | rename the new file over the old one |
//! | 5 | under its second name | none | all of it | in place | nothing |
//!
//! At no instant is there no file where one was, and none at which the old one has only half a name. Where nothing
//! was, rows 3 and 4 fall away, and a folder, which can have no second name, is moved aside in row 3. Whoever still
//! has a file open that is no database keeps the old one.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use backout_contract::{DriverError, Effect};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::{kept, overtaken};
use crate::database::place::{Place, access_of, stat};
use crate::database::state::{Access, State};
use crate::fault::{of_io, shown};

pub(super) fn exchange(place: &Place, staged: &Path, saved: &State) -> Result<Effect, DriverError> {
    let old = stat(&place.live)?;
    let old_file = old.as_ref().filter(|old| old.is_file());
    let dressed = dress(staged, old_file.map_or(saved.access, access_of))?;
    backout_kit::failpoint!("sqlite-before-exchange");
    kept::move_sidecars_aside(place)?;
    let (kept, is_replaced) = match &old {
        Some(folder) if folder.is_dir() => (Some(kept::move_aside(place, &place.live)?), false),
        Some(_) => (Some(kept::link_aside(place, &place.live)?), true),
        None => (None, false),
    };
    backout_kit::failpoint!("sqlite-linked-aside");
    match rename(staged, place, is_replaced) {
        // Where nothing was, nothing may have come meanwhile.
        Err(Errno::EXIST) => return Ok(overtaken()),
        result => result.map_err(|error| of_io("rename into place", &place.live, error))?,
    }
    backout_kit::failpoint!("sqlite-exchanged");
    kept::sync(&place.live)?;
    let mut evidence = format!("{} was put in place whole", place.shown);
    if let Some(kept) = kept {
        evidence.push_str(&format!("; what stood there is kept as {}", shown(&kept)));
    }
    if !dressed {
        evidence.push_str("; its owner could not be set and is ours");
    }
    Ok(Effect::Applied { evidence })
}

fn rename(staged: &Path, place: &Place, is_replaced: bool) -> Result<(), Errno> {
    let how = if is_replaced { RenameFlags::empty() } else { RenameFlags::NOREPLACE };
    renameat_with(CWD, staged, CWD, &place.live, how)
}

/// Gives the new file its mode, and its owner where we may; whether we may.
fn dress(path: &Path, access: Access) -> Result<bool, DriverError> {
    let own = fs::metadata(path).map(|own| access_of(&own));
    let own = own.map_err(|error| of_io("look at", path, error).nothing_happened())?;
    let dressed = (own.user, own.group) == (access.user, access.group)
        || chown(path, Some(access.user), Some(access.group)).is_ok();
    // After the owner, which takes bits away.
    fs::set_permissions(path, Permissions::from_mode(access.mode))
        .map_err(|error| of_io("set the mode of", path, error).nothing_happened())?;
    Ok(dressed)
}
