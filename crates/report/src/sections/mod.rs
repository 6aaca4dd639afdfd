//! The sections of the record, in the order in which somebody who was not there reads it: what happened, what it
//! cost, how it went, what was seen, who said what, and what is left to do.

mod chain;
mod compared;
mod cost;
mod open;
mod people;
mod steps;
mod story;
mod summary;
mod timeline;
mod verdicts;
mod writes;

pub use compared::page as compared_page;

use backout_core::report::{Report, RunReport};

use crate::page::{Page, Section, Text};

/// The record as a page.
pub fn page(report: &Report) -> Page {
    let migration = report.migration.as_ref().map_or("no migration", |name| name.as_str());
    let Some(run) = &report.run else {
        return Page {
            title: Text::from(format!("{migration}: no rollback yet")),
            subtitle: Text::from("What the journal tells of the migration so far"),
            sections: without_run(report),
        };
    };
    Page {
        title: Text::from(format!("Rollback of {migration}")),
        subtitle: Text::from(format!("Incident record of run {}, from the journal alone", run.id)),
        sections: of_run(report, run),
    }
}

fn of_run(report: &Report, run: &RunReport) -> Vec<Section> {
    let mut sections = vec![
        summary::section(report, run),
        cost::section(run),
        timeline::section(run),
        story::before(report),
        steps::section(run),
        verdicts::section(run),
        writes::section(report, run),
        people::section(run),
    ];
    sections.extend(story::after(report));
    sections.extend([
        open::cause(),
        open::lessons(),
        open::communication(),
        open::confirm(),
        open::follow_ups(report),
        chain::section(report, Some(run)),
    ]);
    sections
}

fn without_run(report: &Report) -> Vec<Section> {
    let mut sections = vec![summary::without_run(report), story::before(report)];
    sections.extend(writes::without_run(report));
    if !report.follow_ups.is_empty() {
        sections.push(open::follow_ups(report));
    }
    sections.push(chain::section(report, None));
    sections
}
