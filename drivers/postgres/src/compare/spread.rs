//! How integers are spread in the first column of a key.

use std::collections::HashMap;

use backout_core::compare::Spread;
use tokio_postgres::Client;

use crate::server::{Fault, TableName, identifier};

/// So many tables are asked about in one statement.
const AT_ONCE: usize = 200;

/// A key of one integer.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// The relation's place in the catalog that is being read.
    pub(super) at: usize,
    pub(super) name: TableName,
    /// What stands behind `FROM`.
    pub(super) from: String,
    pub(super) column: String,
}

/// How they are spread, by the relation's place. One that cannot be looked into has none.
pub(super) async fn spreads(client: &Client, wanted: &[Wanted]) -> Result<HashMap<usize, Spread>, Fault> {
    let mut found = HashMap::new();
    for some in wanted.chunks(AT_ONCE) {
        if let Some(ends) = ends(client, some).await? {
            found.extend(ends);
            continue;
        }
        for one in some {
            found.extend(ends(client, std::slice::from_ref(one)).await?.unwrap_or_default());
        }
    }
    let bounds = bounds(client, wanted).await?;
    let spread = |(at, (low, high)): (usize, (i64, i64))| {
        let fullest = bounds.get(&at).map_or(EVEN, |bounds| fullest(bounds, low, high));
        (at, Spread { low, high, fullest })
    };
    Ok(found.into_iter().map(spread).collect())
}

/// The lowest and the highest, through the index. None where one of them cannot be asked for (somebody holds it).
async fn ends(client: &Client, wanted: &[Wanted]) -> Result<Option<Vec<(usize, (i64, i64))>>, Fault> {
    let of = |one: &Wanted| {
        let (column, from) = (identifier(&one.column), &one.from);
        let at = one.at;
        format!(
            "SELECT {at}::int8, (SELECT min({column}) FROM {from})::int8, (SELECT max({column}) FROM {from})::int8"
        )
    };
    let statement = wanted.iter().map(of).collect::<Vec<_>>().join(" UNION ALL ");
    client.batch_execute("SAVEPOINT ends").await?;
    let answer = client.query_typed(&statement, &[]).await;
    let rows = match answer {
        Ok(rows) => rows,
        Err(error) if error.as_db_error().is_some() && !error.is_closed() => {
            client.batch_execute("ROLLBACK TO SAVEPOINT ends").await?;
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    client.batch_execute("RELEASE SAVEPOINT ends").await?;
    let ends = |row: &tokio_postgres::Row| {
        let at = usize::try_from(row.get::<_, i64>(0)).ok()?;
        Some((at, (row.get::<_, Option<i64>>(1)?, row.get::<_, Option<i64>>(2)?)))
    };
    Ok(Some(rows.iter().filter_map(ends).collect()))
}

/// The bounds of the server's histograms, between any two of which about as many rows stand.
async fn bounds(client: &Client, wanted: &[Wanted]) -> Result<HashMap<usize, Vec<i64>>, Fault> {
    let of = |of: fn(&Wanted) -> &String| wanted.iter().map(of).cloned().collect::<Vec<_>>();
    let (schemas, names, columns) =
        (of(|one| &one.name.schema), of(|one| &one.name.name), of(|one| &one.column));
    let rows = client.query(BOUNDS, &[&schemas, &names, &columns]).await?;
    let mut found = HashMap::new();
    for row in &rows {
        let place = usize::try_from(row.get::<_, i64>(0)).unwrap_or(usize::MAX);
        let text: String = row.get(1);
        let numbers: Option<Vec<i64>> =
            text.trim_matches(['{', '}']).split(',').map(|number| number.parse().ok()).collect();
        if let (Some(one), Some(numbers)) = (wanted.get(place.wrapping_sub(1)), numbers) {
            found.insert(one.at, numbers);
        }
    }
    Ok(found)
}

/// Those of a partitioned table as a whole come first where there are two.
const BOUNDS: &str = "\
    SELECT DISTINCT ON (w.place) w.place, s.histogram_bounds::text \
    FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS w(schema, name, attribute, place) \
    JOIN pg_stats s ON s.schemaname = w.schema AND s.tablename = w.name AND s.attname = w.attribute \
    WHERE s.histogram_bounds IS NOT NULL ORDER BY w.place, s.inherited DESC";

/// What stands in each hundredth where all are alike.
const EVEN: f64 = 0.01;

/// Which part of the rows stands in the fullest hundredth between the lowest and the highest.
fn fullest(bounds: &[i64], low: i64, high: i64) -> f64 {
    let (low, width) = (low as f64, (high as f64 - low as f64 + 1.0) / 100.0);
    let Some(share) = bounds.len().checked_sub(1).filter(|buckets| *buckets > 0) else { return EVEN };
    let share = 1.0 / share as f64;
    let mut hundredths = [0.0_f64; 100];
    for pair in bounds.windows(2) {
        let &[from, to] = pair else { continue };
        let (from, to) = ((from as f64 - low) / width, (to as f64 + 1.0 - low) / width);
        if to <= from {
            // So narrow that it has no width against the whole.
            let at = (from.max(0.0) as usize).min(99);
            hundredths[at] += share;
            continue;
        }
        for (at, hundredth) in hundredths.iter_mut().enumerate() {
            let (begin, end) = (at as f64, at as f64 + 1.0);
            let within = (to.min(end) - from.max(begin)).max(0.0);
            *hundredth += share * within / (to - from);
        }
    }
    hundredths.into_iter().fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_keys_fill_no_hundredth_and_a_crowd_fills_one() {
        let even: Vec<i64> = (0..=100).map(|at| at * 50_000).collect();
        assert!(fullest(&even, 0, 5_000_000) < 0.011);
        // Half of the rows stand in the first thousand of a thousand million.
        let crowd: Vec<i64> =
            (0..=100).map(|at| if at <= 50 { at * 20 } else { (at - 50) * 20_000_000 }).collect();
        assert!(fullest(&crowd, 0, 1_000_000_000) > 0.5);
        let far: Vec<i64> = (0..=100)
            .map(|at| match at {
                0 => i64::MIN,
                100 => i64::MAX,
                at => at * 50,
            })
            .collect();
        assert!(fullest(&far, i64::MIN, i64::MAX) > 0.9);
        assert!((fullest(&[i64::MIN, i64::MAX], i64::MIN, i64::MAX) - 0.01).abs() < 0.001);
        assert!((fullest(&[7], 0, 10) - EVEN).abs() < 1e-9);
        assert!(fullest(&[5, 5], 5, 5) <= 1.0);
    }
}
