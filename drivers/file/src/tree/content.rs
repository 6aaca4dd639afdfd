//! Reads the files of a tree, and tells when somebody writes to them meanwhile.

use std::io::{ErrorKind, Read};
use std::path::Path;

use backout_core::digest::Digest;
use sha2::{Digest as _, Sha256};

use super::handle::{look_at_open, open_file};
use super::state::{Entry, TreeState, What};
use super::walk::{Outline, Seen, Trouble, failed};
use crate::pace::Pace;
use crate::trouble::unreadable;

/// Size of one read.
const CHUNK: usize = 128 * 1024;

/// Where the bytes of a file go while they are digested.
pub(super) type Sink<'a> = &'a mut dyn FnMut(&[u8]) -> std::io::Result<()>;

/// Reads a file to its end into the sink and returns the digest of just these bytes. They are the file as it was
/// seen: size and times are compared before and after.
pub(super) fn read(root: &Path, seen: &Seen, pace: &Pace, sink: Sink<'_>) -> Result<Digest, Trouble> {
    let changed = || Trouble::Changed(root.join(&seen.path));
    let mut file = open_file(root, &seen.path).map_err(|error| failed("open", root, &seen.path, error))?;
    let is_as_seen = |file: &std::fs::File| match look_at_open(file) {
        Ok(status) if status == seen.status => Ok(()),
        Ok(_) => Err(changed()),
        Err(error) => Err(failed("look at", root, &seen.path, error)),
    };
    is_as_seen(&file)?;
    let mut hasher = Sha256::new();
    let mut total = 0;
    let mut chunk = vec![0; CHUNK.min(usize::try_from(seen.status.bytes).unwrap_or(CHUNK).max(1))];
    loop {
        let count = match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable("read", &root.join(&seen.path), error).into()),
        };
        pace.check("read a tree")?;
        let bytes = chunk.get(..count).unwrap_or_default();
        hasher.update(bytes);
        total += count as u64;
        // A file that grows as fast as it is read would never end.
        if total > seen.status.bytes {
            return Err(changed());
        }
        sink(bytes).map_err(|error| unreadable("copy", &root.join(&seen.path), error))?;
    }
    is_as_seen(&file)?;
    if total != seen.status.bytes {
        return Err(changed());
    }
    Ok(Digest::from_raw(hasher.finalize().into()))
}

/// The state of a tree, its contents digested by `digest`, which is asked in the order of the entries.
pub(super) fn state_of(
    outline: &Outline,
    mut digest: impl FnMut(&Seen) -> Result<Digest, Trouble>,
) -> Result<TreeState, Trouble> {
    let entries = outline.entries.iter().map(|seen| {
        let what = match (&seen.target, seen.status.kind) {
            (Some(target), _) => What::Link { target: backout_kit::path_text::encode(target) },
            (None, super::handle::Kind::File) => {
                What::File { bytes: seen.status.bytes, content: digest(seen)? }
            }
            (None, _) => What::Directory,
        };
        Ok(Entry {
            path: seen.text.clone(),
            what,
            mode: seen.status.mode,
            user: seen.status.user,
            group: seen.status.group,
            modified: seen.status.modified,
        })
    });
    Ok(TreeState { entries: entries.collect::<Result<_, Trouble>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::selector::Selector;
    use crate::tree::walk::walk;
    use std::fs;
    use std::time::Duration;

    type Change = fn(&Path);

    #[test]
    fn a_file_that_changes_while_it_is_read_is_noticed() {
        let rows: [(&str, bool, Change); 6] = [
            ("nobody touches it", true, |_| {}),
            ("it is read by others", true, |path| drop(fs::read(path).unwrap())),
            ("it grows", false, |path| fs::write(path, "longer than before").unwrap()),
            ("it is overwritten in place", false, |path| fs::write(path, "CONTENT").unwrap()),
            ("it is cut", false, |path| fs::write(path, "").unwrap()),
            ("its mode changes", false, |path| {
                let mut rights = path.metadata().unwrap().permissions();
                rights.set_readonly(true);
                fs::set_permissions(path, rights).unwrap();
            }),
        ];
        for (what, expected, change) in rows {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("file");
            fs::write(&path, "content").unwrap();
            // Clocks of file systems tick coarsely; a time in the past cannot be met by chance.
            let past = std::time::SystemTime::now() - Duration::from_secs(60);
            fs::File::options().write(true).open(&path).unwrap().set_modified(past).unwrap();
            let pace = Pace::unhurried();
            let outline = walk(&path, &Selector::default(), &pace).unwrap().unwrap();
            let result = read(&path, &outline.entries[0], &pace, &mut |_| {
                change(&path);
                Ok(())
            });
            assert_eq!(result.is_ok(), expected, "{what}");
            assert!(expected || matches!(result, Err(Trouble::Changed(_))), "{what}");
        }
    }
}
