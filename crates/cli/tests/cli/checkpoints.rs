//! Checkpoints verified, restored to look at, carried elsewhere and pruned.

use std::fs;
use std::process::Command;

use super::world::World;

/// The small estate with so many checkpoints, each of another content.
fn captured(times: u32) -> World {
    let world = World::small();
    for number in 1..=times {
        // Does not compress, so that removing it frees something.
        let mut state = u64::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .take(60_000)
        .collect();
        world.write("site/noise", noise);
        world.ok(&["capture"]);
    }
    world
}

#[test]
fn what_is_restored_to_look_at_is_what_was_sealed() {
    let world = World::migrated();
    let seen = world.ok(&["checkpoint", "verify", "--restore"]);
    assert!(seen.says("Checkpoint c1 is intact") && seen.says("are what was sealed"), "{}", seen.text());
    let health = &world.json(&["checkpoint", "verify", "--restore"])[0];
    assert_eq!(health["restored"]["states"], 2, "{health}");
    assert!(health["restored"]["pieces"].as_u64().unwrap() >= 1, "{health}");
    assert_eq!(world.read("site/a.txt"), "twofold\n", "nothing is put back");
    let left = fs::read_dir(world.path(".backout/scratch")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "the scratch folder is gone");
}

#[test]
fn a_stock_restic_reads_what_a_capture_kept() {
    let world = World::migrated();
    let Ok(version) = Command::new("restic").arg("version").output() else { return };
    assert!(version.status.success());
    let restic = |arguments: &[&str]| {
        let mut command = Command::new("restic");
        command.args(["--no-cache", "--no-lock", "-r"]).arg(world.path(".backout/vault/repository"));
        command.arg("--password-file").arg(world.path(".backout/vault/password.txt")).args(arguments);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    restic(&["check", "--read-data"]);
    let manifest: serde_json::Value =
        serde_json::from_str(&world.read(".backout/checkpoints/c1.json")).unwrap();
    let blob = manifest["components"]["site"]["data"][0]["blob"].as_str().unwrap();
    let found = restic(&["find", "--json", blob]);
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    let snapshot = found[0]["snapshot"].as_str().unwrap();
    assert!(restic(&["dump", snapshot, &format!("/blobs/{blob}")]).contains("one\n"));
}

#[test]
fn an_exported_checkpoint_is_verified_without_its_estate() {
    let world = World::migrated();
    let seen = world.ok(&["checkpoint", "export", "--out", "c1.tar"]);
    assert!(seen.says("Checkpoint c1 is exported"), "{}", seen.text());
    let key = world.read("c1.tar.key");
    assert!(!seen.says(key.trim()), "the key is not shown");

    let elsewhere = World::empty();
    for name in ["c1.tar", "c1.tar.key"] {
        fs::copy(world.path(name), elsewhere.path(name)).unwrap();
    }
    drop(world);
    let seen = elsewhere.ok(&["checkpoint", "verify", "--exported", "c1.tar"]);
    assert!(seen.says("Checkpoint c1 is intact"), "{}", seen.text());

    let whole = fs::read(elsewhere.path("c1.tar")).unwrap();
    let at = whole.windows(7).position(|part| part == b"\"seal\":").unwrap() + 12;
    let mut changed = whole.clone();
    changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
    fs::write(elsewhere.path("c1.tar"), changed).unwrap();
    let seen = elsewhere.run(&["checkpoint", "verify", "--exported", "c1.tar"]);
    assert_eq!(seen.exit, 4, "{}", seen.text());
    assert!(seen.says("BK0209"), "{}", seen.text());

    fs::write(elsewhere.path("c1.tar"), &whole[..whole.len() / 2]).unwrap();
    let seen = elsewhere.run(&["checkpoint", "verify", "--exported", "c1.tar"]);
    assert_eq!(seen.exit, 4, "{}", seen.text());
    fs::write(elsewhere.path("c1.tar"), whole).unwrap();
    fs::write(elsewhere.path("c1.tar.key"), "0".repeat(64)).unwrap();
    let seen = elsewhere.run(&["checkpoint", "verify", "--exported", "c1.tar"]);
    assert_eq!(seen.exit, 4, "{}", seen.text());
}

#[test]
fn an_export_overwrites_nothing_and_needs_what_was_sealed() {
    let world = World::migrated();
    world.write("c1.tar", "mine");
    let seen = world.run(&["checkpoint", "export", "--out", "c1.tar"]);
    assert_ne!(seen.exit, 0);
    assert_eq!(world.read("c1.tar"), "mine");
    assert!(!world.path("c1.tar.key").exists());
    assert_eq!(world.run(&["checkpoint", "export", "c9", "--out", "c9.tar"]).exit, 2);
    assert_eq!(World::small().run(&["checkpoint", "export", "--out", "c1.tar"]).exit, 4);
}

#[test]
fn old_checkpoints_are_pruned_and_the_newest_goes_back_as_before() {
    let world = captured(4);
    let size = || {
        let mut bytes = 0;
        let mut folders = vec![world.path(".backout/vault/repository")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                match entry.metadata().unwrap() {
                    there if there.is_dir() => folders.push(entry.path()),
                    there => bytes += there.len(),
                }
            }
        }
        bytes
    };
    let before = size();
    let seen = world.run(&["checkpoint", "prune", "--keep-last", "2"]);
    assert_eq!(seen.exit, 4, "{}", seen.text());
    assert!(seen.says("BK0702") && seen.says("checkpoint c1") && seen.says("checkpoint c4: the newest one"));
    assert_eq!(size(), before, "nothing was removed");

    let seen = world.ok(&["checkpoint", "prune", "--keep-last", "2", "--yes"]);
    assert!(seen.says("Removed"), "{}", seen.text());
    assert!(size() < before - 90_000, "{before} {}", size());
    for kept in ["c3", "c4"] {
        world.ok(&["checkpoint", "verify", kept]);
    }
    for gone in ["c1", "c2"] {
        let seen = world.run(&["checkpoint", "verify", gone]);
        assert_eq!(seen.exit, 4, "{}", seen.text());
        assert!(seen.says("BK0203"), "{}", seen.text());
    }
    // A second time there is nothing to do, also without anybody who confirms.
    let again = &world.json(&["checkpoint", "prune", "--keep-last", "2"])[0];
    assert_eq!((&again["type"], &again["pruned"]), (&"checkpoint-pruning".into(), &false.into()));
    assert!(world.ok(&["checkpoint", "prune", "--older-than", "30d"]).says("Nothing to remove"));

    world.migrate();
    world.ok(&["cutover"]);
    world.ok(&["checkpoint", "prune", "--keep-last", "0", "--yes"]);
    world.ok(&["rollback", "--yes"]);
    assert!(world.is_back());
    // The state before the run can still be gone back to.
    world.ok(&["checkpoint", "prune", "--keep-last", "0", "--yes"]);
    world.ok(&["rollback", "--to", "before-rollback", "--yes"]);
    assert_eq!(world.read("site/a.txt"), "twofold\n");
}

#[test]
fn pruning_wants_a_rule() {
    let world = captured(1);
    assert_eq!(world.run(&["checkpoint", "prune", "--yes"]).exit, 2);
    assert_eq!(world.run(&["checkpoint", "prune", "--older-than", "soon", "--yes"]).exit, 2);
}
