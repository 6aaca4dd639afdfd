//! A stock `restic` opens, checks and dumps what is written here. Left out where there is none; the project's test
//! command installs it.

use std::path::Path;
use std::process::{Command, Output};

use backout_contract::Vault;

use super::support::{noise, vault};

pub fn is_installed() -> bool {
    let installed = Command::new("restic").arg("version").output().is_ok();
    assert!(installed || std::env::var_os("CI").is_none(), "restic is not installed");
    installed
}

pub fn restic(vault: &Path, arguments: &[&str]) -> Output {
    let output = Command::new("restic")
        .args(["--no-cache", "--repo"])
        .arg(vault.join("repository"))
        .arg("--password-file")
        .arg(vault.join("password.txt"))
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "restic {arguments:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

#[tokio::test]
async fn a_stock_restic_checks_lists_and_dumps() {
    if !is_installed() {
        return;
    }
    let (folder, vault) = vault();
    let path = folder.path().join("vault");
    let large = noise(20_000_000, 1);
    let packed = [b"\x1f\x8b".as_slice(), &noise(9_000_000, 2)].concat();
    let contents: [&[u8]; 5] = [b"rows of a table\n", b"", &[0; 70_000], &large, &packed];
    let mut blobs = Vec::new();
    for content in contents {
        blobs.push(vault.tagged("database").unwrap().put(content).await.unwrap());
    }
    restic(&path, &["check", "--read-data"]);
    let snapshots = String::from_utf8(restic(&path, &["snapshots", "--json"]).stdout).unwrap();
    assert!(snapshots.contains("\"database\"") && snapshots.contains("/blobs"), "{snapshots}");

    // Afterwards all lies in one snapshot.
    vault.prune(blobs.iter().copied().collect()).await.unwrap();
    restic(&path, &["check", "--read-data"]);
    let listed = String::from_utf8(restic(&path, &["ls", "latest"]).stdout).unwrap();
    for (blob, content) in blobs.iter().zip(contents) {
        let name = format!("/blobs/{blob}");
        assert!(listed.contains(&name), "{listed}");
        assert!(restic(&path, &["dump", "latest", &name]).stdout == content, "{name}");
    }

    // What restic itself adds and prunes does not disturb.
    restic(&path, &["prune", "--max-unused", "0"]);
    for (blob, content) in blobs.iter().zip(contents) {
        assert!(vault.get(blob).await.unwrap() == content);
    }
    // With the password, the key can be had again.
    let master = restic(&path, &["cat", "masterkey"]).stdout;
    std::fs::write(path.join("key.json"), master).unwrap();
    assert!(backout_vault::FileVault::open(&path).unwrap().get(&blobs[0]).await.unwrap() == contents[0]);
}
