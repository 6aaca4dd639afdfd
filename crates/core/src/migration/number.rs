//! Which scalars are numbers and booleans, and what to say about those that nearly are.

use super::tree::Scalar;

/// A scalar as a field that wants a number sees it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Number {
    /// Zero or more.
    Positive(u64),
    /// Less than zero.
    Negative(i64),
    /// With a decimal point.
    Fraction(f64),
    /// A number that programs read differently; says what to write.
    Ambiguous(String),
    /// A number in quotes.
    Quoted,
    /// A whole number that no field can hold.
    Huge,
    /// Something else.
    None,
}

pub(super) fn read(scalar: &Scalar) -> Number {
    let text = scalar.text.as_str();
    let number = plain(text);
    match number {
        Number::None => Number::None,
        _ if !scalar.plain => Number::Quoted,
        number => number,
    }
}

/// Whether a field that wants a number would take a scalar, or at least argue about it.
pub(super) fn is_number_like(scalar: &Scalar) -> bool {
    !matches!(read(scalar), Number::None | Number::Quoted)
}

fn plain(text: &str) -> Number {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    if is_decimal(digits) && (digits == "0" || !digits.starts_with('0')) && text != "-0" {
        let huge = Number::Huge;
        return if negative {
            text.parse().map_or(huge, Number::Negative)
        } else {
            text.parse().map_or(huge, Number::Positive)
        };
    }
    if let Some((whole, fraction)) = digits.split_once('.')
        && is_decimal(whole)
        && is_decimal(fraction)
        && (whole == "0" || !whole.starts_with('0'))
    {
        return text.parse().map_or(Number::None, Number::Fraction);
    }
    ambiguous(digits).map_or(Number::None, |meant| {
        let sign = |number: &str| if negative && number != "0" { "-" } else { "" };
        let meant: Vec<_> = meant.iter().map(|number| format!("`{}{number}`", sign(number))).collect();
        Number::Ambiguous(format!("write {}", meant.join(" or ")))
    })
}

/// The plain numbers that a text without its sign may mean.
fn ambiguous(text: &str) -> Option<Vec<String>> {
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    for (prefix, radix) in [("0x", 16), ("0X", 16), ("0o", 8), ("0O", 8), ("0b", 2), ("0B", 2)] {
        if let Some(digits) = unsigned.strip_prefix(prefix) {
            let number = u64::from_str_radix(&digits.replace('_', ""), radix).ok()?;
            return Some(vec![number.to_string()]);
        }
    }
    if let Some((mantissa, exponent)) = unsigned.split_once(['e', 'E'])
        && mantissa.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && mantissa.bytes().any(|byte| byte.is_ascii_digit())
        && is_decimal(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))
    {
        let number: f64 = unsigned.parse().ok()?;
        let small = number.is_finite() && number.abs() < 1e15;
        return Some(vec![if small { number.to_string() } else { "the number in full".into() }]);
    }
    let joined = unsigned.replace('_', "");
    let starts_well = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    if !starts_well || !joined.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    match joined.split_once('.') {
        Some((whole, fraction)) if whole.len() + fraction.len() > 0 && !fraction.contains('.') => {
            let whole = trimmed(whole);
            Some(vec![if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }])
        }
        Some(_) => None,
        None => {
            let mut meant = vec![trimmed(&joined).to_owned()];
            if joined.len() > 1
                && joined.starts_with('0')
                && let Ok(octal) = u64::from_str_radix(&joined, 8)
                && octal.to_string() != trimmed(&joined)
            {
                meant.push(octal.to_string());
            }
            Some(meant)
        }
    }
}

fn trimmed(digits: &str) -> &str {
    let trimmed = digits.trim_start_matches('0');
    if trimmed.is_empty() { "0" } else { trimmed }
}

fn is_decimal(digits: &str) -> bool {
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The boolean that somebody means who writes `yes`, `Off`, or `true` in quotes.
pub(super) fn meant_boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" => Some(true),
        "false" | "no" | "off" | "n" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_can_be_read_in_two_ways_say_what_to_write() {
        let advice = |text: &str| Number::Ambiguous(text.into());
        for (text, expected) in [
            ("0", Number::Positive(0)),
            ("10", Number::Positive(10)),
            ("-10", Number::Negative(-10)),
            ("18446744073709551615", Number::Positive(u64::MAX)),
            ("18446744073709551616", Number::Huge),
            ("1.50", Number::Fraction(1.5)),
            ("010", advice("write `10` or `8`")),
            ("-010", advice("write `-10` or `-8`")),
            ("08", advice("write `8`")),
            ("007", advice("write `7`")),
            ("0o17", advice("write `15`")),
            ("0x1F", advice("write `31`")),
            ("0b11", advice("write `3`")),
            ("1_000", advice("write `1000`")),
            ("1e3", advice("write `1000`")),
            ("1.5e3", advice("write `1500`")),
            ("1e99", advice("write `the number in full`")),
            ("+5", advice("write `5`")),
            ("-0", advice("write `0`")),
            (".5", advice("write `0.5`")),
            ("5.", advice("write `5`")),
            ("1.2.3", Number::None),
            ("_1", Number::None),
            ("2026-01-01", Number::None),
            ("e3", Number::None),
            (".", Number::None),
            ("", Number::None),
            ("ten", Number::None),
        ] {
            assert_eq!(plain(text), expected, "{text}");
        }
        assert_eq!(read(&Scalar { text: "5".into(), plain: false }), Number::Quoted);
    }
}
