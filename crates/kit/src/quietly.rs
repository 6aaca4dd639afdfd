//! Reading files without a trace in their times, where the kernel lets us: those who own a file, and root.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// Opens a file to read it.
///
/// # Errors
/// As for [`File::open`].
pub fn open(path: &Path) -> io::Result<File> {
    open_with(path, OFlags::empty())
}

/// Opens a regular file to read it; what else stands there has no end, or none that is a content.
///
/// # Errors
/// As for [`File::open`], and `InvalidData` for what is no regular file.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let file = open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(ErrorKind::InvalidData, "it is not a regular file"))
    }
}

/// Opens a file to read it, with further flags.
///
/// # Errors
/// As for [`File::open`].
pub fn open_with(path: &Path, flags: OFlags) -> io::Result<File> {
    let open =
        |flags: OFlags| OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    // A pipe is not waited for; nothing changes for files.
    let flags = flags | OFlags::NONBLOCK;
    match open(flags | OFlags::NOATIME) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => open(flags),
        result => result,
    }
}

/// Copies the content of a file into a new one that only we may read.
///
/// # Errors
/// As for [`std::fs::copy`], and where something is in the new one's place.
pub fn copy(from: &Path, to: &Path) -> io::Result<u64> {
    let mut source = open(from)?;
    let mut target = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    io::copy(&mut source, &mut target)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Read;
    use std::os::unix::fs::MetadataExt;
    use std::time::{Duration, SystemTime};

    #[test]
    fn reading_leaves_no_trace() {
        let folder = tempfile::tempdir().unwrap();
        let (file, copied) = (folder.path().join("file"), folder.path().join("copy"));
        fs::write(&file, "content").unwrap();
        // Read long before it was written: the next reading counts also where most do not.
        let long_ago = SystemTime::now() - Duration::from_secs(1_000_000);
        File::options()
            .write(true)
            .open(&file)
            .unwrap()
            .set_times(fs::FileTimes::new().set_accessed(long_ago))
            .unwrap();
        let read_at = || fs::metadata(&file).map(|there| (there.atime(), there.atime_nsec())).unwrap();
        let before = read_at();
        let mut text = String::new();
        open(&file).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(copy(&file, &copied).unwrap(), 7);
        assert_eq!((text.as_str(), fs::read_to_string(&copied).unwrap().as_str()), ("content", "content"));
        assert_eq!(fs::metadata(&copied).unwrap().mode() & 0o777, 0o600);
        assert_eq!(read_at(), before);
        assert!(copy(&file, &copied).is_err(), "nothing is overwritten");
    }

    #[test]
    fn a_pipe_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
        assert!(!open(&pipe).unwrap().metadata().unwrap().is_file());
        for other in [pipe.as_path(), Path::new("/dev/zero"), folder.path()] {
            assert_eq!(
                open_regular(other).unwrap_err().kind(),
                ErrorKind::InvalidData,
                "{}",
                other.display()
            );
        }
    }
}
