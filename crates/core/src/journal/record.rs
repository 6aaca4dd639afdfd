//! Records, and the chain that ties each to the one before.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::event::Event;
use crate::digest::Digest;
use crate::name::RunId;

/// The record format this version writes. Readers accept older ones; writers refuse to append to newer ones.
///
/// Every record has its own, so a journal that was begun by an older version goes on in the newer format, and one
/// chain spans both.
///
/// | format | what is in it |
/// |---|---|
/// | 1 | the events of the first version |
/// | 2 | more events, and more optional fields in those of format 1; what is absent means what it meant before |
/// | 3 | checkpoints are proven, steps may stage, counted writes may be in the vault; likewise |
pub const FORMAT: u16 = 3;

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
        if record.format == 0 {
            return Err(Broken::Unreadable { sequence, cause: "there is no format 0".into() });
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
    use crate::journal::Actor;

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

    fn with_format(line: &str, format: u16) -> String {
        line.replace(&format!("\"format\":{FORMAT}"), &format!("\"format\":{format}"))
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
        lines[2] = with_format(&lines[2], 9).replace("\"closed\"", "\"transcended\"");
        assert_eq!(read_all(&lines), Err(Broken::Newer { sequence: 3, found: 9 }));
    }

    #[test]
    fn a_chain_spans_an_older_format_and_this_one() {
        let mut chain = Chain::default();
        let by = Actor { user: "ada".into(), host: "db1".into() };
        let line = chain.append(Event::Armed { by: by.clone() }, None, 1, Timestamp::UNIX_EPOCH).unwrap().1;
        let older = with_format(&line, 1);
        let mut chain = Chain::default();
        assert_eq!(chain.read(&older).map(|record| record.format), Ok(1));
        let (record, line) = chain.append(Event::Disarmed { by }, None, 1, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(record.format, FORMAT);
        assert_eq!(read_all(&[older, line]), Ok(2));
    }

    #[test]
    fn there_is_no_format_0() {
        let mut lines = lines();
        lines[0] = with_format(&lines[0], 0);
        assert!(matches!(read_all(&lines), Err(Broken::Unreadable { sequence: 1, .. })));
    }

    #[test]
    fn nonsense_is_unreadable() {
        assert!(matches!(read_all(&["{".into()]), Err(Broken::Unreadable { sequence: 1, .. })));
    }
}
