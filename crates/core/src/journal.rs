//! What happened, one fact an event, chained so that an edit or a gap shows.
//!
//! A record is durable before the effect that it announces begins (intents, approvals, decisions); the outcome of
//! an effect may ride with the next durable record, since losing one costs no more than a look.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::checkpoint::{BlobId, DataPart};
use crate::digest::Digest;
use crate::name::{CheckpointId, ComponentName, MigrationName, PhaseName, RunId, StepId};
use crate::observation::{Observation, Seen, Verdict};

/// The record format this version writes. Readers accept older ones; writers refuse to append to newer ones.
pub const FORMAT: u16 = 1;

/// Who did or asked something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The account.
    pub user: String,
    /// The machine.
    pub host: String,
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.user, self.host)
    }
}

/// What doors do when a run is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stance {
    /// Doors whose ground is whole are opened again.
    Reopen,
    /// Doors stay shut.
    StayClosed,
}

/// What a person chose for a step that needs one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// Try it once more; it looks first.
    Retry,
    /// Leave it out; what it guarded is blocked.
    Skip,
    /// Take it as done: for a person's own step, the answer that it is done.
    Accept,
}

/// Which look an observation was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Look {
    /// For the checkpoint.
    Saved,
    /// Right after cutover.
    Landed,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Everything that was to be put back is, and was looked at.
    Restored,
    /// It ended, and something differs, cannot be told, or was skipped.
    NotVerified,
    /// A person gave it up.
    Abandoned,
}

