//! Expressions in a form that a dump and its restore do not change.
//!
//! PostgreSQL prints an expression as it was parsed, and parsing what was printed does not always give the same again.
//! Two forms are known, and both are common; without this no database with `CHECK (state IN ('a', 'b'))` on a
//! `varchar` would ever equal its own restored copy:
//!
//! | printed at first | printed after a restore |
//! |---|---|
//! | `(((a >= 1) AND (a <= 5)) AND b)` | `((a >= 1) AND (a <= 5) AND b)` |
//! | `(ARRAY['a'::character varying])::text[]` | `ARRAY[('a'::character varying)::text]` |

/// A piece of an expression.
#[derive(Debug, Clone, PartialEq)]
enum Piece {
    /// A word, a quoted name or text, a sign, blanks.
    Text(String),
    /// What stands in parentheses or brackets.
    Group(char, Vec<Piece>),
}

/// The expression, or whatever holds expressions, in its canonical form.
pub(super) fn canonical(text: &str) -> String {
    if !text.contains("(ARRAY[") && !text.contains(") AND ") && !text.contains(") OR ") {
        return text.to_owned();
    }
    let mut rest = text;
    let pieces = read(&mut rest, None);
    let mut out = String::with_capacity(text.len());
    write(&settle(pieces), &mut out);
    // A closing bracket that nobody opened: leave such a text alone.
    if rest.is_empty() { out } else { text.to_owned() }
}

/// Reads up to the closing bracket, or to the end.
fn read(rest: &mut &str, until: Option<char>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    while let Some(first) = rest.chars().next() {
        match first {
            '(' | '[' => {
                *rest = &rest[1..];
                let close = if first == '(' { ')' } else { ']' };
                pieces.push(Piece::Group(first, read(rest, Some(close))));
            }
            ')' | ']' => {
                if until == Some(first) {
                    *rest = &rest[1..];
                }
                return pieces;
            }
            _ => {
                let (token, after) = rest.split_at(token_length(rest, first));
                pieces.push(Piece::Text(token.to_owned()));
                *rest = after;
            }
        }
    }
    pieces
}

/// How many bytes the first token has.
fn token_length(text: &str, first: char) -> usize {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    match first {
        '\'' | '"' => quoted_length(text, first, false),
        // The server prints texts with backslashes as E'…'.
        'E' if text.starts_with("E'") => 1 + quoted_length(&text[1..], '\'', true),
        _ if is_word(first) => text.find(|c| !is_word(c)).unwrap_or(text.len()),
        _ if first.is_whitespace() => text.find(|c: char| !c.is_whitespace()).unwrap_or(text.len()),
        _ => first.len_utf8(),
    }
}

fn quoted_length(text: &str, quote: char, escapes: bool) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if escapes && c == '\\' {
            chars.next();
        } else if c == quote {
            match chars.peek() {
                Some((_, next)) if *next == quote => {
                    chars.next();
                }
                _ => return at + 1,
            }
        }
    }
    text.len()
}

fn write(pieces: &[Piece], out: &mut String) {
    for piece in pieces {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Group(open, inner) => {
                out.push(*open);
                write(inner, out);
                out.push(if *open == '(' { ')' } else { ']' });
            }
        }
    }
}

/// Both rules, from the inside out.
fn settle(pieces: Vec<Piece>) -> Vec<Piece> {
    let inner = pieces.into_iter().map(|piece| match piece {
        Piece::Group(open, inner) => Piece::Group(open, settle(inner)),
        text @ Piece::Text(_) => text,
    });
    flatten(push_casts_down(inner.collect()))
}

fn is(piece: &Piece, word: &str) -> bool {
    matches!(piece, Piece::Text(text) if text == word)
}

/// The word that joins a chain, where it is one. `ROWS BETWEEN 1 PRECEDING AND CURRENT ROW` is none.
fn chained(pieces: &[Piece]) -> Option<&'static str> {
    let has = |word| pieces.iter().any(|piece| is(piece, word));
    match (has("AND"), has("OR"), has("BETWEEN")) {
        (true, false, false) => Some("AND"),
        (false, true, false) => Some("OR"),
        _ => None,
    }
}

