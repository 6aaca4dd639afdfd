//! The incident record of a run.

use serde::Serialize;

use crate::Shape;

/// The incident record, as `docs/formats/report.md` tells field by field.
///
/// Core's value is made for readers outside and for nothing else, so it is shown as it is instead of being copied;
/// a snapshot of it holds the names of its fields.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Report<'a>(pub &'a backout_core::report::Report);

impl Shape for Report<'_> {
    const TYPE: &'static str = "report";
}
