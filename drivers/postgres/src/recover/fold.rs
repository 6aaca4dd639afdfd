//! What became of one row over many writes: how it was, how it is, and which columns users changed. Pure.

use crate::recorder::{Image, Value};

/// A value of a row as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell<T = Box<str>> {
    /// Nobody saw it, or the change did not touch it.
    Unknown,
    Null,
    Text(T),
}

impl<T> Cell<T> {
    pub(super) fn is_known(&self) -> bool {
        !matches!(self, Self::Unknown)
    }
}

impl<T: AsRef<str>> Cell<T> {
    /// Its text; none of NULL and of what is not known.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.as_ref()),
            Self::Unknown | Self::Null => None,
        }
    }

    /// The same, of which the text stays where it is.
    pub(super) fn lent(&self) -> Cell<&str> {
        match self {
            Self::Unknown => Cell::Unknown,
            Self::Null => Cell::Null,
            Self::Text(text) => Cell::Text(text.as_ref()),
        }
    }
}

/// A row, in the columns of the put-back table.
pub(super) type Row<T = Box<str>> = Vec<Cell<T>>;

/// One recorded write of a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Write {
    Insert { after: Row },
    Update { before: Row, after: Row },
    Delete { before: Row },
}

/// The value of an image at a place.
pub(super) fn cell(image: &Image, place: usize) -> Cell {
    match image.get(place) {
        Some(Some(Value::Null)) => Cell::Null,
        Some(Some(Value::Text(text))) => Cell::Text(text.clone()),
        Some(Some(Value::Untouched) | None) | None => Cell::Unknown,
    }
}

/// The same, taken out of an image that nobody reads there again.
pub(super) fn taken(image: &mut Image, place: usize) -> Cell {
    match image.get_mut(place).and_then(Option::take) {
        Some(Value::Null) => Cell::Null,
        Some(Value::Text(text)) => Cell::Text(text),
        Some(Value::Untouched) | None => Cell::Unknown,
    }
}

/// All writes of a row, as one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Folded<T = Box<str>> {
    /// Before the first write; of a column that users changed, before they first did. None for a row that was born.
    pub(super) base: Option<Row<T>>,
    /// After the last write; of a column that users changed, after they last did. None for a row that is gone.
    pub(super) last: Option<Row<T>>,
    /// Columns that users changed, even if back again; of a born row, those that are known.
    pub(super) touched: Vec<bool>,
}

impl Folded {
    /// What one write makes of a row.
    pub(super) fn of(write: Write) -> Self {
        match write {
            Write::Insert { after } => {
                Self { base: None, touched: after.iter().map(Cell::is_known).collect(), last: Some(after) }
            }
            Write::Update { before, after } => {
                let touched =
                    before.iter().zip(&after).map(|(before, after)| is_changed(before, after)).collect();
                let last = keeping(&before, after);
                Self { base: Some(before), last: Some(last), touched }
            }
            Write::Delete { before } => {
                Self { touched: vec![false; before.len()], base: Some(before), last: None }
            }
        }
    }

    /// And what the next one makes of it. Between the two others may have written what is not taken over: a column
    /// that only they changed follows them and is not touched.
    pub(super) fn then(&mut self, write: Write) {
        match write {
            Write::Delete { .. } => self.last = None,
            Write::Insert { after } => self.write_over(after),
            Write::Update { before, after } => match &mut self.last {
                // Something in between was not recorded.
                None => self.write_over(keeping(&before, after)),
                Some(last) => {
                    for (place, (before, after)) in before.into_iter().zip(after).enumerate() {
                        let (Some(last), Some(touched)) = (last.get_mut(place), self.touched.get_mut(place))
                        else {
                            continue;
                        };
                        // Where the recorder did not see how it was found, it was found as it was left.
                        let before = if before.is_known() { before } else { last.clone() };
                        let is_changed = is_changed(&before, &after);
                        if is_changed && !*touched {
                            if let Some(base) = self.base.as_mut().and_then(|base| base.get_mut(place)) {
                                *base = before;
                            }
                            *touched = true;
                        }
                        if after.is_known() && (is_changed || !*touched) {
                            *last = after;
                        }
                    }
                }
            },
        }
    }

    /// And what a later part of its life makes of it, which was folded by itself.
    pub(super) fn then_folded(&mut self, later: Self) {
        match (later.base, later.last) {
            (None, Some(after)) => self.then(Write::Insert { after }),
            (Some(before), Some(after)) => self.then(Write::Update { before, after }),
            (_, None) => self.last = None,
        }
    }

    fn write_over(&mut self, after: Row) {
        match &self.base {
            Some(base) => {
                for ((touched, base), after) in self.touched.iter_mut().zip(base).zip(&after) {
                    *touched |= is_changed(base, after);
                }
            }
            None => self.touched = after.iter().map(Cell::is_known).collect(),
        }
        self.last = Some(after);
    }
}

