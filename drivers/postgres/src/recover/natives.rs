//! Which rows of the put-back database users wrote to since it was put back, by what its own recorder saw.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};

use super::Changes;
use super::decide::Natives;
use super::fold::{Cell, cell};
use super::side::Side;
use super::stage::escape;
use crate::recorder::{Image, Kind};
use crate::server::{Fault, Link, Pace};

/// Notes which rows users wrote to here since the database was put back.
pub(super) async fn natives(
    link: &Link,
    here: &Side,
    written: Option<Changes<'_>>,
    pace: &Pace,
) -> Result<Natives, Fault> {
    let Some(mut written) = written else { return Ok(Natives::Unknown) };
    let mut rows: HashMap<(usize, String), bool> = HashMap::new();
    let mut count = 0u64;
    while let Some(change) = written.next().await {
        let change = change?;
        count += 1;
        if count.is_multiple_of(4096) {
            pace.check("read what was written here since")?;
        }
        let Some(place) = here.place(&change.relation.table).filter(|_| !change.by_migration) else {
            continue;
        };
        let Some(table) = here.tables.get(place) else { continue };
        let key = |image: &Image| {
            let cell = |slot: &usize| {
                let name = &table.column(*slot)?.name;
                let at = change.relation.columns.iter().position(|(column, _)| column == name)?;
                match cell(image, at) {
                    Cell::Text(text) => Some(text.to_string()),
                    _ => None,
                }
            };
            table.key.iter().map(cell).collect::<Option<Vec<_>>>().map(|key| array(&key))
        };
        let (before, after) = match &change.kind {
            Kind::Inserted { after } => (None, key(after)),
            Kind::Changed { before, after } => (key(before), key(after)),
            Kind::Deleted { before } => (key(before), None),
            Kind::Truncated => continue,
        };
        let is_born = before.is_none() || (after.is_some() && before != after);
        if let Some(before) = before {
            rows.entry((place, before)).or_insert(false);
        }
        if let Some(after) = after {
            let born = rows.entry((place, after)).or_insert(is_born);
            *born |= is_born;
        }
    }
    if rows.is_empty() {
        return Ok(Natives::None);
    }
    link.batch_execute(
        "CREATE TEMPORARY TABLE backout_native (tab integer, key text, born boolean) ON COMMIT DROP",
    )
    .await?;
    let mut sink = Box::pin(link.copy_in::<_, Bytes>("COPY pg_temp.backout_native FROM STDIN").await?);
    let mut piece = BytesMut::new();
    for ((place, key), born) in rows {
        piece.extend_from_slice(format!("{place}\t").as_bytes());
        escape(&mut piece, &key);
        piece.extend_from_slice(if born { b"\tt\n" } else { b"\tf\n" });
        if piece.len() > 128 * 1024 {
            sink.send(piece.split().freeze()).await?;
        }
    }
    sink.send(piece.freeze()).await?;
    sink.as_mut().finish().await?;
    link.batch_execute("ANALYZE pg_temp.backout_native").await?;
    Ok(Natives::Some)
}

/// An array of texts as the server prints it.
pub(super) fn array(texts: &[String]) -> String {
    let quoted = |text: &String| {
        let is_plain = !text.is_empty()
            && !text.eq_ignore_ascii_case("null")
            && !text.contains(|sign: char| {
                matches!(sign, '"' | '\\' | '{' | '}' | ',') || sign.is_ascii_whitespace() || sign == '\u{b}'
            });
        if is_plain {
            text.clone()
        } else {
            format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
        }
    };
    format!("{{{}}}", texts.iter().map(quoted).collect::<Vec<_>>().join(","))
}
