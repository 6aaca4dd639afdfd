//! What going back costs, stated before anybody starts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::migration::Ratio;
use crate::name::StepId;
use crate::writes::Counted;

/// A number of writes, as well as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Count {
    /// Counted.
    Exactly(u64),
    /// Counted where it could be; there may be more.
    AtLeast(u64),
    /// Nobody can tell.
    Unknown,
}

impl Count {
    /// The sum of two counts: as vague as the vaguer one.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Exactly(one), Self::Exactly(two)) => Self::Exactly(one.saturating_add(two)),
            (Self::Exactly(one) | Self::AtLeast(one), Self::Exactly(two) | Self::AtLeast(two)) => {
                Self::AtLeast(one.saturating_add(two))
            }
        }
    }

    /// Whether it is known to be at most this many.
    pub fn is_within(self, bound: u64) -> bool {
        matches!(self, Self::Exactly(count) if count <= bound)
    }
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exactly(count) => write!(f, "{count}"),
            Self::AtLeast(count) => write!(f, "at least {count}"),
            Self::Unknown => f.write_str("an unknown number of"),
        }
    }
}

/// What putting back one component costs in data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataPrice {
    /// Writes since the checkpoint that the put-back state lacks.
    pub writes: Count,
    /// Of those, what the run takes over into the put-back state.
    #[serde(default = "none")]
    pub rescued: Count,
    /// Of those, what waits for a person in files or in the displaced data.
    #[serde(default = "none")]
    pub waiting: Count,
    /// Of those, what is given up.
    #[serde(default = "unknown")]
    pub lost: Count,
    /// Where they are counted, for people (`tasks: 7 rows more than in the checkpoint`).
    pub details: Vec<String>,
    /// Whether the displaced data stays readable until `commit` or `close`.
    pub kept_aside: bool,
    /// As the recorder counted them, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<Counted>,
}

fn none() -> Count {
    Count::Exactly(0)
}

fn unknown() -> Count {
    Count::Unknown
}

/// What is declared to become of writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Becomes {
    /// They are merged.
    Merged,
    /// They are kept for a person.
    Reviewed,
    /// They are given up.
    Lost,
}

impl DataPrice {
    /// A price that only compares: what becomes of the writes is not said yet.
    pub fn compared(writes: Count, details: Vec<String>, kept_aside: bool) -> Self {
        Self { writes, rescued: none(), waiting: none(), lost: unknown(), details, kept_aside, counted: None }
    }

    /// The same with what is declared to become of the writes, and with what a recorder counted: it knows, where a
    /// comparison only supposes.
    ///
    /// | declared | recorded | rescued | waiting | lost |
    /// |---|---|---|---|---|
    /// | merge | yes | all but the unmapped | none | the unmapped; at least, where something was not recorded |
    /// | merge, review | no, kept aside | none | all | none |
    /// | merge, review | no, not kept aside | none | none | all |
    /// | review | yes | none | all | none; at least, where something was not recorded |
    /// | accept-loss | any | none | none | all |
    #[must_use]
    pub fn judged(self, becomes: Becomes, counted: Option<Counted>) -> Self {
        let writes = counted.as_ref().map_or(self.writes, Counted::writes);
        let zero = none();
        let (rescued, waiting, lost) = match (becomes, &counted) {
            (Becomes::Lost, _) => (zero, zero, writes),
            (Becomes::Merged, Some(counted)) => {
                let all = counted.users().sum();
                let unmapped = counted.unmapped();
                let rescued = match unmapped {
                    Count::Exactly(lost) | Count::AtLeast(lost) => Count::Exactly(all.saturating_sub(lost)),
                    Count::Unknown => Count::Unknown,
                };
                (rescued, zero, unmapped)
            }
            (Becomes::Reviewed, Some(counted)) => {
                let lost = if counted.gaps.is_empty() { zero } else { Count::AtLeast(0) };
                (zero, Count::Exactly(counted.users().sum()), lost)
            }
            (Becomes::Merged | Becomes::Reviewed, None) if self.kept_aside => (zero, writes, zero),
            (Becomes::Merged | Becomes::Reviewed, None) => (zero, zero, writes),
        };
        Self { writes, rescued, waiting, lost, counted, ..self }
    }
}

