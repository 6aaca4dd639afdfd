//! What stands in the record, whatever its form: sections of blocks. Texts are plain; whoever writes them down
//! escapes them, and every hidden character is spelled out here, at the one door into a page.

use backout_core::migration::hidden;
use backout_core::order::Group;

use crate::axis::Axis;

/// The whole record.
#[derive(Debug, Clone)]
pub struct Page {
    /// Its title.
    pub title: Text,
    /// What it is about, under the title.
    pub subtitle: Text,
    /// Its sections.
    pub sections: Vec<Section>,
}

/// One section.
#[derive(Debug, Clone)]
pub struct Section {
    /// Its heading.
    pub heading: &'static str,
    /// What it is called in a link, unique on the page.
    pub anchor: &'static str,
    /// What stands in it.
    pub blocks: Vec<Block>,
}

/// A piece of a section.
#[derive(Debug, Clone)]
pub enum Block {
    /// The outcome: a word and a sentence.
    Outcome {
        /// Whether it is good news.
        tone: Tone,
        /// The word.
        word: Text,
        /// The sentence.
        sentence: Text,
    },
    /// The numbers that everybody asks for first.
    Figures(Vec<Figure>),
    /// A paragraph.
    Paragraph(Text),
    /// What a reader must not overlook.
    Notice(Tone, Text),
    /// Facts by name.
    Facts(Vec<(Text, Vec<Text>)>),
    /// A table.
    Table(Table),
    /// Something to tick off.
    Tasks(Vec<Task>),
    /// Something that people write.
    ToWrite(Text),
    /// The steps on one axis of time.
    Timeline(Box<Axis>),
}

/// One number with its meaning.
#[derive(Debug, Clone)]
pub struct Figure {
    /// What it counts.
    pub label: Text,
    /// The number.
    pub value: Text,
    /// What else is to be said.
    pub note: Text,
    /// Whether it is good news.
    pub tone: Tone,
}

/// A table.
#[derive(Debug, Clone)]
pub struct Table {
    /// What it shows.
    pub caption: Text,
    /// The columns.
    pub head: Vec<&'static str>,
    /// The rows, each with a cell a column.
    pub rows: Vec<Vec<Cell>>,
}

/// One cell.
#[derive(Debug, Clone)]
pub struct Cell {
    /// Its text, one entry a line.
    pub lines: Vec<Text>,
    /// How it reads.
    pub look: Look,
}

/// How a cell reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// As text.
    Plain,
    /// As a name.
    Name,
    /// As a time, kept on one line.
    Time,
    /// As a state, which may be good news.
    State(Tone),
    /// As the name of a group of steps.
    Group(Group),
}

/// Something to tick off.
#[derive(Debug, Clone)]
pub struct Task {
    /// What.
    pub what: Text,
    /// Whether somebody and some day are to be named for it.
    pub to_assign: bool,
}

/// Whether something is good news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// It says nothing about that.
    Plain,
    /// It is.
    Good,
    /// A person should look.
    Doubtful,
    /// It is not.
    Bad,
}

/// A text in which no character is hidden.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text(String);

impl Text {
    /// As it is shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: AsRef<str>> From<T> for Text {
    fn from(text: T) -> Self {
        let text = text.as_ref().trim();
        let mut shown = String::with_capacity(text.len());
        for character in text.chars() {
            match character {
                // Line ends and tabs in evidence are blanks here; a block has no lines of its own.
                '\n' | '\r' | '\t' => shown.push(' '),
                bad if hidden(bad) => shown.extend(bad.escape_unicode()),
                good => shown.push(good),
            }
        }
        Self(shown)
    }
}

impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Cell {
    /// A text.
    pub fn plain(text: impl Into<Text>) -> Self {
        Self { lines: vec![text.into()], look: Look::Plain }
    }

    /// A name.
    pub fn name(text: impl Into<Text>) -> Self {
        Self { lines: vec![text.into()], look: Look::Name }
    }

    /// A time.
    pub fn time(text: impl Into<Text>) -> Self {
        Self { lines: vec![text.into()], look: Look::Time }
    }

    /// A state.
    pub fn state(tone: Tone, text: impl Into<Text>) -> Self {
        Self { lines: vec![text.into()], look: Look::State(tone) }
    }

    /// Several lines.
    pub fn lines(lines: Vec<Text>) -> Self {
        Self { lines, look: Look::Plain }
    }
}

impl Block {
    /// A paragraph.
    pub fn paragraph(text: impl Into<Text>) -> Self {
        Self::Paragraph(text.into())
    }

    /// A table, or a sentence where it has no rows.
    pub fn table(
        caption: impl Into<Text>,
        head: &[&'static str],
        rows: Vec<Vec<Cell>>,
        otherwise: &str,
    ) -> Self {
        if rows.is_empty() {
            return Self::paragraph(otherwise);
        }
        Self::Table(Table { caption: caption.into(), head: head.to_vec(), rows })
    }
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn no_character_is_hidden_in_a_text() {
        for (text, shown) in [
            ("plain, ünïcödé 🦀", "plain, ünïcödé 🦀"),
            ("two\nlines\tand\ra half ", "two lines and a half"),
            ("gpj\u{202e}exe", "gpj\\u{202e}exe"),
            ("\u{1b}[31mred\u{0}", "\\u{1b}[31mred\\u{0}"),
            ("zero\u{200b}width", "zero\\u{200b}width"),
        ] {
            assert_eq!(Text::from(text).as_str(), shown);
        }
    }
}
