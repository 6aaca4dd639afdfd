//! Why a command did not do what it was asked: messages, an exit code, and what was and was not changed.

use std::error::Error;
use std::io::ErrorKind;

use backout_contract::{JournalError, VaultError};
use backout_core::diagnostic::Diagnostic;
use backout_core::journal::Broken;
use backout_core::migration::Source;
use backout_engine::EngineError;
use backout_store::{LockError, StateError, StateErrorKind, Trouble};

use crate::codes;
use crate::exit::Exit;
use crate::hints;

/// What a failed command left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// Nothing at all.
    Nothing,
    /// The journal holds what was done; the world may have been changed.
    Perhaps,
}

impl Changed {
    /// For people and programs.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Nothing => "nothing was changed",
            Self::Perhaps => "what was done before is recorded; `backout status` shows it",
        }
    }
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub struct Failure {
    /// How the process ends.
    pub exit: Exit,
    /// The messages; warnings may stand among them.
    pub diagnostics: Vec<Diagnostic>,
    /// What was and was not changed.
    pub changed: Changed,
    /// The text that places point into.
    pub source: Option<Source>,
}

impl Failure {
    /// With several messages; the gravest decides how the process ends.
    pub fn of(diagnostics: Vec<Diagnostic>) -> Self {
        let exits = diagnostics.iter().filter(|one| one.is_error()).map(|one| Exit::of(one.code));
        let exit = exits.max_by_key(|exit| match exit {
            Exit::Invalid => 3,
            Exit::Refused => 2,
            Exit::Failed => 1,
            _ => 0,
        });
        Self { exit: exit.unwrap_or(Exit::Failed), diagnostics, changed: Changed::Nothing, source: None }
    }

    /// The same after something may have been changed.
    #[must_use]
    pub fn after_changes(mut self) -> Self {
        self.changed = Changed::Perhaps;
        self
    }

    /// With the text that places point into.
    #[must_use]
    pub fn in_source(mut self, source: Source) -> Self {
        self.source = Some(source);
        self
    }
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::of(vec![diagnostic])
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Refused(refusal) => Self::of(refusal.diagnostics),
            EngineError::Invalid(diagnostics) => Self { exit: Exit::Invalid, ..Self::of(diagnostics) },
            EngineError::Journal(error) => Self::from(error).after_changes(),
            EngineError::Vault(error) => Self::from(error).after_changes(),
            EngineError::Driver { component, source } => {
                let mut found =
                    Diagnostic::error(codes::DRIVER, format!("`{component}` could not be handled"))
                        .because(source.chain());
                found.hints = source.hints;
                Self::from(found).after_changes()
            }
            EngineError::Corrupt(what) => Self::from(
                Diagnostic::error(codes::CORRUPT, "something is not as this program wrote it")
                    .because(what)
                    .hint("see how far the journal can be followed: backout log --verify"),
            )
            .after_changes(),
        }
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        let mut found = match &error {
            JournalError::Broken(broken @ Broken::Newer { .. }) => {
                Diagnostic::error(codes::NEWER, error.to_string()).because(broken.to_string())
            }
            JournalError::Broken(broken) => {
                Diagnostic::error(codes::JOURNAL_BROKEN, error.to_string()).because(chain(broken))
            }
            JournalError::Io { source, .. } => {
                let code = match Trouble::of(&error) {
                    Some(Trouble::NoSpace(_)) => codes::NO_SPACE,
                    Some(Trouble::Newer { .. }) => codes::NEWER,
                    Some(Trouble::NotADatabase | Trouble::Foreign | Trouble::Damaged(_) | Trouble::Lost) => {
                        codes::JOURNAL_BROKEN
                    }
                    _ => codes::JOURNAL,
                };
                Diagnostic::error(code, error.to_string()).because(chain(source.as_ref()))
            }
        };
        found.hints = Trouble::of(&error).map_or_else(|| hints::of_journal(&error), Trouble::hints);
        found.into()
    }
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        let code = match error.kind {
            StateErrorKind::NoSpace => codes::NO_SPACE,
            StateErrorKind::Newer => codes::NEWER,
            StateErrorKind::Absent
            | StateErrorKind::Unsafe
            | StateErrorKind::Denied
            | StateErrorKind::Damaged
            | StateErrorKind::Other => codes::STATE,
        };
        let mut found = Diagnostic::error(code, error.attempted).because(chain(error.source.as_ref()));
        found.hints = error.hints;
        let refused = matches!(error.kind, StateErrorKind::Unsafe | StateErrorKind::Damaged);
        let failure = Self::from(found);
        if refused { Self { exit: Exit::Refused, ..failure } } else { failure }
    }
}

impl From<LockError> for Failure {
    fn from(error: LockError) -> Self {
        match error {
            LockError::Busy(busy) => {
                let mut found = Diagnostic::error(codes::BUSY, busy.to_string());
                found.hints = busy.hints;
                found.into()
            }
            LockError::State(error) => error.into(),
        }
    }
}

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Self {
        let no_room = matches!(&error, VaultError::Io { source, .. } if hints::is_no_space(source));
        let code = if no_room { codes::NO_SPACE } else { codes::VAULT };
        let mut found = Diagnostic::error(code, error.to_string());
        found.cause = error.source().map(chain);
        found.hints = hints::of_vault(&error);
        let refused = match &error {
            VaultError::Missing(_) | VaultError::Damaged(_) | VaultError::Sealed { .. } => true,
            VaultError::Io { source, .. } => {
                matches!(source.kind(), ErrorKind::InvalidData | ErrorKind::NotFound)
            }
        };
        let failure = Self::from(found);
        if refused { Self { exit: Exit::Refused, ..failure } } else { failure }
    }
}

/// An error and its causes in one line.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        next = cause.source();
    }
    text
}
