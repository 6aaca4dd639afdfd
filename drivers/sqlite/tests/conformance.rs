//! The suite that every driver passes.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

mod worlds;

mod with_a_journal {
    backout_conformance::conformance!(crate::worlds::JournalWorld);
}

mod with_a_log {
    backout_conformance::conformance!(crate::worlds::LogWorld);
}
