//! What is not the whole dump of this very database is refused before a target is touched.

use backout_contract::{Context, DriverError, ErrorKind};
use backout_core::checkpoint::DataPart;

use super::super::toc::Toc;
use super::super::{CONTENTS, Contents, Header, fetch, header, jobs, restore};
use super::{Held, empty, save, taken_out};
use crate::catalog::Scope;
use crate::server::Version;
use crate::testing::{context, database, server};

const ROWS: &str = "CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 500); \
                    SELECT lo_from_bytea(0, 'abc')";

struct Scene {
    context: Context,
    held: Held,
    data: Vec<DataPart>,
    _folder: tempfile::TempDir,
}

impl Scene {
    async fn set(hint: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let context = context(folder.path(), &[]);
        let (name, from) = database(hint);
        server().sql(&name, ROWS);
        let (held, data) = save(&context, &from, &Scope::Database).await;
        Self { context, held, data, _folder: folder }
    }

    fn part(&self, name: &str) -> &DataPart {
        self.data.iter().find(|part| part.name == name).expect(name)
    }

    /// The name of the part with rows.
    fn rows(&self) -> String {
        let is_rows =
            |name: &str| name.starts_with("dump/") && name["dump/".len()..].starts_with(char::is_numeric);
        self.data.iter().find(|part| is_rows(&part.name)).expect("rows").name.clone()
    }

    /// What the compression of its version appends to names.
    fn suffix(&self) -> String {
        self.rows().split_once(".dat").expect("a suffix").1.to_owned()
    }

    /// The name of the part with the list of large objects; since 17 it has a number.
    fn list(&self) -> String {
        let is_list = |name: &str| name.starts_with("dump/blobs") && name.ends_with(".toc");
        self.data.iter().find(|part| is_list(&part.name)).expect("a list").name.clone()
    }

    async fn bytes(&self, name: &str) -> Vec<u8> {
        self.context.vault.get(&self.part(name).blob).await.expect("get")
    }

    /// The parts with another content for one.
    async fn with(&self, name: &str, bytes: &[u8]) -> Vec<DataPart> {
        let blob = self.context.vault.put(bytes).await.expect("put");
        let mut data = self.data.clone();
        data.retain(|part| part.name != name);
        data.push(DataPart { name: name.to_owned(), blob, bytes: bytes.len() as u64 });
        data
    }

    /// The same, and noted as if it had always been so.
    async fn forged(&self, name: &str, bytes: &[u8]) -> Vec<DataPart> {
        let mut contents = Contents::parse(&self.bytes(CONTENTS).await).expect("contents");
        let path = self._folder.path().join("forged");
        std::fs::write(&path, bytes).expect("write");
        let kept = super::super::contents::Kept::of(&path).expect("read");
        contents.files.insert(name.trim_start_matches("dump/").to_owned(), kept);
        let data = self.with(name, bytes).await;
        let note = serde_json::to_vec(&contents).expect("JSON");
        let blob = self.context.vault.put(&note).await.expect("put");
        let noted = DataPart { name: CONTENTS.to_owned(), blob, bytes: note.len() as u64 };
        data.into_iter().filter(|part| part.name != CONTENTS).chain([noted]).collect()
    }

    async fn refusal(&self, data: &[DataPart]) -> String {
        said(fetch(&self.context, data, &self.held.taken).await.expect_err("refused"))
    }
}

fn said(error: DriverError) -> String {
    assert_eq!(error.kind, ErrorKind::BadData, "{}", error.chain());
    assert_eq!(error.certainty, backout_contract::Certainty::NothingHappened);
    error.chain()
}

#[tokio::test]
async fn each_damage_is_named() {
    let scene = Scene::set("damage").await;
    let rows = scene.rows();
    let whole = scene.bytes(&rows).await;
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let toc = scene.bytes("dump/toc.dat").await;
    let without = |name: &str| -> Vec<DataPart> {
        scene.data.iter().filter(|part| part.name != name).cloned().collect()
    };
    let mut extra = scene.data.clone();
    extra.push(DataPart { name: format!("dump/9999.dat{}", scene.suffix()), ..scene.part(&rows).clone() });
    let mut twice = scene.data.clone();
    twice.push(scene.part(&rows).clone());
    let (list, lied) = (scene.list(), format!("blob_1.dat{}, which is missing", scene.suffix()));
    let mut longer = toc.clone();
    longer.push(0);
    for (what, data, expected) in [
        ("cut", scene.with(&rows, &whole[..middle]).await, "and had"),
        ("emptied", scene.with(&rows, b"").await, "has 0 bytes"),
        ("flipped", scene.with(&rows, &flipped).await, "is not the one that was saved"),
        ("missing", without(&rows), "is missing"),
        ("no large objects", without(&list), "toc is missing"),
        ("no note", without(CONTENTS), "the note on its contents is missing"),
        ("no table of contents", without("dump/toc.dat"), "is missing"),
        ("extra", extra, "not its own"),
        ("twice", twice, "there twice"),
        ("nothing", Vec::new(), "has no dump"),
        (
            "another table of contents",
            scene.with("dump/toc.dat", &longer).await,
            "is not the one that was saved",
        ),
        ("an unreadable note", scene.with(CONTENTS, b"{").await, "cannot be read"),
        ("something after the end", scene.forged("dump/toc.dat", &longer).await, "after its end"),
        ("an empty table of contents", scene.forged("dump/toc.dat", b"").await, "is empty"),
        ("SQL", scene.forged("dump/toc.dat", b"CREATE TABLE t ();").await, "no archive of pg_dump"),
        ("a file outside", scene.forged("dump/../../x", b"").await, "outside of it"),
        ("a list that lies", scene.forged(&list, b"1 blob_1.dat\n").await, lied.as_str()),
    ] {
        let refusal = scene.refusal(&data).await;
        assert!(refusal.contains(expected), "{what}: {refusal}");
    }
    // Wherever it is cut, also at the border of two entries.
    for length in (1..toc.len()).step_by(1 + toc.len() / 60) {
        let refusal = scene.refusal(&scene.forged("dump/toc.dat", &toc[..length]).await).await;
        assert!(refusal.contains("cut short") || refusal.contains("no archive"), "{length}: {refusal}");
    }
    taken_out(&scene.context, &scene.held, &scene.data).await;
}