/// The most writes that a run may lose once this price was stated: users write on until the door is shut.
///
/// | stated | may lose |
/// |---|---|
/// | none | none |
/// | so many | a quarter more (or as much as the tolerance says), and never fewer than a hundred more |
/// | at least so many, or nobody knows | any number: that was said before anybody agreed |
pub fn bound(stated: Count, tolerance: Option<Ratio>) -> Option<u64> {
    match stated {
        Count::Exactly(0) => Some(0),
        Count::Exactly(count) => {
            let millionths = u128::from(tolerance.map_or(250_000, |ratio| ratio.millionths));
            let more = u128::from(count) * millionths / 1_000_000;
            let more = u64::try_from(more).unwrap_or(u64::MAX).max(if tolerance.is_some() { 0 } else { 100 });
            Some(count.saturating_add(more))
        }
        Count::AtLeast(_) | Count::Unknown => None,
    }
}

/// The most writes of one component that a run may lose, where all of its components together may lose `most`; none
/// where any number was agreed to.
///
/// | agreed to | stated of all, and of this one | this one may lose |
/// |---|---|---|
/// | any number | any | any |
/// | so many | not exactly known | any: that was said before anybody agreed |
/// | so many | known | what the others leave of it |
pub fn share(most: Option<u64>, all: Count, own: Count) -> Option<u64> {
    match (all, own) {
        (Count::Exactly(all), Count::Exactly(own)) => Some(most?.saturating_sub(all.saturating_sub(own))),
        _ => None,
    }
}

/// A time from earlier runs, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    /// Milliseconds.
    pub millis: u64,
    /// Over how many earlier steps or looks it was judged.
    pub samples: usize,
}

/// What going back costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Writes that the put-back state lacks, over all components.
    pub writes: Count,
    /// Of those, what the run takes over into the put-back state.
    #[serde(default = "none")]
    pub rescued: Count,
    /// Of those, what waits for a person.
    #[serde(default = "none")]
    pub waiting: Count,
    /// Of those, what is given up.
    #[serde(default = "unknown")]
    pub lost: Count,
    /// How many of the components with such writes keep the displaced data readable.
    pub kept_aside: usize,
    /// How many components hold data and are put back.
    pub data_components: usize,
    /// How many steps.
    pub steps: usize,
    /// How many of them a person does.
    pub person_steps: usize,
    /// Seconds from first to last step, from earlier runs; none when there was none to judge by.
    pub duration: Option<Estimate>,
    /// Seconds that doors are shut, likewise.
    pub closed: Option<Estimate>,
}

