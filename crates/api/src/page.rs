//! A page to read.

use serde::Serialize;

use crate::Shape;

/// What `explain` says about something.
#[derive(Debug, Serialize)]
pub struct Page {
    /// What was asked about.
    pub what: String,
    /// The page, as Markdown.
    pub page: String,
}

impl Shape for Page {
    const TYPE: &'static str = "page";
}
