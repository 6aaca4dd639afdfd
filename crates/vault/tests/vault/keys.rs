//! Keys are drawn once, private, and never shown.

use std::fs::{self, Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;

use backout_contract::Vault;
use backout_vault::FileVault;

use super::support::{files, vault};

#[test]
fn the_key_is_kept_and_must_be_private_whole_and_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vault");
    let key = path.join("key.json");
    assert!(FileVault::open(&path).is_err());
    assert!(!path.exists(), "opening makes nothing");
    FileVault::prepare(&path).unwrap();
    let made = files(&path);
    FileVault::prepare(&path).unwrap();
    FileVault::open(&path).unwrap();
    assert_eq!(files(&path), made);
    let drawn = fs::read_to_string(&key).unwrap();

    set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    let shown = format!("{:?}", FileVault::open(&path).unwrap_err());
    assert!(shown.contains("others may read"), "{shown}");
    set_permissions(&key, Permissions::from_mode(0o600)).unwrap();

    let secret = drawn.split('"').max_by_key(|part| part.len()).unwrap();
    let short = drawn.replace(secret, &secret[..20]);
    for damaged in ["", &drawn[..drawn.len() - 5], &short, "{\"mac\":1}"] {
        fs::write(&key, damaged).unwrap();
        let shown = format!("{:?}", FileVault::open(&path).unwrap_err());
        assert!(!shown.contains(&secret[5..15]), "the error shows the key: {shown}");
    }

    fs::remove_file(&key).unwrap();
    assert!(FileVault::prepare(&path).is_err(), "a lost key is not replaced");
    assert!(FileVault::open(&path).is_err());
    assert!(!key.exists());
}

#[tokio::test]
async fn what_a_killed_process_left_is_cleared_away_and_the_key_does_not_show() {
    let (folder, vault) = vault();
    let blob = vault.put(b"kept").await.unwrap();
    fs::write(folder.path().join("vault/incoming/4711-0"), "half").unwrap();
    let again = FileVault::prepare(&folder.path().join("vault")).unwrap();
    assert!(files(&folder.path().join("vault/incoming")).is_empty());
    assert_eq!(again.get(&blob).await.unwrap(), b"kept");
    let key = fs::read_to_string(folder.path().join("vault/key.json")).unwrap();
    let secret = key.split('"').max_by_key(|part| part.len()).unwrap();
    assert!(!format!("{again:?}").contains(secret));
}

#[tokio::test]
async fn making_a_vault_is_taken_up_where_it_was_killed() {
    let (folder, vault) = vault();
    drop(vault);
    let path = folder.path().join("vault");
    let whole = files(&path);
    // The order in which they are written.
    let order = ["key.json", "password.txt", "repository/keys", "repository/config"];
    for killed_before in 0..order.len() {
        for name in &order[killed_before..] {
            let at = path.join(name);
            let _ = if at.is_dir() { fs::remove_dir_all(at) } else { fs::remove_file(at) };
        }
        let vault = FileVault::prepare(&path).unwrap();
        let blob = vault.put(b"after all").await.unwrap();
        assert_eq!(vault.get(&blob).await.unwrap(), b"after all");
        assert_eq!(vault.survey().await.unwrap(), Vec::<String>::new());
        fs::remove_dir_all(&path).unwrap();
        for (file, bytes) in &whole {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, bytes).unwrap();
            set_permissions(file, Permissions::from_mode(0o600)).unwrap();
        }
    }
}
