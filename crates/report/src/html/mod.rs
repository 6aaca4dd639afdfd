//! The page as one HTML file. Templates escape whatever they are given; the file asks nobody for anything, and its
//! own policy forbids it to.

mod drawing;
mod filters;

use askama::Template;

use crate::page::{Block, Look, Page, Tone};

use drawing::Drawing;

#[derive(Template)]
#[template(path = "page.html")]
struct Whole<'a> {
    page: &'a Page,
}

/// Writes it down.
pub fn write(page: &Page) -> String {
    // Rendering into a string can fail only where a value refuses to be shown, and none of ours does.
    let html = Whole { page }.render().unwrap_or_default();
    html.trim_end().to_owned() + "\n"
}

impl Tone {
    /// Its name in the style sheet.
    fn class(&self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Good => "good",
            Self::Doubtful => "doubtful",
            Self::Bad => "bad",
        }
    }

    /// What says the same as its colour.
    fn sign(&self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Good => "✓",
            Self::Doubtful => "!",
            Self::Bad => "✕",
        }
    }
}
