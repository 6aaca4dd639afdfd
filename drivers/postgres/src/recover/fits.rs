//! Whether a value has room in a column of the put-back schema. Pure.

use std::collections::BTreeMap;

use super::fold::{Cell, Row};
use super::side::{Family, SideColumn, SideTable, base_of};

/// The first value of a row, among the slots that are asked for, that has no room here: its column, and why.
pub(super) fn first<T: AsRef<str>>(
    narrowed: &BTreeMap<usize, String>,
    row: &Row<T>,
    table: &SideTable,
    is_asked: impl Fn(usize) -> bool,
) -> Option<(String, String)> {
    narrowed.iter().filter(|(slot, _)| is_asked(**slot)).find_map(|(slot, there)| {
        let column = table.column(*slot)?;
        Some((column.name.clone(), misfit(row.get(*slot)?.lent(), there, column)?))
    })
}

/// Why a value has no room there: a fragment without any text that users wrote. None where it has, or where only the
/// server could tell.
pub(super) fn misfit(cell: Cell<&str>, there: &str, here: &SideColumn) -> Option<String> {
    let shown = || here.type_name.trim_start_matches("public.").to_owned();
    match cell {
        Cell::Unknown => None,
        Cell::Null => here.not_null.then(|| "it refuses NULL".to_owned()),
        Cell::Text(_) if there == here.type_name && here.labels.is_empty() => None,
        Cell::Text(text) => match base_of(&here.type_name) {
            base @ ("smallint" | "integer" | "bigint") => integer(text, base),
            "numeric" => numeric(text, &here.type_name),
            "character varying" | "character" => {
                let room = modifiers(&here.type_name).first().copied()?;
                let length = text.trim_end_matches(' ').chars().count();
                (i64::try_from(length).ok()? > room)
                    .then(|| format!("{} holds no {length} characters", shown()))
            }
            "date" if Family::of(there) == Family::Time => {
                let time = text.get(11..).unwrap_or_default();
                let is_midnight = time.is_empty() || time.starts_with("00:00:00");
                (!is_midnight).then(|| "date holds no time of day".to_owned())
            }
            _ if !here.labels.is_empty() => (!here.labels.iter().any(|label| label == text))
                .then(|| format!("{} has no such label", shown())),
            _ => None,
        },
    }
}

fn integer(text: &str, base: &str) -> Option<String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|byte| byte == b'0') {
        return Some(format!("{base} holds no {}", short(text)));
    }
    let fits = match base {
        "smallint" => whole.parse::<i16>().is_ok(),
        "integer" => whole.parse::<i32>().is_ok(),
        _ => whole.parse::<i64>().is_ok(),
    };
    (!fits).then(|| match whole.parse::<f64>() {
        Ok(_) => format!("{base} holds no {}", short(text)),
        Err(_) => format!("{base} holds no text"),
    })
}

fn numeric(text: &str, type_name: &str) -> Option<String> {
    let limits = modifiers(type_name);
    let (precision, scale) = (limits.first().copied()?, limits.get(1).copied().unwrap_or(0));
    // What is no plain number (NaN, 1e300 of a double) is for the server to tell.
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = whole.trim_start_matches('0').len();
    let fraction = fraction.trim_end_matches('0').len();
    let too_long = |length: usize, room: i64| i64::try_from(length).is_ok_and(|length| length > room);
    (too_long(whole, precision - scale) || too_long(fraction, scale))
        .then(|| format!("{type_name} holds no {}", short(text)))
}

/// The numbers in the brackets of a type.
fn modifiers(type_name: &str) -> Vec<i64> {
    let inner = type_name.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(inner, _)| inner);
    inner.unwrap_or_default().split(',').filter_map(|number| number.trim().parse().ok()).collect()
}

fn short(number: &str) -> &str {
    number.get(..40).unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sort_of_misfit() {
        let labels = || vec!["open".to_owned(), "done".to_owned()];
        for (value, there, here, expected) in [
            (Some("3000000000"), "bigint", "integer", Some("integer holds no 3000000000")),
            (Some("-2147483648"), "bigint", "integer", None),
            (Some("40000"), "integer", "smallint", Some("smallint holds no 40000")),
            (Some("1.50"), "numeric", "integer", Some("integer holds no 1.50")),
            (Some("2.000"), "numeric(10,3)", "integer", None),
            (Some("9999999.99"), "numeric(12,2)", "numeric(8,2)", Some("numeric(8,2) holds no 9999999.99")),
            (Some("1.234"), "numeric", "numeric(8,2)", Some("numeric(8,2) holds no 1.234")),
            (Some("001.2300"), "numeric", "numeric(3,2)", None),
            (Some("NaN"), "numeric", "numeric(3,2)", None),
            (Some("12345678901234567890"), "numeric", "bigint", Some("bigint holds no 12345678901234567890")),
            (
                Some("äöüß"),
                "text",
                "character varying(3)",
                Some("character varying(3) holds no 4 characters"),
            ),
            (Some("äöü   "), "text", "character varying(3)", None),
            (Some("secret"), "text", "public.status", Some("status has no such label")),
            (Some("open"), "text", "public.status", None),
            (
                Some("2025-01-02 03:04:05+00"),
                "timestamp with time zone",
                "date",
                Some("date holds no time of day"),
            ),
            (Some("2025-01-02 00:00:00"), "timestamp without time zone", "date", None),
            (None, "text", "text", Some("it refuses NULL")),
            (Some("anything"), "text", "text", None),
        ] {
            let column = SideColumn {
                type_name: here.to_owned(),
                not_null: true,
                labels: if here == "public.status" { labels() } else { Vec::new() },
                ..SideColumn::default()
            };
            let cell = value.map_or(Cell::Null, Cell::Text);
            assert_eq!(misfit(cell, there, &column).as_deref(), expected, "{value:?} in {here}");
        }
    }
}
