//! Puts a saved tree together under a name of our own and proves it there, before anything else is touched.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{File, Permissions};
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use backout_contract::{Context, DriverError};
use backout_core::checkpoint::DataPart;
use backout_core::digest::Digest;
use rustix::fs::{
    AtFlags, CWD, Gid, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, Uid, chownat, futimens, mkdirat,
    openat, symlinkat, syncfs, utimensat,
};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use super::capture::look;
use super::handle::{look_at_open, open_folder, open_parent, open_root};
use super::keep::{INDEX, Index, Location};
use super::selector::Selector;
use super::state::{Entry, TreeState, What, link_target};
use crate::displaced::remove;
use crate::pace::{Pace, blocking};
use crate::trouble::{bad_data, of_vault, shown, unmade};

/// Builds the saved tree at a path of our own, where what an earlier attempt left is cleared away first; returns
/// when it is durable and proven to be what was saved.
pub(super) async fn build(
    context: &Context,
    saved: &TreeState,
    data: &[DataPart],
    at: &Path,
) -> Result<(), DriverError> {
    saved.check()?;
    let pace = Pace::of(context);
    let sources = sources(context, saved, data).await?;
    let (frame, root) = (saved.clone(), at.to_owned());
    blocking(move || remove(&root).and_then(|()| make_frame(&root, &frame))).await?;
    for (part, files) in sources {
        pace.check("put a tree together")?;
        let whole = files.first().filter(|first| part.bytes > super::keep::PACK && first.location.at == 0);
        let root = at.to_owned();
        match whole {
            Some(first) => {
                write_large(context, &part, first, &root).await?;
                let first = first.clone();
                blocking(move || files.iter().skip(1).try_for_each(|file| copy_within(&root, &first, file)))
                    .await?;
            }
            None => {
                let bytes = context.vault.get(&part.blob).await.map_err(of_vault)?;
                let pace = pace.clone();
                blocking(move || {
                    files.iter().try_for_each(|file| {
                        pace.check("put a tree together")?;
                        write_small(&root, file, &bytes)
                    })
                })
                .await?;
            }
        }
    }
    let (dressed, root) = (saved.clone(), at.to_owned());
    blocking(move || dress(&root, &dressed)).await?;
    prove(context, saved, at).await
}

/// One file to be written, with where its content is.
#[derive(Clone)]
struct Source {
    place: PathBuf,
    content: Digest,
    location: Location,
}

/// The files to write, by the part that holds their content, so that each part is fetched once.
async fn sources(
    context: &Context,
    saved: &TreeState,
    data: &[DataPart],
) -> Result<Vec<(DataPart, Vec<Source>)>, DriverError> {
    let index = read_index(context, data).await?;
    let mut by_part: BTreeMap<&str, Vec<Source>> = BTreeMap::new();
    for entry in &saved.entries {
        let What::File { bytes, content } = &entry.what else { continue };
        let missing = || bad_data(format!("find the saved content of `{}`", entry.path));
        let location =
            index.0.get(&content.to_string()).filter(|found| found.bytes == *bytes).ok_or_else(missing)?;
        let source = Source { place: entry.place()?, content: *content, location: location.clone() };
        by_part.entry(&location.part).or_default().push(source);
    }
    let part_named = |(name, files): (&str, Vec<Source>)| {
        let part = data.iter().find(|part| part.name == name).cloned();
        part.map(|part| (part, files)).ok_or_else(|| bad_data(format!("find the saved part `{name}`")))
    };
    by_part.into_iter().map(part_named).collect()
}

async fn read_index(context: &Context, data: &[DataPart]) -> Result<Index, DriverError> {
    let Some(part) = data.iter().find(|part| part.name == INDEX) else { return Ok(Index::default()) };
    let bytes = context.vault.get(&part.blob).await.map_err(of_vault)?;
    serde_json::from_slice(&bytes)
        .map_err(|error| bad_data("read the index of a saved tree").caused_by(error))
}

/// Directories and links, and the root; private until everything is in place.
fn make_frame(root: &Path, saved: &TreeState) -> Result<(), DriverError> {
    let is_folder = saved.entries.first().is_some_and(|entry| entry.what == What::Directory);
    if !is_folder {
        return Ok(());
    }
    mkdirat(CWD, root, Mode::RWXU).map_err(|error| unmade("make", root, error))?;
    let opened = open_root(root).map_err(|error| unmade("open", root, error))?;
    for entry in saved.entries.iter().skip(1) {
        let place = entry.place()?;
        let failed = |error: Errno| unmade("make", &root.join(&place), error);
        let (parent, name) = below(&opened, &place).map_err(failed)?;
        match &entry.what {
            What::Directory => mkdirat(&parent, name, Mode::RWXU).map_err(failed)?,
            What::Link { target } => {
                let target =
                    link_target(target).ok_or_else(|| bad_data("read the target of a saved link"))?;
                symlinkat(target, &parent, name).map_err(failed)?;
            }
            What::File { .. } => {}
        }
    }
    Ok(())
}

/// The opened folder of a path below an opened root, and the path's own name.
fn below<'a>(root: &OwnedFd, place: &'a Path) -> rustix::io::Result<(OwnedFd, &'a OsStr)> {
    let name = place.file_name().ok_or(Errno::INVAL)?;
    Ok((open_parent(root, place)?, name))
}

