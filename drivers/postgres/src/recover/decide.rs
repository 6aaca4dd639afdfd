//! Whether a recorded row is taken over, by three versions of it: as users found it, as they left it, and as it stands in
//! the target now. One statement for each table: the server compares a million rows where they are.
//!
//! | # | users | here | → | fate |
//! |---|---|---|---|---|
//! | 1 | inserted and deleted | none, or another row that was born here | nothing | `n` |
//! | 1a | inserted, over a row that was there, and deleted | as it was | delete | `d` |
//! | 1b | inserted, over a row that was there, and deleted | changed here | conflict: changed and deleted | `C` |
//! | 2 | inserted | none | insert | `i` |
//! | 3 | inserted | equal | nothing | `e` |
//! | 4 | inserted | another row, born here too; keys are drawn | another key | `w` |
//! | 5 | inserted | another row, born here too; keys are not drawn | conflict: key taken | `K` |
//! | 6 | inserted, over a row that was there | as it was | update | `u` |
//! | 7 | inserted, over a row that was there | changed here | conflict: both changed | `B` |
//! | 8 | deleted | none | nothing | `e` |
//! | 9 | deleted | changed here by users | conflict: changed and deleted | `C` |
//! | 10 | deleted | as it was, but for the migration's changes | delete | `d` |
//! | 11 | changed, and back again | any | nothing | `n` |
//! | 12 | changed | none | conflict: changed and deleted | `C` |
//! | 13 | changed | each changed column is equal | nothing | `e` |
//! | 14 | changed | each changed column is equal or as users found it | update of the latter | `u` |
//! | 15 | changed | a changed column is neither | conflict: both changed | `B` |
//!
//! Further fates: `x` has no place, `o` waits for a person, `y` yields to what stands here.
//!
//! Where nobody recorded what was written here since, a row that stands where users inserted one counts as born here, and
//! one that differs from what users found before they deleted it as changed here.

use backout_core::writes::Winner;

use super::side::{Family, Side, SideColumn, SideTable, base_of};
use super::stage::{Staged, table_of};
use crate::server::{Fault, Link, identifier};

/// What is known of what was written here since the database was put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Natives {
    /// Nobody recorded it.
    Unknown,
    /// Nothing.
    None,
    /// It stands in `backout_native`.
    Some,
}

/// A value of the target's row `h` in the text that its type prints.
pub(super) fn printed(column: &SideColumn) -> String {
    let name = format!("h.{}", identifier(&column.name));
    match (base_of(&column.type_name), Family::of(&column.type_name)) {
        ("text" | "character varying", _) => format!("{name}::text COLLATE \"C\""),
        (_, Family::Integer | Family::Number | Family::Time | Family::Uuid | Family::Json) => {
            format!("{name}::text COLLATE \"C\"")
        }
        // A cast to text says other things than the type itself, of truth values and padded texts for one.
        _ => format!("CASE WHEN {name} IS NOT NULL THEN concat({name}) END COLLATE \"C\""),
    }
}

/// Whether equal values of a type are the same in every respect, so that they need not be printed to be compared. Times
/// are, and then it does not matter in which zone they were printed.
fn is_exact(type_name: &str) -> bool {
    let names = ["smallint", "integer", "bigint", "uuid", "boolean", "date", "bytea"];
    names.contains(&type_name) || (Family::of(type_name) == Family::Time)
}

/// Whether a staged text differs from what stands in `h`.
fn differs(column: &SideColumn, staged: &Staged, slot: usize, side: char) -> String {
    let text = format!("s.{side}{slot}");
    let is_same = staged.narrowed.get(&slot).is_none_or(|there| *there == column.type_name);
    if is_exact(&column.type_name) && is_same {
        return format!("{text}::{} IS DISTINCT FROM h.{}", column.cast, identifier(&column.name));
    }
    format!("{text} IS DISTINCT FROM {}", printed(column))
}

/// How staged rows find their row of the target.
pub(super) fn by_key(table: &SideTable) -> String {
    let equal = |slot: &usize| {
        let column = table.column(*slot)?;
        let equals = column.equals.as_deref().unwrap_or("OPERATOR(pg_catalog.=)");
        // A key without a place may be none of its type, and conditions are evaluated in any order.
        let text = format!("CASE WHEN s.why IS NULL THEN s.l{slot} END");
        Some(format!("h.{} {equals} ({text})::{}", identifier(&column.name), column.cast))
    };
    table.key.iter().filter_map(equal).collect::<Vec<_>>().join(" AND ")
}

