//! What goes wrong with the state folder, with what to do about it.

use std::io;
use std::path::Path;

use backout_kit::file_error::FileError;
use backout_kit::path_text;

/// What kind of trouble it is, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateErrorKind {
    /// It is not there.
    Absent,
    /// Others could change or read what must be ours alone.
    Unsafe,
    /// We may not write there: a right is missing, or it is mounted read-only.
    Denied,
    /// There is no room left.
    NoSpace,
    /// It is there and is not what we wrote.
    Damaged,
    /// A newer program wrote it.
    Newer,
    /// Anything else.
    Other,
}

/// Something in the state folder could not be read or written. `Display` says what was attempted on which path.
#[derive(Debug, thiserror::Error)]
#[error("{attempted}")]
pub struct StateError {
    /// For programs.
    pub kind: StateErrorKind,
    /// What was attempted on which path, a lowercase fragment.
    pub attempted: String,
    /// What to do next.
    pub hints: Vec<String>,
    /// The cause.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl StateError {
    pub(crate) fn new(
        kind: StateErrorKind,
        operation: &str,
        path: &Path,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        let attempted = format!("{operation} {}", path_text::encode(path.as_os_str()));
        Self { kind, attempted, hints: kind.hints(), source: source.into() }
    }

    pub(crate) fn hint(mut self, hint: String) -> Self {
        self.hints.push(hint);
        self
    }
}

impl StateErrorKind {
    fn of(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Absent,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::Denied,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace,
            _ => Self::Other,
        }
    }

    fn hints(self) -> Vec<String> {
        let hint = match self {
            Self::Denied => {
                "commands that only read still work; whatever changes anything needs to write there"
            }
            Self::NoSpace => "free some space on that disk, then run the same command again",
            Self::Newer => "use the version of backout that wrote it, or a newer one",
            Self::Absent | Self::Unsafe | Self::Damaged | Self::Other => return Vec::new(),
        };
        vec![hint.to_owned()]
    }
}

impl From<FileError> for StateError {
    fn from(error: FileError) -> Self {
        Self::new(StateErrorKind::of(&error.source), error.operation, &error.path, error.source)
    }
}
