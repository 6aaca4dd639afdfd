//! Two stories as they read, in every form.

use super::stories::eventful;
use crate::story::merged;

macro_rules! assert_reads {
    ($name:literal, $text:expr) => {{
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.set_snapshot_path("../snapshots");
        settings.bind(|| insta::assert_snapshot!($name, $text));
    }};
}

pub(crate) use assert_reads;

#[test]
fn a_merge_with_conflicts() {
    let report = merged().report();
    assert_reads!("merged.md", backout_report::markdown(&report));
    assert_reads!("merged.html", backout_report::html(&report));
    assert_reads!("merged.json", serde_json::to_string_pretty(&report).unwrap());
}

#[test]
fn a_run_of_many_hands() {
    let report = eventful().report();
    assert_reads!("eventful.md", backout_report::markdown(&report));
    assert_reads!("eventful.html", backout_report::html(&report));
    assert_reads!("eventful.json", serde_json::to_string_pretty(&report).unwrap());
}