/// One fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The first record of a journal.
    MigrationOpened {
        /// Which migration.
        migration: MigrationName,
        /// Drawn once; tells this state directory from any other.
        nonce: String,
    },
    /// A marker that claims a target is about to be written or renewed.
    ClaimsRenewed {
        /// Grows with every claim; a target with a newer one was claimed from elsewhere.
        generation: u64,
        /// Which components can hold one.
        components: Vec<ComponentName>,
    },
    /// What data recovery needs was prepared.
    Armed {
        /// By whom.
        by: Actor,
    },
    /// Arming was undone.
    Disarmed {
        /// By whom.
        by: Actor,
    },
    /// A capture began.
    CaptureOpened {
        /// The checkpoint to be.
        checkpoint: CheckpointId,
        /// Digest of the migration file.
        file: Digest,
        /// By whom.
        by: Actor,
    },
    /// A component was looked at and kept.
    ComponentObserved {
        /// Which look.
        look: Look,
        /// The checkpoint it belongs to.
        checkpoint: CheckpointId,
        /// What was seen.
        observation: Observation,
        /// The driver's state, in the vault.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        state: Option<BlobId>,
        /// The data, in the vault.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        data: Vec<DataPart>,
        /// How long it took, in milliseconds.
        millis: u64,
    },
    /// A component could not be looked at.
    ObservationFailed {
        /// Which look.
        look: Look,
        /// Which component.
        component: ComponentName,
        /// Why, without secrets.
        cause: String,
    },
    /// A checkpoint is complete and sealed.
    CheckpointSealed {
        /// Which.
        checkpoint: CheckpointId,
        /// Digest of its manifest.
        seal: Digest,
    },
    /// A phase went live on the new side.
    CutoverMarked {
        /// Which phase.
        phase: PhaseName,
        /// When, as far as is known.
        at: Timestamp,
        /// Whether it was marked late, so that the landed look may already hold later changes.
        late: bool,
        /// By whom.
        by: Actor,
    },
    /// The migration was accepted; what was displaced may be released.
    Committed {
        /// By whom.
        by: Actor,
    },
    /// The migration is over after going back.
    Closed {
        /// By whom.
        by: Actor,
    },
    /// A run began.
    RunOpened {
        /// Which run.
        run: RunId,
        /// The plan, in the vault.
        plan: BlobId,
        /// The plan's shape, which approvals bind to.
        shape: Digest,
        /// The checkpoint it goes back to.
        checkpoint: CheckpointId,
        /// Its steps, so that the run can be followed without the plan at hand.
        steps: Vec<StepId>,
        /// The step to pause before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pause_before: Option<StepId>,
        /// By whom.
        by: Actor,
        /// The version of the program.
        version: String,
    },
    /// A run was taken up again after its process ended.
    RunResumed {
        /// By whom.
        by: Actor,
        /// The version of the program.
        version: String,
    },
    /// The state before the run was kept.
    BeforeKept {
        /// Of which component.
        component: ComponentName,
        /// What was seen.
        seen: Seen,
        /// The driver's state, in the vault.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        state: Option<BlobId>,
        /// The data, in the vault.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        data: Vec<DataPart>,
        /// Whether the displaced thing itself will be the copy.
        displaced: bool,
    },
    /// Somebody asked the run to stop.
    StopRequested {
        /// What doors shall do, where somebody said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stance: Option<Stance>,
        /// By whom.
        by: Actor,
    },
    /// A door is about to be opened again because the run stops.
    ReopenIntended {
        /// Of which component.
        component: ComponentName,
    },
    /// It was opened; its quiesce is to be done again when the run goes on.
    Reopened {
        /// Of which component.
        component: ComponentName,
    },
    /// A run came to rest at a safe border.
    RunStopped {
        /// What doors did.
        stance: Stance,
    },
    /// An effect is about to begin.
    StepIntended {
        /// Which step.
        step: StepId,
        /// From 1.
        attempt: u32,
        /// What stood there just before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Seen>,
    },
    /// The effect happened.
    StepApplied {
        /// Which step.
        step: StepId,
        /// What the driver showed for it, without secrets.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        evidence: String,
        /// What stands there now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Seen>,
        /// Whether the look afterwards agreed; if not, the verdict will tell.
        confirmed: bool,
        /// How long it took, in milliseconds.
        millis: u64,
    },
    /// What the step would leave stood there already.
    StepAlreadyThere {
        /// Which step.
        step: StepId,
    },
    /// Live is neither what the step expects nor what it leaves.
    StepBlocked {
        /// Which step.
        step: StepId,
        /// What was found, for people.
        found: String,
    },
    /// It failed, and it is certain that nothing happened.
    StepFailed {
        /// Which step.
        step: StepId,
        /// Why, without secrets.
        cause: String,
        /// What to do next.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        hints: Vec<String>,
    },
    /// It was asked, and nobody knows whether it happened.
    StepInDoubt {
        /// Which step.
        step: StepId,
        /// Why, without secrets.
        cause: String,
    },
    /// A look settled it.
    DoubtResolved {
        /// Which step.
        step: StepId,
        /// Whether it had happened; none when the look could not tell, which needs a person.
        happened: Option<bool>,
        /// By which look, for people.
        looked: String,
    },
    /// A step waits for a person.
    StepAsked {
        /// Which step.
        step: StepId,
        /// What is asked.
        question: String,
    },
    /// A person chose.
    OperatorChose {
        /// For which step.
        step: StepId,
        /// What.
        choice: Choice,
        /// Why.
        reason: String,
        /// Who.
        by: Actor,
    },
    /// The engine will not go on without a person.
    RunStuck {
        /// At which steps.
        steps: Vec<StepId>,
    },
    /// A component was looked at and judged.
    ComponentVerified {
        /// Which component.
        component: ComponentName,
        /// By which step; none outside a run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<StepId>,
        /// The judgement.
        verdict: Verdict,
        /// What was looked at, one entry a look.
        looked: Vec<String>,
        /// What stood there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen: Option<Seen>,
        /// How long it took, in milliseconds.
        millis: u64,
    },
    /// The run ended.
    RunClosed {
        /// How.
        outcome: Outcome,
    },
    /// A request from elsewhere was taken out of the inbox.
    RequestTaken {
        /// Its identifier, so that it is taken once.
        request: String,
        /// What it asks.
        asks: Request,
        /// By whom.
        by: Actor,
    },
}

/// What may be asked from another terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub enum Request {
    /// Stop at a safe border.
    Stop {
        /// What doors shall do, where somebody said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stance: Option<Stance>,
    },
    /// A choice for a step.
    Choose {
        /// For which step.
        step: StepId,
        /// What.
        choice: Choice,
        /// Why.
        reason: String,
    },
}

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Format version, see [`FORMAT`].
    pub format: u16,
    /// From 1, without gaps.
    pub sequence: u64,
    /// Digest of the record before; of nothing for the first.
    pub previous: Digest,
    /// The run it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// Grows with every holder of the lock: a writer with an old one was overtaken.
    pub epoch: u64,
    /// When it was written.
    pub at: Timestamp,
    /// The fact.
    pub event: Event,
}

/// What stands before the first record.
pub fn genesis() -> Digest {
    Digest::of_bytes("backout/journal", b"")
}

/// The digest of a record's line as stored.
pub fn chain(line: &str) -> Digest {
    Digest::of_bytes("backout/record", line.as_bytes())
}

