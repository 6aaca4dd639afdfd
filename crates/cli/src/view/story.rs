//! A story told on a terminal in 80 columns: chapters, commands as a person types them, what these print, and
//! claims that were looked at.

use std::time::Instant;

use super::{Line, Output, words};

const WIDTH: usize = 80;
const INDENT: usize = 3;

/// A story that is being told.
#[derive(Debug)]
pub struct Story {
    output: Output,
    started: Instant,
    chapters: usize,
    broken: Vec<String>,
}

impl Story {
    /// Begins with a title.
    pub fn begin(output: Output, title: &str) -> Self {
        output.line(Line::new().bold(title));
        Self { output, started: Instant::now(), chapters: 0, broken: Vec::new() }
    }

    /// Whether what is printed may hold colours.
    pub fn has_colours(&self) -> bool {
        self.output.colours()
    }

    /// A chapter's heading, with the time that has gone by.
    pub fn chapter(&mut self, name: &str) {
        self.chapters += 1;
        let heading = format!("{}. {name} ", self.chapters);
        let elapsed = format!(" {}", words::lasting(self.started.elapsed()));
        let rule = WIDTH.saturating_sub(heading.chars().count() + elapsed.chars().count());
        self.output.blank();
        self.output.line(Line::new().bold(heading).dim("─".repeat(rule)).dim(elapsed));
    }

    /// A paragraph, wrapped. Words that are longer than a line, such as paths, stay whole.
    pub fn say(&self, text: &str) {
        self.output.blank();
        for line in wrapped(text, WIDTH - INDENT) {
            self.output.line(Line::indented(INDENT).plain(line));
        }
    }

    /// Commands as a person types them.
    pub fn commands(&self, commands: &[&str]) {
        self.output.blank();
        for command in commands {
            self.output.line(Line::indented(INDENT).dim("$ ").bold(command));
        }
    }

    /// A line that a command printed, with its colours: it was cleaned by the program of ours that printed it.
    pub fn printed(&self, line: &str) {
        let line = line.trim_end();
        if line.is_empty() {
            self.output.blank()
        } else {
            self.output.rendered(&format!("{:INDENT$}  {line}", ""))
        }
    }

    /// Something that went wrong, as the story wants it.
    pub fn trouble(&self, what: &str) {
        self.output.line(Line::indented(INDENT + 2).bad("! ").plain(what));
    }

    /// Something that was looked at. A claim that does not hold is told again at the end.
    pub fn claim(&mut self, holds: bool, claim: &str) {
        let mark = if holds { Line::new().good("✓ ") } else { Line::new().bad("✗ ") };
        self.output.line(Line::indented(INDENT + 2).then(mark).plain(claim));
        if !holds {
            self.broken.push(claim.to_owned());
        }
    }

    /// An empty line.
    pub fn pause(&self) {
        self.output.blank();
    }

    /// A command to try, and what it does.
    pub fn offer(&self, command: &str, does: &str) {
        const COLUMN: usize = 40;
        let mut line = Line::indented(INDENT + 2).bold(command);
        if !does.is_empty() {
            line = line.padded(INDENT + COLUMN).plain(" ").dim(does);
        }
        self.output.line(line);
    }

    /// Whether a person sits in front of it, who may want to look at what it left.
    pub fn is_watched(&self) -> bool {
        self.output.can_ask()
    }

    /// Whether every claim held so far.
    pub fn holds(&self) -> bool {
        self.broken.is_empty()
    }

    /// Says which claims did not hold, and how long it all took. Returns whether all of them held.
    pub fn end(&self) -> bool {
        self.output.blank();
        for claim in &self.broken {
            self.output.line(Line::new().bad("did not hold: ").plain(claim));
        }
        let lasted = words::lasting(self.started.elapsed());
        let word =
            if self.holds() { Line::new().good("Everything held.") } else { Line::new().bad("Not well.") };
        self.output.line(word.plain(format!(" {lasted} in all.")));
        self.holds()
    }
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn paragraphs_are_wrapped_between_words() {
        assert_eq!(wrapped("ab cd\n  ef", 5), ["ab cd", "ef"]);
        assert_eq!(wrapped("ab /a/long/path cd", 5), ["ab", "/a/long/path", "cd"]);
        assert_eq!(wrapped("żółć où", 7), ["żółć où"]);
        assert!(wrapped(" ", 5).is_empty());
    }
}
