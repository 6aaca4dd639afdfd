//! Writes what users wrote to files that a person can read, and takes nothing over.

use std::collections::BTreeMap;
use std::path::Path;

use backout_contract::DriverError;
use backout_core::writes::Recovered;
use backout_kit::paper::{Paper, csv_line, file_name, make_folder};
use futures_util::StreamExt;
use serde_json::{Map, Value, json};

use super::Recorded;
use super::ledger;
use crate::our_side::on_paper;
use crate::recorder::{Change, Image, Kind, Relation, Value as Cell};
use crate::server::{Fault, Link, Pace};

/// Writes a table and lines of JSON for every table that was written to.
pub(super) async fn write(
    target: &Link,
    folder: &Path,
    sources: Vec<Recorded<'_>>,
    pace: &Pace,
) -> Result<Recovered, Fault> {
    make_folder(folder).map_err(on_paper)?;
    let mut recovered = Recovered::default();
    let mut papers: BTreeMap<String, Papers> = BTreeMap::new();
    for mut source in sources {
        let taken = ledger::read(target, &source.source).await?;
        while let Some(change) = source.changes.next().await {
            let change = change?;
            if change.by_migration {
                continue;
            }
            if taken.has(change.number) {
                recovered.already += 1;
                continue;
            }
            recovered.waiting += 1;
            if recovered.waiting.is_multiple_of(4096) {
                pace.check("write recorded changes down")?;
            }
            Papers::of(&mut papers, folder, &change.relation)?.add(&change, &source.run)?;
        }
    }
    for (_, papers) in papers {
        recovered.files.push(papers.table.finish().map_err(on_paper)?);
        recovered.files.push(papers.lines.finish().map_err(on_paper)?);
    }
    Ok(recovered)
}

/// The two files about one table, as it was recorded.
struct Papers {
    columns: Vec<String>,
    table: Paper,
    lines: Paper,
}

impl Papers {
    /// A table that was recorded in another way later has files of its own.
    fn of<'p>(
        all: &'p mut BTreeMap<String, Self>,
        folder: &Path,
        relation: &Relation,
    ) -> Result<&'p mut Self, DriverError> {
        let columns: Vec<String> = relation.columns.iter().map(|(name, _)| name.clone()).collect();
        let plain = match relation.table.schema.as_str() {
            "public" => file_name(&relation.table.name),
            schema => file_name(&format!("{schema}.{}", relation.table.name)),
        };
        let mut number = 1;
        let mut name = plain.clone();
        while all.get(&name).is_some_and(|papers| papers.columns != columns) {
            number += 1;
            name = format!("{plain}-{number}");
        }
        match all.entry(name.clone()) {
            std::collections::btree_map::Entry::Occupied(entry) => Ok(entry.into_mut()),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let mut table = Paper::new(folder, &format!("{name}.csv")).map_err(on_paper)?;
                let versions =
                    columns.iter().flat_map(|name| [format!("{name} before"), format!("{name} after")]);
                let head = ["write", "run", "op"].map(str::to_owned);
                table.write(&csv_line(head.into_iter().chain(versions))).map_err(on_paper)?;
                let lines = Paper::new(folder, &format!("{name}.jsonl")).map_err(on_paper)?;
                Ok(entry.insert(Self { columns, table, lines }))
            }
        }
    }

    fn add(&mut self, change: &Change, run: &str) -> Result<(), DriverError> {
        let (op, before, after) = versions(change);
        let mut cells = vec![change.number.to_string(), run.to_owned(), op.to_owned()];
        for at in 0..self.columns.len() {
            for version in [before, after] {
                let cell = version.and_then(|row| row.get(at)).and_then(Option::as_ref);
                cells.push(match cell {
                    Some(Cell::Text(text)) => text.to_string(),
                    _ => String::new(),
                });
            }
        }
        self.table.write(&csv_line(cells)).map_err(on_paper)?;
        let mut line = line(change);
        if let Some(line) = line.as_object_mut() {
            line.insert("run".to_owned(), run.into());
        }
        self.lines.write(&format!("{line}\n")).map_err(on_paper)
    }
}

fn versions(change: &Change) -> (&'static str, Option<&Image>, Option<&Image>) {
    match &change.kind {
        Kind::Inserted { after } => ("insert", None, Some(after)),
        Kind::Changed { before, after } => ("update", Some(before), Some(after)),
        Kind::Deleted { before } => ("delete", Some(before), None),
        Kind::Truncated => ("truncate", None, None),
    }
}

/// A change with all that is known of its row.
pub(super) fn line(change: &Change) -> Value {
    let (op, before, after) = versions(change);
    let version = |image: Option<&Image>| {
        image.map(|image| {
            let known = change.relation.columns.iter().zip(image);
            let cells = known.filter_map(|((name, _), cell)| match cell {
                Some(Cell::Null) => Some((name.clone(), Value::Null)),
                Some(Cell::Text(text)) => Some((name.clone(), Value::from(text.as_ref()))),
                Some(Cell::Untouched) | None => None,
            });
            Value::Object(cells.collect::<Map<_, _>>())
        })
    };
    json!({
        "write": change.number,
        "op": op,
        "table": change.relation.table.to_string(),
        "since_cutover": change.since_cutover,
        "before": version(before),
        "after": version(after),
    })
}