/// How long steps took before: median milliseconds and over how many. Step ids are stable between plans.
pub type Timings = BTreeMap<StepId, Estimate>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_as_vague_as_its_vaguest_part() {
        use Count::{AtLeast, Exactly, Unknown};
        for (one, two, sum) in [
            (Exactly(2), Exactly(3), Exactly(5)),
            (Exactly(2), AtLeast(3), AtLeast(5)),
            (AtLeast(2), AtLeast(3), AtLeast(5)),
            (Unknown, Exactly(1), Unknown),
            (AtLeast(1), Unknown, Unknown),
            (Exactly(u64::MAX), Exactly(1), Exactly(u64::MAX)),
        ] {
            assert_eq!(one.plus(two), sum);
            assert_eq!(two.plus(one), sum);
        }
    }

    #[test]
    fn what_becomes_of_writes_decides_what_is_lost() {
        use crate::writes::{Counted, Gap, TableWrites, Tally};
        use Count::{AtLeast, Exactly};
        let table = TableWrites {
            table: "tasks".into(),
            before_cutover: Tally { inserted: 3, ..Tally::default() },
            since_cutover: Tally { deleted: 5, ..Tally::default() },
            unmapped: 2,
            migration: 900,
            taken_over: 0,
            misfits: Vec::new(),
        };
        let recorded = Counted { tables: vec![table], gaps: Vec::new(), notes: Vec::new() };
        let gap = Gap { table: "notes".into(), why: "dropped".into() };
        let with_gap = Counted { gaps: vec![gap], ..recorded.clone() };
        let zero = Exactly(0);
        for (becomes, counted, kept_aside, expected) in [
            (Becomes::Merged, Some(&recorded), true, (Exactly(8), Exactly(6), zero, Exactly(2))),
            (Becomes::Merged, Some(&with_gap), true, (AtLeast(8), Exactly(6), zero, AtLeast(2))),
            (Becomes::Merged, None, true, (AtLeast(7), zero, AtLeast(7), zero)),
            (Becomes::Merged, None, false, (AtLeast(7), zero, zero, AtLeast(7))),
            (Becomes::Reviewed, Some(&recorded), true, (Exactly(8), zero, Exactly(8), zero)),
            (Becomes::Reviewed, Some(&with_gap), true, (AtLeast(8), zero, Exactly(8), AtLeast(0))),
            (Becomes::Reviewed, None, true, (AtLeast(7), zero, AtLeast(7), zero)),
            (Becomes::Reviewed, None, false, (AtLeast(7), zero, zero, AtLeast(7))),
            (Becomes::Lost, Some(&recorded), true, (Exactly(8), zero, zero, Exactly(8))),
            (Becomes::Lost, None, false, (AtLeast(7), zero, zero, AtLeast(7))),
        ] {
            let price = DataPrice::compared(AtLeast(7), Vec::new(), kept_aside);
            let price = price.judged(becomes, counted.cloned());
            let found = (price.writes, price.rescued, price.waiting, price.lost);
            assert_eq!(found, expected, "{becomes:?} {kept_aside} {counted:?}");
        }
    }

    #[test]
    fn a_price_may_grow_as_far_as_its_tolerance() {
        let five_percent = Ratio { millionths: 50_000 };
        for (stated, tolerance, expected) in [
            (Count::Exactly(0), None, Some(0)),
            (Count::Exactly(0), Some(five_percent), Some(0)),
            (Count::Exactly(1), None, Some(101)),
            (Count::Exactly(1000), None, Some(1250)),
            (Count::Exactly(1000), Some(five_percent), Some(1050)),
            (Count::Exactly(u64::MAX), None, Some(u64::MAX)),
            (Count::AtLeast(3), Some(five_percent), None),
            (Count::Unknown, None, None),
        ] {
            assert_eq!(bound(stated, tolerance), expected, "{stated:?} {tolerance:?}");
        }
    }

    #[test]
    fn a_component_may_lose_what_the_others_leave() {
        use Count::{AtLeast, Exactly, Unknown};
        for (most, all, own, expected) in [
            (None, Exactly(5), Exactly(2), None),
            (Some(9), AtLeast(5), Exactly(2), None),
            (Some(9), Exactly(5), Unknown, None),
            (Some(9), Exactly(5), Exactly(2), Some(6)),
            (Some(9), Exactly(0), Exactly(0), Some(9)),
            (Some(2), Exactly(5), Exactly(2), Some(0)),
        ] {
            assert_eq!(share(most, all, own), expected, "{most:?} {all} {own}");
        }
    }

    #[test]
    fn only_a_counted_price_is_within_a_bound() {
        assert!(Count::Exactly(5).is_within(5));
        assert!(!Count::Exactly(6).is_within(5));
        assert!(!Count::AtLeast(1).is_within(5));
        assert!(!Count::Unknown.is_within(5));
    }
}
