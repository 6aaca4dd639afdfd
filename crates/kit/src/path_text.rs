//! A path is bytes; what people read and what the journal holds is text. This form keeps every byte, shows
//! ordinary names as they are, and leaves nothing in them that could act on a terminal.

use std::ffi::{OsStr, OsString};
use std::fmt::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// A text that [`encode`] cannot have made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read path text at byte {position}: a backslash must begin \\xNN")]
pub struct PathTextError {
    /// Offset of the offending backslash, in bytes.
    pub position: usize,
}

/// The text of a path: printable UTF-8 as it is; backslashes, bytes that are not UTF-8, control characters
/// and characters that are invisible or turn the direction of writing as `\xNN`, byte by byte.
pub fn encode(path: &OsStr) -> String {
    let bytes = path.as_bytes();
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character == '\\' || is_deceptive(character) {
                push_escaped(&mut text, character.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                text.push(character);
            }
        }
        push_escaped(&mut text, chunk.invalid());
    }
    text
}

/// The path that a text stands for. Upper-case digits and needless escapes are accepted, so several texts may
/// stand for one path; only the one that [`encode`] makes is fit for comparing.
pub fn decode(text: &str) -> Result<OsString, PathTextError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let position = text.len() - rest.len() - 1;
        let (escaped, after) = read_escape(rest).ok_or(PathTextError { position })?;
        bytes.push(escaped);
        rest = after;
    }
    Ok(OsString::from_vec(bytes))
}

fn read_escape(after_backslash: &[u8]) -> Option<(u8, &[u8])> {
    let [b'x', high, low, rest @ ..] = after_backslash else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let value = digit(*high)? * 16 + digit(*low)?;
    Some((u8::try_from(value).ok()?, rest))
}

fn push_escaped(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing into a String cannot fail.
        let _ = write!(text, "\\x{byte:02x}");
    }
}

fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ordinary_names_stay_as_they_are() {
        for name in ["a.txt", "with space", "'quoted' \"twice\"", "$(inert)", "ünïcödé", "日本", "🦀"]
        {
            assert_eq!(encode(OsStr::new(name)), name);
        }
    }

    #[test]
    fn each_dangerous_thing_is_escaped() {
        let rows: [(&[u8], &str); 8] = [
            (b"a\\b", "a\\x5cb"),
            (b"a\nb", "a\\x0ab"),
            (b"\x1b[31m", "\\x1b[31m"),
            (b"\x7f", "\\x7f"),
            (b"\xff\xfea", "\\xff\\xfea"),
            ("\u{85}".as_bytes(), "\\xc2\\x85"),
            ("gpj\u{202e}exe".as_bytes(), "gpj\\xe2\\x80\\xaeexe"),
            ("\u{feff}x".as_bytes(), "\\xef\\xbb\\xbfx"),
        ];
        for (bytes, text) in rows {
            assert_eq!(encode(OsStr::from_bytes(bytes)), text);
            assert_eq!(decode(text).unwrap().as_bytes(), bytes);
        }
    }

    #[test]
    fn a_broken_escape_is_refused_at_its_place() {
        for (text, position) in [("\\", 0), ("ab\\n", 2), ("\\x4", 0), ("é\\xg0", 2), ("\\x+1", 0)] {
            assert_eq!(decode(text), Err(PathTextError { position }), "{text}");
        }
        assert_eq!(decode("\\x5C").unwrap(), "\\");
    }

    proptest! {
        #[test]
        fn bytes_survive_the_round_trip(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let path = OsString::from_vec(bytes);
            let text = encode(&path);
            prop_assert!(!text.chars().any(is_deceptive));
            prop_assert_eq!(decode(&text).unwrap(), path);
        }

        #[test]
        fn characters_survive_the_round_trip(name in "\\PC{0,20}[\\\\\\x00-\\x1f\u{2066}-\u{2069}]\\PC{0,20}") {
            let text = encode(OsStr::new(&name));
            prop_assert!(!text.chars().any(is_deceptive));
            prop_assert_eq!(decode(&text).unwrap(), OsString::from(name));
        }
    }
}