/// How a decided row `d` finds the same row again.
pub(super) fn by_place(table: &SideTable, target: &str) -> String {
    let same = format!("{target}.ctid = d.tid");
    if table.is_partitioned { format!("{same} AND {target}.tableoid = d.toid") } else { same }
}

/// Either of some conditions.
fn any(conditions: Vec<String>) -> String {
    if conditions.is_empty() { "false".to_owned() } else { format!("({})", conditions.join(" OR ")) }
}

/// Decides all rows of a table: the statement that makes the table of decided ones.
pub(super) fn statement(table: &SideTable, staged: &Staged, natives: Natives, is_reused: bool) -> String {
    let columns = || {
        let touched = |slot: &usize| staged.touched.contains(slot) || staged.expressions.contains_key(slot);
        table.columns.iter().enumerate().filter(move |(slot, _)| touched(slot))
    };
    let differs = |column, slot, side| differs(column, staged, slot, side);
    let open = any(columns()
        .filter(|(_, column)| !column.is_generated)
        .map(|(slot, column)| {
            format!("({} AND {})", staged.is_touched("s", slot), differs(column, slot, 'l'))
        })
        .collect());
    let hurt = any(columns().map(|(slot, column)| hurt(staged, column, slot)).collect());
    let (is_born, is_changed) = match natives {
        Natives::Unknown => {
            let compared = table
                .columns
                .iter()
                .enumerate()
                .filter(|(slot, column)| !table.key.contains(slot) && !column.is_generated);
            let changed = any(compared
                .map(|(slot, column)| {
                    format!("({} AND {})", staged.is_known_before("s", slot), differs(column, slot, 'b'))
                })
                .collect());
            ("true".to_owned(), changed)
        }
        Natives::None => (is_reused.to_string(), "false".to_owned()),
        Natives::Some => {
            (format!("(coalesce(w.born, false) OR {is_reused})"), "w.key IS NOT NULL".to_owned())
        }
    };
    let draws = draws(table);
    let key = table.key.iter().map(|slot| format!("s.l{slot}")).collect::<Vec<_>>().join(", ");
    let native = match natives {
        Natives::Some => format!(
            " LEFT JOIN pg_temp.backout_native AS w ON w.tab = {} AND w.key = ARRAY[{key}]::text",
            staged.place
        ),
        _ => String::new(),
    };
    format!(
        "CREATE TEMPORARY TABLE {decided} ON COMMIT DROP AS
         SELECT s.*, h.ctid AS tid, h.tableoid AS toid, NULL::\"char\" AS cause, NULL::boolean[] AS hurt,
                NULL::text[] AS here, NULL::text AS said, (CASE
           WHEN s.why IS NOT NULL THEN 'x'
           WHEN s.born AND s.gone THEN CASE WHEN h.ctid IS NULL OR {is_born} THEN 'n' WHEN {is_changed} THEN 'C' ELSE 'd' END
           WHEN s.gone THEN CASE WHEN h.ctid IS NULL THEN 'e' WHEN {is_changed} THEN 'C' ELSE 'd' END
           WHEN s.born THEN CASE WHEN h.ctid IS NULL THEN 'i' WHEN NOT {open} THEN 'e'
             WHEN {is_born} THEN CASE WHEN {draws} THEN 'w' ELSE 'K' END WHEN {is_changed} THEN 'B' ELSE 'u' END
           WHEN position(B'1' in substring(s.m from 1 for {width})) = 0 THEN 'n'
           WHEN h.ctid IS NULL THEN 'C'
           WHEN NOT {open} THEN 'e'
           WHEN {hurt} THEN 'B'
           ELSE 'u' END)::\"char\" AS fate
         FROM {rows} AS s LEFT JOIN {target} AS h ON {found}{native}",
        decided = staged.decided_table(),
        rows = staged.rows_table(),
        target = table.only(),
        found = by_key(table),
        width = staged.width,
    )
}

/// Whether a row that was born on both sides gets another key.
fn draws(table: &SideTable) -> bool {
    table.key_family() == Some(Family::Integer)
}

/// Whether any row of a table may be told to draw another key: none is where nobody wrote here, as keys were not given
/// twice.
pub(super) fn may_draw(table: &SideTable, natives: Natives, is_reused: bool) -> bool {
    draws(table) && (natives != Natives::None || is_reused)
}

/// Whether a column is neither as users found it nor as they left it.
fn hurt(staged: &Staged, column: &SideColumn, slot: usize) -> String {
    format!(
        "({} AND (s.born OR {} AND {}) AND {})",
        staged.is_touched("s", slot),
        staged.is_known_before("s", slot),
        differs(column, staged, slot, 'b'),
        differs(column, staged, slot, 'l')
    )
}

