//! Reads what triggers put down, as messages.

use std::borrow::Cow;
use std::collections::HashMap;

use backout_contract::DriverError;

use super::copied;
use super::message::{garbled, write};
use super::order::Order;
use super::scribe::Scribe;
use crate::server::{Fault, Link};

struct Layout {
    columns: usize,
    /// Which fields of a row are computed, and so nobody's.
    computed: Vec<bool>,
    message: Vec<u8>,
    relation: u32,
}

/// Hands everything that is held to a scribe.
pub(super) async fn drain(link: &Link, order: &Order<'_>, scribe: &mut Scribe) -> Result<(), Fault> {
    let sql = "SELECT DISTINCT layout, relation, table_schema, table_name, columns FROM _backout.layout";
    let mut layouts: HashMap<i64, Layout> = HashMap::new();
    for row in link.query(sql, &[]).await? {
        let columns: Vec<(String, u32, i32, bool)> =
            serde_json::from_value(row.get(4)).map_err(|_| garbled())?;
        let kept: Vec<(&str, u32, i32)> = columns
            .iter()
            .filter(|(_, _, _, is_computed)| !is_computed)
            .map(|(name, kind, modifier, _)| (name.as_str(), *kind, *modifier))
            .collect();
        let mut message = Vec::new();
        // Each look of a table is a relation of its own: numbers of ours, not the server's.
        let relation = u32::try_from(layouts.len()).map_err(|_| garbled())? + 1;
        write::relation(relation, row.get(2), row.get(3), &kept, &mut message);
        layouts.insert(
            row.get(0),
            Layout {
                columns: kept.len(),
                computed: columns.iter().map(|(_, _, _, is_computed)| *is_computed).collect(),
                message,
                relation,
            },
        );
    }
    for layout in layouts.values() {
        scribe.message(&layout.message)?;
    }
    let (mut last, mut message) = (None, Vec::new());
    let sql = "SELECT number, transaction, layout, op, before, after FROM _backout.change ORDER BY number";
    copied::rows(link, sql, &order.pace, |fields| {
        let [Some(number), Some(transaction), Some(layout), Some(op), before, after] = fields else {
            return Err(garbled());
        };
        let (number, transaction) = (integer(number)?, integer(transaction)?);
        let layout = i64::from_be_bytes((*layout).try_into().map_err(|_| garbled())?);
        let layout = layouts.get(&layout).ok_or_else(garbled)?;
        if last != Some(transaction) {
            write::begin(transaction, &mut message);
            scribe.message(&message)?;
            last = Some(transaction);
        }
        scribe.number(number)?;
        match *op {
            b"T" => write::truncate(layout.relation, &mut message),
            [kind] => {
                write::change(*kind, layout.relation, &mut message);
                for (tag, row, is_told) in [(b'O', before, *kind != b'I'), (b'N', after, *kind != b'D')] {
                    if is_told {
                        layout.tuple(tag, *row, &mut message)?;
                    }
                }
            }
            _ => return Err(garbled()),
        }
        scribe.message(&message)
    })
    .await
}

impl Layout {
    /// A row in its composite form, as a row of a message. Of the migration's no row is told: all is NULL.
    fn tuple(&self, tag: u8, row: Option<&[u8]>, into: &mut Vec<u8>) -> Result<(), DriverError> {
        let Some(row) = row else {
            write::tuple(tag, self.columns, std::iter::repeat_n(None, self.columns), into);
            return Ok(());
        };
        let fields = fields(row).filter(|fields| fields.len() == self.computed.len()).ok_or_else(garbled)?;
        let kept = fields.iter().zip(&self.computed).filter(|(_, computed)| !**computed);
        write::tuple(tag, self.columns, kept.map(|(field, _)| field.as_deref()), into);
        Ok(())
    }
}

/// Takes `(1,"it's ""quoted""",,"")` apart: none is NULL.
fn fields(row: &[u8]) -> Option<Vec<Option<Cow<'_, [u8]>>>> {
    let mut rest = row.strip_prefix(b"(")?.strip_suffix(b")")?;
    let mut fields = Vec::new();
    if rest.is_empty() && row == b"()" {
        // One column that is NULL looks like no column at all.
        return Some(vec![None]);
    }
    loop {
        if let Some(quoted) = rest.strip_prefix(b"\"") {
            let mut value = Vec::new();
            let mut at = 0;
            loop {
                let stretch = quoted.get(at..)?;
                let next = stretch.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
                value.extend_from_slice(stretch.get(..next)?);
                at += next;
                match (quoted.get(at)?, quoted.get(at + 1)) {
                    (b'"', Some(b'"')) | (b'\\', Some(_)) => {
                        value.push(*quoted.get(at + 1)?);
                        at += 2;
                    }
                    (b'"', _) => {
                        at += 1;
                        break;
                    }
                    _ => return None,
                }
            }
            fields.push(Some(Cow::Owned(value)));
            rest = quoted.get(at..)?;
        } else {
            let end = rest.iter().position(|byte| *byte == b',').unwrap_or(rest.len());
            let (value, after) = rest.split_at_checked(end)?;
            fields.push((!value.is_empty()).then_some(Cow::Borrowed(value)));
            rest = after;
        }
        match rest.split_first() {
            None => return Some(fields),
            Some((b',', after)) => rest = after,
            Some(_) => return None,
        }
    }
}

fn integer(bytes: &[u8]) -> Result<u64, DriverError> {
    let bytes = bytes.try_into().map_err(|_| garbled())?;
    u64::try_from(i64::from_be_bytes(bytes)).map_err(|_| garbled())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_taken_apart() {
        for (row, expected) in [
            ("(1,a)", vec![Some("1"), Some("a")]),
            ("(,)", vec![None, None]),
            ("(\"\",)", vec![Some(""), None]),
            ("()", vec![None]),
            ("(\"a,b\",\"it \"\"is\"\"\",\"c\\\\d\")", vec![Some("a,b"), Some("it \"is\""), Some("c\\d")]),
            ("(\"(1,\"\"x\"\")\")", vec![Some("(1,\"x\")")]),
        ] {
            let found = fields(row.as_bytes()).expect(row);
            let found: Vec<Option<&str>> = found
                .iter()
                .map(|field| field.as_deref().map(|field| std::str::from_utf8(field).expect("text")))
                .collect();
            assert_eq!(found, expected, "{row}");
        }
        for bad in ["", "(", "1,2", "(\"a)", "(\"a\"b)"] {
            assert!(fields(bad.as_bytes()).is_none(), "{bad}");
        }
    }
}
