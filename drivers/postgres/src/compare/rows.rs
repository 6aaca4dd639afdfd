//! Rows with their values, by key: through an index where there is one, else in one reading of the relation.

use std::collections::BTreeSet;

use backout_contract::compare::{Row, Value};
use backout_core::compare::{Key, Method, Place};
use sha2::{Digest, Sha256};
use tokio_postgres::error::SqlState;

use super::keys::hashed;
use super::relation::{Read, list};
use super::sql::{Part, Sql, typed};
use super::stream::{Rows, garbled};
use crate::rows::Value as Hashable;
use crate::server::{Fault, Link};

/// The rows with these keys. Of rows without a key, one for each hash.
pub(super) async fn rows(
    link: &Link,
    sql: &Sql<'_>,
    pieces: &[Vec<Part>],
    keys: &[Key],
) -> Result<Vec<Row>, Fault> {
    let mut wanted: BTreeSet<&Key> = keys.iter().collect();
    let mut found = Vec::new();
    if keys.is_empty() {
        return Ok(found);
    }
    let parts: Vec<Vec<Option<String>>> = keys.iter().map(Key::parts).collect();
    let is_found = sql.relation.index.is_some() && parts.iter().flatten().all(Option::is_some);
    if is_found {
        link.batch_execute("SAVEPOINT by_index").await?;
        match by_index(link, sql, keys, &parts, &mut found).await {
            Ok(()) => return Ok(found),
            // The other side's keys may be none that this side's type can hold.
            Err(Fault::Postgres(error)) if is_of_values(&error) && sql.order.filter.is_none() => {
                link.batch_execute("ROLLBACK TO SAVEPOINT by_index").await?;
                found.clear();
            }
            Err(fault) => return Err(fault),
        }
    }
    let condition = if sql.order.place == Place::Here { None } else { Some(among(sql, keys, &parts)) };
    for part in pieces.iter().flatten() {
        let statement = select(sql, part, condition.clone());
        read(link, sql, &statement, &mut wanted, None, &mut found).await?;
    }
    Ok(found)
}

fn is_of_values(error: &tokio_postgres::Error) -> bool {
    let code = |code: &SqlState| code.code().starts_with("22");
    error.code().is_some_and(code)
}

async fn by_index(
    link: &Link,
    sql: &Sql<'_>,
    keys: &[Key],
    parts: &[Vec<Option<String>>],
    found: &mut Vec<Row>,
) -> Result<(), Fault> {
    let reads: Vec<&Read> = sql.key().collect();
    let of_key = |(place, parts): (usize, &Vec<Option<String>>)| {
        let literals = parts.iter().zip(&reads).map(|(part, read)| typed(part.as_deref(), &read.kind, false));
        format!("({}, {place}::int8)", literals.collect::<Vec<_>>().join(", "))
    };
    let values: Vec<String> = parts.iter().enumerate().map(of_key).collect();
    let names: String = (0..reads.len()).map(|at| format!("k{at}, ")).collect();
    let operators = sql.relation.index.iter().flatten();
    let equal =
        |(at, (read, operator)): (usize, (&&Read, &String))| format!("{} {operator} k.k{at}", read.stored);
    let conditions: Vec<String> = reads.iter().zip(operators).enumerate().map(equal).collect();
    let whole = Part { from: sql.relation.from.clone(), places: None };
    let statement = format!(
        "SELECT r.*, k.place FROM (VALUES {}) AS k({names}place) CROSS JOIN LATERAL ({} OFFSET 0) AS r",
        values.join(", "),
        select(sql, &whole, Some(conditions.join(" AND "))),
    );
    link.batch_execute("SET LOCAL enable_seqscan = off").await?;
    read(link, sql, &statement, &mut BTreeSet::new(), Some(keys), found).await
}

/// A condition that all rows with these keys meet, and few others.
fn among(sql: &Sql<'_>, keys: &[Key], parts: &[Vec<Option<String>>]) -> String {
    if sql.order.key.is_empty() {
        let hashes =
            keys.iter().filter_map(|key| <[u8; 8]>::try_from(key.bytes()).ok()).map(i64::from_be_bytes);
        return match sql.second() {
            None => format!("{} = ANY ({})", sql.hash(), list(hashes.map(|hash| hash.to_string()), "int8")),
            // Both were added without regard to what does not fit into 64 bits; a server does regard it.
            Some(second) => {
                let all = hashes.flat_map(|hash| {
                    [-1_i128, 0, 1].map(|carry| (i128::from(hash) + (carry << 64)).to_string())
                });
                format!("({}::numeric + {second}::numeric) = ANY ({})", sql.hash(), list(all, "numeric"))
            }
        };
    }
    let columns: Vec<_> = sql.key().zip(sql.order.key.iter()).collect();
    let is_text = |at: usize| sql.order.columns.get(at).is_none_or(|column| column.method != Method::Binary);
    let of_key = |parts: &Vec<Option<String>>| {
        let literals = parts
            .iter()
            .zip(&columns)
            .map(|(part, (read, at))| typed(part.as_deref(), &read.kind, is_text(**at)));
        format!("({})", literals.collect::<Vec<_>>().join(", "))
    };
    let names: Vec<String> = (0..columns.len()).map(|at| format!("k{at}")).collect();
    let values: Vec<Hashable> = columns
        .iter()
        .zip(&names)
        .map(|((read, at), name)| Hashable {
            sql: format!("k.{name}"),
            by: if is_text(**at) { crate::rows::By::Text } else { read.value.by.clone() },
        })
        .collect();
    format!(
        "{} IN (SELECT {} FROM (VALUES {}) AS k({}))",
        sql.own_key_hash(),
        sql.key_hash(&values),
        parts.iter().map(of_key).collect::<Vec<_>>().join(", "),
        names.join(", "),
    )
}

