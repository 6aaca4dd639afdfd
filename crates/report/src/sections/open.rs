//! What only people can write, and what is left to do.

use backout_core::report::Report;

use crate::page::{Block, Section, Task, Text};
use crate::words::capital;

pub fn cause() -> Section {
    Section {
        heading: "Root cause",
        anchor: "cause",
        blocks: vec![
            Block::ToWrite(Text::from(
                "What triggered the rollback, and what had to be true for that to happen",
            )),
            Block::ToWrite(Text::from("Who was affected, how many, and in what way")),
        ],
    }
}

pub fn lessons() -> Section {
    Section {
        heading: "Lessons learned",
        anchor: "lessons",
        blocks: vec![
            Block::ToWrite(Text::from("What went well")),
            Block::ToWrite(Text::from("What went badly, or only by luck")),
            Block::ToWrite(Text::from("What will be done differently")),
        ],
    }
}

pub fn communication() -> Section {
    Section {
        heading: "Communication",
        anchor: "communication",
        blocks: vec![tasks(&[
            "The team and whoever is on call know the outcome",
            "Stakeholders and support know what was lost, and what is still open",
            "The status page says where things stand",
            "A date for the post-mortem is set",
        ])],
    }
}

pub fn confirm() -> Section {
    Section {
        heading: "To be confirmed by people",
        anchor: "confirm",
        blocks: vec![
            Block::paragraph("The verdicts above tell what Backout looked at. These it cannot see:"),
            tasks(&[
                "Users can log in and do their most important work",
                "Error rates and response times are what they were before the migration",
                "Alerts raised by the incident are cleared, and none is muted by mistake",
                "Backups run against what was put back",
                "Runbooks and documentation describe what runs now",
            ]),
        ],
    }
}

pub fn follow_ups(report: &Report) -> Section {
    let tasks =
        report.follow_ups.iter().map(|one| Task { what: Text::from(capital(&one.what)), to_assign: true });
    let block = match report.follow_ups.is_empty() {
        true => Block::paragraph("Nothing is left to do."),
        false => Block::Tasks(tasks.collect()),
    };
    Section { heading: "Follow-ups", anchor: "follow-ups", blocks: vec![block] }
}

fn tasks(all: &[&str]) -> Block {
    Block::Tasks(all.iter().map(|what| Task { what: Text::from(what), to_assign: false }).collect())
}
