//! The stories that every form must tell.

use crate::journal::{Choice, Event, Outcome, Stance};
use crate::observation::Verdict;
use crate::report::Report;
use crate::story::{Story, merged};

const STEPS: [&str; 6] = ["api.quiesce", "db.revert", "db.prove", "api.reopen", "db.verify", "api.verify"];

/// A process that died, a doubt, a failure that needed a person, a night at rest, somebody else who took it over,
/// and at the end not everything verified.
pub fn eventful() -> Story {
    let mut story = Story::running(&STEPS);
    story.keeps("db", true).wait(150);
    story
        .does("api.quiesce", 420)
        .wait(30)
        .intends("db.revert", 1)
        .wait(95_000)
        .process("bob")
        .resumes()
        .wait(40);
    story.resolves("db.revert", Some(false)).wait(20).intends("db.revert", 2).wait(1_900).fails("db.revert");
    story.stuck("db.revert").wait(64_000).process("bob").chooses("db.revert", Choice::Retry).wait(3_000);
    story.process("bob").resumes().intends("db.revert", 3).wait(2_600).applies("db.revert", 2_590).wait(10);
    story.stops(Stance::Reopen).wait(30_600_000).process("eve").resumes().wait(30);
    story.intends("api.quiesce", 2).wait(380).applies("api.quiesce", 380).asks("db.prove").wait(12_000);
    story.process("eve").chooses("db.prove", Choice::Skip).wait(900).process("eve").resumes();
    story.does("api.reopen", 510).verifies("db.verify", Verdict::Differs { what: "2 rows of tags".into() });
    story.verifies("api.verify", Verdict::Unknown { why: "it answered once in three".into() });
    story.closes(Outcome::NotVerified);
    story
}

/// It is stuck now.
pub fn stuck() -> Story {
    let mut story = Story::running(&STEPS);
    story.does("api.quiesce", 420).intends("db.revert", 1).wait(900).fails("db.revert").stuck("db.revert");
    story
}

/// Given up, with a door shut.
pub fn abandoned() -> Story {
    let mut story = stuck();
    story.wait(8_000).process("ada").closes(Outcome::Abandoned);
    story
}

/// At rest now.
pub fn at_rest() -> Story {
    let mut story = Story::running(&STEPS);
    story.does("api.quiesce", 420).stops(Stance::StayClosed);
    story
}

/// Only a part was to go back.
pub fn partial() -> Story {
    let mut story = Story::cut_over();
    story.open_with("r1", "c1", &["db.revert", "db.verify"], |event| {
        if let Event::RunOpened { choices: Some(choices), .. } = event {
            choices.only.push(crate::story::component("db"));
        }
    });
    story.does("db.revert", 50).verifies("db.verify", Verdict::Restored).closes(Outcome::Restored);
    story
}

/// Under way.
pub fn under_way() -> Story {
    let mut story = Story::running(&STEPS);
    story.does("api.quiesce", 420).intends("db.revert", 1);
    story
}

/// The first record of a run is all there is.
pub fn just_opened() -> Story {
    Story::running(&STEPS)
}

/// All of them by name.
pub fn all() -> Vec<(&'static str, Report)> {
    vec![
        ("merged", merged().report()),
        ("merged, by an older version", merged().as_format_1()),
        ("eventful", eventful().report()),
        ("stuck", stuck().report()),
        ("abandoned", abandoned().report()),
        ("at rest", at_rest().report()),
        ("partial", partial().report()),
        ("under way", under_way().report()),
        ("just opened", just_opened().report()),
        ("no run", Story::cut_over().report()),
        ("nothing captured", Story::begun().report()),
        ("hostile", super::hostile::story().report()),
    ]
}