/// What is read of a row: its key and hashes, then all of its texts, cut where they are long. A list may have 1664
/// columns and no more, so that those of a table are put into arrays: texts, lengths, digests.
fn select(sql: &Sql<'_>, part: &Part, condition: Option<String>) -> String {
    let from = sql.from(part, &condition.into_iter().collect::<Vec<_>>());
    if sql.order.place == Place::Here {
        return format!("SELECT {} {from}", sql.texts());
    }
    let numbered =
        |letter: &str, many: usize| -> Vec<String> { (0..many).map(|at| format!("{letter}{at}")).collect() };
    let heads = numbered("h", sql.order.key.len() + 1 + usize::from(sql.order.twice)).join(", ");
    let texts = numbered("v", sql.relation.columns.len());
    let longest = Value::LONGEST;
    let of_each = |of: fn(&str, usize) -> String| -> String {
        texts.iter().map(|text| of(text, longest)).collect::<Vec<_>>().join(", ")
    };
    let cut = of_each(|text, longest| format!("left({text}, {longest})"));
    let lengths = of_each(|text, longest| {
        format!("CASE WHEN length({text}) > {longest} THEN octet_length(textsend({text}))::int8 END")
    });
    let digests = of_each(|text, longest| {
        format!("CASE WHEN length({text}) > {longest} THEN encode(sha256(textsend({text})), 'hex') END")
    });
    format!(
        "SELECT {heads}, ARRAY[{cut}]::text[], ARRAY[{lengths}]::int8[], ARRAY[{digests}]::text[] \
         FROM (SELECT {}, {} {from} OFFSET 0) AS s({heads}, {})",
        sql.key_and_hashes(),
        sql.texts(),
        texts.join(", "),
    )
}

/// Reads rows and keeps those that are wanted. Where they were looked for key by key, the last value of each is the place
/// of the key that found it: keys that an index takes for one find each other's rows too.
async fn read(
    link: &Link,
    sql: &Sql<'_>,
    statement: &str,
    wanted: &mut BTreeSet<&Key>,
    one_by_one: Option<&[Key]>,
    found: &mut Vec<Row>,
) -> Result<(), Fault> {
    let mut rows = Rows::of(link, statement).await?;
    while rows.next().await? {
        let row = match sql.order.place {
            Place::Server => there(sql, &rows)?,
            Place::Here => here(sql, &rows),
        };
        let is_wanted = match one_by_one {
            Some(keys) => {
                let place = usize::try_from(rows.number(rows.len() - 1)?).map_err(|_| garbled())?;
                keys.get(place) == Some(&row.key)
            }
            // Rows without a key that have one hash are the same row, as far as we can tell.
            None if sql.order.key.is_empty() => wanted.remove(&row.key),
            None => wanted.contains(&row.key),
        };
        if is_wanted {
            found.push(row);
        }
    }
    Ok(())
}

fn there(sql: &Sql<'_>, rows: &Rows) -> Result<Row, Fault> {
    let hashed = hashed(sql, rows)?;
    let at = sql.order.key.len() + 1 + usize::from(sql.order.twice);
    let array = |at| rows.cell(at).and_then(elements).ok_or_else(garbled);
    let (texts, lengths, digests) = (array(at)?, array(at + 1)?, array(at + 2)?);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let value = |at: usize| {
        let of = |array: &[Option<&[u8]>]| array.get(at).copied().flatten().map(<[u8]>::to_vec);
        let length = of(&lengths).and_then(|bytes| <[u8; 8]>::try_from(bytes).ok()).map(u64::from_be_bytes);
        let cut = length.zip(of(&digests).map(|bytes| text(&bytes)));
        of(&texts).map(|bytes| Value { text: text(&bytes), cut })
    };
    let values = (0..texts.len()).map(value).collect();
    Ok(Row { key: hashed.key, hash: hashed.hash, values })
}

fn here(sql: &Sql<'_>, rows: &Rows) -> Row {
    let mut cells = rows.cells();
    cells.truncate(sql.relation.columns.len());
    let hashed = sql.order.hash_here(&cells);
    let value = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        match text.char_indices().nth(Value::LONGEST) {
            None => Value { text: text.into_owned(), cut: None },
            Some((end, _)) => {
                let digest: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
                Value {
                    text: text.get(..end).unwrap_or_default().to_owned(),
                    cut: Some((bytes.len() as u64, digest)),
                }
            }
        }
    };
    let values = cells.iter().map(|cell| cell.map(value)).collect();
    Row { key: hashed.key, hash: hashed.hash, values }
}

/// The elements of an array of one dimension in its binary form: dimensions, flags, type; length and lowest place of each
/// dimension; the elements.
fn elements(bytes: &[u8]) -> Option<Vec<Option<&[u8]>>> {
    let number = |at: usize| bytes.get(at..)?.first_chunk::<4>().map(|bytes| i32::from_be_bytes(*bytes));
    let count = match number(0)? {
        0 => 0,
        _ => usize::try_from(number(12)?).ok()?,
    };
    let mut at = 20;
    let mut elements = Vec::with_capacity(count);
    for _ in 0..count {
        let length = number(at)?;
        at += 4;
        match usize::try_from(length) {
            Ok(length) => {
                elements.push(Some(bytes.get(at..at + length)?));
                at += length;
            }
            Err(_) => elements.push(None),
        }
    }
    Some(elements)
}
