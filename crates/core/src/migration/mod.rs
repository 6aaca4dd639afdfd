//! The migration file: what a person writes, read with every place kept, so that each mistake can be pointed at.
//!
//! In reading order: [`Source`] is the text, [`Tree`] what the YAML says with nothing interpreted yet, [`decode`]
//! turns trees into types, [`parse`] into a [`MigrationFile`]; [`lint()`] and [`lint_with_kinds`] say what does not
//! fit, [`schema()`] tells editors, [`print()`] writes it back.

#![allow(
    clippy::result_large_err,
    reason = "a diagnostic is made once for a person, never in a loop that matters"
)]

pub mod codes;
pub mod fields;

mod access;
mod circle;
mod claim;
mod component;
mod decode;
mod fault;
mod file;
mod findings;
mod lint;
mod lint_kinds;
mod meaning;
mod number;
mod parse;
mod print;
mod read;
mod reference;
mod roots;
mod scalars;
mod schema;
mod source;
mod spanned;
mod suggest;
mod tree;

#[cfg(test)]
mod tests;

pub use claim::Claim;
pub use decode::{decode, decode_file};
pub use file::{
    ALL, Action, Component, Dependency, ExtraEdge, Limits, MANUAL, Manual, MigrationFile, Phase, Side, Vault,
    Verification, Writes,
};
pub use lint::lint;
pub use lint_kinds::{KindFacts, lint_probes, lint_with_kinds};
pub use parse::parse;
pub use print::{print, print_tree};
pub use read::{DEEPEST, MOST_NODES};
pub use reference::{NotAReference, Part, Reference, SecretReference};
pub use roots::check_path;
pub use scalars::{DurationText, NotAScalar, Ratio, Size};
pub use schema::schema;
pub use source::{LARGEST, Source, Span, Spanned};
pub use suggest::closest;
pub use tree::{Entry, Kind, Resolved, Scalar, Tree, hidden, shown};
