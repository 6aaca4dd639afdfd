//! Which process was told to let nobody in, written down beside its pid file: a signal leaves no trace to look at.

use std::io::{self, ErrorKind as Io, Read};
use std::path::PathBuf;

use backout_contract::DriverError;
use backout_kit::atomic_put::{self, Attributes};
use backout_kit::file_error::FileError;
use backout_kit::processes::ProcessIdentity;
use backout_kit::{quietly, reserved};
use rustix::io::Errno;

use super::supervised::Supervised;

impl Supervised {
    /// The process that was told to let nobody in, as it was written down.
    pub(super) fn recorded(&self) -> Result<Option<ProcessIdentity>, DriverError> {
        let looked =
            |source| DriverError::io("read who was told to let nobody in", source).nothing_happened();
        let path = self.record_path().map_err(|error| looked(error.source))?;
        let mut text = Vec::new();
        match quietly::open(&path).and_then(|file| file.take(4096).read_to_end(&mut text)) {
            Ok(_) => Ok(serde_json::from_slice(&text).ok()),
            Err(error) if error.kind() == Io::NotFound => Ok(None),
            Err(error) => Err(looked(error)),
        }
    }

    /// Writes it down, or strikes it out. Only after it was told, so that a crash in between repeats the telling.
    pub(super) fn record(&self, process: Option<&ProcessIdentity>) -> Result<(), DriverError> {
        let write = || -> Result<(), FileError> {
            let path = self.record_path()?;
            match process.map(serde_json::to_vec) {
                Some(text) => {
                    let text = text.map_err(|error| FileError {
                        operation: "write",
                        path: path.clone(),
                        source: io::Error::other(error),
                    })?;
                    atomic_put::put(&path, &text, Attributes::default())
                }
                None => match rustix::fs::unlink(&path) {
                    Ok(()) | Err(Errno::NOENT) => Ok(()),
                    Err(error) => Err(FileError { operation: "remove", path, source: error.into() }),
                },
            }
        };
        write().map_err(|error| DriverError::io(error.to_string(), error.source))
    }

    fn record_path(&self) -> Result<PathBuf, FileError> {
        reserved::sibling(&self.pid_file, "door")
    }
}