/// Why a record cannot follow what was read before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// It cannot be read.
    #[error("record {sequence} cannot be read")]
    Unreadable {
        /// Where it stands.
        sequence: u64,
        /// Why.
        cause: String,
    },
    /// A record is missing.
    #[error("record {expected} is missing; the next one is {found}")]
    Gap {
        /// The sequence that should follow.
        expected: u64,
        /// The one found.
        found: u64,
    },
    /// The record before was changed.
    #[error("record {sequence} was changed, or the one after it")]
    Edited {
        /// The record whose digest does not agree.
        sequence: u64,
    },
    /// It was written by a newer program.
    #[error("record {sequence} has format {found}; this program knows up to {FORMAT}")]
    Newer {
        /// Where it stands.
        sequence: u64,
        /// Its format.
        found: u16,
    },
    /// It cannot have happened after what was read before.
    #[error("record {sequence} cannot follow the records before it")]
    Illegal {
        /// Where it stands.
        sequence: u64,
        /// Why.
        cause: String,
    },
}

/// Follows the chain line by line.
#[derive(Debug, Clone)]
pub struct Chain {
    next: u64,
    previous: Digest,
}

impl Default for Chain {
    fn default() -> Self {
        Self { next: 1, previous: genesis() }
    }
}

impl Chain {
    /// The sequence of the next record.
    pub fn next_sequence(&self) -> u64 {
        self.next
    }

    /// The digest of the last record.
    pub fn head(&self) -> Digest {
        self.previous
    }

    /// Reads one stored line and checks that it follows.
    ///
    /// # Errors
    /// The line cannot be read, leaves a gap, does not agree with the one before, or is of a newer format.
    pub fn read(&mut self, line: &str) -> Result<Record, Broken> {
        let sequence = self.next;
        let record = match serde_json::from_str::<Record>(line) {
            Ok(record) => record,
            Err(cause) => {
                #[derive(Deserialize)]
                struct Envelope {
                    format: u16,
                }
                return Err(match serde_json::from_str::<Envelope>(line) {
                    Ok(Envelope { format }) if format > FORMAT => Broken::Newer { sequence, found: format },
                    _ => Broken::Unreadable { sequence, cause: cause.to_string() },
                });
            }
        };
        if record.format > FORMAT {
            return Err(Broken::Newer { sequence, found: record.format });
        }
        if record.sequence != sequence {
            return Err(Broken::Gap { expected: sequence, found: record.sequence });
        }
        if record.previous != self.previous {
            return Err(Broken::Edited { sequence: sequence.saturating_sub(1).max(1) });
        }
        self.advance(line);
        Ok(record)
    }

    /// Puts an event behind the last record and gives the line to store.
    ///
    /// # Errors
    /// When the event cannot be written as JSON.
    pub fn append(
        &mut self,
        event: Event,
        run: Option<RunId>,
        epoch: u64,
        at: Timestamp,
    ) -> Result<(Record, String), serde_json::Error> {
        let record =
            Record { format: FORMAT, sequence: self.next, previous: self.previous, run, epoch, at, event };
        let line = serde_json::to_string(&record)?;
        self.advance(&line);
        Ok((record, line))
    }

    fn advance(&mut self, line: &str) {
        self.next += 1;
        self.previous = chain(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Vec<String> {
        let mut chain = Chain::default();
        let by = Actor { user: "ada".into(), host: "db1".into() };
        [Event::Armed { by: by.clone() }, Event::Disarmed { by: by.clone() }, Event::Closed { by }]
            .into_iter()
            .map(|event| chain.append(event, None, 1, Timestamp::UNIX_EPOCH).unwrap().1)
            .collect()
    }

    fn read_all(lines: &[String]) -> Result<usize, Broken> {
        let mut chain = Chain::default();
        lines.iter().try_for_each(|line| chain.read(line).map(|_| ())).map(|()| lines.len())
    }

    #[test]
    fn a_whole_chain_reads() {
        assert_eq!(read_all(&lines()), Ok(3));
    }

    #[test]
    fn an_edit_names_the_record() {
        let mut lines = lines();
        lines[1] = lines[1].replace("\"ada\"", "\"eve\"");
        assert_eq!(read_all(&lines), Err(Broken::Edited { sequence: 2 }));
    }

    #[test]
    fn a_missing_record_is_a_gap() {
        let mut lines = lines();
        lines.remove(1);
        assert_eq!(read_all(&lines), Err(Broken::Gap { expected: 2, found: 3 }));
    }

    #[test]
    fn a_newer_format_is_named_as_such_even_when_its_event_is_unknown() {
        let mut lines = lines();
        lines[2] = lines[2].replace("\"format\":1", "\"format\":9").replace("\"closed\"", "\"transcended\"");
        assert_eq!(read_all(&lines), Err(Broken::Newer { sequence: 3, found: 9 }));
    }

    #[test]
    fn nonsense_is_unreadable() {
        assert!(matches!(read_all(&["{".into()]), Err(Broken::Unreadable { sequence: 1, .. })));
    }
}
