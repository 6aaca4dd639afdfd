//! Where everything lies in the state folder, and that the folder is ours alone.

use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use backout_kit::atomic_put::{Attributes, put, sync_folder_of};
use backout_kit::file_error::OnFile;
use backout_kit::path_text;

use crate::error::{StateError, StateErrorKind};

/// The name of the state folder, beside the migration file.
pub const FOLDER: &str = ".backout";

const PRIVATE: u32 = 0o700;
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// The paths of one migration's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    folder: PathBuf,
}

impl Layout {
    /// The state of a migration file.
    pub fn beside(migration_file: &Path) -> Self {
        Self::at(migration_file.with_file_name(FOLDER))
    }

    /// The state in this folder.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The state folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The journal, an SQLite database.
    pub fn journal(&self) -> PathBuf {
        self.folder.join("journal.db")
    }

    /// The lock of the one writer.
    pub fn lock(&self) -> PathBuf {
        self.folder.join("lock")
    }

    /// Held for the moment in which the lock changes hands.
    pub(crate) fn turn(&self) -> PathBuf {
        self.folder.join("lock.turn")
    }

    /// Requests from other terminals.
    pub fn inbox(&self) -> PathBuf {
        self.folder.join("inbox")
    }

    /// Checkpoint data; the vault makes it.
    pub fn vault(&self) -> PathBuf {
        self.folder.join("vault")
    }

    /// Manifests of checkpoints.
    pub fn checkpoints(&self) -> PathBuf {
        self.folder.join("checkpoints")
    }

    /// Where files that people read lie: recorded writes, conflicts, maps of keys.
    pub fn for_people(&self) -> PathBuf {
        self.folder.join("recovered")
    }

    /// Where things are put together before they are moved.
    pub fn scratch(&self) -> PathBuf {
        self.folder.join("scratch")
    }

    /// The key of the fingerprints.
    pub fn fingerprint_key(&self) -> PathBuf {
        self.folder.join("fingerprint.key")
    }

    /// What tells this state folder from any other.
    pub fn nonce(&self) -> PathBuf {
        self.folder.join("nonce")
    }

    /// Whether there is any state yet.
    pub fn exists(&self) -> bool {
        fs::symlink_metadata(&self.folder).is_ok()
    }

    /// Makes whatever is missing of the folder, for a command that will write.
    ///
    /// # Errors
    /// The folder cannot be made, or see [`Layout::check`].
    pub fn prepare(&self) -> Result<(), StateError> {
        for folder in [self.folder.clone(), self.inbox(), self.checkpoints(), self.scratch()] {
            make(&folder)?;
            check(&folder)?;
        }
        let ignore = self.folder.join(".gitignore");
        if !ignore.try_exists().on_file("look at", &ignore)? {
            put(&ignore, b"*\n", Attributes::default())?;
        }
        Ok(())
    }

    /// Refuses a state folder that belongs to somebody else, in which others may write, or that is no folder.
    pub fn check(&self) -> Result<(), StateError> {
        check(&self.folder)
    }
}

fn make(folder: &Path) -> Result<(), StateError> {
    match DirBuilder::new().mode(PRIVATE).create(folder) {
        Ok(()) => Ok(sync_folder_of(folder)?),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        failed => Ok(failed.on_file("make the folder", folder)?),
    }
}

fn check(folder: &Path) -> Result<(), StateError> {
    let there = fs::symlink_metadata(folder).on_file("look at", folder)?;
    let refuse = |why: &str| StateError::new(StateErrorKind::Unsafe, "use the state folder", folder, why);
    let shown = path_text::encode(folder.as_os_str());
    if !there.is_dir() {
        return Err(refuse("it is not a folder").hint(format!("move {shown} away")));
    }
    if there.uid() != rustix::process::geteuid().as_raw() {
        let owner = there.uid();
        return Err(refuse("it belongs to another user").hint(format!("run the command as user {owner}")));
    }
    if there.mode() & WRITABLE_BY_OTHERS != 0 {
        return Err(refuse("other users may write in it")
            .hint(format!("see that nobody changed it, then run `chmod 700 {shown}`")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    fn layout() -> (tempfile::TempDir, Layout) {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::beside(&folder.path().join("backout.yaml"));
        (folder, layout)
    }

    #[test]
    fn the_folder_is_private_and_ignores_itself_and_preparing_twice_is_once() {
        let (folder, layout) = layout();
        assert!(!layout.exists());
        layout.prepare().unwrap();
        layout.prepare().unwrap();
        assert_eq!(layout.folder(), folder.path().join(".backout"));
        for made in [layout.folder().to_owned(), layout.inbox(), layout.checkpoints(), layout.scratch()] {
            assert_eq!(fs::metadata(&made).unwrap().mode() & 0o777, 0o700, "{}", made.display());
        }
        assert_eq!(fs::read(layout.folder().join(".gitignore")).unwrap(), b"*\n");
    }

    #[test]
    fn a_folder_that_others_may_write_in_is_refused() {
        let (_folder, layout) = layout();
        layout.prepare().unwrap();
        for (mode, fine) in [(0o700, true), (0o755, true), (0o770, false), (0o702, false)] {
            set_permissions(layout.folder(), Permissions::from_mode(mode)).unwrap();
            assert_eq!(layout.check().is_ok(), fine, "{mode:o}");
            assert_eq!(layout.prepare().is_ok(), fine, "{mode:o}");
        }
        let error = layout.check().unwrap_err();
        assert_eq!(error.kind, StateErrorKind::Unsafe);
        assert!(error.hints.iter().any(|hint| hint.contains("chmod 700")));
    }

    #[test]
    fn what_is_no_folder_of_ours_is_refused() {
        let (folder, layout) = layout();
        fs::write(layout.folder(), "").unwrap();
        assert_eq!(layout.prepare().unwrap_err().kind, StateErrorKind::Unsafe);
        fs::remove_file(layout.folder()).unwrap();
        symlink(folder.path(), layout.folder()).unwrap();
        assert_eq!(layout.prepare().unwrap_err().kind, StateErrorKind::Unsafe);
        fs::remove_file(layout.folder()).unwrap();

        layout.prepare().unwrap();
        // Only root can give a folder away; for everybody else there is nothing to try.
        if chown(layout.folder(), Some(4711), None).is_ok() {
            let error = layout.prepare().unwrap_err();
            assert_eq!(error.source.to_string(), "it belongs to another user");
        }
    }

    #[test]
    fn a_missing_parent_is_named() {
        let error = Layout::at("/nowhere/at/all/.backout").prepare().unwrap_err();
        assert_eq!(error.kind, StateErrorKind::Absent);
        assert_eq!(error.to_string(), "make the folder /nowhere/at/all/.backout");
    }
}
