//! Reads a journal record by record and keeps what a report of one run needs.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::follow_up::{self, Facts};
use super::gather::Gather;
use super::happening::Moment;
use super::{ChainSeen, Recorder, Report};
use crate::digest::Digest;
use crate::journal::{Broken, Event, Record};
use crate::life::Life;
use crate::name::{ComponentName, RunId};
use crate::writes::Recovered;

/// Reads a journal, in order, from its first record.
#[derive(Debug, Clone, Default)]
pub struct Reporter {
    wanted: Option<RunId>,
    life: Life,
    /// The life of the migration, and where in it the run of the report begins and ends.
    story: Vec<Moment>,
    began: usize,
    ended: Option<usize>,
    recorders: BTreeMap<ComponentName, Recorder>,
    recorders_then: Vec<Recorder>,
    recovered_since: BTreeMap<ComponentName, Recovered>,
    gather: Option<Gather>,
    last: Option<Timestamp>,
    formats: Option<(u16, u16)>,
}

/// The journal knows no such run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no run {run}")]
pub struct NoSuchRun {
    /// The run that was asked for.
    pub run: RunId,
    /// Those that there are, oldest first.
    pub known: Vec<RunId>,
}

impl Reporter {
    /// For a report of this run, or of the last one.
    pub fn new(wanted: Option<RunId>) -> Self {
        Self { wanted, ..Self::default() }
    }

    /// Takes in the next record.
    ///
    /// # Errors
    /// It cannot have happened after those before. What was taken in before stands, and can be reported.
    pub fn take(&mut self, record: &Record) -> Result<(), Broken> {
        self.life.apply(record)?;
        self.last = Some(record.at);
        let (oldest, newest) = self.formats.unwrap_or((record.format, record.format));
        self.formats = Some((oldest.min(record.format), newest.max(record.format)));
        let begins = self.story.len();
        self.story.extend(Moment::of(record));
        self.recorder(record);
        let open = self.gather.as_mut().filter(|gather| !gather.over);
        match (&record.event, open) {
            (Event::RunOpened { run, .. }, _) if self.wanted.as_ref().is_none_or(|wanted| wanted == run) => {
                self.gather = Gather::opened(record);
                self.began = begins;
                self.ended = None;
                self.recorders_then = self.recorders.values().cloned().collect();
                self.recovered_since.clear();
            }
            (_, Some(gather)) => {
                gather.take(record);
                self.ended = gather.over.then_some(self.story.len());
            }
            (Event::WritesRecovered { component, step: None, recovered, .. }, None) => {
                self.recovered_since.insert(component.clone(), recovered.clone());
            }
            _ => {}
        }
        Ok(())
    }

    fn recorder(&mut self, record: &Record) {
        match &record.event {
            Event::RecorderPlaced { component, occasion, coverage } => {
                let (component, coverage) = (component.clone(), coverage.clone());
                let recorder =
                    Recorder { component: component.clone(), at: record.at, occasion: *occasion, coverage };
                self.recorders.insert(component, recorder);
            }
            Event::Disarmed { .. } => self.recorders.clear(),
            _ => {}
        }
    }

    /// The report, given the digest of the last record that could be followed and why no more could.
    ///
    /// # Errors
    /// The run that was asked for is not in the journal.
    pub fn report(self, head: Digest, problem: Option<String>) -> Result<Report, NoSuchRun> {
        let chain = ChainSeen {
            records: self.life.sequence,
            head,
            whole: problem.is_none(),
            problem,
            last: self.last,
            formats: self.formats,
        };
        let migration = self.life.migration.clone();
        let Some(gather) = self.gather else {
            if let Some(run) = self.wanted {
                let known = self.life.runs.iter().map(|run| run.id.clone()).collect();
                return Err(NoSuchRun { run, known });
            }
            let follow_ups = follow_up::without_run(&chain, &self.story);
            let recorders = self.recorders.into_values().collect();
            return Ok(Report {
                migration,
                chain,
                before: self.story,
                recorders,
                run: None,
                after: Vec::new(),
                follow_ups,
            });
        };
        let found = self.life.runs.iter().rfind(|run| run.id == gather.id);
        let Some(life) = found else {
            let known = self.life.runs.iter().map(|run| run.id.clone()).collect();
            return Err(NoSuchRun { run: gather.id, known });
        };
        let run = gather.finish(&self.life, life);
        let mut before = self.story;
        let after = before.split_off(self.ended.unwrap_or(before.len()));
        before.truncate(self.began);
        let follow_ups = follow_up::of_run(&Facts {
            chain: &chain,
            run: &run,
            life,
            recorders: &self.recorders_then,
            after: &after,
            recovered_since: &self.recovered_since,
        });
        Ok(Report {
            migration,
            chain,
            before,
            recorders: self.recorders_then,
            run: Some(run),
            after,
            follow_ups,
        })
    }
}
