//! Texts from outside stay texts, in every form.

use crate::journal::{Choice, Event, Outcome};
use crate::observation::Verdict;
use crate::story::{Story, component, step};
use crate::writes::{Conflict, ConflictCause, Recovered};

/// What somebody may have put into a reason, a table's name, an error.
pub const TEXT: &str = "</style></svg><script>alert(1)</script><img src=x onerror=y> \" ' & | ` [x](y) {{ x }} \
                        {% y %} *z* _q_ \u{202e}gpj\u{0}\u{1b}[31m\u{200b}\n# head\n- item\n| a | b |";

/// A run in which every text is that.
pub fn story() -> Story {
    let mut story = Story::cut_over();
    story.open_with("r1", "c1", &["db.revert", "db.recover", "db.verify"], |event| {
        if let Event::RunOpened { reason, by, version, .. } = event {
            *reason = Some(TEXT.into());
            by.user = TEXT.into();
            *version = TEXT.into();
        }
    });
    let failed = Event::StepFailed {
        step: step("db.revert"),
        cause: TEXT.into(),
        hints: vec![TEXT.into()],
        never_begun: false,
    };
    story.intends("db.revert", 1).wait(10).tell(failed).stuck("db.revert");
    let by = crate::journal::Actor { user: TEXT.into(), host: TEXT.into() };
    let choose =
        Event::OperatorChose { step: step("db.revert"), choice: Choice::Retry, reason: TEXT.into(), by };
    story.tell(choose).resumes().intends("db.revert", 2).wait(5);
    let evidence = TEXT.into();
    story.tell(Event::StepApplied {
        step: step("db.revert"),
        evidence,
        after: None,
        confirmed: true,
        millis: 5,
    });
    let mut recovered = Recovered { files: vec![TEXT.into()], ..Recovered::default() };
    recovered.push_conflict(Conflict {
        table: TEXT.into(),
        key: TEXT.into(),
        columns: vec![TEXT.into()],
        cause: ConflictCause::KeyTaken,
        winner: None,
    });
    story.intends("db.recover", 1).recovers(Some("db.recover"), recovered).applies("db.recover", 1);
    story.intends("db.verify", 1);
    story.tell(Event::ComponentVerified {
        component: component("db"),
        step: Some(step("db.verify")),
        verdict: Verdict::Differs { what: TEXT.into() },
        looked: vec![TEXT.into()],
        seen: None,
        millis: 1,
    });
    story.closes(Outcome::NotVerified);
    story
}

#[test]
fn nothing_in_markdown_acts() {
    let text = backout_report::markdown(&story().report());
    assert!(!text.chars().any(|one| one.is_control() && one != '\n'), "a control character");
    assert!(!text.contains('\u{202e}') && !text.contains('\u{200b}'));
    let ours = text.replace("<br>", "").replace("\\<", "");
    assert!(!ours.contains('<'), "a tag that is not ours");
    for (index, line) in text.lines().enumerate() {
        let is_heading = line.starts_with('#');
        assert!(!is_heading || !line.contains("head"), "line {index}: {line}");
        if line.starts_with('|') {
            let cells = line.replace("\\\\", "").replace("\\|", "").matches('|').count();
            assert!((3..=8).contains(&cells), "line {index} has {cells} borders: {line}");
        }
    }
    assert!(text.contains("\\<script\\>alert(1)\\</script\\>"), "{text}");
}

#[test]
fn nothing_in_html_acts() {
    let text = backout_report::html(&story().report());
    for bad in ["<script", "<img", "</style></svg>", "\u{202e}", "\u{0}", "\u{1b}", "\u{200b}"] {
        assert!(!text.contains(bad), "{bad:?}");
    }
    assert_eq!(text.matches("</style>").count(), 1);
    assert!(text.contains("&#60;script&#62;"), "it is shown as text");
}
