//! Driver for settings files: named values in `.env`, JSON, YAML, TOML and INI files, with everything else left byte for byte.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking"))]

mod braces;
mod capture;
mod config;
mod diff;
mod driver;
mod env;
mod file;
mod format;
mod ini;
mod json;
mod key;
mod lines;
mod revert;
mod secrecy;
mod splice;
mod state;
mod toml;
mod trouble;
mod turns;
mod yaml;

pub use config::{Format, ValuesConfig};
pub use driver::{ConfigValues, ValuesSession};
pub use state::{FileFacts, Held, Site, ValuesState};
