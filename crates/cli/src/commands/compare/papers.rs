//! The files behind `--output`: rows as they come, whole under their names at the end or not there at all.

use std::io;
use std::path::{Path, PathBuf};

use backout_core::compare::{Comparison, Difference, TableState};
use backout_core::diagnostic::Diagnostic;
use backout_kit::file_error::FileError;
use backout_kit::paper::{Paper, csv_line};
use backout_kit::path_text;

use crate::codes;
use crate::failure::{Failure, chain};
use crate::view::document_text;

/// Rows that an HTML page shows; whoever needs more reads the other forms.
const ROWS_ON_A_PAGE: usize = 5_000;

const HEAD: [&str; 8] = ["table", "what", "key", "column", "left", "right", "null", "settled"];

/// All of them.
#[derive(Default)]
pub struct Papers(Vec<Sheet>);

enum Sheet {
    Lines(Paper),
    Table(Paper),
    Page { paper: Paper, rows: Vec<Difference>, more: u64 },
}

impl Papers {
    /// Begins the files.
    ///
    /// # Errors
    /// One has a name that says no form, or cannot be written.
    pub fn begin(paths: &[PathBuf]) -> Result<Self, Failure> {
        let mut sheets = Vec::new();
        for path in paths {
            let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
            let form = extension.to_ascii_lowercase();
            if !matches!(form.as_str(), "jsonl" | "ndjson" | "csv" | "html" | "htm") {
                let named = path_text::encode(path.as_os_str());
                return Err(Diagnostic::error(codes::OPTION, format!("`--output {named}` says no form"))
                    .hint("end its name with .jsonl, .csv or .html")
                    .into());
            }
            let paper = open(path)?;
            sheets.push(match form.as_str() {
                "jsonl" | "ndjson" => Sheet::Lines(paper),
                "csv" => {
                    let mut paper = paper;
                    paper.write(&csv_line(HEAD)).map_err(unwritten)?;
                    Sheet::Table(paper)
                }
                _ => Sheet::Page { paper, rows: Vec::new(), more: 0 },
            });
        }
        Ok(Self(sheets))
    }

    /// A row that differs.
    ///
    /// # Errors
    /// A file cannot be written any further.
    pub fn row(&mut self, row: &Difference) -> io::Result<()> {
        let written = |result: Result<(), FileError>| result.map_err(io::Error::other);
        for sheet in &mut self.0 {
            match sheet {
                Sheet::Lines(paper) => {
                    written(paper.write(&document_text(&backout_api::Difference::of(row))))?
                }
                Sheet::Table(paper) => written(paper.write(&cells(row)))?,
                Sheet::Page { rows, .. } if rows.len() < ROWS_ON_A_PAGE => rows.push(row.clone()),
                Sheet::Page { more, .. } => *more += 1,
            }
        }
        Ok(())
    }

    /// Puts all of them in their places; where they are, for people.
    ///
    /// # Errors
    /// One could not be written to its end.
    pub fn finish(self, comparison: &Comparison) -> Result<Vec<String>, Failure> {
        let mut places = Vec::new();
        for sheet in self.0 {
            let paper = match sheet {
                Sheet::Lines(mut paper) => {
                    let whole = document_text(&backout_api::Comparison::of(comparison));
                    paper.write(&whole).map_err(unwritten)?;
                    paper
                }
                Sheet::Table(mut paper) => {
                    for line in shortcomings(comparison) {
                        paper.write(&line).map_err(unwritten)?;
                    }
                    paper
                }
                Sheet::Page { mut paper, rows, more } => {
                    let page = backout_report::comparison_page(comparison, &rows, more);
                    paper.write(&page).map_err(unwritten)?;
                    paper
                }
            };
            places.push(paper.finish().map_err(unwritten)?);
        }
        Ok(places)
    }
}

fn open(path: &Path) -> Result<Paper, Failure> {
    let named = || path_text::encode(path.as_os_str());
    if let Ok(there) = std::fs::symlink_metadata(path)
        && !there.is_file()
    {
        return Err(Diagnostic::error(codes::FILE_THERE, format!("write the rows to {}", named()))
            .because("something is there already that is no file")
            .hint("name another file")
            .into());
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(|| {
        Failure::from(Diagnostic::error(codes::OPTION, format!("`--output {}` names no file", named())))
    })?;
    Paper::new(folder, name).map_err(unwritten)
}

/// One line a column that differs; one with all columns is left to JSON.
fn cells(row: &Difference) -> String {
    let what = match row.kind {
        backout_core::compare::Kind::OnlyLeft => "only left",
        backout_core::compare::Kind::OnlyRight => "only right",
        backout_core::compare::Kind::Changed => "changed",
    };
    let key: Vec<String> = row
        .key
        .iter()
        .map(|(column, value)| format!("{column}={}", value.as_deref().unwrap_or("null")))
        .collect();
    let key = match row.times {
        Some((left, right)) => format!("{left} times left, {right} times right"),
        None => key.join(", "),
    };
    let settled = match row.settled {
        backout_core::compare::Settled::Stands => "stands",
        backout_core::compare::Settled::Moving => "moving",
    };
    let line = |column: &str, left: Option<&str>, right: Option<&str>, null: &str| {
        csv_line([&row.table, what, &key, column, left.unwrap_or(""), right.unwrap_or(""), null, settled])
    };
    if row.columns.is_empty() {
        return line("", None, None, "");
    }
    let one = |cell: &backout_core::compare::Cell| {
        // A side without the row has no value, not even a null.
        let (on_left, on_right) = (what != "only right", what != "only left");
        let null = match (on_left && cell.left.is_none(), on_right && cell.right.is_none()) {
            (true, true) => "both",
            (true, false) => "left",
            (false, true) => "right",
            (false, false) => "",
        };
        line(&cell.column, cell.left.as_deref(), cell.right.as_deref(), null)
    };
    row.columns.iter().map(one).collect()
}

/// What was not compared, so that a table that is empty is not taken for good news.
fn shortcomings(comparison: &Comparison) -> Vec<String> {
    let empty = |table: &str, what: &str, why: &str| csv_line([table, what, "", "", "", "", "", why]);
    let cut = comparison.cut_short.iter().map(|why| empty("", "incomplete", why));
    let tables = comparison.tables.iter().filter_map(|table| match &table.state {
        TableState::Complete => None,
        TableState::Incomplete(why) => Some(empty(&table.left, "incomplete", why)),
    });
    let left = comparison.only_left.iter().map(|table| empty(table, "table only left", ""));
    let right = comparison.only_right.iter().map(|table| empty(table, "table only right", ""));
    cut.chain(tables).chain(left).chain(right).collect()
}

fn unwritten(error: FileError) -> Failure {
    Diagnostic::error(codes::MACHINE, "write the rows that differ").because(chain(&error)).into()
}
