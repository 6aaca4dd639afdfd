//! What became of one row over many writes: how it was, how it is, and which columns users changed. Pure.

use super::cell::Row;

/// One recorded write of a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Write {
    Insert { after: Row },
    Update { before: Row, after: Row },
    Delete { before: Row },
}

/// All writes of a row, as one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Folded {
    /// Before the first write; of a column that users changed, before they first did. None for a row that was born.
    pub(super) base: Option<Row>,
    /// After the last write; of a column that users changed, after they last did. None for a row that is gone.
    pub(super) last: Option<Row>,
    /// Columns that users changed, even if back again.
    pub(super) touched: Vec<bool>,
}

impl Folded {
    /// What one write makes of a row.
    pub(super) fn of(write: Write) -> Self {
        match write {
            Write::Insert { after } => {
                Self { base: None, touched: vec![true; after.len()], last: Some(after) }
            }
            Write::Update { before, after } => {
                let touched = before.iter().zip(&after).map(|(before, after)| before != after).collect();
                Self { base: Some(before), last: Some(after), touched }
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
                None => self.write_over(after),
                Some(last) => {
                    for (place, (before, after)) in before.into_iter().zip(after).enumerate() {
                        let (Some(last), Some(touched)) = (last.get_mut(place), self.touched.get_mut(place))
                        else {
                            continue;
                        };
                        let is_changed = before != after;
                        if is_changed && !*touched {
                            if let Some(base) = self.base.as_mut().and_then(|base| base.get_mut(place)) {
                                *base = before;
                            }
                            *touched = true;
                        }
                        if is_changed || !*touched {
                            *last = after;
                        }
                    }
                }
            },
        }
    }

    fn write_over(&mut self, after: Row) {
        if let Some(base) = &self.base {
            for ((touched, base), after) in self.touched.iter_mut().zip(base).zip(&after) {
                *touched |= base != after;
            }
        }
        self.last = Some(after);
    }

    /// Whether users themselves undid all they did.
    pub(super) fn is_idle(&self) -> bool {
        match (&self.base, &self.last) {
            (None, None) => true,
            (Some(_), Some(_)) => self.changed().is_empty(),
            _ => false,
        }
    }

    /// Columns that differ in the end because users changed them.
    pub(super) fn changed(&self) -> Vec<usize> {
        let (Some(base), Some(last)) = (&self.base, &self.last) else { return Vec::new() };
        let differs = |place: &usize| base.get(*place) != last.get(*place);
        let touched = self.touched.iter().enumerate().filter(|(_, touched)| **touched);
        touched.map(|(place, _)| place).filter(differs).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::recover::cell::Cell;

    fn row(values: [i64; 2]) -> Row {
        values.map(|value| Some(Cell::Integer(value))).to_vec()
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
            // A replacement leaves an insert without a delete.
            (vec![u([1, 2], [1, 3]), i([1, 9])], Some([1, 2]), Some([1, 9]), vec![1]),
            // A delete was not recorded.
            (vec![d([1, 2]), u([1, 6], [1, 7])], Some([1, 2]), Some([1, 7]), vec![1]),
        ];
        for (writes, base, last, changed) in cases {
            let shown = format!("{writes:?}");
            let mut writes = writes.into_iter();
            let mut folded = Folded::of(writes.next().unwrap());
            writes.for_each(|write| folded.then(write));
            assert_eq!(folded.base, base.map(row), "{shown}");
            assert_eq!(folded.last, last.map(row), "{shown}");
            assert_eq!(folded.changed(), changed, "{shown}");
            let is_idle = base.is_some() == last.is_some() && (base.is_none() || changed.is_empty());
            assert_eq!(folded.is_idle(), is_idle, "{shown}");
        }
    }
}
