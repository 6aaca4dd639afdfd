//! Columns that line up.

use super::{Line, Output};

/// Rows of cells; a column is as wide as its widest cell.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<Line>>,
}

impl Table {
    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Line>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Adds the row of headings.
    #[must_use]
    pub fn headed(mut self, names: &[&str]) -> Self {
        self.row(names.iter().map(|name| Line::new().dim(name)));
        self
    }

    /// Prints it, so many characters to the right, with two blanks between columns.
    pub fn print(self, output: &Output, indent: usize) {
        let mut widths: Vec<usize> = Vec::new();
        for row in &self.rows {
            for (index, cell) in row.iter().enumerate() {
                match widths.get_mut(index) {
                    Some(width) => *width = cell.width().max(*width),
                    None => widths.push(cell.width()),
                }
            }
        }
        for row in self.rows {
            let mut line = Line::indented(indent);
            for (cell, width) in row.into_iter().zip(&widths) {
                line = line.then(cell.padded(width + 2));
            }
            output.line(line);
        }
    }
}
