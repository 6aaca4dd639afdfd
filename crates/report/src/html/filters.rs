//! Filters of the templates.

/// A place in a drawing, to a tenth.
#[askama::filter_fn]
pub fn fine(place: &f64, _: &dyn askama::Values) -> askama::Result<String> {
    Ok(format!("{place:.1}"))
}
