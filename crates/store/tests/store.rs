//! The journal, the lock and the inbox as files: edited, damaged, killed, full, read while written.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod store {
    mod chain;
    mod child;
    mod file;
    mod golden;
    mod many;
    mod reading;
    mod summary;
    mod support;
    mod writing;
}
