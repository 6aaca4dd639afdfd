//! One file that another machine can check.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;

use backout_contract::{Vault, VaultError};
use backout_core::checkpoint::BlobId;
use backout_vault::{FileVault, import};
use tempfile::TempDir;

use super::golden::first;
use super::support::{files, noise, reopened, vault};

struct World {
    folder: TempDir,
    vault: FileVault,
    blobs: Vec<(BlobId, Vec<u8>)>,
}

impl World {
    async fn new() -> Self {
        let (folder, vault) = vault();
        let mut blobs = Vec::new();
        for content in [b"rows".to_vec(), Vec::new(), noise(20_000_000, 1), b"not exported".to_vec()] {
            blobs.push((vault.put(&content).await.unwrap(), content));
        }
        Self { folder, vault, blobs }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn wanted(&self) -> BTreeSet<BlobId> {
        self.blobs[..3].iter().map(|(blob, _)| *blob).collect()
    }

    async fn export(&self) -> Result<backout_vault::Exported, VaultError> {
        let files = BTreeMap::from([("manifest.json".to_owned(), b"{\"a\":1}".to_vec())]);
        let (file, key) = (self.path("c1.tar"), self.path("c1.tar.key"));
        let about = b"{\"format\":1}".to_vec();
        self.vault.export(self.wanted(), files, about, (&file, &key), &self.path("scratch")).await
    }

    async fn import(&self) -> Result<backout_vault::Import, VaultError> {
        import(&self.path("c1.tar"), &self.path("c1.tar.key"), &self.path("scratch")).await
    }
}

#[tokio::test]
async fn what_is_exported_is_read_elsewhere() {
    let world = World::new().await;
    let before = files(&world.path("vault"));
    let exported = world.export().await.unwrap();
    assert!(files(&world.path("vault")) == before, "exporting only reads");
    assert_eq!(exported.blobs, 3);
    assert_eq!(exported.bytes, fs::metadata(world.path("c1.tar")).unwrap().len());
    for name in ["c1.tar", "c1.tar.key"] {
        assert_eq!(fs::metadata(world.path(name)).unwrap().mode() & 0o777, 0o600, "{name}");
    }
    fs::rename(world.path("vault"), world.path("gone")).unwrap();

    let imported = world.import().await.unwrap();
    assert_eq!(imported.about, b"{\"format\":1}");
    assert_eq!(imported.files, BTreeMap::from([("manifest.json".to_owned(), b"{\"a\":1}".to_vec())]));
    assert_eq!(imported.vault.blobs().await.unwrap(), world.wanted());
    for (blob, content) in &world.blobs[..3] {
        imported.vault.check(blob).await.unwrap();
        assert!(imported.vault.get(blob).await.unwrap() == *content);
    }
    assert!(matches!(imported.vault.get(&world.blobs[3].0).await, Err(VaultError::Missing(_))));
    assert_eq!(imported.vault.survey().await.unwrap(), Vec::<String>::new());
    drop(imported);
    assert!(files(&world.path("scratch")).is_empty());
}

#[tokio::test]
async fn it_does_not_tell_its_secrets() {
    let world = World::new().await;
    world.export().await.unwrap();
    let tar = fs::read(world.path("c1.tar")).unwrap();
    let password = fs::read_to_string(world.path("c1.tar.key")).unwrap();
    let own = fs::read_to_string(world.path("vault/password.txt")).unwrap();
    assert_ne!(password, own, "it has a key of its own");
    for secret in ["not exported", "manifest.json\"", password.trim(), own.trim()] {
        assert!(!tar.windows(secret.len()).any(|part| part == secret.as_bytes()), "{secret}");
    }
    let shown = format!("{:?}", world.import().await.unwrap());
    assert!(!shown.contains(password.trim()));
}

#[tokio::test]
async fn damage_anywhere_and_another_key_are_found() {
    let world = World::new().await;
    world.export().await.unwrap();
    let whole = fs::read(world.path("c1.tar")).unwrap();
    let mut found = 0;
    for at in (0..whole.len()).step_by(whole.len() / 40) {
        let mut damaged = whole.clone();
        // A run of bytes: one alone may fall into the padding of the tar.
        damaged[at..whole.len().min(at + 600)].iter_mut().for_each(|byte| *byte ^= 0x5A);
        fs::write(world.path("c1.tar"), damaged).unwrap();
        let is_well = match world.import().await {
            Err(_) => false,
            Ok(imported) => {
                let mut is_well = imported.vault.survey().await.is_ok_and(|found| found.is_empty());
                for (blob, _) in &world.blobs[..3] {
                    is_well &= imported.vault.check(blob).await.is_ok();
                }
                is_well
            }
        };
        // The first file is the text for people, and a tar ends with zeros that nobody reads.
        assert!(!is_well || at < 2048 || at + 2048 > whole.len(), "at {at}");
        found += u32::from(!is_well);
    }
    assert!(found >= 37, "{found}");
    for cut in [0, 100, whole.len() / 2] {
        fs::write(world.path("c1.tar"), &whole[..cut]).unwrap();
        assert!(world.import().await.is_err(), "cut to {cut}");
    }
    fs::write(world.path("c1.tar"), &whole).unwrap();
    world.import().await.unwrap();
    fs::write(world.path("c1.tar.key"), "0".repeat(64)).unwrap();
    assert!(world.import().await.is_err(), "another key");
}

#[tokio::test]
async fn nothing_is_overwritten_and_nothing_half_is_left() {
    let world = World::new().await;
    for there in ["c1.tar", "c1.tar.key"] {
        fs::write(world.path(there), "mine").unwrap();
        let error = world.export().await.unwrap_err();
        assert!(matches!(error, VaultError::Io { source, .. } if source.kind() == ErrorKind::AlreadyExists));
        assert_eq!(fs::read_to_string(world.path(there)).unwrap(), "mine");
        fs::remove_file(world.path(there)).unwrap();
        assert!(!world.path("c1.tar").exists() && !world.path("c1.tar.key").exists());
    }
    for (path, mut bytes) in files(&world.path("vault/repository/data")) {
        if bytes.len() > 1_000_000 {
            bytes.iter_mut().step_by(50_000).for_each(|byte| *byte ^= 1);
            fs::write(path, bytes).unwrap();
        }
    }
    assert!(matches!(world.export().await, Err(VaultError::Damaged(named)) if named == world.blobs[2].0));
    let missing = BTreeSet::from([BlobId::from_raw([3; 32])]);
    let (file, key) = (world.path("c1.tar"), world.path("c1.tar.key"));
    let error =
        world.vault.export(missing, BTreeMap::new(), Vec::new(), (&file, &key), &world.path("scratch")).await;
    assert!(matches!(error, Err(VaultError::Missing(_))));
    assert!(!file.exists() && !key.exists());
}

#[tokio::test]
async fn old_blobs_are_exported_and_checked_too() {
    let (folder, blobs) = first();
    let (file, key) = (folder.path().join("old.tar"), folder.path().join("old.tar.key"));
    let wanted: BTreeSet<BlobId> = blobs.iter().map(|(blob, _)| *blob).collect();
    let scratch = folder.path().join("scratch");
    let vault = reopened(&folder);
    vault.export(wanted.clone(), BTreeMap::new(), b"{}".to_vec(), (&file, &key), &scratch).await.unwrap();
    let imported = import(&file, &key, &scratch).await.unwrap();
    assert_eq!(imported.vault.blobs().await.unwrap(), wanted);
    for (blob, content) in &blobs {
        assert_eq!(imported.vault.get(blob).await.unwrap(), *content);
    }
}

#[tokio::test]
async fn a_tar_from_anybody_writes_nowhere_else() {
    let world = World::new().await;
    fs::write(world.path("c1.tar.key"), "0".repeat(64)).unwrap();
    fs::set_permissions(world.path("c1.tar.key"), std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .unwrap();
    for (name, kind) in [
        ("repository/../../out", b'0'),
        ("/tmp/backout-out", b'0'),
        ("repository/config", b'2'),
        ("repository/data", b'5'),
    ] {
        let mut header = [0u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..107].copy_from_slice(b"0000600");
        header[124..135].copy_from_slice(b"00000000000");
        header[136..147].copy_from_slice(b"00000000000");
        header[148..156].copy_from_slice(b"        ");
        header[156] = kind;
        header[157..160].copy_from_slice(b"/tm");
        header[257..263].copy_from_slice(b"ustar\0");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        let mut file = fs::File::create(world.path("c1.tar")).unwrap();
        file.write_all(&header).unwrap();
        file.write_all(&[0; 1024]).unwrap();
        let error = world.import().await.unwrap_err();
        assert!(matches!(error, VaultError::Io { .. }), "{name}");
        assert!(!world.path("out").exists() && !std::path::Path::new("/tmp/backout-out").exists());
    }
}

#[tokio::test]
async fn a_stock_restic_reads_it() {
    if !super::stock::is_installed() {
        return;
    }
    let world = World::new().await;
    world.export().await.unwrap();
    let there = world.path("elsewhere");
    fs::create_dir(&there).unwrap();
    let tar = Command::new("tar").arg("-xf").arg(world.path("c1.tar")).current_dir(&there).status().unwrap();
    assert!(tar.success());
    fs::copy(world.path("c1.tar.key"), there.join("password.txt")).unwrap();
    super::stock::restic(&there, &["check", "--read-data"]);
    let manifest = super::stock::restic(&there, &["dump", "latest", "/manifest.json"]);
    assert_eq!(manifest.stdout, b"{\"a\":1}");
    let name = format!("/blobs/{}", world.blobs[0].0);
    assert_eq!(super::stock::restic(&there, &["dump", "latest", &name]).stdout, b"rows");
}
