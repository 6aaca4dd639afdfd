//! Other people's YAML as a [`Tree`]. Unlike a migration file it may have anchors, aliases, merge keys and tags;
//! they are followed, up to a size that no honest file reaches.

use std::collections::BTreeMap;

use backout_core::migration::{Entry, Kind, Scalar, Span, Spanned, Tree};
use granit_parser::{Event, Options, Parser, ScalarStyle};

/// Deepest nesting of lists and maps.
const DEEPEST: usize = 64;
/// Most keys and values, those that aliases stand for included.
const MOST_NODES: usize = 1_000_000;
/// Most text in all of them, in bytes.
const MOST_TEXT: usize = 32 * 1024 * 1024;

/// Why a text cannot be read; nothing of its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// From 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong there.
    pub what: String,
}

#[derive(Default)]
struct Reader {
    open: Vec<Open>,
    anchors: BTreeMap<usize, Tree>,
    nodes: usize,
    text: usize,
}

/// A list or map whose end has not come yet.
struct Open {
    span: Span,
    anchor: usize,
    /// Of a map the keys and values in turn.
    parts: Vec<Tree>,
    is_map: bool,
}

/// The first document of a text; none where it is empty.
///
/// # Errors
/// It is no YAML, or stands for more than anybody writes.
pub fn read(text: &str) -> Result<Option<Tree>, Unread> {
    let mut reader = Reader::default();
    let mut options = Options::default();
    options.set_emit_comments(false);
    for event in Parser::new_from_str_with_options(text, options) {
        // The parser's own words may quote the text.
        let (event, place) = event.map_err(|error| Unread {
            line: Some(error.marker().line()),
            what: "this is no YAML from here on".into(),
        })?;
        let line = place.start.line();
        let span = Span { line: u32::try_from(line).unwrap_or(u32::MAX), ..Span::default() };
        let finished = reader.take(event, span).map_err(|what| Unread { line: Some(line), what })?;
        if finished.is_some() {
            return Ok(finished);
        }
    }
    Ok(None)
}

impl Reader {
    /// Takes one event; gives the document when it is whole.
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<Option<Tree>, String> {
        let (tree, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => {
                let plain = style == ScalarStyle::Plain;
                let text = if plain && text == "~" { String::new() } else { text.into_owned() };
                let tree = Tree { span, kind: Kind::Scalar(Scalar { text, plain }) };
                self.count(&tree)?;
                (tree, anchor)
            }
            Event::Alias(anchor) => {
                let meant = self.anchors.get(&anchor).cloned();
                let meant = meant.ok_or("an alias stands for what it is a part of")?;
                self.count(&meant)?;
                (meant, 0)
            }
            Event::SequenceStart(_, anchor, _) => return self.begin(span, anchor, false),
            Event::MappingStart(_, anchor, _) => return self.begin(span, anchor, true),
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else { return Ok(None) };
                let kind = if open.is_map { map(open.parts) } else { Kind::List(open.parts) };
                (Tree { span: open.span, kind }, open.anchor)
            }
            _ => return Ok(None),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, tree.clone());
        }
        match self.open.last_mut() {
            Some(open) => open.parts.push(tree),
            None => return Ok(Some(tree)),
        }
        Ok(None)
    }

    fn begin(&mut self, span: Span, anchor: usize, is_map: bool) -> Result<Option<Tree>, String> {
        if self.open.len() >= DEEPEST {
            return Err(format!("lists and maps are more than {DEEPEST} levels deep"));
        }
        self.nodes += 1;
        self.open.push(Open { span, anchor, parts: Vec::new(), is_map });
        Ok(None)
    }

    fn count(&mut self, tree: &Tree) -> Result<(), String> {
        let mut left = vec![tree];
        while let Some(tree) = left.pop() {
            self.nodes += 1;
            match &tree.kind {
                Kind::Scalar(scalar) => self.text += scalar.text.len(),
                Kind::List(items) => left.extend(items),
                Kind::Map(entries) => left.extend(entries.iter().map(|(_, value)| value)),
            }
            if self.nodes > MOST_NODES || self.text > MOST_TEXT {
                return Err("it stands for more keys and values than anybody writes".into());
            }
        }
        Ok(())
    }
}

/// Keys and values in turn as a map. The last of two equal keys counts, as for most readers; what is merged in
/// counts least.
fn map(parts: Vec<Tree>) -> Kind {
    let mut own: Vec<Entry> = Vec::new();
    let mut merged: Vec<Entry> = Vec::new();
    let mut parts = parts.into_iter();
    while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
        let Kind::Scalar(Scalar { text, plain }) = key.kind else { continue };
        if plain && text == "<<" {
            match value.kind {
                Kind::Map(entries) => merged.extend(entries),
                Kind::List(items) => merged.extend(items.into_iter().flat_map(|item| match item.kind {
                    Kind::Map(entries) => entries,
                    Kind::Scalar(_) | Kind::List(_) => Vec::new(),
                })),
                Kind::Scalar(_) => {}
            }
            continue;
        }
        own.push((Spanned { value: text, span: key.span }, value));
    }
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut entries: Vec<Entry> = Vec::new();
    for (is_own, entry) in
        own.into_iter().map(|entry| (true, entry)).chain(merged.into_iter().map(|entry| (false, entry)))
    {
        match places.get(&entry.0.value).and_then(|at| entries.get_mut(*at)) {
            Some(there) if is_own => *there = entry,
            Some(_) => {}
            None => {
                places.insert(entry.0.value.clone(), entries.len());
                entries.push(entry);
            }
        }
    }
    Kind::Map(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn meaning(text: &str) -> serde_json::Value {
        read(text).unwrap().unwrap().meaning()
    }

    #[test]
    fn what_people_write_is_followed() {
        for (text, expected) in [
            ("a: 1\nb: [x, {y: z}]\n", json!({"a": 1, "b": ["x", {"y": "z"}]})),
            ("a: &x {k: 1}\nb: *x\n", json!({"a": {"k": 1}, "b": {"k": 1}})),
            (
                "x: &x {k: 1, l: 2}\nb:\n  l: 3\n  <<: *x\n",
                json!({"x": {"k": 1, "l": 2}, "b": {"k": 1, "l": 3}}),
            ),
            (
                "x: &x {k: 1}\ny: &y {k: 2, l: 2}\nb: {<<: [*x, *y]}\n",
                json!({"x": {"k": 1}, "y": {"k": 2, "l": 2}, "b": {"k": 1, "l": 2}}),
            ),
            ("a: !override [1]\n", json!({"a": [1]})),
            ("{\n\t\"a\": {\"b\": true}\n}", json!({"a": {"b": true}})),
        ] {
            assert_eq!(meaning(text), expected, "{text}");
        }
        assert!(read("# nothing\n").unwrap().is_none());
    }

    #[test]
    fn bombs_and_nonsense_are_refused() {
        let bomb = (1..40).fold("a0: &a0 [x]\n".to_owned(), |text, level| {
            let before = level - 1;
            text + &format!("a{level}: &a{level} [*a{before}, *a{before}, *a{before}]\n")
        });
        let long = (0..9).fold(format!("a: &a {}\n", "x".repeat(1 << 20)), |text, level| {
            text + &format!("b{level}: [{}]\n", ["*a"; 100].join(", "))
        });
        for text in [bomb, long, "[".repeat(1000), "a: [\n".into(), "a: *b\n".into(), "a: &a [*a]\n".into()] {
            assert!(read(&text).is_err(), "{}", text.get(..30).unwrap_or(&text));
        }
    }
}
