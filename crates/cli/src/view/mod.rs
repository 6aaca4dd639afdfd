//! The only place that prints. Every view takes values and writes [`Line`]s or documents to an [`Output`].

mod line;
mod output;
mod table;
pub mod words;

pub mod abandoned;
pub mod check;
pub mod checkpoint;
pub mod compare;
pub mod failure;
pub mod far;
pub mod list;
pub mod log;
pub mod notice;
pub mod page;
pub mod plan;
pub mod price;
pub mod progress;
pub mod recover;
pub mod release;
pub mod run;
pub mod status;
pub mod story;
pub mod verdicts;

pub use line::{Line, clean};
pub use output::{Colour, Output, document_text};
pub use table::Table;
