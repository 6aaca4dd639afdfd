//! A file that is longer than a piece is put into the vault while it is written, and comes back whole.

use backout_contract::ErrorKind;

use super::super::{PIECE, fetch, jobs, restore};
use super::{empty, save, taken_out};
use crate::catalog::Scope;
use crate::testing::{context, database, server};

const NOISE: &str = "CREATE TABLE t (a int, b bytea); ALTER TABLE t ALTER b SET STORAGE EXTERNAL; \
    INSERT INTO t SELECT n, (SELECT string_agg(sha256((n || '-' || m)::bytea), '') FROM generate_series(1, 1000) m) \
    FROM generate_series(1, 700) n; CREATE TABLE few (a int); INSERT INTO few VALUES (1); CREATE TABLE none (a int)";
const DIGEST: &str = "SELECT sum(hashtextextended(b::text, a))::text || count(*)::text FROM t";

#[tokio::test(flavor = "multi_thread")]
async fn a_long_file_comes_back_from_its_pieces() {
    let folder = tempfile::tempdir().expect("a folder");
    let context = context(folder.path(), &[]);
    let (name, from) = database("pieces");
    server().sql(&name, NOISE);
    let (held, data) = save(&context, &from, &Scope::Database).await;
    let mut pieces: Vec<usize> = (0..data.len()).filter(|at| data[*at].name.contains('+')).collect();
    assert!(!pieces.is_empty(), "{data:?}");
    assert!(data.iter().all(|part| part.bytes <= PIECE));
    let fetched = taken_out(&context, &held, &data).await;
    let into = empty("pieces target", "postgres");
    restore(&context, &fetched, &into, held.version(), jobs()).await.expect("restore");
    assert_eq!(server().sql(&into.database, DIGEST), server().sql(&name, DIGEST));
    assert_eq!(
        server().sql(&into.database, "SELECT (SELECT count(*) FROM few) + (SELECT count(*) FROM none)"),
        "1"
    );

    let last = pieces.pop().expect("a piece");
    let file = data[last].name.split('+').next().expect("a name").to_owned();
    let first = data.iter().position(|part| part.name == file).expect("its first piece");
    let (mut lost, mut exchanged, mut renamed) = (data.clone(), data.clone(), data.clone());
    lost.remove(last);
    (exchanged[last].blob, exchanged[first].blob) = (data[first].blob, data[last].blob);
    renamed[last].name.push('9');
    for (what, data, expected) in [
        ("lost", lost, "is missing"),
        ("exchanged", exchanged, "is not the one that was saved"),
        ("renamed", renamed, "is missing"),
    ] {
        let refusal = fetch(&context, &data, &held.taken).await.expect_err(what);
        assert_eq!(refusal.kind, ErrorKind::BadData);
        assert!(refusal.chain().contains(expected), "{what}: {}", refusal.chain());
    }
    let vault = backout_conformance::FolderVault::new(folder.path().join("vault"));
    vault.damage(&data[last].blob).expect("damage");
    let refusal = fetch(&context, &data, &held.taken).await.expect_err("damaged");
    assert!(refusal.chain().contains("is damaged"), "{}", refusal.chain());
}
