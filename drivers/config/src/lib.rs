//! Driver for settings files: named values in `.env` and JSON files, with everything else left byte for byte.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking"))]

mod capture;
mod config;
mod diff;
mod driver;
mod env;
mod file;
mod format;
mod json;
mod key;
mod revert;
mod secrecy;
mod splice;
mod state;
mod trouble;

pub use config::{Format, ValuesConfig};
pub use driver::{ConfigValues, ValuesSession};
pub use state::{FileFacts, Held, Site, ValuesState};
