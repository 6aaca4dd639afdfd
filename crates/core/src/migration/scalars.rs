//! Durations, sizes and ratios as a person writes them: always with their unit, never rounded.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// A length of time, written `250ms`, `30s`, `5m`, `1h 30m` or `2d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct DurationText(pub Duration);

/// A number of bytes, written `512B`, `10MB` (10,000,000 bytes) or `2GiB` (2 × 1024³ bytes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Size {
    /// How many bytes.
    pub bytes: u64,
}

/// A share of a whole, written `5%` or `0.05`, from nothing to all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Ratio {
    /// Parts of a million, so that what was written is kept exactly.
    pub millionths: u32,
}

/// Why a text is no duration, size or ratio: a fragment that says what to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotAScalar(String);

/// From the longest to the shortest, in milliseconds.
const TIME_UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

const SIZE_UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1000),
    ("B", 1),
];

fn no<T>(message: String) -> Result<T, NotAScalar> {
    Err(NotAScalar(message))
}

/// Splits a number from what follows it.
fn number_first(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

fn shown(text: &str) -> String {
    super::tree::shown(text)
}

impl FromStr for DurationText {
    type Err = NotAScalar;

    fn from_str(text: &str) -> Result<Self, NotAScalar> {
        let too_long = || NotAScalar(format!("`{}` is too long a time", shown(text)));
        let (mut total, mut last, mut rest) = (0u64, usize::MAX, text.trim());
        if rest.is_empty() {
            return no("a duration such as `30s` is missing".into());
        }
        while !rest.is_empty() {
            let (digits, after) = number_first(rest);
            let unit_end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
            let (unit, after) = after.split_at(unit_end);
            if digits.is_empty() {
                return no(format!("`{}` is no duration such as `30s` or `1h 30m`", shown(text)));
            }
            if unit.is_empty() && after.starts_with('.') {
                return no(format!(
                    "`{}` is a fraction: write it in a smaller unit, such as `1h 30m`",
                    shown(text)
                ));
            }
            if unit.is_empty() {
                return no(format!(
                    "`{}` has no unit: write `{digits}s`, `{digits}m` or `{digits}h`",
                    shown(text)
                ));
            }
            let Some(index) = TIME_UNITS.iter().position(|(name, _)| *name == unit) else {
                return no(format!("`{}` is no unit of time: use ms, s, m, h or d", shown(unit)));
            };
            if last != usize::MAX && index <= last {
                return no(format!("`{}` names its units out of order: write `1h 30m`", shown(text)));
            }
            last = index;
            let (_, milliseconds) = TIME_UNITS.get(index).copied().unwrap_or(("ms", 1));
            let count: u64 = digits.parse().map_err(|_| too_long())?;
            total = count
                .checked_mul(milliseconds)
                .and_then(|part| total.checked_add(part))
                .ok_or_else(too_long)?;
            rest = after.trim_start_matches(' ');
        }
        Ok(Self(Duration::from_millis(total)))
    }
}

impl fmt::Display for DurationText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if left == 0 {
            return f.pad("0s");
        }
        let mut text = String::new();
        for (unit, milliseconds) in TIME_UNITS {
            let count = left / milliseconds;
            left %= milliseconds;
            if count > 0 {
                let blank = if text.is_empty() { "" } else { " " };
                text.push_str(&format!("{blank}{count}{unit}"));
            }
        }
        f.pad(&text)
    }
}

impl FromStr for Size {
    type Err = NotAScalar;

    fn from_str(text: &str) -> Result<Self, NotAScalar> {
        let (digits, rest) = number_first(text.trim());
        let unit = rest.trim_start_matches(' ');
        if digits.is_empty() {
            return no(format!("`{}` is no size such as `512MiB` or `2GB`", shown(text)));
        }
        if unit.is_empty() {
            return no(format!("`{digits}` has no unit: write `{digits}B`, `{digits}MiB` or `{digits}GB`"));
        }
        if unit.starts_with('.') {
            return no(format!(
                "`{}` is a fraction: write it in a smaller unit, such as `1536MiB`",
                shown(text)
            ));
        }
        let Some((_, bytes)) = SIZE_UNITS.iter().find(|(name, _)| *name == unit) else {
            let meant = SIZE_UNITS.iter().find(|(name, _)| {
                name.eq_ignore_ascii_case(unit) || name.trim_end_matches('B').eq_ignore_ascii_case(unit)
            });
            let advice = match meant {
                Some((name, _)) => format!("did you mean `{digits}{name}`?"),
                None => "use B, KB, MB, GB, TB, KiB, MiB, GiB or TiB".into(),
            };
            return no(format!("`{}` is no unit of size: {advice}", shown(unit)));
        };
        match digits.parse::<u64>().ok().and_then(|count| count.checked_mul(*bytes)) {
            Some(bytes) => Ok(Self { bytes }),
            None => no(format!("`{}` is too large a size", shown(text))),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(_, unit): &&(&str, u64)| self.bytes >= *unit && self.bytes.is_multiple_of(*unit);
        let (name, unit) = SIZE_UNITS.iter().find(fits).copied().unwrap_or(("B", 1));
        f.pad(&format!("{}{name}", self.bytes / unit))
    }
}

impl FromStr for Ratio {
    type Err = NotAScalar;

