//! From files that a person names to the text of a migration file.

use std::path::{Path, PathBuf};

use backout_core::diagnostic::Diagnostic;
use backout_core::migration::{Source, parse};
use backout_engine::assemble;
use backout_kit::path_text;

use super::codes;
use super::kinds::Ground;
use super::proposal::Proposal;
use super::{names, print, settle, source};
use crate::codes as common;
use crate::failure::Failure;
use crate::wiring::{Place, registry};

/// A proposal that can be written.
pub struct Made {
    /// The migration file.
    pub text: String,
    components: usize,
    remarks: usize,
}

/// Makes it. Reads only.
///
/// # Errors
/// For each file from which nothing can be proposed, and when there is nothing in any of them.
pub fn make(place: &Place, migration: &str, files: &[PathBuf]) -> Result<Made, Failure> {
    let registry = registry();
    let ground = Ground::new(&registry, &place.root)?;
    let base = std::env::current_dir().map_err(|error| {
        Diagnostic::error(common::MACHINE, "find the current folder").because(error.to_string())
    })?;
    let mut proposal = Proposal::default();
    let mut refused = Vec::new();
    for file in files {
        if let Err(trouble) = source::propose(&ground, &base, file, &mut proposal) {
            refused.push(trouble.about(&path_text::encode(file.as_os_str())));
        }
    }
    if !refused.is_empty() {
        return Err(Failure::of(refused));
    }
    let proposal = settle::settle(&ground, proposal);
    if proposal.components.is_empty() {
        return Err(nothing(&proposal).into());
    }
    let names = names::names(&proposal.components);
    let roots = settle::roots(&ground, &proposal.components);
    let text = print::print(&ground, migration, &proposal, &names, &roots);
    lint(place, &text, &ground)?;
    Ok(Made { text, components: proposal.components.len(), remarks: proposal.remarks.len() })
}

/// What is written is read as everybody will read it, before it is written.
fn lint(place: &Place, text: &str, ground: &Ground<'_>) -> Result<(), Failure> {
    let source = Source::new(&place.named, text);
    let outcome = parse(&source).and_then(|file| assemble(&file, ground.registry, Path::new(&place.root)));
    let Err(mut found) = outcome else { return Ok(()) };
    found.retain(Diagnostic::is_error);
    let summary = "what was proposed would be no migration file";
    found.insert(
        0,
        Diagnostic::error(codes::UNFIT, summary)
            .because("its parts, shown below, do not fit each other")
            .hint("name fewer files, and write the rest yourself"),
    );
    Err(Failure::of(found).in_source(source))
}

fn nothing(proposal: &Proposal) -> Diagnostic {
    let found = Diagnostic::error(codes::NOTHING, "propose components")
        .hint("backout init writes a file to fill in; backout drivers lists the kinds");
    match proposal.remarks.as_slice() {
        [] => found.because("there is nothing in these files that could be put back"),
        remarks => found.because(remarks.join("; ")),
    }
}

impl Made {
    /// How much was found, in a sentence.
    pub fn told(&self) -> String {
        let components = match self.components {
            1 => "1 component is".to_owned(),
            many => format!("{many} components are"),
        };
        match self.remarks {
            0 => format!("{components} proposed"),
            1 => format!(
                "{components} proposed; 1 thing was found that is not covered, at the end of the file"
            ),
            many => format!(
                "{components} proposed; {many} things were found that are not covered, at the end of the file"
            ),
        }
    }
}
