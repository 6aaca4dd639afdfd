//! Manifests of checkpoints, one file each. Whether one is the one that was sealed is the caller's to compare.

use std::io::Read;
use std::path::PathBuf;

use backout_core::checkpoint::{FORMAT, Manifest};
use backout_core::name::CheckpointId;
use backout_kit::atomic_put::{Attributes, put};
use backout_kit::file_error::OnFile;
use backout_kit::quietly;
use serde::Deserialize;

use crate::error::{StateError, StateErrorKind};
use crate::layout::Layout;

/// The part of a manifest that every format has.
#[derive(Deserialize)]
struct Envelope {
    format: u16,
}

/// Where the manifest of a checkpoint lies.
pub fn manifest_path(layout: &Layout, checkpoint: &CheckpointId) -> PathBuf {
    layout.checkpoints().join(format!("{checkpoint}.json"))
}

/// Writes a manifest, whole and durably.
///
/// # Errors
/// When it cannot be written.
pub fn put_manifest(layout: &Layout, manifest: &Manifest) -> Result<(), StateError> {
    let path = manifest_path(layout, &manifest.checkpoint);
    let mut text = serde_json::to_vec_pretty(manifest).on_file("write the manifest", &path)?;
    text.push(b'\n');
    Ok(put(&path, &text, Attributes::default())?)
}

/// Reads a manifest.
///
/// # Errors
/// It is missing, damaged, of a newer format, or of another checkpoint than its name says.
pub fn get_manifest(layout: &Layout, checkpoint: &CheckpointId) -> Result<Manifest, StateError> {
    let path = manifest_path(layout, checkpoint);
    let failed = |kind, source: Box<dyn std::error::Error + Send + Sync>| {
        StateError::new(kind, "read the manifest", &path, source)
    };
    let mut text = Vec::new();
    let read = quietly::open_regular(&path).and_then(|mut file| file.read_to_end(&mut text));
    read.on_file("read the manifest", &path)?;
    let envelope = serde_json::from_slice::<Envelope>(&text)
        .map_err(|error| failed(StateErrorKind::Damaged, error.into()))?;
    if envelope.format > FORMAT {
        let why = format!("its format is {}, and this program knows up to {FORMAT}", envelope.format);
        return Err(failed(StateErrorKind::Newer, why.into()));
    }
    let manifest: Manifest =
        serde_json::from_slice(&text).map_err(|error| failed(StateErrorKind::Damaged, error.into()))?;
    if manifest.checkpoint != *checkpoint {
        let why = format!("it is the manifest of checkpoint {}", manifest.checkpoint);
        return Err(failed(StateErrorKind::Damaged, why.into()));
    }
    Ok(manifest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    use backout_core::digest::Digest;
    use backout_core::name::MigrationName;
    use jiff::Timestamp;
    use std::collections::BTreeMap;

    fn manifest(id: &str) -> Manifest {
        Manifest {
            format: FORMAT,
            checkpoint: CheckpointId::new(id).unwrap(),
            migration: MigrationName::new("todo").unwrap(),
            nonce: "0123".into(),
            file: Digest::of_bytes("file", b""),
            opened: Timestamp::UNIX_EPOCH,
            components: BTreeMap::new(),
        }
    }

    #[test]
    fn a_manifest_reads_back_and_its_seal_agrees() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::at(folder.path().join(".backout"));
        layout.prepare().unwrap();
        let written = manifest("c1");
        put_manifest(&layout, &written).unwrap();
        let read = get_manifest(&layout, &written.checkpoint).unwrap();
        assert_eq!(read.seal().unwrap(), written.seal().unwrap());
        assert_eq!(read, written);
    }

    #[test]
    fn what_is_not_the_manifest_is_refused_by_kind() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::at(folder.path().join(".backout"));
        layout.prepare().unwrap();
        let id = CheckpointId::new("c1").unwrap();
        assert_eq!(get_manifest(&layout, &id).unwrap_err().kind, StateErrorKind::Absent);

        let good = serde_json::to_string(&manifest("c1")).unwrap();
        for (content, kind) in [
            (good.replace("\"format\":1", "\"format\":2"), StateErrorKind::Newer),
            (good[..good.len() / 2].to_owned(), StateErrorKind::Damaged),
            (String::new(), StateErrorKind::Damaged),
            (good.replace("\"c1\"", "\"c2\""), StateErrorKind::Damaged),
        ] {
            fs::write(manifest_path(&layout, &id), &content).unwrap();
            let error = get_manifest(&layout, &id).unwrap_err();
            assert_eq!(error.kind, kind, "{content}");
            assert!(error.to_string().contains("c1.json"));
        }
        fs::remove_file(manifest_path(&layout, &id)).unwrap();
        std::os::unix::fs::symlink("/dev/zero", manifest_path(&layout, &id)).unwrap();
        assert!(get_manifest(&layout, &id).unwrap_err().source.to_string().contains("not a regular file"));
    }
}
