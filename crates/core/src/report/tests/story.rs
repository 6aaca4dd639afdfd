//! A small language for journals: events at seconds, each process with its own hold.

use jiff::Timestamp;

use crate::digest::Digest;
use crate::journal::{Actor, Chain, Choice, Event, Look, Outcome, Record, Stance};
use crate::name::{CheckpointId, ComponentName, KindName, MigrationName, PhaseName, RunId, StepId};
use crate::observation::{Fingerprint, Observation, Seen, Verdict};
use crate::plan::{Choices, Count, Estimate, Price};
use crate::report::{Report, Reporter, RunReport};
use crate::writes::{Counted, Coverage, Gap, Occasion, Recovered, TableWrites, Tally};

/// A journal that is being told.
pub struct Story {
    chain: Chain,
    pub records: Vec<Record>,
    run: Option<RunId>,
    epoch: u64,
    millis: i64,
    user: &'static str,
}

/// When the stories begin: 2026-11-20T10:00:00Z.
const DAY: i64 = 1_795_168_800_000;

pub fn step(text: &str) -> StepId {
    StepId::new(text).unwrap()
}

pub fn component(text: &str) -> ComponentName {
    ComponentName::new(text).unwrap()
}

fn seen(shape: u8) -> Seen {
    Seen::Present { fingerprint: Fingerprint { shape: Digest::from_raw([shape; 32]), position: None } }
}

pub fn counted(inserted: u64, unmapped: u64, gaps: &[&str]) -> Counted {
    let table = TableWrites {
        table: "tasks".into(),
        before_cutover: Tally::default(),
        since_cutover: Tally { inserted, ..Tally::default() },
        unmapped,
        migration: 4000,
        taken_over: 0,
        misfits: Vec::new(),
    };
    let gaps = gaps.iter().map(|table| Gap { table: (*table).into(), why: "its recorder was gone".into() });
    Counted { tables: vec![table], gaps: gaps.collect(), notes: Vec::new() }
}

pub fn price(writes: u64) -> Price {
    Price {
        writes: Count::Exactly(writes),
        rescued: Count::Exactly(writes),
        waiting: Count::Exactly(0),
        lost: Count::Exactly(0),
        kept_aside: 1,
        data_components: 1,
        steps: 6,
        person_steps: 0,
        duration: Some(Estimate { millis: 9_000, samples: 2 }),
        closed: Some(Estimate { millis: 4_000, samples: 2 }),
    }
}

impl Story {
    /// Only the first record.
    pub fn begun() -> Self {
        let mut story = Self {
            chain: Chain::default(),
            records: Vec::new(),
            run: None,
            epoch: 1,
            millis: DAY,
            user: "ada",
        };
        let migration = MigrationName::new("todo").unwrap();
        story.tell(Event::MigrationOpened { migration, nonce: "n".into() });
        story
    }

    /// Armed, captured and cut over: `api` stands on `db`.
    pub fn cut_over() -> Self {
        let mut story = Self::begun();
        let by = story.by();
        story.tell(Event::Armed { by: by.clone() });
        story.recorder(Occasion::Arm, &[]);
        let checkpoint = CheckpointId::new("c1").unwrap();
        let file = Digest::from_raw([9; 32]);
        story.tell(Event::CaptureOpened {
            checkpoint: checkpoint.clone(),
            file,
            before_run: None,
            by: by.clone(),
        });
        story.observed(Look::Saved, "api", 1);
        story.observed(Look::Saved, "db", 1);
        story.tell(Event::CheckpointSealed { checkpoint, seal: Digest::from_raw([8; 32]) });
        story.wait(60_000);
        story.observed(Look::Landed, "db", 2);
        let (phase, at) =
            (PhaseName::new("all").unwrap(), Timestamp::from_millisecond(story.millis).unwrap());
        story.tell(Event::CutoverMarked { phase, at, late: true, by });
        story.recorder(Occasion::Cutover, &["audit"]);
        story.wait(3_600_000);
        story
    }

    /// With a run of these steps open.
    pub fn running(steps: &[&str]) -> Self {
        let mut story = Self::cut_over();
        story.open("r1", "c1", steps);
        story
    }

    pub fn open(&mut self, run: &str, checkpoint: &str, steps: &[&str]) {
        self.open_with(run, checkpoint, steps, |_| {});
    }

