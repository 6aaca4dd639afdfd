//! Takes the right to write from everybody, and gives it back.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

pub(crate) fn for_all_writable_for_none(root: &Path) {
    change(root, &|mode, runs| (mode & !0o222) | 0o444 | if runs { 0o111 } else { 0 });
}

pub(crate) fn writable_for_owner(root: &Path) {
    change(root, &|mode, _| mode | 0o200);
}

/// Changes modes from the leaves up on the way in and out: a folder is readable for us while we are in it.
#[allow(clippy::expect_used, reason = "test code: a world that cannot be prepared is a failed test")]
fn change(path: &Path, mode: &dyn Fn(u32, bool) -> u32) {
    let metadata = path.symlink_metadata().expect("look at a file of the world");
    if metadata.is_symlink() {
        return;
    }
    let old = metadata.permissions().mode() & 0o7777;
    if metadata.is_dir() {
        fs::set_permissions(path, fs::Permissions::from_mode(old | 0o700))
            .expect("open a folder of the world");
        for entry in fs::read_dir(path).expect("read a folder of the world") {
            change(&entry.expect("read a folder of the world").path(), mode);
        }
    }
    let new = mode(old, metadata.is_dir() || old & 0o111 != 0);
    fs::set_permissions(path, fs::Permissions::from_mode(new))
        .expect("change the mode of a file of the world");
}
