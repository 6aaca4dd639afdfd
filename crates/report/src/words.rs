//! Times, lengths of time and counts, as people read them.

use backout_core::plan::{Count, Estimate};
use jiff::Timestamp;

/// A moment in UTC, to the second.
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The time of the day in UTC.
pub fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%SZ").to_string()
}

/// A length of time, two units at most.
pub fn lasting(millis: u64) -> String {
    let seconds = millis / 1000;
    match seconds {
        0 => format!("{millis} ms"),
        1..=9 => format!("{}.{} s", seconds, millis % 1000 / 100),
        10..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min {} s", seconds / 60, seconds % 60),
        7200..=172_799 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} days {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// A length of time in seconds, for those who calculate.
pub fn seconds(millis: u64) -> String {
    format!("{}.{:03} s", millis / 1000, millis % 1000)
}

/// A moment as seconds since the run began.
pub fn offset(millis: u64) -> String {
    format!("+{}", seconds(millis))
}

/// A number of writes.
pub fn count(count: Count) -> String {
    match count {
        Count::Exactly(0) => "none".to_owned(),
        Count::Exactly(count) => count.to_string(),
        Count::AtLeast(0) => "none known".to_owned(),
        Count::AtLeast(count) => format!("at least {count}"),
        Count::Unknown => "unknown".to_owned(),
    }
}

/// The same where nothing may have been counted.
pub fn counted(found: Option<Count>) -> String {
    found.map_or_else(|| "not counted".to_owned(), count)
}

/// A time judged by earlier runs.
pub fn estimate(estimate: Option<&Estimate>) -> String {
    match estimate {
        None => "no earlier run to judge by".to_owned(),
        Some(Estimate { millis: 0, .. }) => "none".to_owned(),
        Some(Estimate { millis, .. }) => format!("about {}", lasting(*millis)),
    }
}

/// A fragment as the beginning of a sentence.
pub fn capital(fragment: &str) -> String {
    let mut letters = fragment.chars();
    let first: String = letters.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}", letters.as_str())
}

/// "1 step", "3 steps".
pub fn many(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Names in a row, or something else where there are none.
pub fn names<T: ToString>(all: impl IntoIterator<Item = T>, none: &str) -> String {
    let all: Vec<String> = all.into_iter().map(|one| one.to_string()).collect();
    if all.is_empty() { none.to_owned() } else { all.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        for (millis, expected) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_250, "1.2 s"),
            (59_000, "59 s"),
            (125_000, "2 min 5 s"),
            (7_260_000, "2 h 1 min"),
            (200_000_000, "2 days 7 h"),
        ] {
            assert_eq!(lasting(millis), expected);
        }
        assert_eq!(seconds(61_007), "61.007 s");
    }

    #[test]
    fn moments_are_utc_and_iso_8601() {
        assert_eq!(moment(Timestamp::UNIX_EPOCH), "1970-01-01T00:00:00Z");
        assert_eq!(clock(Timestamp::UNIX_EPOCH), "00:00:00Z");
    }
}