/// A chain within a chain of the same word becomes one.
fn flatten(pieces: Vec<Piece>) -> Vec<Piece> {
    let Some(word) = chained(&pieces) else { return pieces };
    let mut flat = Vec::with_capacity(pieces.len());
    let count = pieces.len();
    let is_border = |at: Option<&Piece>| at.is_none_or(|piece| is(piece, word));
    let after: Vec<bool> =
        (0..count).map(|at| is_border(pieces.iter().skip(at + 1).find(|piece| !is_blank(piece)))).collect();
    for (piece, ends) in pieces.into_iter().zip(after) {
        let begins = is_border(flat.iter().rev().find(|piece| !is_blank(piece)));
        match piece {
            Piece::Group('(', inner) if begins && ends && chained(&inner) == Some(word) => flat.extend(inner),
            other => flat.push(other),
        }
    }
    flat
}

fn is_blank(piece: &Piece) -> bool {
    matches!(piece, Piece::Text(text) if text.trim().is_empty())
}

/// A cast of a whole array becomes casts of its elements.
fn push_casts_down(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut out = Vec::with_capacity(pieces.len());
    let mut rest = pieces.as_slice();
    while let Some((first, others)) = rest.split_first() {
        match array_of(first).zip(cast_to(others)) {
            Some((elements, (cast, length))) => {
                out.push(Piece::Text("ARRAY".to_owned()));
                out.push(Piece::Group('[', with_casts(elements, cast)));
                rest = others.get(length..).unwrap_or_default();
            }
            None => {
                out.push(first.clone());
                rest = others;
            }
        }
    }
    out
}

/// The elements of `(ARRAY[…])`.
fn array_of(piece: &Piece) -> Option<&[Piece]> {
    match piece {
        Piece::Group('(', inner) => match inner.as_slice() {
            [word, Piece::Group('[', elements)] if is(word, "ARRAY") => Some(elements),
            _ => None,
        },
        _ => None,
    }
}

/// The type in `::type[]`, as pieces with the colons, and how many pieces the whole has.
fn cast_to(pieces: &[Piece]) -> Option<(&[Piece], usize)> {
    if !(is(pieces.first()?, ":") && is(pieces.get(1)?, ":")) {
        return None;
    }
    let end =
        pieces.iter().position(|piece| matches!(piece, Piece::Group('[', inner) if inner.is_empty()))?;
    let is_name = |piece: &Piece| match piece {
        Piece::Text(text) => {
            text.chars().all(|c| c.is_alphanumeric() || "_$. \"".contains(c)) || text.starts_with('"')
        }
        Piece::Group(open, _) => *open == '(',
    };
    let cast = pieces.get(..end)?;
    cast.iter().skip(2).all(is_name).then_some((cast, end + 1))
}

fn with_casts(elements: &[Piece], cast: &[Piece]) -> Vec<Piece> {
    let mut out = Vec::new();
    for (number, element) in elements.split(|piece| is(piece, ",")).enumerate() {
        if number > 0 {
            out.push(Piece::Text(", ".to_owned()));
        }
        let begin = element.iter().take_while(|piece| is_blank(piece)).count();
        out.push(Piece::Group('(', element.get(begin..).unwrap_or_default().to_vec()));
        out.extend_from_slice(cast);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn what_a_restore_prints_otherwise_becomes_the_same() {
        for (first, then) in [
            ("CHECK (((a >= 1) AND (a <= 5)) AND b)", "CHECK ((a >= 1) AND (a <= 5) AND b)"),
            ("((a OR b) OR (c OR (d OR e)))", "(a OR b OR c OR d OR e)"),
            ("((a OR b) AND c)", "((a OR b) AND c)"),
            ("(f(a AND b) AND c)", "(f(a AND b) AND c)"),
            ("((a AND b) = c AND d)", "((a AND b) = c AND d)"),
            (
                "OVER (ROWS BETWEEN (1) PRECEDING AND (b AND c) FOLLOWING)",
                "OVER (ROWS BETWEEN (1) PRECEDING AND (b AND c) FOLLOWING)",
            ),
            (
                "((s)::text = ANY ((ARRAY['a'::character varying, 'b, (c'::character varying(9)])::text[]))",
                "((s)::text = ANY (ARRAY[('a'::character varying)::text, ('b, (c'::character varying(9))::text]))",
            ),
            ("(ARRAY['a'])::\"Öl\".\"x y\"[] AND (b AND c)", "ARRAY[('a')::\"Öl\".\"x y\"] AND b AND c"),
            (
                "a = ') AND (' OR \"x) OR (\" = E'it\\'s ( ' OR ((b OR c))",
                "a = ') AND (' OR \"x) OR (\" = E'it\\'s ( ' OR ((b OR c))",
            ),
            ("x) AND (y", "x) AND (y"),
        ] {
            assert_eq!(canonical(first), then);
            assert_eq!(canonical(then), then, "it is settled");
        }
    }
}
