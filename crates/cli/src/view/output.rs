//! Standard output and standard error. Writing never fails a command: a reader that went away (`| head`) must not
//! kill a run.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use backout_api::{Document, Shape};
use backout_core::migration::hidden;

use super::line::{Line, spell_out};

/// Whether to colour: on a terminal that takes it, or as said.
#[allow(missing_docs, reason = "their documentation would become help texts that say nothing more")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Colour {
    #[default]
    Auto,
    Always,
    Never,
}

/// Where views write. Cheap to copy.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// Documents for programs instead of lines for people.
    pub json: bool,
    colour_out: bool,
    colour_err: bool,
}

impl Output {
    /// By what the person asked for and what the streams are.
    pub fn new(json: bool, colour: Colour) -> Self {
        let choose = |auto: anstream::ColorChoice| match colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => auto != anstream::ColorChoice::Never,
        };
        Self {
            json,
            colour_out: choose(anstream::AutoStream::choice(&io::stdout())),
            colour_err: choose(anstream::AutoStream::choice(&io::stderr())),
        }
    }

    /// Writes a line for people to standard output.
    pub fn line(&self, line: Line) {
        write(&mut io::stdout().lock(), &line.render(self.colour_out));
    }

    /// Writes an empty line.
    pub fn blank(&self) {
        self.line(Line::new());
    }

    /// Writes a line for people to standard error, where it is not mistaken for a result.
    pub fn aside(&self, line: Line) {
        write(&mut io::stderr().lock(), &line.render(self.colour_err));
    }

    /// Writes a document for programs, on one line.
    pub fn document<T: Shape>(&self, shape: &T) {
        write(&mut io::stdout().lock(), &json_text(&Document::new(shape)));
    }

    /// Writes a rendered text of several lines to standard error; it may hold colours of our own making.
    pub(super) fn rendered_aside(&self, text: &str) {
        write(&mut io::stderr().lock(), &guarded(text));
    }

    /// The same to standard output.
    pub(super) fn rendered(&self, text: &str) {
        write(&mut io::stdout().lock(), &guarded(text));
    }

    /// Whether standard error takes colours.
    pub(super) fn colours_aside(&self) -> bool {
        self.colour_err
    }

    /// Whether standard output takes colours.
    pub(super) fn colours(&self) -> bool {
        self.colour_out
    }

    /// Whether standard output still has a reader, as far as was noticed.
    pub fn is_read(&self) -> bool {
        !UNREAD.load(Ordering::Relaxed)
    }

    /// Whether both ends of a conversation are a person's terminal.
    pub fn can_ask(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Whether progress can be drawn over itself.
    pub fn is_live(&self) -> bool {
        !self.json && io::stdout().is_terminal() && io::stderr().is_terminal()
    }

    /// Writes a question without ending the line, and reads the answer.
    pub fn ask(&self, question: &Line) -> io::Result<String> {
        {
            // Let go of before waiting: a signal may want to say something meanwhile.
            let mut err = io::stderr().lock();
            write!(err, "{} ", question.render(self.colour_err))?;
            err.flush()?;
        }
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        Ok(answer.trim().to_owned())
    }
}

/// Set once nobody reads standard output any more.
static UNREAD: AtomicBool = AtomicBool::new(false);

/// Nobody may be reading any more, and the work goes on all the same.
fn write(stream: &mut impl Write, text: &str) {
    let written = stream
        .write_all(text.as_bytes())
        .and_then(|()| stream.write_all(b"\n"))
        .and_then(|()| stream.flush());
    if written.is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        UNREAD.store(true, Ordering::Relaxed);
    }
}

/// Spells out whatever a renderer of others let through, but for line ends and its own colours.
fn guarded(text: &str) -> String {
    spell_out(text, |character| hidden(character) && character != '\n' && character != '\u{1b}')
}

/// A document for programs as the content of a file.
pub fn document_text<T: Shape>(shape: &T) -> String {
    json_text(&Document::new(shape)) + "\n"
}

/// JSON on one line in which no character is hidden.
fn json_text(value: &impl serde::Serialize) -> String {
    let text = serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned());
    if !text.chars().any(hidden) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if hidden(character) {
            // Hidden characters stand in strings only, where an escape means the same.
            for unit in character.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::json_text;

    #[test]
    fn json_means_the_same_and_hides_nothing() {
        let value = serde_json::json!({"a\u{202e}b": "c\u{7f}\u{e0041}\n"});
        let text = json_text(&value);
        assert_eq!(text, r#"{"a\u202eb":"c\u007f\udb40\udc41\n"}"#);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
