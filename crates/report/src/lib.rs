//! The incident record of a run, for people.
//!
//! [`backout_core::report`] says what happened, as a value. Here it becomes a [`page`]: sections with sentences,
//! tables and a timeline, the same for every form. [`markdown`] and [`html`] then write that page down, each with
//! nothing to decide but how it looks.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking"))]

mod axis;
mod html;
mod markdown;
mod page;
mod sections;
mod words;

use backout_core::compare::{Comparison, Difference};
use backout_core::report::Report;

/// The record as GitHub Markdown.
pub fn markdown(report: &Report) -> String {
    markdown::write(&sections::page(report))
}

/// The record as one HTML file that needs nothing else: no script, no picture, no network.
pub fn html(report: &Report) -> String {
    html::write(&sections::page(report))
}

/// A comparison as one HTML file: these rows that differ, and so many more that are not shown.
pub fn comparison_page(comparison: &Comparison, rows: &[Difference], more: u64) -> String {
    html::write(&sections::compared_page(comparison, rows, more))
}
