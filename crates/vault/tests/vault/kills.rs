//! A writer that is killed leaves a repository that opens, and everything it said was kept.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use backout_contract::Vault;
use backout_core::checkpoint::BlobId;
use backout_vault::FileVault;

use super::support::{noise, reopened};

const FOLDER: &str = "BACKOUT_TEST_VAULT";
const ROUND: &str = "BACKOUT_TEST_ROUND";

/// What the child does: puts what is to be kept and tells, puts what is not, and prunes that from time to time.
#[tokio::test]
#[ignore = "the process that the other test kills"]
async fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let round: u64 = std::env::var(ROUND).unwrap().parse().unwrap();
    let vault = FileVault::prepare(&PathBuf::from(folder)).unwrap();
    let mut litter = Vec::new();
    for number in 0.. {
        litter.push(vault.put(&noise(70_000, round * 1_000 + 500 + number)).await.unwrap());
        let blob = vault.put(&noise(50_000, round * 1_000 + number)).await.unwrap();
        println!("kept {blob} {}", round * 1_000 + number);
        if number % 4 == 3 {
            let mut keep = vault.blobs().await.unwrap();
            keep.retain(|blob| !litter.contains(blob));
            println!("pruning");
            vault.prune(keep).await.unwrap();
        }
    }
}

fn start(folder: &std::path::Path, round: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "vault::kills::child", "--ignored", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn a_killed_writer_loses_nothing_that_it_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vault");
    let mut kept: Vec<(BlobId, u64)> = Vec::new();
    for round in 0..24u64 {
        let mut child = start(&path, round);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut seen = 0;
        for line in lines.map_while(Result::ok) {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let Some(at) = words.iter().position(|word| *word == "kept") {
                kept.push((BlobId::parse(words[at + 1]).unwrap(), words[at + 2].parse().unwrap()));
                seen += 1;
            }
            // Each round ends somewhere else: in a put, or in a prune.
            if seen > round % 6 || (round % 2 == 0 && words == ["pruning"]) {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        let reader = reopened(&folder);
        assert_eq!(reader.survey().await.unwrap(), Vec::<String>::new(), "round {round}");
        for (blob, number) in &kept {
            assert!(reader.get(blob).await.unwrap() == noise(50_000, *number), "round {round}");
        }
    }
    assert!(kept.len() > 40, "{}", kept.len());
    let vault = FileVault::prepare(&path).unwrap();
    vault.prune(kept.iter().map(|(blob, _)| *blob).collect()).await.unwrap();
    assert_eq!(vault.survey().await.unwrap(), Vec::<String>::new());
    if super::stock::is_installed() {
        super::stock::restic(&path, &["check", "--read-data"]);
    }
}
