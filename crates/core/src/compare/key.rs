//! What tells one row from another, as bytes that both sides write alike.

use std::fmt;

/// The texts of a row's key columns, each with its length before it, so that no two keys have the same bytes. Of a table
/// without a key: the number that its rows are hashed to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Box<[u8]>);

const NULL: u8 = 255;
const LONG: u8 = 254;

impl Key {
    /// Of the texts of the key columns, in their order.
    pub fn of<'a>(parts: impl IntoIterator<Item = Option<&'a [u8]>>) -> Self {
        let mut bytes = Vec::with_capacity(24);
        for part in parts {
            let Some(part) = part else {
                bytes.push(NULL);
                continue;
            };
            match u8::try_from(part.len()) {
                Ok(short) if short < LONG => bytes.push(short),
                _ => {
                    bytes.push(LONG);
                    bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
                }
            }
            bytes.extend_from_slice(part);
        }
        Self(bytes.into_boxed_slice())
    }

    /// The texts again; what is no UTF-8 is shown as well as it can be.
    pub fn parts(&self) -> Vec<Option<String>> {
        let mut parts = Vec::new();
        let mut rest: &[u8] = &self.0;
        while let Some((&first, after)) = rest.split_first() {
            rest = after;
            let length = match first {
                NULL => {
                    parts.push(None);
                    continue;
                }
                LONG => match rest.split_first_chunk::<8>() {
                    Some((length, after)) => {
                        rest = after;
                        usize::try_from(u64::from_be_bytes(*length)).unwrap_or(usize::MAX)
                    }
                    None => break,
                },
                short => usize::from(short),
            };
            let (part, after) = rest.split_at(length.min(rest.len()));
            parts.push(Some(String::from_utf8_lossy(part).into_owned()));
            rest = after;
        }
        parts
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// From its bytes.
    pub fn from_bytes(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> =
            self.parts().into_iter().map(|part| part.unwrap_or_else(|| "null".to_owned())).collect();
        write!(f, "Key({})", parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_other_parts_have_other_bytes() {
        let long = vec![b'x'; 300];
        let keys: Vec<Vec<Option<&[u8]>>> = vec![
            vec![],
            vec![None],
            vec![Some(b"")],
            vec![None, None],
            vec![Some(b"ab"), Some(b"c")],
            vec![Some(b"a"), Some(b"bc")],
            vec![Some(b"abc")],
            vec![Some(&long)],
            vec![Some(&long[..254])],
            vec![Some(&long[..255]), None],
        ];
        for (at, one) in keys.iter().enumerate() {
            for (of, other) in keys.iter().enumerate() {
                assert_eq!(Key::of(one.clone()) == Key::of(other.clone()), at == of, "{at} {of}");
            }
            let texts: Vec<Option<String>> =
                one.iter().map(|part| part.map(|part| String::from_utf8(part.to_vec()).unwrap())).collect();
            assert_eq!(Key::of(one.clone()).parts(), texts);
        }
    }
}
