//! Follows a run while it goes on. Every form is a reader of published records: lines for programs, plain lines
//! where nobody draws, one line for each running step on a terminal.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use backout_core::journal::{Event, Record};
use backout_core::life::Life;
use backout_core::name::StepId;
use backout_core::plan::Plan;
use backout_engine::Published;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::log::sentence;
use super::words::lasting;
use super::{Line, Output};

/// How often the drawing moves.
const TICK: Duration = Duration::from_millis(120);

/// Everything that is drawn over itself stands in one place, or the lines would tear each other apart.
pub(super) fn drawn() -> &'static MultiProgress {
    static DRAWN: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);
    &DRAWN
}

/// A reader that shows a run as it goes on.
pub fn reader(output: Output, plan: Option<&Plan>) -> Published {
    if output.json {
        return Box::new(move |record, _| output.document(&backout_api::Line::from(record)));
    }
    let titles = Titles::of(plan);
    if output.is_live() {
        let live = Mutex::new(Live::new(titles, output.colours_aside()));
        return Box::new(move |record, life| {
            if let Ok(mut live) = live.lock() {
                live.take(record, life);
            }
        });
    }
    Box::new(move |record, _| {
        if let Some(line) = titles.line(&record.event) {
            output.line(Line::new().dim(record.at.strftime("%H:%M:%S  ").to_string()).then(line));
        }
    })
}

/// What each step does, for people.
struct Titles(BTreeMap<StepId, String>);

impl Titles {
    fn of(plan: Option<&Plan>) -> Self {
        Self(
            plan.iter()
                .flat_map(|plan| &plan.steps)
                .map(|step| (step.id.clone(), step.title.clone()))
                .collect(),
        )
    }

    fn title(&self, step: &StepId) -> &str {
        self.0.get(step).map_or("", String::as_str)
    }

    /// The line of an event, for those that say something to whoever looks on.
    fn line(&self, event: &Event) -> Option<Line> {
        match event {
            Event::StepIntended { step, .. } => {
                Some(Line::new().bold(step.as_str()).plain("  ").plain(self.title(step)).plain(" …"))
            }
            Event::StepApplied { step, millis, confirmed, .. } => {
                let line = Line::new()
                    .bold(step.as_str())
                    .good("  done")
                    .dim(format!(" in {}", lasting(Duration::from_millis(*millis))));
                Some(if *confirmed { line } else { line.bad("; the look afterwards did not agree") })
            }
            Event::MigrationOpened { .. }
            | Event::ClaimsRenewed { .. }
            | Event::BeforeKept { .. }
            | Event::ComponentObserved { .. }
            | Event::RequestTaken { .. } => None,
            other => Some(sentence(other)),
        }
    }
}

/// Draws one line for each running step, and a header.
struct Live {
    titles: Titles,
    colour: bool,
    all: MultiProgress,
    header: ProgressBar,
    running: BTreeMap<StepId, ProgressBar>,
}

impl Live {
    fn new(titles: Titles, colour: bool) -> Self {
        let all = drawn().clone();
        let header = all.add(ProgressBar::new(titles.0.len() as u64));
        header.set_style(style("{msg}  {pos}/{len} steps  {elapsed}"));
        header.set_message("going back");
        header.enable_steady_tick(TICK);
        Self { titles, colour, all, header, running: BTreeMap::new() }
    }

    fn take(&mut self, record: &Record, life: &Life) {
        if let Event::StepIntended { step, .. } = &record.event {
            let bar = self.all.add(ProgressBar::new_spinner());
            bar.set_style(style("{spinner} {msg}  {elapsed}"));
            bar.set_message(
                Line::new()
                    .bold(step.as_str())
                    .plain("  ")
                    .plain(self.titles.title(step))
                    .render(self.colour),
            );
            bar.enable_steady_tick(TICK);
            self.running.insert(step.clone(), bar);
            return;
        }
        if let Some(run) = life.runs.last() {
            let settled = run.steps.values().filter(|state| state.is_settled()).count();
            self.header.set_length(run.steps.len() as u64);
            self.header.set_position(settled as u64);
            self.header.set_message(format!("going back ({})", run.id));
        }
        if let Some(step) = ended(&record.event)
            && let Some(bar) = self.running.remove(step)
        {
            bar.finish_and_clear();
        }
        if let Some(line) = self.titles.line(&record.event) {
            // A terminal that went away is no reason to stop.
            let _ = self.all.println(line.render(self.colour));
        }
        if matches!(record.event, Event::RunClosed { .. } | Event::RunStopped { .. } | Event::RunStuck { .. })
        {
            self.header.finish_and_clear();
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        for bar in self.running.values() {
            bar.finish_and_clear();
        }
        self.header.finish_and_clear();
    }
}

/// The step that an event ends.
fn ended(event: &Event) -> Option<&StepId> {
    match event {
        Event::StepApplied { step, .. }
        | Event::StepAlreadyThere { step }
        | Event::StepBlocked { step, .. }
        | Event::StepFailed { step, .. }
        | Event::StepInDoubt { step, .. } => Some(step),
        Event::ComponentVerified { step, .. } => step.as_ref(),
        _ => None,
    }
}

pub(super) fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
