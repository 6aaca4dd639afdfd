//! Single sentences that accompany a command.

use super::{Line, Output};

/// Something was done.
pub fn done(output: Output, text: impl AsRef<str>) {
    if !output.json {
        output.line(Line::new().good(text));
    }
}

/// A sentence that belongs to the result.
pub fn say(output: Output, text: impl AsRef<str>) {
    if !output.json {
        output.line(Line::of(text));
    }
}

/// A sentence about the command itself.
pub fn aside(output: Output, text: impl AsRef<str>) {
    if !output.json {
        output.aside(Line::new().dim(text));
    }
}

/// A signal asked a run to stop.
pub fn stopping(output: Output) {
    output.aside(Line::new().doubtful("stopping at the next safe border; once more leaves at once"));
}

/// A second signal came.
pub fn left_run(output: Output) {
    output.aside(Line::new().doubtful("left at once; go on with: backout resume"));
}

/// A signal came while nothing was at stake.
pub fn left(output: Output) {
    output.aside(Line::new().doubtful("stopped"));
}
