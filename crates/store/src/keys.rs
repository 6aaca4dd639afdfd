//! The secrets of a state folder: the key of the fingerprints, and the nonce that tells it from any other.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use backout_core::digest::FingerprintKey;
use backout_kit::atomic_put::{Attributes, put};
use backout_kit::file_error::OnFile;
use backout_kit::{path_text, private_file};

use crate::error::{StateError, StateErrorKind};
use crate::layout::Layout;

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 16;

/// What a state folder draws once and keeps.
#[derive(Debug, Clone)]
pub struct Keys {
    /// Keys the fingerprints, so that short secrets cannot be guessed from them.
    pub fingerprint: FingerprintKey,
    /// 32 hexadecimal digits that no other state folder has.
    pub nonce: String,
}

impl Keys {
    /// Reads the keys.
    ///
    /// # Errors
    /// One is missing, damaged, or can be read by others.
    pub fn load(layout: &Layout) -> Result<Self, StateError> {
        let (key, nonce) = (layout.fingerprint_key(), layout.nonce());
        let raw = <[u8; KEY_BYTES]>::try_from(read(&key, KEY_BYTES)?).map_err(|_| damaged(&key))?;
        let text = String::from_utf8(read(&nonce, NONCE_BYTES * 2 + 1)?).map_err(|_| damaged(&nonce))?;
        let digits = text.trim_end_matches('\n');
        if digits.len() != NONCE_BYTES * 2 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(damaged(&nonce));
        }
        Ok(Self { fingerprint: FingerprintKey::new(raw), nonce: digits.to_owned() })
    }

    /// Reads the keys, and draws those that were never drawn. For the holder of the lock, before it opens the
    /// journal: keys that are missing beside a journal were lost, and new ones would fit nothing that was saved.
    pub fn load_or_draw(layout: &Layout) -> Result<Self, StateError> {
        let begun = layout.journal().try_exists().on_file("look at", &layout.journal())?;
        if !begun {
            draw(&layout.fingerprint_key(), KEY_BYTES, |raw| raw)?;
            draw(&layout.nonce(), NONCE_BYTES, |raw| {
                let digits: String = raw.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("{digits}\n").into_bytes()
            })?;
        }
        Self::load(layout)
    }
}

fn draw(path: &Path, length: usize, form: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Result<(), StateError> {
    if path.try_exists().on_file("look at", path)? {
        return Ok(());
    }
    let source = Path::new("/dev/urandom");
    let mut raw = vec![0; length];
    File::open(source)
        .and_then(|mut random| random.read_exact(&mut raw))
        .on_file("draw a key from", source)?;
    Ok(put(path, &form(raw), Attributes::default())?)
}

fn read(path: &Path, longest: usize) -> Result<Vec<u8>, StateError> {
    private_file::read(path, longest as u64).map_err(|error| {
        let shown = path_text::encode(path.as_os_str());
        let readable_by_others = error.is_denied();
        let mut error = StateError::from(error);
        if readable_by_others {
            error.kind = StateErrorKind::Unsafe;
            error.hints = vec![format!("run `chmod 600 {shown}`, unless somebody may have read it already")];
        } else {
            error.hints =
                vec!["without it nothing saved can be compared: put it back from a backup".to_owned()];
        }
        error
    })
}

fn damaged(path: &Path) -> StateError {
    StateError::new(StateErrorKind::Damaged, "read the private file", path, "it is not what was written")
        .hint("without it nothing saved can be compared: put it back from a backup".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions, set_permissions};
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    fn prepared() -> (tempfile::TempDir, Layout) {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::at(folder.path().join(".backout"));
        layout.prepare().unwrap();
        (folder, layout)
    }

    #[test]
    fn keys_are_drawn_once_and_differ_between_folders() {
        let (_one, one) = prepared();
        let (_two, two) = prepared();
        assert!(Keys::load(&one).is_err(), "nothing is drawn by reading");
        let drawn = Keys::load_or_draw(&one).unwrap();
        let value = serde_json::json!("x");
        let fingerprint = |keys: &Keys| keys.fingerprint.digest("label", &value);
        for again in [Keys::load(&one).unwrap(), Keys::load_or_draw(&one).unwrap()] {
            assert_eq!((&again.nonce, fingerprint(&again)), (&drawn.nonce, fingerprint(&drawn)));
        }
        let other = Keys::load_or_draw(&two).unwrap();
        assert_ne!(other.nonce, drawn.nonce);
        assert_ne!(fingerprint(&other), fingerprint(&drawn));
        for path in [one.fingerprint_key(), one.nonce()] {
            assert_eq!(fs::metadata(path).unwrap().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let (_folder, layout) = prepared();
        Keys::load_or_draw(&layout).unwrap();
        for path in [layout.fingerprint_key(), layout.nonce()] {
            set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
            assert_eq!(Keys::load(&layout).unwrap_err().kind, StateErrorKind::Unsafe);
            set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        }
        Keys::load(&layout).unwrap();
    }

    #[test]
    fn a_cut_or_changed_key_is_damaged() {
        for (path, content) in [
            (Layout::fingerprint_key as fn(&Layout) -> _, &[7u8; 31][..]),
            (Layout::nonce, b"0123"),
            (Layout::nonce, b"0123456789abcdef0123456789abcdeg\n"),
            (Layout::nonce, &[0xff; 32]),
        ] {
            let (_folder, layout) = prepared();
            Keys::load_or_draw(&layout).unwrap();
            fs::write(path(&layout), content).unwrap();
            assert_eq!(Keys::load_or_draw(&layout).unwrap_err().kind, StateErrorKind::Damaged);
        }
    }

    #[test]
    fn lost_keys_are_not_replaced_beside_a_journal() {
        let (_folder, layout) = prepared();
        Keys::load_or_draw(&layout).unwrap();
        fs::write(layout.journal(), "").unwrap();
        fs::remove_file(layout.fingerprint_key()).unwrap();
        let error = Keys::load_or_draw(&layout).unwrap_err();
        assert_eq!(error.kind, StateErrorKind::Absent);
        assert!(!layout.fingerprint_key().exists());
    }

    #[test]
    fn keys_do_not_show() {
        let (_folder, layout) = prepared();
        let keys = Keys::load_or_draw(&layout).unwrap();
        assert!(format!("{keys:?}").contains("***"));
    }
}
