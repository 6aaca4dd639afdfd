//! Errors of drivers and probes: what was attempted, how sure it is that nothing happened, and what to do next.

use std::fmt;

/// What kind of trouble it is, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The component's configuration cannot work.
    Config,
    /// It is there and cannot be understood: corrupt, of an unknown format.
    Unreadable,
    /// It did not answer.
    Unreachable,
    /// We may not.
    Denied,
    /// Somebody else holds it.
    Locked,
    /// There is no room left.
    NoSpace,
    /// It did not end in time.
    TimedOut,
    /// Saved data is not what was saved.
    BadData,
    /// Anything else.
    Other,
}

/// Whether something may have happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// It is proven that nothing was changed.
    NothingHappened,
    /// Nobody knows. The default: claiming otherwise needs proof.
    InDoubt,
}

/// What went wrong. `Display` says what was attempted on which thing; the cause is the `source`, the advice is in
/// `hints`, and none of them holds a secret.
#[derive(Debug)]
pub struct DriverError {
    /// For programs.
    pub kind: ErrorKind,
    /// Whether something may have happened.
    pub certainty: Certainty,
    /// What was attempted on which thing, a lowercase fragment.
    pub attempted: String,
    /// What to do next.
    pub hints: Vec<String>,
    /// The cause.
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl DriverError {
    /// An error in doubt.
    pub fn new(kind: ErrorKind, attempted: impl Into<String>) -> Self {
        Self {
            kind,
            certainty: Certainty::InDoubt,
            attempted: attempted.into(),
            hints: Vec::new(),
            source: None,
        }
    }

    /// With its cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// With something to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Proven to have changed nothing.
    #[must_use]
    pub fn nothing_happened(mut self) -> Self {
        self.certainty = Certainty::NothingHappened;
        self
    }

    /// From a failed operation on a file; the kind is read off the error.
    pub fn io(attempted: impl Into<String>, source: std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let kind = match source.kind() {
            Io::PermissionDenied | Io::ReadOnlyFilesystem => ErrorKind::Denied,
            Io::StorageFull | Io::QuotaExceeded => ErrorKind::NoSpace,
            Io::TimedOut => ErrorKind::TimedOut,
            Io::ConnectionRefused | Io::ConnectionReset | Io::HostUnreachable | Io::NetworkUnreachable => {
                ErrorKind::Unreachable
            }
            Io::ResourceBusy | Io::ExecutableFileBusy => ErrorKind::Locked,
            _ => ErrorKind::Other,
        };
        Self::new(kind, attempted).caused_by(source)
    }

    /// The error and its causes in one line, for the record.
    pub fn chain(&self) -> String {
        let mut text = self.attempted.clone();
        let mut last = text.clone();
        let mut source = self.source.as_deref().map(|source| source as &dyn std::error::Error);
        while let Some(cause) = source {
            let said = cause.to_string();
            // Some libraries say the same twice, the second time with a number before it.
            if !said.ends_with(&last) {
                text.push_str(": ");
                text.push_str(&said);
                last = said;
            }
            source = cause.source();
        }
        text
    }
}

impl fmt::Display for DriverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.attempted)
    }
}

impl std::error::Error for DriverError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Said(&'static str, Option<Box<Said>>);

    impl fmt::Display for Said {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl std::error::Error for Said {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            self.1.as_deref().map(|source| source as _)
        }
    }

    #[test]
    fn what_is_said_twice_is_shown_once() {
        let cause = Said("it is locked", Some(Box::new(Said("code 5: it is locked", None))));
        let error = DriverError::new(ErrorKind::Locked, "write").caused_by(cause);
        assert_eq!(error.chain(), "write: it is locked");
        let cause = Said("no answer", Some(Box::new(Said("refused", None))));
        assert_eq!(
            DriverError::new(ErrorKind::Other, "ask").caused_by(cause).chain(),
            "ask: no answer: refused"
        );
    }
}
