//! The manifest of a checkpoint: what can be read can be sealed, and is the same with the same seal when it was
//! written again, in whatever order and with whatever space between.

use backout_core::checkpoint::Manifest;
use serde_json::Value;

pub const WORDS: &[&str] = &[
    "\"format\"",
    "\"checkpoint\"",
    "\"components\"",
    "\"observation\"",
    "\"seen\"",
    "\"present\"",
    "\"absent\"",
    "\"unreadable\"",
    "\"identity\"",
    "\"position\"",
    "\"data\"",
    "\"bytes\"",
];

pub fn check(input: &[u8]) -> bool {
    let Ok(manifest) = serde_json::from_slice::<Manifest>(input) else { return false };
    let seal =
        manifest.seal().unwrap_or_else(|error| panic!("a manifest that was read has no seal: {error}"));
    let blobs = manifest.blobs().count();
    for text in [
        serde_json::to_vec(&manifest),
        serde_json::to_vec_pretty(&manifest),
        // By way of a value, which has its own order of fields.
        serde_json::to_value(&manifest).and_then(|value: Value| serde_json::to_vec(&value)),
    ] {
        let again = text.and_then(|text| serde_json::from_slice::<Manifest>(&text));
        let again = again.unwrap_or_else(|error| panic!("what was written cannot be read: {error}"));
        assert_eq!(again, manifest, "what was written reads back as something else");
        assert_eq!(again.seal().ok(), Some(seal), "the seal changed");
        assert_eq!(again.blobs().count(), blobs);
    }
    true
}
