//! From text to [`Tree`], in time and memory bounded by the size of the text: the parser's events are taken one
//! by one, nothing is ever expanded, and what hides meaning (aliases, tags, directives) is refused at its place.

use granit_parser::{ErrorKind, Event, Options, Parser, ScalarStyle, ScanError};

use super::codes;
use super::findings::Findings;
use super::source::{LARGEST, Source, Span, Spanned, too_large};
use super::tree::{Entry, Kind, Scalar, Tree, hidden, shown};
use crate::diagnostic::Diagnostic;

/// Deepest nesting of lists and maps.
pub const DEEPEST: usize = 64;
/// Most scalars, lists and maps in one file.
pub const MOST_NODES: usize = 1_000_000;

/// Reads a text. `None` comes with at least one error; a tree may come with errors too, where reading could go
/// on behind them.
pub(super) fn read(source: &Source, findings: &mut Findings) -> Option<Tree> {
    if source.text.len() > LARGEST {
        findings.push(too_large(&source.name));
        return None;
    }
    if !check_characters(source, findings) {
        return None;
    }
    let mut reader = Reader {
        source,
        findings,
        line_starts: std::iter::once(0)
            .chain(source.text.match_indices('\n').map(|(at, _)| at + 1))
            .collect(),
        open: Vec::new(),
        root: None,
        documents: 0,
        nodes: 0,
    };
    reader.run()?;
    if reader.root.is_none() {
        reader.findings.push(
            Diagnostic::error(codes::EMPTY, format!("`{}` is empty", source.name))
                .at(source.place(Span::new(0, 0, 1, 1)))
                .hint("`backout init` proposes a migration file from what is there"),
        );
    }
    reader.root
}

/// Names each hidden character. Returns whether a parser may see the text: controls confuse it, the rest only
/// confuses people.
fn check_characters(source: &Source, findings: &mut Findings) -> bool {
    let (mut line, mut column, mut legible) = (1, 1, true);
    let mut characters = source.text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let is_break = character == '\n';
        let begins_break = character == '\r' && characters.peek().is_some_and(|(_, next)| *next == '\n');
        if hidden(character) && !is_break && !begins_break && character != '\t' {
            legible &= !character.is_control();
            let span = Span::new(at, at + character.len_utf8(), line, column);
            findings.push(
                Diagnostic::error(
                    codes::HIDDEN_CHARACTER,
                    format!("hidden character U+{:04X} in `{}`", character as u32, source.name),
                )
                .because("what is written here is not what a reader sees")
                .at(source.place(span))
                .labelled(format!("U+{:04X} stands here", character as u32))
                .hint("remove it, or write it as an escape in double quotes where a value needs it"),
            );
        }
        (line, column) = if is_break { (line + 1, 1) } else { (line, column + 1) };
    }
    legible
}

struct Reader<'a> {
    source: &'a Source,
    findings: &'a mut Findings,
    line_starts: Vec<usize>,
    open: Vec<Open>,
    root: Option<Tree>,
    documents: usize,
    nodes: usize,
}

/// A list or map whose end has not come yet.
struct Open {
    span: Span,
    kind: OpenKind,
}

enum OpenKind {
    List(Vec<Tree>),
    Map { entries: Vec<Entry>, key: Option<Key> },
}

/// A key that waits for its value; the value behind a refused key is read and dropped.
enum Key {
    Good(Spanned<String>),
    Refused,
}

