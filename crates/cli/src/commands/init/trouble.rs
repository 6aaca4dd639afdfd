//! Why nothing can be proposed from a file: for the person who named it an error, elsewhere a remark.

use std::io::{self, ErrorKind};

use backout_core::diagnostic::{Code, Diagnostic};

use super::codes;
use super::yaml::Unread;

/// Why nothing can be proposed from a file.
#[derive(Debug)]
pub struct Trouble {
    code: Code,
    /// The cause, as the second half of a sentence.
    pub cause: String,
    hints: Vec<String>,
}

impl Trouble {
    /// It cannot be read.
    pub fn unreadable(cause: impl Into<String>) -> Self {
        Self { code: codes::UNREADABLE, cause: cause.into(), hints: Vec::new() }
    }

    /// Nobody knows what it is.
    pub fn unknown() -> Self {
        Self {
            code: codes::UNKNOWN,
            cause: "it is no compose file, SQLite database or folder, and no driver for settings knows its ending"
                .into(),
            hints: vec![
                "the folder that holds it can be proposed as a whole: --from FOLDER".into(),
                "or write a component for it yourself: backout drivers, backout explain KIND".into(),
            ],
        }
    }

    /// It is not what its name promises.
    pub fn broken(cause: impl Into<String>) -> Self {
        Self { code: codes::BROKEN, cause: cause.into(), hints: Vec::new() }
    }

    /// With what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// As a message about the file that a person named.
    pub fn about(self, named: &str) -> Diagnostic {
        Diagnostic::error(self.code, format!("propose something from {named}"))
            .because(self.cause)
            .hints(self.hints)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound => Self::unreadable("it is not there"),
            _ => Self::unreadable(error.to_string()),
        }
    }
}

impl From<Unread> for Trouble {
    fn from(unread: Unread) -> Self {
        Self::broken(match unread.line {
            Some(line) => format!("line {line}: {}", unread.what),
            None => unread.what,
        })
    }
}