impl<T: PartialEq> Folded<T> {
    /// Whether users themselves undid all they did.
    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        match (&self.base, &self.last) {
            (None, None) => true,
            (Some(_), Some(_)) => self.changed().is_empty(),
            _ => false,
        }
    }

    /// Columns that differ in the end because users changed them.
    #[cfg(test)]
    pub(super) fn changed(&self) -> Vec<usize> {
        (0..self.touched.len()).filter(|place| self.differs(*place)).collect()
    }

    /// Whether a column differs in the end because users changed it.
    pub(super) fn differs(&self, place: usize) -> bool {
        let (Some(base), Some(last)) = (&self.base, &self.last) else { return false };
        self.touched.get(place) == Some(&true)
            && base.get(place).zip(last.get(place)).is_some_and(|(base, last)| is_changed(base, last))
    }
}

/// What is known after is something else than before, or it is not known what was before.
fn is_changed<T: PartialEq>(before: &Cell<T>, after: &Cell<T>) -> bool {
    after.is_known() && before != after
}

/// A row after a write: what the write did not touch stays.
fn keeping(before: &Row, mut after: Row) -> Row {
    for (after, before) in after.iter_mut().zip(before) {
        if !after.is_known() {
            *after = before.clone();
        }
    }
    after
}

/// The value of a row at a place; not known where there is no row.
pub(super) fn at<T: AsRef<str>>(row: &Option<Row<T>>, place: usize) -> Cell<&str> {
    row.as_ref().and_then(|row| row.get(place)).map_or(Cell::Unknown, Cell::lent)
}

/// Puts a folded row into few bytes. Of a row that still is, what was before is kept of touched columns only: of the
/// others it is what was after.
pub(super) fn pack<T: AsRef<str>>(folded: &Folded<T>) -> Box<[u8]> {
    let mut bytes = Vec::with_capacity(256);
    let mark = |row: &Option<Row<T>>| u8::from(row.is_some());
    bytes.push(mark(&folded.base) | mark(&folded.last) << 1);
    let width = folded.touched.len();
    push_number(&mut bytes, width);
    for (place, touched) in folded.touched.iter().enumerate() {
        let base = at(&folded.base, place);
        let base = if *touched || folded.last.is_none() { base } else { Cell::Unknown };
        let last = at(&folded.last, place);
        let state = |cell: Cell<&str>| match cell {
            Cell::Unknown => 0u8,
            Cell::Null => 1,
            Cell::Text(_) => 2,
        };
        bytes.push(u8::from(*touched) | state(base) << 1 | state(last) << 3);
        for cell in [base, last] {
            if let Some(text) = cell.text() {
                push_number(&mut bytes, text.len());
                bytes.extend_from_slice(text.as_bytes());
            }
        }
    }
    bytes.into_boxed_slice()
}

/// The other way round, with texts of its own or those that stand in the bytes; none where these are not the bytes of a
/// row.
pub(super) fn unpack<'b, T: From<&'b str> + Clone>(bytes: &'b [u8]) -> Option<Folded<T>> {
    let mut rest = bytes;
    let (marks, width) = (take(&mut rest)?, take_number(&mut rest)?);
    let mut folded = Folded {
        base: (marks & 1 != 0).then(|| Vec::with_capacity(width)),
        last: (marks & 2 != 0).then(|| Vec::with_capacity(width)),
        touched: Vec::with_capacity(width),
    };
    for _ in 0..width {
        let state = take(&mut rest)?;
        let mut cells = [Cell::Unknown, Cell::Unknown];
        for (cell, state) in cells.iter_mut().zip([state >> 1 & 3, state >> 3 & 3]) {
            *cell = match state {
                0 => Cell::Unknown,
                1 => Cell::Null,
                _ => {
                    let length = take_number(&mut rest)?;
                    let (text, after) = rest.split_at_checked(length)?;
                    rest = after;
                    Cell::Text(std::str::from_utf8(text).ok()?.into())
                }
            };
        }
        let [mut base, last] = cells;
        let touched = state & 1 != 0;
        if !touched && folded.last.is_some() {
            base = last.clone();
        }
        folded.touched.push(touched);
        if let Some(row) = &mut folded.base {
            row.push(base);
        }
        if let Some(row) = &mut folded.last {
            row.push(last);
        }
    }
    Some(folded)
}

fn push_number(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take(rest: &mut &[u8]) -> Option<u8> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    Some(*first)
}