    /// Opens a run; `change` may change the event.
    pub fn open_with(
        &mut self,
        run: &str,
        checkpoint: &str,
        steps: &[&str],
        change: impl FnOnce(&mut Event),
    ) {
        let mut event = Event::RunOpened {
            run: RunId::new(run).unwrap(),
            plan: Digest::from_raw([7; 32]),
            shape: Digest::from_raw([6; 32]),
            checkpoint: CheckpointId::new(checkpoint).unwrap(),
            steps: steps.iter().map(|text| step(text)).collect(),
            pause_before: None,
            reason: Some("a third of all requests fail".into()),
            choices: Some(Choices::default()),
            price: Some(Box::new(price(5))),
            most_lost: None,
            by: self.by(),
            version: "0.1.0".into(),
        };
        change(&mut event);
        self.run = Some(RunId::new(run).unwrap());
        self.tell(event);
    }

    /// So many milliseconds later.
    pub fn wait(&mut self, millis: i64) -> &mut Self {
        self.millis += millis;
        self
    }

    /// Another process, perhaps of somebody else.
    pub fn process(&mut self, user: &'static str) -> &mut Self {
        self.epoch += 1;
        self.user = user;
        self
    }

    pub fn by(&self) -> Actor {
        Actor { user: self.user.into(), host: "db1".into() }
    }

    pub fn tell(&mut self, event: Event) -> &mut Self {
        let at = Timestamp::from_millisecond(self.millis).unwrap();
        let run = self.run.clone();
        let (record, _) = self.chain.append(event, run, self.epoch, at).unwrap();
        self.records.push(record);
        self
    }

    pub fn recorder(&mut self, occasion: Occasion, uncovered: &[&str]) -> &mut Self {
        let uncovered =
            uncovered.iter().map(|table| Gap { table: (*table).into(), why: "it has no key".into() });
        let coverage = Coverage {
            covered: vec!["tags".into(), "tasks".into()],
            uncovered: uncovered.collect(),
            interrupted: Vec::new(),
            notes: Vec::new(),
        };
        self.tell(Event::RecorderPlaced { component: component("db"), occasion, coverage })
    }

    fn observed(&mut self, look: Look, name: &str, shape: u8) {
        self.tell(Event::ComponentObserved {
            look,
            checkpoint: CheckpointId::new("c1").unwrap(),
            observation: Observation {
                component: component(name),
                kind: KindName::new("sim.thing").unwrap(),
                state_version: 1,
                seen: seen(shape),
                identity: None,
                at: Timestamp::from_millisecond(self.millis).unwrap(),
            },
            state: None,
            data: Vec::new(),
            millis: 1,
        });
    }

    /// A step that is done after so long.
    pub fn does(&mut self, id: &str, millis: i64) -> &mut Self {
        self.intends(id, 1).wait(millis).applies(id, millis)
    }

    pub fn intends(&mut self, id: &str, attempt: u32) -> &mut Self {
        self.tell(Event::StepIntended { step: step(id), attempt, before: None })
    }

    pub fn applies(&mut self, id: &str, millis: i64) -> &mut Self {
        let millis = u64::try_from(millis).unwrap();
        let evidence = format!("{id} was shown");
        self.tell(Event::StepApplied { step: step(id), evidence, after: None, confirmed: true, millis })
    }

    pub fn fails(&mut self, id: &str) -> &mut Self {
        self.tell(Event::StepFailed {
            step: step(id),
            cause: "the disk is full".into(),
            hints: Vec::new(),
            never_begun: false,
        })
    }

    pub fn stuck(&mut self, id: &str) -> &mut Self {
        self.tell(Event::RunStuck { steps: vec![step(id)] })
    }

    pub fn chooses(&mut self, id: &str, choice: Choice) -> &mut Self {
        let by = self.by();
        self.tell(Event::OperatorChose { step: step(id), choice, reason: "seen by hand".into(), by })
    }

    pub fn resumes(&mut self) -> &mut Self {
        let by = self.by();
        self.tell(Event::RunResumed { by, version: "0.1.1".into() })
    }

    pub fn stops(&mut self, stance: Stance) -> &mut Self {
        let by = self.by();
        self.tell(Event::StopRequested { stance: Some(stance), by });
        if stance == Stance::Reopen {
            self.tell(Event::ReopenIntended { component: component("api") });
            self.tell(Event::Reopened { component: component("api") });
        }
        self.tell(Event::RunStopped { stance })
    }