impl Reader<'_> {
    fn run(&mut self) -> Option<()> {
        let mut options = Options::default();
        options.disallow_directives = true;
        options.emit_anchor_events = true;
        options.emit_unresolved_aliases = true;
        options.set_emit_comments(false);
        let source = self.source;
        for event in Parser::new_from_str_with_options(&source.text, options) {
            match event {
                Ok((event, place)) => self.take(event, &place)?,
                Err(error) => {
                    let found = self.scan_error(&error);
                    self.findings.push(found);
                    return None;
                }
            }
        }
        Some(())
    }

    /// Takes one event; `None` where reading cannot go on.
    fn take(&mut self, event: Event<'_>, place: &granit_parser::Span) -> Option<()> {
        let span = self.span(place);
        if let Some(tag) = event.tag() {
            let at = place.tag_span().map_or(span, |tag| self.span(&tag));
            let found =
                Diagnostic::error(codes::TAG, format!("tag `{}` in `{}`", tag.original(), self.source.name));
            self.refuse(
                found.because("tags are not supported"),
                at,
                "write the plain value, in quotes where it is text",
            );
        }
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    let found = Diagnostic::error(
                        codes::DOCUMENTS,
                        format!("second document in `{}`", self.source.name),
                    );
                    self.refuse(found, span, "write one migration per file");
                    return None;
                }
            }
            Event::Anchor(..) => self.refuse_anchor("anchor", span),
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.refuse_anchor("alias", span);
                self.node(Tree { span, kind: Kind::Scalar(Scalar { text: String::new(), plain: true }) })?;
            }
            Event::Scalar(text, style, ..) => {
                let plain = style == ScalarStyle::Plain;
                // The parser says `~` where nothing is written.
                let text = if plain && span.start == span.end { String::new() } else { text.into_owned() };
                self.node(Tree { span, kind: Kind::Scalar(Scalar { text, plain }) })?;
            }
            Event::SequenceStart(..) => self.begin(span, OpenKind::List(Vec::new()))?,
            Event::MappingStart(..) => self.begin(span, OpenKind::Map { entries: Vec::new(), key: None })?,
            Event::SequenceEnd | Event::MappingEnd => {
                let open = self.open.pop()?;
                let kind = match open.kind {
                    OpenKind::List(items) => Kind::List(items),
                    OpenKind::Map { entries, .. } => Kind::Map(self.without_duplicates(entries)),
                };
                self.node(Tree { span: self.up_to(open.span, place), kind })?;
            }
            _ => {}
        }
        Some(())
    }

    fn begin(&mut self, span: Span, kind: OpenKind) -> Option<()> {
        if self.open.len() >= DEEPEST {
            self.findings.push(self.too_deep(span));
            return None;
        }
        self.open.push(Open { span, kind });
        Some(())
    }

    /// Puts a finished node where it belongs.
    fn node(&mut self, tree: Tree) -> Option<()> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            let found =
                Diagnostic::error(codes::TOO_LARGE, format!("`{}` has too many parts", self.source.name))
                    .because(format!("it has more than {MOST_NODES} keys and values"));
            self.refuse(found, tree.span, "split it into several migrations");
            return None;
        }
        match self.open.last_mut().map(|open| &mut open.kind) {
            None => self.root = Some(tree),
            Some(OpenKind::List(items)) => items.push(tree),
            Some(OpenKind::Map { entries, key }) => match key.take() {
                Some(Key::Good(name)) => entries.push((name, tree)),
                Some(Key::Refused) => {}
                None => {
                    let next = self.key(tree);
                    if let Some(Open { kind: OpenKind::Map { key, .. }, .. }) = self.open.last_mut() {
                        *key = Some(next);
                    }
                }
            },
        }
        Some(())
    }

    fn key(&mut self, tree: Tree) -> Key {
        let span = tree.span;
        let found = match tree.kind {
            Kind::Scalar(Scalar { text, plain: true }) if text == "<<" => {
                self.refuse_anchor("merge key", span);
                return Key::Refused;
            }
            Kind::Scalar(Scalar { text, .. }) if !text.is_empty() => {
                let Some(bad) = text.chars().find(|c| hidden(*c)) else {
                    return Key::Good(Spanned::new(text, span));
                };
                Diagnostic::error(
                    codes::HIDDEN_CHARACTER,
                    format!("hidden character U+{:04X} in a key of `{}`", bad as u32, self.source.name),
                )
            }
            Kind::Scalar(_) => Diagnostic::error(codes::KEY, format!("empty key in `{}`", self.source.name)),
            Kind::List(_) | Kind::Map(_) => {
                Diagnostic::error(codes::KEY, format!("key that is no text in `{}`", self.source.name))
            }
        };
        self.refuse(
            found,
            span,
            "write a key as `name: value`, and a text with special characters in quotes",
        );
        Key::Refused
    }

    /// Drops every entry whose key was there before, and says so at the second one.
    fn without_duplicates(&mut self, entries: Vec<Entry>) -> Vec<Entry> {
        let mut order: Vec<usize> = (0..entries.len()).collect();
        let name = |index: usize| entries.get(index).map(|(key, _)| key.value.as_str());
        order.sort_by_key(|&index| (name(index), index));
        let mut again = vec![false; entries.len()];
        let mut first: Option<&Spanned<String>> = None;
        for index in order {
            let Some((key, _)) = entries.get(index) else { continue };
            match first {
                Some(earlier) if earlier.value == key.value => {
                    if let Some(flag) = again.get_mut(index) {
                        *flag = true;
                    }
                    let at = earlier.span;
                    self.findings.push(
                        Diagnostic::error(
                            codes::DUPLICATE_KEY,
                            format!("key `{}` is written twice", shown(&key.value)),
                        )
                        .because(format!("it is first written at line {}, column {}", at.line, at.column))
                        .at(self.source.place(key.span))
                        .labelled("written again here")
                        .hint("remove one of the two"),
                    );
                }
                _ => first = Some(key),
            }
        }
        let mut again = again.into_iter();
        entries.into_iter().filter(|_| !again.next().unwrap_or(false)).collect()
    }

    fn refuse_anchor(&mut self, what: &str, span: Span) {
        let found = Diagnostic::error(codes::ANCHOR, format!("{what} in `{}`", self.source.name)).because(
            "anchors, aliases and merge keys are not supported, since a line should say what it means",
        );
        self.refuse(found, span, "write the value out; a text that begins with `&` or `*` wants quotes");
    }

    fn refuse(&mut self, found: Diagnostic, span: Span, hint: &str) {
        self.findings.push(found.at(self.source.place(span)).hint(hint));
    }

    fn too_deep(&self, span: Span) -> Diagnostic {
        Diagnostic::error(codes::TOO_LARGE, format!("`{}` is nested too deeply", self.source.name))
            .because(format!("lists and maps are more than {DEEPEST} levels deep"))
            .at(self.source.place(span))
    }

    fn scan_error(&self, error: &ScanError) -> Diagnostic {
        let mark = error.marker();
        let start = mark.byte_offset().unwrap_or(0);
        let end = start
            + self.source.text.get(start..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        let span =
            Span::new(start, end.min(self.line_end(mark.line()).max(start)), mark.line(), mark.col() + 1);
        let name = &self.source.name;
        if let Some(tab) = self.tab_indentation(mark.line()) {
            return Diagnostic::error(codes::TAB, format!("tab as indentation in `{name}`"))
                .because("YAML forbids tabs there, since nobody can see how far they reach")
                .at(self.source.place(tab))
                .hint("indent with blanks");
        }
        let (code, summary, hint) = match error.kind() {
            ErrorKind::RecursionLimitExceeded => return self.too_deep(span),
            ErrorKind::DirectiveDisallowed => (
                codes::DOCUMENTS,
                format!("directive in `{name}`"),
                Some("remove the line that begins with `%`"),
            ),
            kind => {
                (codes::SYNTAX, format!("cannot read `{name}` as YAML"), self.syntax_hint(kind, mark.line()))
            }
        };
        let found = Diagnostic::error(code, summary).because(error.info()).at(self.source.place(span));
        match hint {
            Some(hint) => found.hint(hint),
            None => found,
        }
    }

    /// A tab in the indentation of a line or of the one behind it: the parser often trips before it gets there.
    fn tab_indentation(&self, line: usize) -> Option<Span> {
        [line, line + 1].into_iter().find_map(|line| {
            let start = *self.line_starts.get(line.checked_sub(1)?)?;
            let text = self.source.text.get(start..self.line_end(line))?;
            let blanks = text.len() - text.trim_start_matches([' ', '\t']).len();
            let at = text.get(..blanks)?.find('\t')?;
            (blanks < text.len()).then(|| Span::new(start + at, start + at + 1, line, at + 1))
        })
    }

    fn syntax_hint(&self, kind: &ErrorKind, line: usize) -> Option<&'static str> {
        let start = line.checked_sub(1).and_then(|index| self.line_starts.get(index)).copied().unwrap_or(0);
        let text = self.source.text.get(start..self.line_end(line)).unwrap_or_default();
        if text.contains("${") {
            return Some("inside `[..]` and `{..}` a reference wants quotes: `\"${env:NAME}\"`");
        }
        match kind {
            ErrorKind::MappingValueNotAllowed => {
                Some("a text with `: ` in it wants quotes; check the indentation")
            }
            ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => Some("write `key: value`"),
            ErrorKind::UnexpectedCharacter { .. } => {
                Some("a text that begins with this character wants quotes")
            }
            _ => None,
        }
    }

    fn span(&self, place: &granit_parser::Span) -> Span {
        let start = place.start.byte_offset().unwrap_or(0);
        let from = Span::new(start, start, place.start.line(), place.start.col() + 1);
        self.up_to(from, place)
    }

    /// A span from a beginning to the end of an event, but not beyond the line.
    fn up_to(&self, from: Span, place: &granit_parser::Span) -> Span {
        let end = place.end.byte_offset().unwrap_or(0).min(self.line_end(from.line as usize));
        Span { end: from.start.max(u32::try_from(end).unwrap_or(u32::MAX)), ..from }
    }

    /// The byte behind the last character of a line.
    fn line_end(&self, line: usize) -> usize {
        let break_at = self.line_starts.get(line).map_or(self.source.text.len(), |next| next - 1);
        let ends_with_return =
            break_at.checked_sub(1).and_then(|at| self.source.text.as_bytes().get(at)) == Some(&b'\r');
        if ends_with_return && self.line_starts.get(line).is_some() { break_at - 1 } else { break_at }
    }
}
