//! Digests of canonical forms. A value is written with sorted keys and without blanks, then hashed with
//! SHA-256 under a label that says what it is, so that a digest of one thing is never one of another.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A SHA-256 digest, shown as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// The key of a migration's fingerprints, 32 random bytes drawn when its state directory is made. Fingerprints
/// are keyed because settings hold short secrets, which a plain digest would give away to a dictionary.
#[derive(Clone)]
pub struct FingerprintKey([u8; 32]);

impl Digest {
    /// The digest of labelled bytes.
    pub fn of_bytes(label: &str, bytes: &[u8]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update((label.len() as u64).to_le_bytes());
        hasher.update(label.as_bytes());
        hasher.update(bytes);
        Self(hasher.finalize().into())
    }

    /// The digest of a value's canonical form.
    pub fn of_value(label: &str, value: &serde_json::Value) -> Self {
        Self::of_bytes(label, canonical(value).as_bytes())
    }

    /// From raw bytes.
    pub const fn from_raw(raw: [u8; 32]) -> Self {
        Self(raw)
    }

    /// From 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() != 64 {
            return None;
        }
        let mut raw = [0u8; 32];
        for (slot, pair) in raw.iter_mut().zip(bytes.chunks_exact(2)) {
            let high = char::from(*pair.first()?).to_digit(16)?;
            let low = char::from(*pair.get(1)?).to_digit(16)?;
            *slot = u8::try_from(high * 16 + low).ok()?;
        }
        Some(Self(raw))
    }

    /// The first twelve hexadecimal digits, for people.
    pub fn short(&self) -> String {
        let mut text = self.to_string();
        text.truncate(12);
        text
    }
}

impl FingerprintKey {
    /// From 32 bytes that nobody else knows.
    pub const fn new(raw: [u8; 32]) -> Self {
        Self(raw)
    }

    /// The keyed digest (HMAC-SHA256, RFC 2104) of a value's canonical form.
    pub fn digest(&self, label: &str, value: &serde_json::Value) -> Digest {
        let mut inner_pad = [0x36u8; 64];
        let mut outer_pad = [0x5cu8; 64];
        for ((inner, outer), key) in inner_pad.iter_mut().zip(outer_pad.iter_mut()).zip(self.0.iter()) {
            *inner ^= key;
            *outer ^= key;
        }
        let mut inner = Sha256::new();
        inner.update(inner_pad);
        inner.update((label.len() as u64).to_le_bytes());
        inner.update(label.as_bytes());
        inner.update(canonical(value).as_bytes());
        let mut outer = Sha256::new();
        outer.update(outer_pad);
        outer.update(inner.finalize());
        Digest(outer.finalize().into())
    }
}

impl fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FingerprintKey(***)")
    }
}

/// The canonical text of a value: keys sorted by bytes, no blanks.
pub fn canonical(value: &serde_json::Value) -> String {
    let mut out = String::new();
    write_canonical(value, &mut out);
    out
}

fn write_canonical(value: &serde_json::Value, out: &mut String) {
    match value {
        serde_json::Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| key.as_str());
            out.push('{');
            for (index, (key, inner)) in entries.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&serde_json::Value::from(key.as_str()).to_string());
                out.push(':');
                write_canonical(inner, out);
            }
            out.push('}');
        }
        serde_json::Value::Array(items) => {
            out.push('[');
            for (index, inner) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_canonical(inner, out);
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.short())
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a digest of 64 hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn order_of_keys_does_not_matter_and_everything_else_does() {
        let one = Digest::of_value("x", &json!({"a": 1, "b": [true, null]}));
        assert_eq!(one, Digest::of_value("x", &json!({"b": [true, null], "a": 1})));
        assert_ne!(one, Digest::of_value("y", &json!({"a": 1, "b": [true, null]})));
        assert_ne!(one, Digest::of_value("x", &json!({"a": "1", "b": [true, null]})));
    }

    #[test]
    fn a_digest_reads_back() {
        let digest = Digest::of_bytes("x", b"hello");
        assert_eq!(Digest::parse(&digest.to_string()), Some(digest));
        assert_eq!(Digest::parse("12"), None);
    }

    #[test]
    fn the_key_changes_a_fingerprint() {
        let value = json!("secret");
        assert_ne!(
            FingerprintKey::new([1; 32]).digest("x", &value),
            FingerprintKey::new([2; 32]).digest("x", &value)
        );
    }

    #[test]
    fn keyed_digests_are_hmac_sha256() {
        // RFC 4231 style check by construction: an all-zero key equals the unpadded definition.
        let key = FingerprintKey::new([0; 32]);
        let message = {
            let mut m = 1u64.to_le_bytes().to_vec();
            m.extend_from_slice(b"x\"a\"");
            m
        };
        let inner: [u8; 32] =
            Sha256::new().chain_update([0x36u8; 64]).chain_update(&message).finalize().into();
        let outer: [u8; 32] = Sha256::new().chain_update([0x5cu8; 64]).chain_update(inner).finalize().into();
        assert_eq!(key.digest("x", &json!("a")), Digest::from_raw(outer));
    }
}
