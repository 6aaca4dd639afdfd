//! What to do next, where an error does not bring it along itself.

use std::io;

use backout_contract::{JournalError, VaultError};
use backout_core::journal::Broken;
use backout_core::migration::closest;

/// What to do about a journal that cannot be followed.
pub fn of_journal(error: &JournalError) -> Vec<String> {
    let hints: &[&str] = match error {
        JournalError::Broken(Broken::Newer { .. }) => &[
            "use the version of backout that wrote it, or a newer one; reading what came before still works",
        ],
        JournalError::Broken(_) => &[
            "nothing is written behind a broken record; reading commands still show what comes before it",
            "put the state folder back from a backup, or see who edited it: backout log --verify",
        ],
        JournalError::Io { .. } => &["run the command again; what was recorded before is kept"],
    };
    hints.iter().map(ToString::to_string).collect()
}

/// What to do about a vault that does not give or take.
pub fn of_vault(error: &VaultError) -> Vec<String> {
    let hint = match error {
        VaultError::Missing(_) | VaultError::Damaged(_) => "bring the vault back from a copy",
        VaultError::Sealed { .. } => "check that the key belongs to this state folder",
        VaultError::Io { source, .. } if is_no_space(source) => {
            "free some space on that disk, then run the same command again"
        }
        VaultError::Io { source, .. }
            if matches!(source.kind(), io::ErrorKind::InvalidData | io::ErrorKind::NotFound) =>
        {
            "put the state folder back from a backup; nothing saved can be read without it"
        }
        VaultError::Io { .. } => "check the rights and the mount of the vault",
    };
    vec![hint.to_owned()]
}

/// Whether the disk, or what we may use of it, is full.
pub fn is_no_space(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// A hint for a name that does not exist: the nearest one, else all of them where they are few.
pub fn for_unknown<'a>(word: &str, known: impl Iterator<Item = &'a str> + Clone) -> Option<String> {
    const FEW: usize = 30;
    if let Some(meant) = closest(word, known.clone()) {
        return Some(format!("did you mean `{meant}`?"));
    }
    let all: Vec<&str> = known.take(FEW + 1).collect();
    (!all.is_empty() && all.len() <= FEW).then(|| format!("there are: {}", all.join(", ")))
}
