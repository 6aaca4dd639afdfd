//! What a look at a database tells about its recorder, so that two states can be asked which writes one of them lacks.

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::coverage::lost;
use super::objects;
use crate::fault::Fault;

/// The recorder of a database, as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorder {
    /// Tells one recorder from another of the same database.
    pub nonce: String,
    /// The identities of all writes that it holds.
    pub held: Ranges,
    /// Its eras, by number.
    pub eras: Vec<i64>,
    /// Writes that it let go.
    pub missed: u64,
}

/// A set of numbers, as sorted ranges with both ends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ranges(Vec<(i64, i64)>);

impl Ranges {
    /// Whether a number is among them.
    pub fn contains(&self, number: i64) -> bool {
        let after = self.0.partition_point(|(first, _)| *first <= number);
        after.checked_sub(1).and_then(|at| self.0.get(at)).is_some_and(|(_, last)| number <= *last)
    }

    /// Adds a number that is not smaller than the last one.
    fn push(&mut self, number: i64) {
        match self.0.last_mut() {
            Some((_, last)) if *last >= number => {}
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => self.0.push((number, number)),
        }
    }
}

/// The recorder of a database; none where there is none, or one whose parts are not what they were.
pub(in crate::database) fn read(connection: &Connection) -> Result<Option<Recorder>, Fault> {
    if !objects::is_there(connection)? || lost(connection)?.is_some() {
        return Ok(None);
    }
    let (nonce, missed): (String, i64) =
        connection.query_row("SELECT nonce, missed FROM main._backout_recorder", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let mut held = Ranges::default();
    let mut statement = connection.prepare(
        "SELECT coalesce(source, seq) AS identity FROM main._backout_log
         WHERE typeof(identity) = 'integer' ORDER BY identity",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        held.push(row.get(0)?);
    }
    let mut statement = connection.prepare("SELECT era FROM main._backout_era ORDER BY era")?;
    let eras = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    Ok(Some(Recorder { nonce, held, eras, missed: u64::try_from(missed).unwrap_or(0) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_what_was_put_in_and_nothing_else() {
        let mut ranges = Ranges::default();
        for number in [1, 2, 2, 3, 7, 8, 20] {
            ranges.push(number);
        }
        assert_eq!(ranges.0, [(1, 3), (7, 8), (20, 20)]);
        let inside: Vec<i64> = (-1..=21).filter(|number| ranges.contains(*number)).collect();
        assert_eq!(inside, [1, 2, 3, 7, 8, 20]);
        assert!(!Ranges::default().contains(0));
    }
}
