//! Whether a connection leads to the server itself. A pooler that hands a session of the server from one client to the next
//! loses what Backout leans on (snapshots that several connections share, settings, temporary tables, locks), and says
//! nothing. So each connection begins with a setting that no other has: a server keeps it as long as the session lasts; a
//! pooler, which opens its sessions by itself, refuses it or leaves it out.
//!
//! | the setting | what answered |
//! |---|---|
//! | stands in the session | the server |
//! | is missing, or is another connection's | a pooler that ignores what it does not know |
//! | was refused when the connection began | a pooler that does not |

use std::sync::atomic::{AtomicU64, Ordering};

use backout_contract::{DriverError, ErrorKind};
use tokio_postgres::error::SqlState;

/// Asks for the setting; NULL where it is missing.
pub(super) const ASK: &str = "pg_catalog.current_setting('backout.connection', true)";

/// What this connection is called; no other is called so.
pub(super) fn own_name() -> String {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let now = jiff::Timestamp::now().as_nanosecond();
    format!("{:x}-{now:x}-{:x}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed))
}

/// The option that makes a session one of that name.
pub(super) fn option(own_name: &str) -> String {
    format!("-c backout.connection={own_name}")
}

/// Whether the session that answered is the one that we began.
pub(super) fn is_direct(own_name: &str, found: Option<&str>) -> bool {
    found == Some(own_name)
}

/// Whether the beginning of a connection was refused for the setting; no server does that.
pub(super) fn refused(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|told| is_refusal(told.code(), told.message()))
}

fn is_refusal(code: &SqlState, message: &str) -> bool {
    let about_options = ["startup parameter", "command-line option", "backout.connection"];
    [SqlState::PROTOCOL_VIOLATION, SqlState::FEATURE_NOT_SUPPORTED].contains(code)
        && about_options.iter().any(|words| message.contains(words))
}

/// What is said of an address that leads to a pooler.
pub(super) fn named(attempted: String) -> DriverError {
    DriverError::new(ErrorKind::Config, attempted)
        .caused_by(
            "a pooler answers there, which gives its sessions of the server to others in between: snapshots, locks \
             and settings would be lost without a word",
        )
        .hint("write the address of the server itself, past the pooler (PgBouncer often has port 6432 where the server has 5432)")
        .nothing_happened()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_session_is_direct() {
        let (one, other) = (own_name(), own_name());
        assert_ne!(one, other);
        assert!(is_direct(&one, Some(&one)));
        assert!(!is_direct(&one, Some(&other)));
        assert!(!is_direct(&one, Some("")), "a reset setting is empty");
        assert!(!is_direct(&one, None));
    }

    #[test]
    fn refusals_of_poolers_are_known() {
        for message in [
            "unsupported startup parameter: options",
            "unsupported startup parameter in options: backout.connection",
        ] {
            assert!(is_refusal(&SqlState::PROTOCOL_VIOLATION, message));
        }
        let of_proxy = "RDS Proxy currently doesn't support command-line options.";
        assert!(is_refusal(&SqlState::FEATURE_NOT_SUPPORTED, of_proxy));
        assert!(!is_refusal(&SqlState::PROTOCOL_VIOLATION, "invalid frontend message type 0"));
        assert!(!is_refusal(&SqlState::INVALID_PASSWORD, "unsupported startup parameter: options"));
    }
}
