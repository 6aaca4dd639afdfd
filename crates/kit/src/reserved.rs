//! Backout keeps helper files beside the things it works on. They all begin with one prefix, so that captures
//! leave them out and a person sees whose they are.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::file_error::FileError;

/// How every helper file's name begins.
pub const PREFIX: &str = ".backout-";

/// The longest file name that Linux file systems take, in bytes.
const LONGEST_NAME: usize = 255;

/// Whether a file name (not a path) belongs to Backout.
pub fn is_reserved(name: &OsStr) -> bool {
    name.as_bytes().starts_with(PREFIX.as_bytes())
}

/// `<dir>/.backout-<role>-<name>` for the target `<dir>/<name>`. A name that would become too long is cut and
/// ends in `~` and a digest of the whole name, so that two long names never share a helper file.
///
/// Fails for a target without a name of its own, such as `/` or `..`.
pub fn sibling(target: &Path, role: &str) -> Result<PathBuf, FileError> {
    let name = target.file_name().ok_or_else(|| {
        FileError::refuse("find the name of", target, ErrorKind::InvalidInput, "it has no file name")
    })?;
    let mut helper = Vec::with_capacity(LONGEST_NAME);
    helper.extend_from_slice(PREFIX.as_bytes());
    helper.extend_from_slice(role.as_bytes());
    helper.push(b'-');
    helper.extend_from_slice(name.as_bytes());
    if helper.len() > LONGEST_NAME {
        let digest = Sha256::digest(name.as_bytes());
        let ending: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        helper.truncate(character_border(&helper, LONGEST_NAME - ending.len() - 1));
        helper.push(b'~');
        helper.extend_from_slice(ending.as_bytes());
    }
    Ok(target.with_file_name(OsString::from_vec(helper)))
}

/// The folder that holds a path's entry; `.` for a bare name.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) => Path::new("."),
        None => path,
    }
}

/// The last place at or before `limit` that does not cut a character in two: some file systems take UTF-8 only.
fn character_border(bytes: &[u8], limit: usize) -> usize {
    let is_inside = |at: &usize| bytes.get(*at).is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000);
    (limit.saturating_sub(3)..=limit).rev().find(|at| !is_inside(at)).unwrap_or(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_prefix_reserves() {
        for (name, reserved) in [
            (".backout-marker-x", true),
            (".backout-", true),
            (".backout", false),
            ("x.backout-", false),
            ("", false),
        ] {
            assert_eq!(is_reserved(OsStr::new(name)), reserved, "{name}");
        }
    }

    #[test]
    fn a_sibling_stays_in_the_folder() {
        for (target, helper) in
            [("/srv/app", "/srv/.backout-put-app"), ("app", ".backout-put-app"), ("a/b/", "a/.backout-put-b")]
        {
            assert_eq!(sibling(Path::new(target), "put").unwrap(), Path::new(helper));
        }
        for nameless in ["/", "..", ""] {
            assert!(sibling(Path::new(nameless), "put").is_err(), "{nameless}");
        }
    }

    #[test]
    fn long_names_are_cut_and_stay_apart() {
        let one = sibling(Path::new(&format!("{}1", "é".repeat(127))), "put").unwrap();
        let two = sibling(Path::new(&format!("{}2", "é".repeat(127))), "put").unwrap();
        assert_ne!(one, two);
        for helper in [one, two] {
            assert!(helper.as_os_str().len() <= LONGEST_NAME);
            assert!(helper.to_str().is_some(), "still UTF-8");
            assert!(is_reserved(helper.file_name().unwrap()));
        }
        let fitting = "x".repeat(LONGEST_NAME - ".backout-put-".len());
        assert_eq!(sibling(Path::new(&fitting), "put").unwrap().as_os_str().len(), LONGEST_NAME);
    }
}
