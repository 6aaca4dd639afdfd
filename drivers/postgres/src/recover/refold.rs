//! Folds parts of the same row together that were staged apart: before and after memory was full, or under the key of
//! the old schema and of the new one.

use tokio_postgres::Row as Answer;

use super::fold::{Cell, Folded};
use super::gather::without_room;
use super::side::{Side, SideTable};
use super::stage::{Numbers, Staged, lost, table_of};
use crate::server::{Fault, Link};

/// How many parts are fetched at once.
const BATCH: usize = 10_000;

/// A part of a row, as staged.
struct Part {
    key: Vec<Option<String>>,
    group: usize,
    why: Option<String>,
    numbers: Numbers,
    folded: Folded,
}

/// Does it for one table.
pub(super) async fn refold(link: &Link, here: &Side, staged: &mut Staged) -> Result<(), Fault> {
    if !staged.is_parted {
        return Ok(());
    }
    let table = table_of(here, staged)?.clone();
    let rows = staged.rows_table();
    let key = table.key.iter().map(|slot| format!("l{slot}")).collect::<Vec<_>>().join(", ");
    let twice = format!("SELECT {key} FROM {rows} GROUP BY {key} HAVING count(*) > 1");
    let slots = (0..staged.slots())
        .map(|slot| format!(", s.b{slot}, {}", staged.after("s", slot)))
        .collect::<String>();
    link.batch_execute(&format!(
        "DECLARE backout_parts NO SCROLL CURSOR FOR
         SELECT first, more, grp, linked, born, gone, why, m::text{slots} FROM {rows} AS s
         WHERE ({key}) IN ({twice}) ORDER BY {key}, first, id"
    ))
    .await?;
    // The cursor goes on seeing what stood there when it was opened; once asked, so that it is.
    let mut batch = link.query(&format!("FETCH {BATCH} FROM backout_parts"), &[]).await?;
    if !batch.is_empty() {
        link.execute(&format!("DELETE FROM {rows} WHERE ({key}) IN ({twice})"), &[]).await?;
    }
    let mut open: Option<Part> = None;
    while !batch.is_empty() {
        let mut whole = Vec::new();
        for row in &batch {
            let part = read(row, staged, &table)?;
            match &mut open {
                Some(before) if before.key == part.key => before.then(part),
                _ => whole.extend(open.replace(part)),
            }
        }
        put(link, staged, &table, whole).await?;
        batch = link.query(&format!("FETCH {BATCH} FROM backout_parts"), &[]).await?;
    }
    put(link, staged, &table, open.into_iter().collect()).await?;
    link.batch_execute("CLOSE backout_parts").await?;
    Ok(())
}

impl Part {
    fn then(&mut self, later: Self) {
        for number in std::iter::once(later.numbers.first).chain(later.numbers.more) {
            if number != self.numbers.first && !self.numbers.more.contains(&number) {
                self.numbers.more.push(number);
            }
        }
        self.numbers.is_linked |= later.numbers.is_linked;
        self.why = later.why.or(self.why.take());
        self.group = later.group;
        self.folded.then_folded(later.folded);
    }
}

fn read(row: &Answer, staged: &Staged, table: &SideTable) -> Result<Part, Fault> {
    let number = |number: i64| u64::try_from(number).map_err(|_| lost("read a staged row"));
    let more: Vec<i64> = row.get::<_, Option<Vec<i64>>>(1).unwrap_or_default();
    let (born, gone): (bool, bool) = (row.get(4), row.get(5));
    let bits: String = row.get(7);
    let bits = bits.as_bytes();
    let slots = staged.slots();
    let bit = |at: usize| bits.get(at) == Some(&b'1');
    let mut folded =
        Folded { base: (!born).then(Vec::new), last: (!gone).then(Vec::new), touched: Vec::new() };
    let mut key = Vec::new();
    for slot in 0..slots {
        let text = |at: usize| row.get::<_, Option<String>>(at);
        let (before, after) = (text(8 + 2 * slot), text(9 + 2 * slot));
        let is_key = table.key.contains(&slot);
        if is_key {
            key.push(after.clone());
        }
        let cell = |is_known: bool, text: Option<String>| match (is_known, text) {
            (false, _) => Cell::Unknown,
            (true, None) => Cell::Null,
            (true, Some(text)) => Cell::Text(text.into()),
        };
        let last = cell(bit(2 * slots + slot) || is_key, after);
        let touched = bit(slot);
        let base = if is_key || (!touched && !gone) { last.clone() } else { cell(bit(slots + slot), before) };
        folded.touched.push(touched);
        if let Some(row) = &mut folded.base {
            row.push(base);
        }
        if let Some(row) = &mut folded.last {
            row.push(last);
        }
    }
    Ok(Part {
        key,
        group: usize::try_from(row.get::<_, i16>(2)).unwrap_or_default(),
        why: row.get(6),
        numbers: Numbers {
            first: number(row.get(0))?,
            more: more.into_iter().map(number).collect::<Result<_, _>>()?,
            is_linked: row.get(3),
        },
        folded,
    })
}

async fn put(link: &Link, staged: &mut Staged, table: &SideTable, parts: Vec<Part>) -> Result<(), Fault> {
    if parts.is_empty() {
        return Ok(());
    }
    let mut loader = staged.loader(link).await?;
    for part in parts {
        let key: Vec<(usize, Option<&str>)> =
            table.key.iter().copied().zip(part.key.iter().map(Option::as_deref)).collect();
        let why = without_room(&part.folded, &key, staged, table)
            .or(part.why.filter(|why| !why.contains(" does not fit: ")));
        loader.add(staged, &key, part.group, &part.folded, &part.numbers, why.as_deref()).await?;
    }
    loader.finish(staged).await?;
    Ok(())
}
