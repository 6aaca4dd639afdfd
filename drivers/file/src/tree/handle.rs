//! Opens things below a root without ever following a link, and without touching times where that is allowed.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, Statx, StatxAttributes, StatxFlags, openat, statx};
use rustix::io::{Errno, Result};

/// What a look at one thing tells, times of reading left out. Equal looks mean that nobody changed it between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) kind: Kind,
    pub(super) mode: u32,
    pub(super) user: u32,
    pub(super) group: u32,
    pub(super) bytes: u64,
    pub(super) modified: (i64, u32),
    pub(super) changed: (i64, u32),
    pub(super) device: (u32, u32),
    pub(super) node: u64,
    pub(super) is_mount_point: bool,
}

/// The kinds of things in a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    File,
    Link,
    /// With its name for people.
    Other(&'static str),
}

/// Looks at a thing itself, links not followed.
pub(super) fn look(folder: impl AsFd, name: &OsStr) -> Result<Status> {
    statx(folder, name, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::BASIC_STATS).map(|status| status_of(&status))
}

/// Looks at what is open.
pub(super) fn look_at_open(file: impl AsFd) -> Result<Status> {
    statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS).map(|status| status_of(&status))
}

fn status_of(status: &Statx) -> Status {
    let mode = u32::from(status.stx_mode);
    let kind = match mode & 0o170_000 {
        0o040_000 => Kind::Directory,
        0o100_000 => Kind::File,
        0o120_000 => Kind::Link,
        0o010_000 => Kind::Other("a pipe"),
        0o140_000 => Kind::Other("a socket"),
        0o020_000 | 0o060_000 => Kind::Other("a device"),
        _ => Kind::Other("of an unknown kind"),
    };
    Status {
        kind,
        mode: mode & 0o7777,
        user: status.stx_uid,
        group: status.stx_gid,
        bytes: status.stx_size,
        modified: (status.stx_mtime.tv_sec, status.stx_mtime.tv_nsec),
        changed: (status.stx_ctime.tv_sec, status.stx_ctime.tv_nsec),
        device: (status.stx_dev_major, status.stx_dev_minor),
        node: status.stx_ino,
        is_mount_point: status.stx_attributes.contains(StatxAttributes::MOUNT_ROOT),
    }
}

/// Opens for reading, links not followed and pipes not waited for. Leaves the time of reading alone where the
/// thing is ours, and reads all the same where it is not.
pub(super) fn open(folder: impl AsFd, name: &OsStr, more: OFlags) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | more;
    match openat(&folder, name, flags | OFlags::NOATIME, Mode::empty()) {
        Err(Errno::PERM) => openat(&folder, name, flags, Mode::empty()),
        result => result,
    }
}

/// Opens a directory.
pub(super) fn open_folder(folder: impl AsFd, name: &OsStr) -> Result<OwnedFd> {
    open(folder, name, OFlags::DIRECTORY)
}

/// Opens the root of a tree, a directory.
pub(super) fn open_root(root: &Path) -> Result<OwnedFd> {
    open_folder(CWD, root.as_os_str())
}

/// Opens the folder that holds a path below a root, piece by piece.
pub(super) fn open_parent(root: impl AsFd, path: &Path) -> Result<OwnedFd> {
    let mut folder = open_folder(root, OsStr::new("."))?;
    for piece in path.parent().into_iter().flat_map(Path::iter) {
        folder = open_folder(&folder, piece)?;
    }
    Ok(folder)
}

/// Opens a file at or below a root for reading; the empty path is the root itself.
pub(super) fn open_file(root: &Path, path: &Path) -> Result<File> {
    match path.file_name() {
        None => open(CWD, root.as_os_str(), OFlags::empty()),
        Some(name) => open(open_parent(open_root(root)?, path)?, name, OFlags::empty()),
    }
    .map(File::from)
}