    fn from_str(text: &str) -> Result<Self, NotAScalar> {
        let trimmed = text.trim();
        let (number, percent) = match trimmed.strip_suffix('%') {
            Some(number) => (number.trim_end(), true),
            None => (trimmed, false),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) || number.ends_with('.') {
            return no(format!("`{}` is no ratio such as `5%` or `0.05`", shown(text)));
        }
        if !percent && fraction.is_empty() && whole != "0" {
            return no(format!(
                "`{whole}` can be read in two ways: write `{whole}%`, or a fraction such as `0.05`"
            ));
        }
        let places = if percent { 4 } else { 6 };
        if fraction.len() > places {
            return no(format!("`{}` is finer than a millionth", shown(text)));
        }
        let unit = 10u64.pow(places as u32);
        let padded = format!("{fraction:0<places$}");
        let millionths = whole
            .parse::<u64>()
            .ok()
            .and_then(|whole| whole.checked_mul(unit)?.checked_add(padded.parse().ok()?))
            .and_then(|number| u32::try_from(number).ok());
        match millionths {
            Some(millionths) if millionths <= 1_000_000 => Ok(Self { millionths }),
            _ => no(format!("`{}` is more than all of it (100%)", shown(text))),
        }
    }
}

impl Ratio {
    /// As a number from 0 to 1.
    pub fn as_f64(self) -> f64 {
        f64::from(self.millionths) / 1_000_000.0
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.millionths / 10_000, self.millionths % 10_000);
        let fraction = format!(".{rest:04}");
        f.pad(&format!("{whole}{}%", fraction.trim_end_matches('0').trim_end_matches('.')))
    }
}

macro_rules! written_as_text {
    ($type:ident, $expected:literal, $description:literal, $pattern:literal) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl Visitor<'_> for Text {
                    type Value = $type;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expected)
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                // A number is matched by no pattern, so that `0.05` without quotes passes for a ratio.
                schemars::json_schema!({
                    "type": ["string", "number"],
                    "description": $description,
                    "pattern": $pattern
                })
            }
        }
    };
}

written_as_text!(
    DurationText,
    "a duration such as `30s`",
    "A duration such as 250ms, 30s, 5m, 1h 30m, 2d.",
    "^ *([0-9]+(d|h|ms|m|s) *)+$"
);
written_as_text!(
    Size,
    "a size such as `512MiB`",
    "A size such as 512B, 10MB (decimal) or 2GiB (binary).",
    "^ *[0-9]+ *([KMGT]i?)?B *$"
);
written_as_text!(
    Ratio,
    "a ratio such as `5%` or `0.05`",
    "A ratio such as 5% or 0.05.",
    "^ *[0-9]+([.][0-9]+)? *%? *$"
);

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: FromStr<Err = NotAScalar> + fmt::Display>(text: &str) -> String {
        match text.parse::<T>() {
            Ok(value) => value.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn durations() {
        for (text, expected) in [
            ("30s", "30s"),
            ("90s", "1m 30s"),
            ("1h30m", "1h 30m"),
            ("1h 30m", "1h 30m"),
            ("250ms", "250ms"),
            ("0s", "0s"),
            ("48h", "2d"),
            ("1500ms", "1s 500ms"),
            ("30", "`30` has no unit: write `30s`, `30m` or `30h`"),
            ("1.5h", "`1.5h` is a fraction: write it in a smaller unit, such as `1h 30m`"),
            ("30 s", "`30 s` has no unit: write `30s`, `30m` or `30h`"),
            ("30sec", "`sec` is no unit of time: use ms, s, m, h or d"),
            ("30m 1h", "`30m 1h` names its units out of order: write `1h 30m`"),
            ("1s 1s", "`1s 1s` names its units out of order: write `1h 30m`"),
            ("-5s", "`-5s` is no duration such as `30s` or `1h 30m`"),
            ("soon", "`soon` is no duration such as `30s` or `1h 30m`"),
            ("", "a duration such as `30s` is missing"),
            ("99999999999999999999d", "`99999999999999999999d` is too long a time"),
            ("9999999999999999999d", "`9999999999999999999d` is too long a time"),
        ] {
            assert_eq!(read::<DurationText>(text), expected);
        }
    }

    #[test]
    fn sizes() {
        for (text, expected) in [
            ("2GiB", "2GiB"),
            ("2048MiB", "2GiB"),
            ("10MB", "10MB"),
            ("10 MB", "10MB"),
            ("100B", "100B"),
            ("0B", "0B"),
            ("10", "`10` has no unit: write `10B`, `10MiB` or `10GB`"),
            ("10mb", "`mb` is no unit of size: did you mean `10MB`?"),
            ("10G", "`G` is no unit of size: did you mean `10GB`?"),
            ("10bits", "`bits` is no unit of size: use B, KB, MB, GB, TB, KiB, MiB, GiB or TiB"),
            ("1.5GiB", "`1.5GiB` is a fraction: write it in a smaller unit, such as `1536MiB`"),
            ("big", "`big` is no size such as `512MiB` or `2GB`"),
            ("99999999TiB", "`99999999TiB` is too large a size"),
        ] {
            assert_eq!(read::<Size>(text), expected);
        }
    }

    #[test]
    fn ratios() {
        for (text, expected) in [
            ("5%", "5%"),
            ("0.05", "5%"),
            ("0.5%", "0.5%"),
            ("0", "0%"),
            ("1.0", "100%"),
            ("100%", "100%"),
            ("0.000001", "0.0001%"),
            ("5", "`5` can be read in two ways: write `5%`, or a fraction such as `0.05`"),
            ("1", "`1` can be read in two ways: write `1%`, or a fraction such as `0.05`"),
            ("101%", "`101%` is more than all of it (100%)"),
            ("1.5", "`1.5` is more than all of it (100%)"),
            ("0.0000001", "`0.0000001` is finer than a millionth"),
            (".5", "`.5` is no ratio such as `5%` or `0.05`"),
            ("-5%", "`-5%` is no ratio such as `5%` or `0.05`"),
            ("half", "`half` is no ratio such as `5%` or `0.05`"),
        ] {
            assert_eq!(read::<Ratio>(text), expected);
        }
    }
}