    pub fn resolves(&mut self, id: &str, happened: Option<bool>) -> &mut Self {
        self.tell(Event::DoubtResolved { step: step(id), happened, looked: "the door is shut".into() })
    }

    pub fn asks(&mut self, id: &str) -> &mut Self {
        self.tell(Event::StepAsked { step: step(id), question: "is the cable back?".into() })
    }

    pub fn keeps(&mut self, name: &str, displaced: bool) -> &mut Self {
        self.tell(Event::BeforeKept {
            component: component(name),
            seen: seen(2),
            state: None,
            data: Vec::new(),
            displaced,
        })
    }

    pub fn counts(&mut self, counted: Counted) -> &mut Self {
        self.tell(Event::WritesCounted { component: component("db"), counted, data: Vec::new() })
    }

    pub fn recovers(&mut self, id: Option<&str>, recovered: Recovered) -> &mut Self {
        let step = id.map(step);
        self.tell(Event::WritesRecovered { component: component("db"), step, recovered, millis: 5 })
    }

    pub fn verifies(&mut self, id: &str, verdict: Verdict) -> &mut Self {
        self.intends(id, 1).wait(100);
        let name = id.split('.').next().unwrap();
        self.tell(Event::ComponentVerified {
            component: component(name),
            step: Some(step(id)),
            verdict,
            looked: vec!["it answers".into()],
            seen: None,
            millis: 90,
        })
    }

    pub fn closes(&mut self, outcome: Outcome) -> &mut Self {
        self.tell(Event::RunClosed { outcome });
        self.run = None;
        self
    }

    /// The report of the last run.
    pub fn report(&self) -> Report {
        self.report_of(None)
    }

    pub fn report_of(&self, run: Option<&str>) -> Report {
        let mut reporter = Reporter::new(run.map(|run| RunId::new(run).unwrap()));
        for record in &self.records {
            reporter.take(record).unwrap();
        }
        reporter.report(self.chain.head(), None).unwrap()
    }

    pub fn run_report(&self) -> RunReport {
        self.report().run.unwrap()
    }

    /// The same journal as an older version would have left it, read again from its lines.
    pub fn as_format_1(&self) -> Report {
        let mut reporter = Reporter::new(None);
        for record in &self.records {
            let mut value = serde_json::to_value(record).unwrap();
            value["format"] = 1.into();
            for newer in ["reason", "choices", "price", "most_lost", "before_run"] {
                value["event"].as_object_mut().unwrap().remove(newer);
            }
            let word = value["event"]["event"].as_str().unwrap().to_owned();
            if !["recorder-placed", "writes-counted", "writes-recovered"].contains(&word.as_str()) {
                reporter.take(&serde_json::from_value(value).unwrap()).unwrap();
            }
        }
        reporter.report(self.chain.head(), None).unwrap()
    }
}

/// A whole rollback that merges, with a conflict that is open and one that is decided.
pub fn merged() -> Story {
    use crate::writes::{Conflict, ConflictCause, Winner};
    let steps =
        ["api.quiesce", "db.revert", "db.recover", "db.prove", "api.reopen", "db.verify", "api.verify"];
    let mut story = Story::running(&steps);
    story.keeps("db", true).wait(200);
    story.does("api.quiesce", 500).counts(counted(5, 1, &[])).does("db.revert", 2_000);
    let conflict = |key: &str, winner| Conflict {
        table: "tasks".into(),
        key: key.into(),
        columns: vec!["title".into()],
        cause: ConflictCause::BothChanged,
        winner,
    };
    let mut recovered = Recovered {
        applied: 2,
        already: 1,
        unmapped: 1,
        keys_drawn: 2,
        files: vec!["recovered/db.map".into()],
        ..Recovered::default()
    };
    recovered.push_conflict(conflict("17", None));
    recovered.push_conflict(conflict("18", Some(Winner::Recorded)));
    story
        .intends("db.recover", 1)
        .wait(800)
        .recovers(Some("db.recover"), recovered)
        .applies("db.recover", 800);
    story.does("db.prove", 300).does("api.reopen", 400);
    story.verifies("db.verify", Verdict::Restored).verifies("api.verify", Verdict::Restored);
    story.closes(Outcome::Restored);
    story
}
