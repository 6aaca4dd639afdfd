//! Numbers and times in words.

use std::time::Duration;

use backout_core::plan::{Count, Estimate};
use jiff::Timestamp;

/// A moment, to the second, in UTC.
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A length of time as people say it: two units at most.
pub fn lasting(time: Duration) -> String {
    let millis = time.as_millis();
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{millis} ms"),
        1..=9 => format!("{}.{} s", seconds, millis % 1000 / 100),
        10..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A time judged by earlier runs.
pub fn estimate(estimate: Option<&Estimate>) -> String {
    match estimate {
        None => "no earlier run to judge by".to_owned(),
        Some(Estimate { millis: 0, .. }) => "none".to_owned(),
        Some(Estimate { millis, samples }) => {
            let by = counted(*samples, "earlier run");
            format!("about {} (judged by {by})", lasting(Duration::from_millis(*millis)))
        }
    }
}

/// "1 step", "3 steps".
pub fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// A number with its thousands apart: 48,211.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of writes.
pub fn writes(count: Count) -> String {
    match count {
        Count::Exactly(0) => "none".to_owned(),
        Count::Exactly(count) => count.to_string(),
        Count::AtLeast(count) => format!("at least {count}"),
        Count::Unknown => "cannot be counted".to_owned(),
    }
}

/// A number of bytes.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut tenths = u128::from(count) * 10;
    let mut unit = "B";
    for name in UNITS {
        if tenths < 10_240 {
            break;
        }
        tenths /= 1024;
        unit = name;
    }
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
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
            (120_000, "2 min"),
            (7_200_000, "2 h 0 min"),
            (200_000_000, "2 days"),
        ] {
            assert_eq!(lasting(Duration::from_millis(millis)), expected);
        }
    }

    #[test]
    fn thousands_stand_apart() {
        for (count, expected) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (48_211, "48,211"), (1_234_567, "1,234,567")]
        {
            assert_eq!(grouped(count), expected);
        }
    }

    #[test]
    fn sizes() {
        for (count, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (5 << 30, "5.0 GiB"),
            (u64::MAX, "16777215.9 TiB"),
        ] {
            assert_eq!(bytes(count), expected);
        }
    }
}
