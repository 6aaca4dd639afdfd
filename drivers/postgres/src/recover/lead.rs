//! Leads the keys of staged rows over: what a row there, and what it refers to, is called here.

use super::pairs::Pairs;
use super::rule::Space;
use super::side::Side;
use super::stage::{Staged, table_of};
use crate::server::{Fault, Link, literal};

/// Marks rows of which a key is not known here, and lets the keys go that were drawn for them: nothing that refers to
/// them has a place either. Whether any was let go, so that it has to be asked again.
pub(super) async fn refuse_unknown(link: &Link, here: &Side, staged: &Staged) -> Result<bool, Fault> {
    let table = table_of(here, staged)?;
    let rows = staged.rows_table();
    let mut let_go = 0;
    for (number, group) in staged.groups.iter().enumerate() {
        for (slot, space) in group {
            if !matches!(space, Space::Paired(_)) {
                continue;
            }
            let space = literal(&space.name());
            let is_unknown = |side: char| {
                format!(
                    "s.{side}{slot} IS NOT NULL AND NOT EXISTS (SELECT FROM pg_temp.backout_pair AS p
                     WHERE p.space = {space} AND p.there = s.{side}{slot})"
                )
            };
            let is_key = table.key.contains(slot);
            let (asked, why) = if table.single_key() == Some(*slot) {
                (is_unknown('l'), "no old key is known for its key")
            } else if is_key {
                (is_unknown('l'), "it refers to a row whose old key is not known")
            } else {
                let touched = staged.is_touched("s", *slot);
                let asked =
                    format!("NOT gone AND {touched} AND ({} OR {})", is_unknown('l'), is_unknown('b'));
                (asked, "it refers to a row whose old key is not known")
            };
            link.execute(
                &format!(
                    "UPDATE {rows} AS s SET why = {} WHERE grp = {number} AND why IS NULL
                     AND NOT (born AND gone) AND {asked}",
                    literal(why)
                ),
                &[],
            )
            .await?;
        }
        let own = table.single_key().and_then(|key| group.iter().find(|(slot, _)| *slot == key));
        if let Some((key, space @ Space::Paired(_))) = own {
            let_go += link
                .execute(
                    &format!(
                        "DELETE FROM pg_temp.backout_pair AS p USING {rows} AS s
                         WHERE p.drawn AND p.space = {} AND p.there = s.l{key}
                         AND s.grp = {number} AND s.born AND s.why IS NOT NULL",
                        literal(&space.name())
                    ),
                    &[],
                )
                .await?;
        }
    }
    Ok(let_go > 0)
}

/// Writes the keys here over those there. `only_drawn` leaves it at those that had to be drawn anew because another row
/// has theirs.
pub(super) async fn lead(
    link: &Link,
    pairs: &Pairs<'_>,
    staged: &Staged,
    only_drawn: bool,
) -> Result<(), Fault> {
    for (number, group) in staged.groups.iter().enumerate() {
        let (mut sets, mut joins) = (Vec::new(), String::new());
        for (slot, space) in group {
            let is_same = matches!(space, Space::Same(_));
            // What was paired is led at first, and what was drawn anew of the others later.
            if (only_drawn && !is_same) || (is_same && pairs.is_empty(space)) {
                continue;
            }
            for side in ['b', 'l'] {
                let pair = format!("p{side}{slot}");
                let drawn = if only_drawn { format!(" AND {pair}.drawn") } else { String::new() };
                joins += &format!(
                    " LEFT JOIN pg_temp.backout_pair AS {pair} ON {pair}.space = {} AND {pair}.there = o.{side}{slot}{drawn}",
                    literal(&space.name())
                );
                // What is not known here was refused, or is not touched and then of no account.
                let otherwise = if is_same { format!("o.{side}{slot}") } else { "NULL".to_owned() };
                sets.push(format!("{side}{slot} = coalesce({pair}.here, {otherwise})"));
            }
        }
        if sets.is_empty() {
            continue;
        }
        let rows = staged.rows_table();
        link.execute(
            &format!(
                "UPDATE {rows} AS s SET {} FROM {rows} AS o{joins}
                 WHERE s.ctid = o.ctid AND o.grp = {number} AND o.why IS NULL",
                sets.join(", ")
            ),
            &[],
        )
        .await?;
    }
    Ok(())
}

/// Computes the columns for which a person declared an expression, from what is known of a row on the other side.
pub(super) async fn compute(link: &Link, here: &Side, staged: &Staged) -> Result<(), Fault> {
    if staged.expressions.is_empty() {
        return Ok(());
    }
    let table = table_of(here, staged)?;
    let rows = staged.rows_table();
    let mut casts = Vec::new();
    for (at, (name, type_name)) in staged.extras.iter().enumerate() {
        // A type of the other side alone is read as text.
        let known: bool =
            link.query_one("SELECT to_regtype($1::text) IS NOT NULL", &[type_name]).await?.get(0);
        let cast = if known { format!("::{type_name}") } else { String::new() };
        casts.push((staged.width + at, crate::server::identifier(name), cast));
    }
    let versions = |is_before: bool| -> String {
        let value = |(slot, name, cast): &(usize, String, String)| {
            let touched = staged.is_touched("s", *slot);
            let text = if is_before {
                format!("CASE WHEN {touched} OR s.gone THEN s.b{slot} ELSE s.l{slot} END")
            } else {
                format!("s.l{slot}")
            };
            format!("({text}){cast} AS {name}")
        };
        casts.iter().map(value).collect::<Vec<_>>().join(", ")
    };
    let is_known = (staged.width..staged.slots())
        .map(|slot| format!("{} OR {}", staged.is_known_before("s", slot), staged.is_known_after("s", slot)))
        .collect::<Vec<_>>()
        .join(" OR ");
    let is_known = if is_known.is_empty() { "true".to_owned() } else { is_known };
    link.batch_execute("SET LOCAL search_path TO DEFAULT").await?;
    for (slot, expression) in &staged.expressions {
        if table.key.contains(slot) {
            continue;
        }
        // `concat` prints a value as its type does.
        let sql = |is_before: bool| {
            format!(
                "(SELECT CASE WHEN backout_value IS NULL THEN NULL ELSE concat(backout_value) END
                  FROM (SELECT ({expression}) AS backout_value FROM (SELECT {}) AS backout_row) AS q)",
                versions(is_before)
            )
        };
        let n = staged.slots();
        link.execute(
            &format!(
                "UPDATE {rows} AS s SET b{slot} = v.b, l{slot} = v.l, m = set_bit(set_bit(set_bit(s.m,
                   {slot}, CASE WHEN v.gone THEN 0 WHEN v.born OR v.b IS DISTINCT FROM v.l THEN 1 ELSE 0 END),
                   {}, CASE WHEN v.born THEN 0 ELSE 1 END), {}, CASE WHEN v.gone THEN 0 ELSE 1 END)
                 FROM (SELECT s.ctid AS tid, s.born, s.gone, CASE WHEN NOT s.born THEN {} END AS b,
                              CASE WHEN NOT s.gone THEN {} END AS l
                       FROM {rows} AS s WHERE s.why IS NULL AND ({is_known})) AS v
                 WHERE s.ctid = v.tid",
                n + slot,
                2 * n + slot,
                sql(true),
                sql(false),
            ),
            &[],
        )
        .await?;
    }
    link.batch_execute("SET LOCAL search_path = ''").await?;
    Ok(())
}
