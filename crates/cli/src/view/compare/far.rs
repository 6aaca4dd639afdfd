//! How far a comparison is. Only on a terminal.

use backout_engine::compare::Pass;
use indicatif::ProgressBar;

use crate::view::progress::{drawn, style};
use crate::view::{Line, Output};

/// One bar for the table at hand.
pub struct Far {
    bar: Option<ProgressBar>,
    output: Output,
    last: String,
}

impl Far {
    /// Draws only where somebody looks.
    pub fn new(output: Output) -> Self {
        Self { bar: None, output, last: String::new() }
    }

    /// How far a table is.
    pub fn show(&mut self, pass: &Pass) {
        if !self.output.is_live() {
            return;
        }
        let doing = format!("{}: {}", pass.table, pass.work);
        if doing != self.last {
            // Another work has another speed.
            self.end();
        }
        let bar = self.bar.get_or_insert_with(|| {
            let bar = drawn().add(ProgressBar::new(pass.of));
            bar.set_style(style("  {msg}  {human_pos} of about {human_len} rows, {eta} left"));
            bar.set_message(Line::of(&doing).render(false));
            bar
        });
        bar.set_length(pass.of);
        bar.set_position(pass.done);
        self.last = doing;
    }

    /// It waits.
    pub fn waiting(&mut self, why: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(Line::of(format!("waiting: {why}")).render(false));
            self.last.clear();
        }
    }

    /// Takes the bar away while lines are written.
    pub fn pause(&mut self, write: impl FnOnce()) {
        self.end();
        write();
    }

    /// Takes the bar away.
    pub fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        self.last.clear();
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        self.end();
    }
}
