//! State folders as claim markers name them.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use backout_engine::Elsewhere;
use backout_kit::path_text;
use backout_store::{Keys, Layout};

/// The state folder's absolute path without symbolic links.
pub fn name_of(layout: &Layout) -> String {
    let folder = layout.folder();
    let whole = folder.canonicalize().or_else(|_| std::path::absolute(folder));
    path_text::encode(whole.unwrap_or_else(|_| folder.to_owned()).as_os_str())
}

/// Looks whether another state folder on this machine is the original of ours.
#[derive(Debug)]
pub struct OtherFolders {
    own: PathBuf,
}

impl OtherFolders {
    /// Seen from this one.
    pub fn beside(layout: &Layout) -> Self {
        Self { own: layout.folder().to_owned() }
    }

    /// The same folder under another name (a bind mount, a symbolic link) is no other claimant.
    fn is_own(&self, other: &Path) -> bool {
        let place = |path: &Path| fs::metadata(path).map(|about| (about.dev(), about.ino())).ok();
        place(other).is_some_and(|other| Some(other) == place(&self.own))
    }
}

impl Elsewhere for OtherFolders {
    fn is_alive(&self, claimant: &str, nonce: &str) -> bool {
        let Ok(path) = path_text::decode(claimant).map(PathBuf::from) else { return false };
        if self.is_own(&path) {
            return false;
        }
        let layout = Layout::at(path);
        // A folder that was moved leaves nothing behind; one whose keys cannot be read may still live.
        match Keys::load(&layout) {
            Ok(keys) => keys.nonce == nonce,
            Err(_) => layout.nonce().exists(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_finds_its_original_and_a_moved_folder_finds_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let original = Layout::at(folder.path().join("original"));
        original.prepare().unwrap();
        let keys = Keys::load_or_draw(&original).unwrap();
        let copy = Layout::at(folder.path().join("copy"));
        copy.prepare().unwrap();
        for name in ["nonce", "fingerprint.key"] {
            fs::copy(original.folder().join(name), copy.folder().join(name)).unwrap();
        }
        let named = name_of(&original);
        assert!(OtherFolders::beside(&copy).is_alive(&named, &keys.nonce));
        assert!(!OtherFolders::beside(&copy).is_alive(&named, "another"));
        assert!(!OtherFolders::beside(&original).is_alive(&named, &keys.nonce), "it is its own");

        let link = folder.path().join("link");
        std::os::unix::fs::symlink(original.folder(), &link).unwrap();
        assert!(
            !OtherFolders::beside(&Layout::at(link)).is_alive(&named, &keys.nonce),
            "only named otherwise"
        );

        fs::rename(original.folder(), folder.path().join("moved")).unwrap();
        assert!(!OtherFolders::beside(&copy).is_alive(&named, &keys.nonce));
    }
}
