//! The command line of Backout.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking"))]

mod app;
mod arguments;
mod codes;
mod commands;
mod diagnostics;
mod exit;
mod failure;
mod hints;
mod pages;
mod plan_file;
mod reading;
mod report_file;
mod signals;
mod view;
mod wiring;

fn main() -> std::process::ExitCode {
    app::main()
}
