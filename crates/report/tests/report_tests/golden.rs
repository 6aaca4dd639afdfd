//! Journals that the previous version left behind after real stories can all be reported.

use std::fs;
use std::path::Path;

use backout_core::journal::Chain;
use backout_core::report::Reporter;

#[test]
fn every_story_of_an_older_version() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../store/tests/store/golden/format-1");
    let mut told = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let story = entry.unwrap().path();
        let Ok(lines) = fs::read_to_string(story.join("records.jsonl")) else { continue };
        let mut chain = Chain::default();
        let mut reporter = Reporter::new(None);
        for line in lines.lines() {
            reporter.take(&chain.read(line).unwrap()).unwrap();
        }
        let report = reporter.report(chain.head(), None).unwrap();
        let (markdown, html) = (backout_report::markdown(&report), backout_report::html(&report));
        assert!(markdown.contains(&chain.head().to_string()), "{}", story.display());
        assert!(html.contains(&chain.head().to_string()), "{}", story.display());
        if let Some(run) = &report.run {
            assert_eq!(run.timeline.rows.len(), run.steps.len());
            assert!(markdown.contains("no reason is recorded"), "{}", story.display());
        }
        told += 1;
    }
    assert!(told > 10, "{told} stories were found");
}
