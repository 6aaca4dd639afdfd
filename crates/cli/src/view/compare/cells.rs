//! Values side by side, so that the eye finds what differs.

use backout_core::compare::{Cell, Difference, Kind, SchemaDifference, Settled};

use crate::view::{Line, Table};

/// Longer values are cut, in characters.
const LONGEST: usize = 48;
/// So much of what is alike stays before the first difference of two long values.
const BEFORE: usize = 12;
/// Columns that are told of a row that one side alone has.
const COLUMNS_OF_A_ROW: usize = 4;

/// Rows that differ, a line a column.
pub fn table(rows: &[Difference]) -> Table {
    let mut table = Table::default().headed(&["key", "column", "left", "", "right"]);
    for row in rows {
        let mut key = key(row);
        if row.settled == Settled::Moving {
            key = key.doubtful(" (moving)");
        }
        match row.kind {
            Kind::Changed => {
                for (at, cell) in row.columns.iter().enumerate() {
                    let (left, right) = pair(cell);
                    let first = if at == 0 { key.clone() } else { Line::new() };
                    table.row([first, Line::of(&cell.column), left, Line::new().dim("→"), right]);
                }
                if row.columns.is_empty() {
                    table.row([key, Line::new().dim("(gone meanwhile)")]);
                }
            }
            Kind::OnlyLeft => table.row([key, Line::of("row"), whole(row, |cell| cell.left.as_ref())]),
            Kind::OnlyRight => {
                let there = whole(row, |cell| cell.right.as_ref());
                table.row([key, Line::of("row"), Line::new().dim("–"), Line::new().dim("→"), there]);
            }
        }
    }
    table
}

/// Differences of schemas, a line each.
pub fn schema<'a>(differences: impl Iterator<Item = &'a SchemaDifference>) -> Table {
    let mut table = Table::default().headed(&["object", "property", "left", "", "right"]);
    let mut last = None;
    for one in differences {
        let cell = Cell { column: String::new(), left: one.left.clone(), right: one.right.clone() };
        let (left, right) = match &one.property {
            Some(_) => pair(&cell),
            // What stands for a whole object is no value.
            None => (present(one.left.is_some()), present(one.right.is_some())),
        };
        let object = if last == Some(&one.object) { Line::new() } else { Line::of(&one.object) };
        last = Some(&one.object);
        let property = Line::of(one.property.as_deref().unwrap_or_default());
        table.row([object, property, left, Line::new().dim("→"), right]);
    }
    table
}

fn present(is: bool) -> Line {
    if is { Line::of("present") } else { Line::new().dim("–") }
}

fn key(row: &Difference) -> Line {
    match (row.times, row.key.as_slice()) {
        (Some((left, right)), _) => Line::new().dim(format!("{left}× left, {right}× right")),
        (None, [(_, only)]) => value(only.as_deref(), 0),
        (None, several) => {
            let part = |(column, text): &(String, Option<String>)| {
                Line::of(format!("{column}=")).then(value(text.as_deref(), 0))
            };
            let parts = several.iter().map(part);
            parts.reduce(|line, part| line.plain(", ").then(part)).unwrap_or_default()
        }
    }
}

/// Both values, cut at the same place where they are long and begin alike.
fn pair(cell: &Cell) -> (Line, Line) {
    let is_long = |text: &Option<String>| text.as_ref().is_some_and(|text| text.chars().count() > LONGEST);
    let mut skipped = 0;
    if let (Some(left), Some(right)) = (&cell.left, &cell.right)
        && (is_long(&cell.left) || is_long(&cell.right))
    {
        let alike = left.chars().zip(right.chars()).take_while(|(one, other)| one == other).count();
        skipped = if alike + BEFORE > LONGEST { alike.saturating_sub(BEFORE) } else { 0 };
    }
    (value(cell.left.as_deref(), skipped), value(cell.right.as_deref(), skipped))
}

fn whole<'a>(row: &'a Difference, of: impl Fn(&'a Cell) -> Option<&'a String>) -> Line {
    let part = |cell: &'a Cell| {
        Line::new().dim(format!("{}=", cell.column)).then(value(of(cell).map(String::as_str), 0))
    };
    let parts = row.columns.iter().take(COLUMNS_OF_A_ROW).map(part);
    let line = parts.reduce(|line, part| line.plain(", ").then(part)).unwrap_or_else(|| Line::of("present"));
    match row.columns.len().checked_sub(COLUMNS_OF_A_ROW).filter(|more| *more > 0) {
        Some(more) => line.dim(format!(" and {more} more columns")),
        None => line,
    }
}

/// A value that is no text of a value: a null is no text, and what could be taken for one, or could not be seen, is put in
/// quotes.
fn value(text: Option<&str>, skipped: usize) -> Line {
    let Some(text) = text else { return Line::new().dim("NULL") };
    if text == Cell::MASKED {
        return Line::new().dim(text);
    }
    let rest: String = text.chars().skip(skipped).collect();
    let mut shown: String = rest.chars().take(LONGEST).collect();
    if skipped > 0 {
        shown.insert(0, '…');
    }
    if rest.chars().count() > LONGEST {
        shown.push('…');
    }
    let is_misleading = text.is_empty()
        || text.eq_ignore_ascii_case("null")
        || matches!(text, "–" | "→")
        || text.starts_with(char::is_whitespace)
        || text.ends_with(char::is_whitespace);
    if is_misleading { Line::of(format!("\"{shown}\"")) } else { Line::of(shown) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(left: Option<&str>, right: Option<&str>) -> (String, String) {
        let cell =
            Cell { column: "c".to_owned(), left: left.map(str::to_owned), right: right.map(str::to_owned) };
        let (left, right) = pair(&cell);
        (left.render(false), right.render(false))
    }

    #[test]
    fn values_are_told_apart_from_what_stands_for_them() {
        for (text, shown) in [
            (None, "NULL"),
            (Some("NULL"), "\"NULL\""),
            (Some(""), "\"\""),
            (Some(" x"), "\" x\""),
            (Some("a\nb\u{202e}\0"), "a\\u{a}b\\u{202e}\\u{0}"),
            (Some("plain"), "plain"),
        ] {
            assert_eq!(told(text, Some("y")).0, shown);
        }
    }

    #[test]
    fn long_values_are_cut_where_they_begin_to_differ() {
        let (one, other) = ("x".repeat(300) + "one" + &"y".repeat(300), "x".repeat(300) + "two");
        let (left, right) = told(Some(&one), Some(&other));
        assert_eq!(right, format!("…{}two", "x".repeat(12)));
        assert!(left.starts_with(&format!("…{}oneyyy", "x".repeat(12))) && left.ends_with("y…"), "{left}");
        let (left, _) = told(Some(&"x".repeat(300)), None);
        assert_eq!(left, format!("{}…", "x".repeat(LONGEST)));
    }
}
