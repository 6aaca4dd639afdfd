//! A report on disk. People write into reports (the root cause, the lessons, names and dates), so a report is replaced
//! only while it is exactly as it was written: its last line holds a digest of all lines before.

use std::fs;
use std::path::Path;

use backout_core::diagnostic::Diagnostic;
use backout_core::digest::Digest;
use backout_kit::atomic_put::{Attributes, put};
use backout_kit::path_text;
use serde::Deserialize;

use crate::codes;
use crate::failure::{Failure, chain};

/// What the last line begins and ends with; a comment in Markdown and in HTML alike.
const MARK: (&str, &str) = ("<!-- backout report ", " -->\n");
/// No report that is replaced is longer, in bytes.
const LONGEST: u64 = 256 * 1024 * 1024;

/// The text with its mark behind.
pub fn marked(text: &str) -> String {
    let (begin, end) = MARK;
    format!("{text}{begin}{}{end}", digest_of(text))
}

/// Writes a report.
///
/// # Errors
/// It cannot be written, or something else is in its place: no report, or one that somebody changed.
pub fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let named = path_text::encode(path.as_os_str());
    if let Ok(there) = fs::symlink_metadata(path) {
        let unchanged = there.is_file() && there.len() <= LONGEST && is_unchanged(path);
        if !unchanged {
            return Err(Diagnostic::error(codes::FILE_THERE, format!("write the report to {named}"))
                .because("something is there already that is no report, or a report that was changed since")
                .hint("name another file, or move that one away first")
                .into());
        }
    }
    put(path, text.as_bytes(), Attributes::default()).map_err(|error| {
        Diagnostic::error(codes::MACHINE, format!("write the report to {named}"))
            .because(chain(&error))
            .into()
    })
}

/// Whether a report stands there as it was written.
fn is_unchanged(path: &Path) -> bool {
    #[derive(Deserialize)]
    struct Shape {
        #[serde(rename = "type")]
        kind: String,
    }
    let Ok(text) = fs::read_to_string(path) else { return false };
    if text.starts_with('{') {
        return serde_json::from_str::<Shape>(&text).is_ok_and(|shape| shape.kind == "report");
    }
    let (begin, end) = MARK;
    let body = text.strip_suffix(end).and_then(|text| text.rsplit_once(begin));
    body.is_some_and(|(body, digest)| digest == digest_of(body))
}

fn digest_of(text: &str) -> String {
    Digest::of_bytes("backout/report", text.as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_unchanged_report_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.md");
        write(&path, &marked("# One\n")).unwrap();
        write(&path, &marked("# Two\n")).unwrap();
        for other in [
            marked("# Two\n").replace("Two", "Two, and what was learnt"),
            "# Notes\n".to_owned(),
            String::new(),
            "{\"type\":\"plan\"}".to_owned(),
        ] {
            fs::write(&path, &other).unwrap();
            let failure = write(&path, &marked("# Three\n")).unwrap_err();
            assert_eq!(failure.diagnostics[0].code, codes::FILE_THERE, "{other}");
            assert_eq!(fs::read_to_string(&path).unwrap(), other);
        }
        fs::write(&path, "{\"version\":1,\"type\":\"report\"}\n").unwrap();
        write(&path, &marked("# Four\n")).unwrap();
    }
}
