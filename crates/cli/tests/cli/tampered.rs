//! Checkpoints that are not what was sealed, and folders that are not what they seem.

use std::fs;
use std::path::{Path, PathBuf};

use super::world::World;

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

#[test]
fn a_flipped_byte_anywhere_is_found_before_anything_changes() {
    let world = World::migrated();
    let mut files = files_below(&world.path(".backout/vault/repository"));
    let repository = files.len();
    files.extend(files_below(&world.path(".backout/checkpoints")));
    assert!(repository >= 6 && files.len() > repository, "{files:?}");
    let mut refused = 0;
    for (number, path) in files.into_iter().enumerate() {
        let whole = fs::read(&path).unwrap();
        for at in [0, whole.len() / 2, whole.len() - 2] {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            fs::write(&path, &flipped).unwrap();
            let verified = world.run(&["checkpoint", "verify"]);
            assert_eq!(verified.exit, 4, "{} at {at}: {}", path.display(), verified.text());
            // What nobody needs at this moment (the directory in a pack, the file of the password) stops nobody.
            if number >= repository || verified.says("saved data of") {
                refused += 1;
                let seen = world.run(&["rollback", "--yes"]);
                assert_eq!(seen.exit, 4, "{} at {at}: {}", path.display(), seen.text());
                assert!(seen.says("error[BK02"), "{} at {at}: {}", path.display(), seen.text());
                assert_eq!(world.read("site/a.txt"), "twofold\n");
            }
        }
        fs::write(&path, &whole).unwrap();
    }
    assert!(refused >= 10, "{refused}");
    world.ok(&["checkpoint", "verify"]);
    world.ok(&["rollback", "--yes"]);
    assert!(world.is_back());
}

#[test]
fn truncated_and_missing_pieces_are_found() {
    let world = World::migrated();
    for path in files_below(&world.path(".backout/vault/repository")) {
        let whole = fs::read(&path).unwrap();
        for is_there in [true, false] {
            fs::write(&path, &whole[..whole.len() / 2]).unwrap();
            if !is_there {
                fs::remove_file(&path).unwrap();
            }
            let verified = world.run(&["checkpoint", "verify"]);
            // Without its file of the password the repository is whole; only a stock restic misses it.
            let is_key = path.to_string_lossy().contains("/keys/");
            assert!(verified.exit == 4 || (is_key && !is_there), "{}: {}", path.display(), verified.text());
            // A configuration that is gone is made again by the next writer: the key is what counts.
            let is_made_again = !is_there && path.ends_with("config");
            if verified.says("saved data of") && !is_made_again {
                let seen = world.run(&["rollback", "--yes"]);
                assert_eq!(seen.exit, 4, "{}: {}", path.display(), seen.text());
            }
        }
        fs::write(&path, &whole).unwrap();
    }
    assert!(!world.is_back());
    world.ok(&["checkpoint", "verify"]);
}

#[test]
fn a_lost_configuration_of_the_repository_is_made_again() {
    let world = World::migrated();
    fs::remove_file(world.path(".backout/vault/repository/config")).unwrap();
    world.ok(&["rollback", "--yes"]);
    assert!(world.is_back());
    world.ok(&["checkpoint", "verify"]);
}

#[test]
fn a_lost_key_is_named_and_never_replaced() {
    for key in ["vault/key.json", "fingerprint.key", "nonce"] {
        let world = World::migrated();
        fs::remove_file(world.path(".backout").join(key)).unwrap();
        let seen = world.run(&["rollback", "--yes"]);
        assert!([1, 4].contains(&seen.exit), "{key}: {}", seen.text());
        assert!(seen.says(key), "{key}: {}", seen.text());
        assert!(!world.path(".backout").join(key).exists(), "{key} was drawn anew");
        assert!(!world.is_back());
    }
}

#[test]
fn a_manifest_that_is_gone_is_written_again() {
    let world = World::migrated();
    fs::remove_file(world.path(".backout/checkpoints/c1.json")).unwrap();
    world.ok(&["rollback", "--yes"]);
    assert!(world.path(".backout/checkpoints/c1.json").exists());
    world.ok(&["checkpoint", "verify"]);
}

#[test]
fn a_renamed_migration_does_not_take_another_ones_state() {
    let world = World::migrated();
    let renamed = world.read("backout.yaml").replace("migration: small", "migration: other");
    world.write("backout.yaml", renamed);
    let seen = world.run(&["rollback", "--yes"]);
    assert_eq!(seen.exit, 4, "{}", seen.text());
    assert!(seen.says("BK0509"), "{}", seen.text());
}

#[test]
fn a_copy_with_the_same_targets_is_refused() {
    let world = World::empty();
    let targets = World::empty();
    targets.write("site/a.txt", "one\n");
    let root = targets.path("").canonicalize().unwrap().display().to_string();
    let root = root.trim_end_matches('/');
    world.write(
        "original/backout.yaml",
        format!("migration: m\nroots: [{root}]\ncomponents:\n  site:\n    kind: file.tree\n    path: {root}/site\n"),
    );
    world.ok(&["-C", "original", "capture"]);
    let copied = std::process::Command::new("cp")
        .args(["-a", "original", "copy"])
        .current_dir(world.path(""))
        .status();
    assert!(copied.unwrap().success());
    targets.write("site/a.txt", "two\n");
    let seen = world.run(&["-C", "copy", "rollback", "--yes"]);
    assert_eq!(seen.exit, 4, "{}", seen.text());
    assert!(seen.says("BK0403"), "{}", seen.text());
    world.ok(&["-C", "original", "rollback", "--yes"]);
    assert_eq!(targets.read("site/a.txt"), "one\n");
    let kept = || files_below(&targets.path("")).into_iter().filter(|path| is_ours(path)).collect::<Vec<_>>();
    let before = kept();
    assert!(before.len() >= 2, "a marker and what was displaced: {before:?}");
    let seen = world.run(&["-C", "copy", "close", "--yes"]);
    assert_eq!(seen.exit, 4, "{}", seen.text());
    assert!(seen.says("BK0403") && seen.says("nothing was changed"), "{}", seen.text());
    assert_eq!(kept(), before);
    world.ok(&["-C", "original", "close", "--yes"]);
    assert_eq!(kept(), Vec::<PathBuf>::new());
}

/// Whether a path is a marker or was displaced.
fn is_ours(path: &Path) -> bool {
    path.components().any(|piece| piece.as_os_str().to_string_lossy().starts_with(".backout-"))
}