#[tokio::test]
async fn what_the_vault_lost_or_damaged_is_named() {
    let scene = Scene::set("lost").await;
    let vault = backout_conformance::FolderVault::new(scene._folder.path().join("vault"));
    let rows = scene.rows();
    vault.damage(&scene.part(&rows).blob).expect("damage");
    assert!(scene.refusal(&scene.data).await.contains("is damaged"));
    vault.lose(&scene.part(&rows).blob).expect("lose");
    assert!(scene.refusal(&scene.data).await.contains("is missing from the vault"));
}

#[tokio::test]
async fn the_dump_of_another_database_is_foreign() {
    let (scene, other) = (Scene::set("mine").await, Scene::set("other").await);
    let mut clone = scene.held.taken.clone();
    clone.system = "1".to_owned();
    let foreign = said(header(&scene.context, &scene.data, &clone).await.expect_err("another cluster"));
    assert!(foreign.contains("the saved state is of the cluster 1"), "{foreign}");
    let refusal =
        said(header(&scene.context, &scene.data, &other.held.taken).await.expect_err("another database"));
    assert!(refusal.contains("another database of that cluster"), "{refusal}");
    // The other's table of contents with our own rows and note.
    let refusal =
        scene.refusal(&scene.forged("dump/toc.dat", &other.bytes("dump/toc.dat").await).await).await;
    assert!(refusal.contains("dumped from the database other_"), "{refusal}");
}

#[tokio::test]
async fn a_newer_dump_is_refused_and_the_target_stays_empty() {
    let scene = Scene::set("newer").await;
    let fetched = taken_out(&scene.context, &scene.held, &scene.data).await;
    let into = empty("newer target", "postgres");
    let older = Version(scene.held.version().0 - 10_000);
    // `pg_restore` of that version is not installed, perhaps; it is not asked either.
    let refusal = said(fetched.header.fits(older, older.major()).expect_err("an older target"));
    assert!(refusal.contains("the target is the older"), "{refusal}");
    let mut newer = taken_out(&scene.context, &scene.held, &scene.data).await;
    newer.header.contents.server = Version(990_000);
    let refused = restore(&scene.context, &newer, &into, scene.held.version(), jobs()).await;
    assert!(said(refused.expect_err("newer")).contains("dumped from PostgreSQL 99.0"));
    assert_eq!(server().sql(&into.database, "SELECT count(*) FROM pg_class WHERE oid >= 16384"), "0");
}

#[tokio::test]
async fn formats_newer_than_the_program_are_refused() {
    let scene = Scene::set("formats").await;
    let Header { contents, toc } =
        header(&scene.context, &scene.data, &scene.held.taken).await.expect("header");
    for (format, program, fits) in [
        (14, 13, true),
        (14, 15, true),
        (15, 15, false),
        (15, 16, true),
        (16, 16, false),
        (16, 17, true),
        (16, 18, true),
        (17, 18, false),
        (17, 19, true),
    ] {
        let toc = Toc { format: (1, format), ..toc.clone() };
        let header = Header { contents: contents.clone(), toc };
        let judged = header.fits(Version(200_000), program);
        assert_eq!(judged.is_ok(), fits, "1.{format} by {program}");
        if let Err(error) = judged {
            assert!(said(error).contains("is newer than what pg_restore"));
        }
    }
}

#[tokio::test]
async fn rows_are_put_in_by_copy_alone() {
    let scene = Scene::set("copy").await;
    let toc = scene.bytes("dump/toc.dat").await;
    let (from, to) = (b"COPY public.t (a) FROM stdin;", b"COPY public.t FROM PROGRAM'i';");
    let to = &to[..from.len()];
    let at = toc.windows(from.len()).position(|window| window == from).expect("a COPY");
    let mut forged = toc.clone();
    forged[at..at + from.len()].copy_from_slice(to);
    let refusal = scene.refusal(&scene.forged("dump/toc.dat", &forged).await).await;
    assert!(refusal.contains("something else than a plain COPY"), "{refusal}");
}
