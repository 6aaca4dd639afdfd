//! Which names in a tree are left alone.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use backout_kit::{path_text, reserved};

/// Patterns over the paths in a tree. `*` stands for any bytes but a slash, `?` for one such byte, `**` as a
/// whole piece for any number of pieces. A pattern without a slash means a name at any depth; one with a slash a
/// path from the root of the tree. An empty pattern means nothing. Odd names are written as path text (`\xff`).
#[derive(Debug, Clone, Default)]
pub(super) struct Selector {
    patterns: Vec<Vec<Vec<u8>>>,
}

impl Selector {
    /// Reads patterns; says which one cannot be read.
    pub(super) fn read(patterns: &[String]) -> Result<Self, String> {
        let read = patterns.iter().filter(|pattern| !pattern.is_empty()).map(|pattern| {
            let bytes = path_text::decode(pattern).map_err(|error| {
                format!("the pattern `{}` cannot be read: {error}", pattern.escape_debug())
            })?;
            let bytes = bytes.as_bytes();
            let is_name = !bytes.strip_suffix(b"/").unwrap_or(bytes).contains(&b'/');
            let pieces =
                bytes.split(|byte| *byte == b'/').filter(|piece| !piece.is_empty()).map(<[u8]>::to_vec);
            Ok(if is_name {
                std::iter::once(b"**".to_vec()).chain(pieces).collect()
            } else {
                pieces.collect()
            })
        });
        Ok(Self { patterns: read.collect::<Result<_, String>>()? })
    }

    /// Whether the thing at this path (from the root of the tree), with everything below it, is left alone.
    pub(super) fn leaves_alone(&self, path: &Path) -> bool {
        if path.file_name().is_some_and(reserved::is_reserved) {
            return true;
        }
        let pieces: Vec<&[u8]> = path.iter().map(OsStrExt::as_bytes).collect();
        self.patterns.iter().any(|pattern| pieces_match(pattern, &pieces))
    }
}

/// A greedy match that goes back to the last `**` only, so that no pattern takes more than quadratic time.
fn pieces_match(pattern: &[Vec<u8>], pieces: &[&[u8]]) -> bool {
    wild(pattern, pieces, |piece| piece == b"**", |piece, name| name_matches(piece, name))
}

fn name_matches(pattern: &[u8], name: &[u8]) -> bool {
    wild(pattern, name, |byte| *byte == b'*', |one, other| *one == b'?' || one == other)
}

fn wild<P, T>(pattern: &[P], text: &[T], is_any: impl Fn(&P) -> bool, fits: impl Fn(&P, &T) -> bool) -> bool {
    let (mut at_pattern, mut at_text) = (0, 0);
    let mut last_any: Option<(usize, usize)> = None;
    while let Some(item) = text.get(at_text) {
        match pattern.get(at_pattern) {
            Some(any) if is_any(any) => {
                last_any = Some((at_pattern + 1, at_text));
                at_pattern += 1;
            }
            Some(one) if fits(one, item) => {
                at_pattern += 1;
                at_text += 1;
            }
            _ => match last_any {
                Some((after_any, taken_to)) => {
                    at_pattern = after_any;
                    at_text = taken_to + 1;
                    last_any = Some((after_any, taken_to + 1));
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(at_pattern).all(is_any)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    #[test]
    fn patterns_match_what_they_say() {
        for (pattern, path, expected) in [
            ("*.log", "a.log", true),
            ("*.log", "deep/er/a.log", true),
            ("*.log", "a.log.txt", false),
            ("*.log", "log", false),
            ("cache", "cache", true),
            ("cache", "x/cache", true),
            ("cache/", "x/cache", true),
            ("/cache", "cache", true),
            ("/cache", "x/cache", false),
            ("cache/**", "cache/a/b", true),
            ("cache/*", "cache/a", true),
            ("cache/*", "cache/a/b", false),
            ("cache/*", "x/cache/a", false),
            ("**/tmp/*.o", "tmp/a.o", true),
            ("**/tmp/*.o", "a/b/tmp/a.o", true),
            ("**/tmp/*.o", "a/b/tmp/c/a.o", false),
            ("a/**/z", "a/z", true),
            ("a/**/z", "a/b/c/z", true),
            ("a/**/z", "a/b/c", false),
            ("?.txt", "a.txt", true),
            ("?.txt", "ab.txt", false),
            ("*", "anything", true),
            ("", "anything", false),
            ("[id].tsx", "[id].tsx", true),
            ("\\xff*", "x", false),
            ("A.log", "a.log", false),
        ] {
            let selector = Selector::read(&[pattern.to_owned()]).unwrap();
            assert_eq!(selector.leaves_alone(Path::new(path)), expected, "{pattern} {path}");
        }
        let odd = Selector::read(&["\\xff*".to_owned()]).unwrap();
        assert!(odd.leaves_alone(Path::new(OsStr::from_bytes(b"d/\xffx"))));
        assert!(Selector::read(&["a\\b".to_owned()]).is_err());
    }

    #[test]
    fn our_own_names_are_always_left_alone_and_nothing_else_by_default() {
        let selector = Selector::read(&[]).unwrap();
        assert!(selector.leaves_alone(Path::new("a/.backout-marker-x")));
        assert!(!selector.leaves_alone(Path::new("a/.backout")));
    }

    #[test]
    fn a_nasty_pattern_takes_no_time() {
        let pattern = format!("{}b", "*a".repeat(2000));
        let selector = Selector::read(&[pattern]).unwrap();
        assert!(!selector.leaves_alone(Path::new(&"a".repeat(20_000))));
    }
}
