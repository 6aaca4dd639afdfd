//! What there is to write into a migration file.

use serde::Serialize;

use crate::Shape;

/// Every kind and probe that this program knows.
#[derive(Debug, Serialize)]
pub struct Drivers {
    /// Kinds of components.
    pub kinds: Vec<Kind>,
    /// Looks at health.
    pub probes: Vec<Kind>,
}

/// A kind or a probe.
#[derive(Debug, Serialize)]
pub struct Kind {
    /// As the migration file calls it.
    pub name: String,
    /// One line.
    pub summary: &'static str,
}

impl Shape for Drivers {
    const TYPE: &'static str = "drivers";
}