fn take_number(rest: &mut &[u8]) -> Option<usize> {
    let (mut number, mut shift) = (0usize, 0u32);
    loop {
        let byte = take(rest)?;
        number |= usize::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
        shift += 7;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: [i64; 2]) -> Row {
        // Below zero nothing is known.
        let cell = |value: i64| if value < 0 { Cell::Unknown } else { Cell::Text(value.to_string().into()) };
        values.map(cell).to_vec()
    }

    fn i(after: [i64; 2]) -> Write {
        Write::Insert { after: row(after) }
    }

    fn u(before: [i64; 2], after: [i64; 2]) -> Write {
        Write::Update { before: row(before), after: row(after) }
    }

    fn d(before: [i64; 2]) -> Write {
        Write::Delete { before: row(before) }
    }

    #[test]
    fn writes_of_a_row_are_one_in_the_end() {
        // Writes, base, last, columns that are changed.
        type Case = (Vec<Write>, Option<[i64; 2]>, Option<[i64; 2]>, Vec<usize>);
        let cases: Vec<Case> = vec![
            (vec![i([1, 2])], None, Some([1, 2]), vec![]),
            (vec![i([1, 2]), u([1, 2], [1, 3])], None, Some([1, 3]), vec![]),
            (vec![i([1, 2]), d([1, 2])], None, None, vec![]),
            (vec![i([1, 2]), d([1, 2]), i([1, 4])], None, Some([1, 4]), vec![]),
            (vec![u([1, 2], [1, 3])], Some([1, 2]), Some([1, 3]), vec![1]),
            (vec![u([1, 2], [1, 3]), u([1, 3], [1, 4])], Some([1, 2]), Some([1, 4]), vec![1]),
            (vec![u([1, 2], [1, 3]), u([1, 3], [1, 2])], Some([1, 2]), Some([1, 2]), vec![]),
            (vec![u([1, 2], [1, 3]), d([1, 3])], Some([1, 2]), None, vec![]),
            (vec![d([1, 2]), i([1, 5])], Some([1, 2]), Some([1, 5]), vec![1]),
            (vec![d([1, 2]), i([1, 2])], Some([1, 2]), Some([1, 2]), vec![]),
            // The migration changed column 0 in between, and the user column 1 afterwards.
            (vec![u([1, 2], [1, 3]), u([9, 3], [9, 4])], Some([1, 2]), Some([9, 4]), vec![1]),
            // The migration changed column 1 between two changes of users.
            (vec![u([1, 2], [1, 3]), u([1, 8], [1, 4])], Some([1, 2]), Some([1, 4]), vec![1]),
            // The migration changed what the user had written, who then wrote elsewhere: the user's word counts.
            (vec![u([1, 2], [1, 3]), u([1, 8], [5, 8])], Some([1, 2]), Some([5, 3]), vec![0, 1]),
            // The migration changed it first.
            (vec![u([1, 2], [5, 2]), u([5, 7], [5, 8])], Some([1, 7]), Some([5, 8]), vec![0, 1]),
            // A delete was not recorded.
            (vec![d([1, 2]), u([1, 6], [1, 7])], Some([1, 2]), Some([1, 7]), vec![1]),
            // A long value that was not touched.
            (vec![u([1, 2], [5, -1])], Some([1, 2]), Some([5, 2]), vec![0]),
            (vec![u([1, -1], [5, -1])], Some([1, -1]), Some([5, -1]), vec![0]),
            // Only the key was recorded of what was before.
            (vec![u([1, -1], [1, 3])], Some([1, -1]), Some([1, 3]), vec![1]),
            (vec![u([1, -1], [1, 3]), u([1, -1], [1, 4])], Some([1, -1]), Some([1, 4]), vec![1]),
            (vec![i([1, 2]), u([1, -1], [1, 4])], None, Some([1, 4]), vec![]),
        ];
        for (writes, base, last, changed) in cases {
            let shown = format!("{writes:?}");
            let mut all = writes.clone().into_iter();
            let mut folded = Folded::of(all.next().unwrap());
            all.for_each(|write| folded.then(write));
            assert_eq!(folded.base, base.map(row), "{shown}");
            assert_eq!(folded.last, last.map(row), "{shown}");
            assert_eq!(folded.changed(), changed, "{shown}");
            let is_idle = base.is_some() == last.is_some() && (base.is_none() || changed.is_empty());
            assert_eq!(folded.is_idle(), is_idle, "{shown}");
            // In two parts that were put away, it comes to the same.
            for at in 1..writes.len() {
                let part = |writes: &[Write]| {
                    let mut writes = writes.iter().cloned();
                    let mut folded = Folded::of(writes.next().unwrap());
                    writes.for_each(|write| folded.then(write));
                    unpack::<Box<str>>(&pack(&folded)).unwrap()
                };
                let mut whole = part(&writes[..at]);
                whole.then_folded(part(&writes[at..]));
                assert_eq!((&whole.last, whole.changed()), (&folded.last, folded.changed()), "{shown}");
            }
        }
    }

    #[test]
    fn a_packed_row_is_the_row() {
        let wide: Row =
            vec![Cell::Text("x".repeat(300).into()), Cell::Null, Cell::Unknown, Cell::Text("".into())];
        for write in [
            Write::Insert { after: wide.clone() },
            Write::Delete { before: wide.clone() },
            Write::Update { before: wide.clone(), after: wide.iter().rev().cloned().collect() },
        ] {
            let folded = Folded::of(write);
            assert_eq!(unpack::<Box<str>>(&pack(&folded)).unwrap(), folded);
        }
        assert_eq!(unpack::<&str>(&[]), None);
        assert_eq!(unpack::<&str>(&[3, 200]), None);
    }
}