/// Opens a file of the tree, or makes it.
fn open(root: &Path, place: &Path, flags: OFlags) -> rustix::io::Result<File> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR;
    match place.file_name() {
        None => openat(CWD, root, flags, mode).map(File::from),
        Some(_) => {
            let (parent, name) = below(&open_root(root)?, place)?;
            openat(&parent, name, flags, mode).map(File::from)
        }
    }
}

fn write_small(root: &Path, file: &Source, pack: &[u8]) -> Result<(), DriverError> {
    let path = root.join(&file.place);
    let bounds = usize::try_from(file.location.at)
        .ok()
        .zip(usize::try_from(file.location.bytes).ok())
        .and_then(|(at, bytes)| Some(at..at.checked_add(bytes)?));
    let bytes = bounds
        .and_then(|bounds| pack.get(bounds))
        .filter(|bytes| Digest::from_raw(Sha256::digest(bytes).into()) == file.content)
        .ok_or_else(|| bad_data(format!("use the saved content of {}", shown(&file.place))))?;
    let made = open(root, &file.place, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL);
    let mut made = made.map_err(|error| unmade("make", &path, error))?;
    made.write_all(bytes).map_err(|error| unmade("write", &path, error))
}

/// Streams a large file to its place. The folder is named by a descriptor, so that nobody can lead the vault
/// elsewhere by putting a link in the way.
async fn write_large(
    context: &Context,
    part: &DataPart,
    file: &Source,
    root: &Path,
) -> Result<(), DriverError> {
    let opened = match file.place.file_name() {
        None => None,
        Some(_) => {
            let parent = open_root(root).and_then(|root| open_parent(root, &file.place));
            Some(parent.map_err(|error| unmade("open the folder of", &root.join(&file.place), error))?)
        }
    };
    let place = match (&opened, file.place.file_name()) {
        (Some(folder), Some(name)) => {
            Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name)
        }
        _ => root.to_owned(),
    };
    context.vault.get_file(&part.blob, &place).await.map(drop).map_err(of_vault)
}

fn copy_within(root: &Path, from: &Source, to: &Source) -> Result<(), DriverError> {
    let failed = |error: std::io::Error| unmade("write", &root.join(&to.place), error);
    let mut source = open(root, &from.place, OFlags::RDONLY).map_err(|error| failed(error.into()))?;
    let made = open(root, &to.place, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL);
    let mut made = made.map_err(|error| failed(error.into()))?;
    std::io::copy(&mut source, &mut made).map(drop).map_err(failed)
}

/// Owners, modes and times, from the deepest up: a directory changes its time when something is put into it, and
/// may forbid to enter it. Then makes everything durable at once.
fn dress(root: &Path, saved: &TreeState) -> Result<(), DriverError> {
    for entry in saved.entries.iter().rev() {
        let place = entry.place()?;
        dress_one(root, &place, entry).map_err(|error| {
            let failed = unmade("set owner, mode and time of", &root.join(&place), error);
            if error == Errno::PERM {
                failed.hint(format!("files of user {} can only be put back by them or by root", entry.user))
            } else {
                failed
            }
        })?;
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let folder = root.parent().unwrap_or(root);
    let opened = openat(CWD, folder, flags, Mode::empty()).map_err(|error| unmade("open", folder, error))?;
    syncfs(opened).map_err(|error| unmade("sync", folder, error))
}

fn dress_one(root: &Path, place: &Path, entry: &Entry) -> rustix::io::Result<()> {
    let (seconds, nanoseconds) = entry.modified;
    let times = Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: seconds, tv_nsec: nanoseconds.into() },
    };
    let opened = match (&entry.what, place.file_name()) {
        (What::Link { .. }, _) => {
            let (parent, name) = below(&open_root(root)?, place)?;
            let status = super::handle::look(&parent, name)?;
            if (status.user, status.group) != (entry.user, entry.group) {
                let (user, group) = (Uid::from_raw(entry.user), Gid::from_raw(entry.group));
                chownat(&parent, name, Some(user), Some(group), AtFlags::SYMLINK_NOFOLLOW)?;
            }
            return utimensat(&parent, name, &times, AtFlags::SYMLINK_NOFOLLOW);
        }
        (What::Directory, None) => open_root(root)?,
        (What::Directory, Some(_)) => {
            let (parent, name) = below(&open_root(root)?, place)?;
            open_folder(parent, name)?
        }
        (What::File { .. }, _) => open(root, place, OFlags::RDONLY)?.into(),
    };
    let file = File::from(opened);
    let status = look_at_open(&file)?;
    let as_errno = |error: std::io::Error| Errno::from_io_error(&error).unwrap_or(Errno::IO);
    if (status.user, status.group) != (entry.user, entry.group) {
        fchown(&file, Some(entry.user), Some(entry.group)).map_err(as_errno)?;
    }
    // After the owner: changing it takes set-id bits away.
    file.set_permissions(Permissions::from_mode(entry.mode)).map_err(as_errno)?;
    futimens(&file, &times)
}

/// Reads the copy back: it must be what was saved.
async fn prove(context: &Context, saved: &TreeState, at: &Path) -> Result<(), DriverError> {
    let built = look(context, at, &Selector::default()).await?.map(|look| look.state);
    let Some(built) = built else { return Err(bad_data(format!("find the copy at {}", shown(at)))) };
    if built.same_shape(saved) {
        return Ok(());
    }
    let wrong = built.entries.iter().zip(&saved.entries).find(|(one, other)| !one.same_shape(other));
    let path = wrong.map_or("", |(_, entry)| entry.path.as_str());
    Err(bad_data(format!("prove the copy at {}: `{path}` is not what was saved", shown(at))))
}
