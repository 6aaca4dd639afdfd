//! Why a verb did not do what it was asked.

use backout_contract::{DriverError, JournalError, VaultError};
use backout_core::diagnostic::Diagnostic;

/// Refused before anything was changed; trying again will not help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What was found, each with its code, cause and next step.
    pub diagnostics: Vec<Diagnostic>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, diagnostic) in self.diagnostics.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{diagnostic}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}

impl From<Diagnostic> for Refusal {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { diagnostics: vec![diagnostic] }
    }
}

/// Why a verb of the engine ended early.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Refused before anything was changed.
    #[error("refused")]
    Refused(#[from] Refusal),
    /// The input cannot be used.
    #[error("invalid input")]
    Invalid(Vec<Diagnostic>),
    /// The journal could not be read or written; the process ends here.
    #[error("use the journal")]
    Journal(#[from] JournalError),
    /// The vault could not be read or written.
    #[error("use the vault")]
    Vault(#[from] VaultError),
    /// A component could not be handled.
    #[error("handle component `{component}`")]
    Driver {
        /// Which.
        component: String,
        /// Why.
        #[source]
        source: DriverError,
    },
    /// Something is not as it was written by this program.
    #[error("{0}")]
    Corrupt(String),
}

impl EngineError {
    /// Refused, with one diagnostic.
    pub fn refused(diagnostic: Diagnostic) -> Self {
        Self::Refused(diagnostic.into())
    }
}
