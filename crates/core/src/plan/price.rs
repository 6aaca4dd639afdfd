//! What going back costs, stated before anybody starts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::name::StepId;

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
    /// Where they are counted, for people (`tasks: 7 rows more than in the checkpoint`).
    pub details: Vec<String>,
    /// Whether the displaced data stays readable until `commit` or `close`.
    pub kept_aside: bool,
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
    fn only_a_counted_price_is_within_a_bound() {
        assert!(Count::Exactly(5).is_within(5));
        assert!(!Count::Exactly(6).is_within(5));
        assert!(!Count::AtLeast(1).is_within(5));
        assert!(!Count::Unknown.is_within(5));
    }
}