/// Puts down of every conflict which columns are concerned and what stands here, and lets the winner win.
pub(super) async fn settle(
    link: &Link,
    here: &Side,
    staged: &Staged,
    winner: Option<Winner>,
) -> Result<(), Fault> {
    let table = table_of(here, staged)?;
    let decided = staged.decided_table();
    let fate = match winner {
        None => "'o'",
        Some(Winner::Recorded) => "CASE WHEN fate <> 'C' THEN 'u' WHEN gone THEN 'd' ELSE 'i' END",
        Some(Winner::Restored) => "CASE WHEN fate = 'B' AND NOT born THEN 'u' ELSE 'y' END",
    };
    let sql =
        format!("UPDATE {decided} SET cause = fate, fate = ({fate})::\"char\" WHERE fate IN ('B', 'C', 'K')");
    if link.execute(&sql, &[]).await? == 0 {
        return Ok(());
    }
    link.batch_execute(&format!("ANALYZE {decided} (cause, fate)")).await?;
    let columns: Vec<String> = table
        .columns
        .iter()
        .enumerate()
        .map(|(slot, column)| {
            match staged.touched.contains(&slot) || staged.expressions.contains_key(&slot) {
                true => hurt(staged, column, slot),
                false => "false".to_owned(),
            }
        })
        .collect();
    let printed: Vec<String> = table.columns.iter().map(printed).collect();
    link.execute(
        &format!(
            "UPDATE {decided} AS d SET hurt = CASE WHEN s.cause = 'B' THEN ARRAY[{}] END, here = ARRAY[{}]::text[]
             FROM {decided} AS s, {target} AS h WHERE s.ctid = d.ctid AND {place} AND d.cause IS NOT NULL",
            columns.join(", "),
            printed.join(", "),
            target = table.only(),
            place = by_place(table, "h"),
        ),
        &[],
    )
    .await?;
    if winner == Some(Winner::Restored) {
        for slot in staged.touched.iter().chain(staged.expressions.keys()) {
            link.execute(
                &format!(
                    "UPDATE {decided} SET m = set_bit(m, {slot}, 0) WHERE cause = 'B' AND fate = 'u' AND hurt[{}]",
                    slot + 1
                ),
                &[],
            )
            .await?;
        }
        link.execute(
            &format!(
                "UPDATE {decided} SET fate = 'y' WHERE cause = 'B' AND fate = 'u'
                 AND position(B'1' in substring(m from 1 for {})) = 0",
                staged.width
            ),
            &[],
        )
        .await?;
    }
    Ok(())
}

/// Keeps what stands here of some decided rows beside them, for people.
pub(super) async fn keep_here(
    link: &Link,
    table: &SideTable,
    staged: &Staged,
    which: &str,
) -> Result<(), Fault> {
    let printed: Vec<String> = table.columns.iter().map(printed).collect();
    link.execute(
        &format!(
            "UPDATE {} AS d SET here = ARRAY[{}]::text[] FROM {} AS h WHERE {} AND {which}",
            staged.decided_table(),
            printed.join(", "),
            table.only(),
            by_place(table, "h"),
        ),
        &[],
    )
    .await?;
    Ok(())
}

/// A change of a key is a write of two rows: where one of them stays out, so does the other.
pub(super) async fn hold_other_halves(link: &Link, staged: &Staged) -> Result<(), Fault> {
    if !staged.is_linked {
        return Ok(());
    }
    let decided = staged.decided_table();
    loop {
        let held = link
            .execute(
                &format!(
                    "UPDATE {decided} AS d SET fate = q.fate, cause = q.cause, said = coalesce(d.said, q.said), why = coalesce(d.why, q.why)
                     FROM (WITH halves AS (SELECT id, fate, cause, said, why, unnest(array_append(more, first)) AS number
                                           FROM {decided} WHERE linked)
                           SELECT DISTINCT ON (a.id) a.id, b.fate, b.cause, b.said, b.why
                           FROM halves AS a JOIN halves AS b USING (number)
                           WHERE a.id <> b.id AND b.fate IN ('o', 'x', 'y') AND a.fate NOT IN ('o', 'x', 'y')
                           ORDER BY a.id, b.id) AS q
                     WHERE d.id = q.id"
                ),
                &[],
            )
            .await?;
        if held == 0 {
            return Ok(());
        }
    }
}
