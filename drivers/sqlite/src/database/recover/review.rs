//! Writes what users wrote to files that a person can read, and takes nothing over.

use std::collections::BTreeMap;
use std::path::Path;

use backout_contract::DriverError;
use backout_core::writes::Recovered;
use backout_kit::paper::{Paper, csv_line, file_name, make_folder};
use serde_json::{Map, Value, json};

use super::cell::{Cell, Row};
use super::displaced::Displaced;
use super::fold::Write;
use super::source::{Entry, Known, Op, Source};
use crate::database::open::look;
use crate::database::place::Place;
use crate::database::recorder::layout::Layout;
use crate::fault::{Fault, on_paper};
use crate::pace::Pace;

/// Which writes the put-back database has, if it has the same recorder.
struct Had {
    nonce: String,
    known: Known,
}

/// Writes a table and lines of JSON for every table that was written to.
pub(super) fn write(
    place: &Place,
    folder: &Path,
    displaced: &[Displaced],
    pace: &Pace,
) -> Result<Recovered, DriverError> {
    let had = look(place, &mut |reading| {
        Ok(match Source::of(reading.connection)? {
            Some(source) => Some(Had { known: Known::read(reading.connection)?, nonce: source.nonce }),
            None => None,
        })
    })?
    .flatten();
    let attempted = format!("write down what users wrote to {}", place.shown);
    write_all(folder, displaced, had.as_ref(), pace)
        .map_err(|fault| fault.while_doing(&attempted).nothing_happened())
}

fn write_all(
    folder: &Path,
    displaced: &[Displaced],
    had: Option<&Had>,
    pace: &Pace,
) -> Result<Recovered, Fault> {
    make_folder(folder).map_err(on_paper)?;
    let mut recovered = Recovered::default();
    let mut papers: BTreeMap<String, Papers> = BTreeMap::new();
    for (at, one) in displaced.iter().enumerate() {
        let Some(source) = Source::of(&one.connection)? else { continue };
        let mut later = Known::default();
        for other in displaced.iter().skip(at + 1) {
            if Source::of(&other.connection)?.is_some_and(|other| other.nonce == source.nonce) {
                let known = Known::read(&other.connection)?;
                later.natives.extend(known.natives);
                later.taken.extend(known.taken);
            }
        }
        let had = had.filter(|had| had.nonce == source.nonce);
        source.each(pace, &mut |entry| {
            if entry.op == Op::Settled || later.has(entry.identity) {
                return Ok(());
            }
            if let Some(had) = had.filter(|had| had.known.has(entry.identity)) {
                recovered.already += u64::from(!had.known.shares(entry));
                return Ok(());
            }
            recovered.waiting += 1;
            let layout = source.layout(entry.era, &entry.table);
            Papers::of(&mut papers, folder, &entry.table, layout)?.add(&source, entry, layout, &one.run)
        })?;
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
        table: &str,
        layout: Option<&Layout>,
    ) -> Result<&'p mut Self, DriverError> {
        let columns = columns(layout);
        let plain = file_name(table);
        let names = std::iter::once(plain.clone()).chain((2..).map(|number| format!("{plain}-{number}")));
        let mut name = plain.clone();
        for candidate in names {
            name = candidate;
            if all.get(&name).is_none_or(|papers| papers.columns == columns) {
                break;
            }
        }
        if !all.contains_key(&name) {
            let mut paper = Paper::new(folder, &format!("{name}.csv")).map_err(on_paper)?;
            let versions =
                columns.iter().flat_map(|name| [format!("{name} before"), format!("{name} after")]);
            let head = ["write", "run", "at", "op", "key"].map(str::to_owned);
            paper.write(&csv_line(head.into_iter().chain(versions))).map_err(on_paper)?;
            let lines = Paper::new(folder, &format!("{name}.jsonl")).map_err(on_paper)?;
            all.insert(name.clone(), Self { columns, table: paper, lines });
        }
        all.get_mut(&name).ok_or_else(|| crate::fault::bad_data("find a file again"))
    }

    fn add(
        &mut self,
        source: &Source<'_>,
        entry: &Entry,
        layout: Option<&Layout>,
        run: &str,
    ) -> Result<(), Fault> {
        let (before, after) = versions(source.write(entry)?);
        let key = key_of(layout, before.as_ref().or(after.as_ref()));
        let key: Vec<String> = key.iter().map(|(_, cell)| cell.plain()).collect();
        let mut cells = vec![
            entry.identity.to_string(),
            run.to_owned(),
            entry.at.clone(),
            entry.op.word().to_owned(),
            key.join(" "),
        ];
        for at in 0..self.columns.len() {
            for version in [&before, &after] {
                let cell = version.as_ref().and_then(|row| row.get(at)).and_then(Option::as_ref);
                cells.push(cell.map(Cell::plain).unwrap_or_default());
            }
        }
        self.table.write(&csv_line(cells)).map_err(on_paper)?;
        let mut line = line(source, entry)?;
        if let Some(line) = line.as_object_mut() {
            line.insert("run".to_owned(), run.into());
        }
        Ok(self.lines.write(&format!("{line}\n")).map_err(on_paper)?)
    }
}

/// A write with all that is known of its row.
pub(super) fn line(source: &Source<'_>, entry: &Entry) -> Result<Value, Fault> {
    let layout = source.layout(entry.era, &entry.table);
    let columns = columns(layout);
    let (before, after) = versions(source.write(entry)?);
    let version = |row: &Option<Row>| {
        row.as_ref().map(|row| {
            let known = columns.iter().zip(row);
            let cells = known.filter_map(|(name, cell)| Some((name.clone(), cell.as_ref()?.to_json())));
            Value::Object(cells.collect::<Map<_, _>>())
        })
    };
    let key = key_of(layout, before.as_ref().or(after.as_ref()));
    let key: Map<String, Value> = key.into_iter().map(|(name, cell)| (name, cell.to_json())).collect();
    Ok(json!({
        "write": entry.identity,
        "at": entry.at,
        "op": entry.op.word(),
        "table": entry.table,
        "key": key,
        "before": version(&before),
        "after": version(&after),
    }))
}

fn versions(write: Write) -> (Option<Row>, Option<Row>) {
    match write {
        Write::Insert { after } => (None, Some(after)),
        Write::Update { before, after } => (Some(before), Some(after)),
        Write::Delete { before } => (Some(before), None),
    }
}

/// What the values of an image are called.
fn columns(layout: Option<&Layout>) -> Vec<String> {
    let Some(layout) = layout else { return Vec::new() };
    let rowid = layout.rowid.then(|| "rowid".to_owned());
    rowid.into_iter().chain(layout.columns.iter().cloned()).collect()
}

fn key_of(layout: Option<&Layout>, row: Option<&Row>) -> Vec<(String, Cell)> {
    let (Some(layout), Some(row)) = (layout, row) else { return Vec::new() };
    let columns = columns(Some(layout));
    let cell = |name: &String| {
        let at = columns.iter().position(|column| column == name)?;
        Some((name.clone(), row.get(at)?.clone()?))
    };
    layout.key.iter().filter_map(cell).collect()
}
