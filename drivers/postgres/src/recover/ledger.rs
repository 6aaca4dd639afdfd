//! What was taken over, by the numbers of the changes: a few ranges for each source, in the put-back database itself.

use tokio_postgres::GenericClient;

use super::stage::lost;
use crate::server::{Fault, Link};

/// The tables of ours that taking over needs.
pub(super) const MAKE: &str = "
    CREATE SCHEMA IF NOT EXISTS _backout;
    CREATE TABLE IF NOT EXISTS _backout.taken (source text, first bigint, last bigint, PRIMARY KEY (source, first));
    CREATE TABLE IF NOT EXISTS _backout.conflict (source text, number bigint, tab text, key text, cause text,
        columns text[], before jsonb, recorded jsonb, restored jsonb, at timestamptz DEFAULT now(),
        PRIMARY KEY (source, number, tab, key));
    CREATE TABLE IF NOT EXISTS _backout.undo (source text, tab text, op \"char\", row text, at timestamptz DEFAULT now())";

/// Numbers, as ranges that do not touch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// Of ranges in any order.
    pub(super) fn of(mut ranges: Vec<(u64, u64)>) -> Self {
        ranges.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::new();
        for (first, last) in ranges {
            match merged.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => merged.push((first, last)),
            }
        }
        Self(merged)
    }

    pub(super) fn has(&self, number: u64) -> bool {
        let at = self.0.partition_point(|(_, last)| *last < number);
        self.0.get(at).is_some_and(|(first, _)| *first <= number)
    }

    /// Adds a number that is higher than most.
    pub(super) fn add(&mut self, number: u64) {
        match self.0.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            Some((first, last)) if *first <= number && number <= *last => {}
            _ => self.0.push((number, number)),
        }
    }

    /// These and all of a span but the others.
    pub(super) fn with_span_but(self, span: (u64, u64), others: &Self) -> Self {
        let mut all = self.0;
        let mut next = span.0;
        for (first, last) in Self::of(others.0.clone()).0 {
            if first > next {
                all.push((next, (first - 1).min(span.1)));
            }
            next = next.max(last.saturating_add(1));
            if next > span.1 {
                return Self::of(all);
            }
        }
        all.push((next, span.1));
        Self::of(all)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        self.0.iter().copied()
    }

    pub(super) fn extend(&mut self, numbers: impl IntoIterator<Item = u64>) {
        self.0.extend(numbers.into_iter().map(|number| (number, number)));
        *self = Self::of(std::mem::take(&mut self.0));
    }
}

/// What was taken over of a source.
pub(super) async fn read(link: &Link, source: &str) -> Result<Ranges, Fault> {
    let is_there: bool =
        link.query_one("SELECT to_regclass('_backout.taken') IS NOT NULL", &[]).await?.get(0);
    if !is_there {
        return Ok(Ranges::default());
    }
    let rows = link.query("SELECT first, last FROM _backout.taken WHERE source = $1", &[&source]).await?;
    let number = |number: i64| u64::try_from(number).map_err(|_| lost("read what was taken over"));
    let ranges: Result<Vec<_>, Fault> =
        rows.iter().map(|row| Ok((number(row.get(0))?, number(row.get(1))?))).collect();
    Ok(Ranges::of(ranges?))
}

/// Puts down what was taken over by now.
pub(super) async fn write(link: &Link, source: &str, ranges: &Ranges) -> Result<(), Fault> {
    let number = |number: u64| i64::try_from(number).map_err(|_| lost("put down what was taken over"));
    let (mut first, mut last) = (Vec::new(), Vec::new());
    for range in ranges.iter() {
        first.push(number(range.0)?);
        last.push(number(range.1)?);
    }
    link.execute("DELETE FROM _backout.taken WHERE source = $1", &[&source]).await?;
    link.execute(
        "INSERT INTO _backout.taken SELECT $1, * FROM unnest($2::bigint[], $3::bigint[])",
        &[&source, &first, &last],
    )
    .await?;
    Ok(())
}

/// Forgets all of it, with the conflicts that waited.
pub(super) async fn forget(client: &impl GenericClient) -> Result<(), Fault> {
    for table in ["_backout.taken", "_backout.conflict"] {
        let there = client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&table]).await?;
        if there.get(0) {
            client.batch_execute(&format!("DELETE FROM {table}")).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(ranges: &[(u64, u64)]) -> Ranges {
        Ranges::of(ranges.to_vec())
    }

    #[test]
    fn ranges_have_what_they_have() {
        let some = ranges(&[(5, 7), (1, 2), (3, 3), (10, 10)]);
        assert_eq!(some, Ranges(vec![(1, 3), (5, 7), (10, 10)]));
        let has: Vec<u64> = (0..12).filter(|number| some.has(*number)).collect();
        assert_eq!(has, [1, 2, 3, 5, 6, 7, 10]);
        let mut grown = Ranges::default();
        [4, 5, 5, 9, 10].into_iter().for_each(|number| grown.add(number));
        assert_eq!(grown, Ranges(vec![(4, 5), (9, 10)]));
    }

    #[test]
    fn a_span_but_some() {
        for (before, span, but, expected) in [
            (&[][..], (1, 9), &[][..], &[(1, 9)][..]),
            (&[], (1, 9), &[(3, 3), (5, 6)], &[(1, 2), (4, 4), (7, 9)]),
            (&[], (1, 9), &[(1, 1), (9, 9)], &[(2, 8)]),
            (&[], (1, 9), &[(1, 9)], &[]),
            (&[(2, 3), (20, 21)], (1, 9), &[(1, 1), (5, 5)], &[(2, 4), (6, 9), (20, 21)]),
        ] {
            let found = ranges(before).with_span_but(span, &ranges(but));
            assert_eq!(found, ranges(expected), "{before:?} {span:?} {but:?}");
        }
    }
}
