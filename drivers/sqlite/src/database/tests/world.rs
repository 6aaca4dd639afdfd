//! One folder with one database, a vault and the calls of the engine.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use backout_contract::{
    Captured, Context, Depth, Driver, DriverError, Effect, Exactness, Resolver, Session, Sighting, StepOrder,
    Stop, Vault, VaultError,
};
use backout_core::checkpoint::{BlobId, DataPart};
use backout_core::digest::{Digest, FingerprintKey};
use backout_core::migration::Reference;
use backout_core::name::{ComponentName, KindName, RunId};
use backout_core::observation::{Fingerprint, Seen, Verdict};
use backout_core::secret::Secret;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::database::{Config, Database, DatabaseSession, State};

pub(in crate::database) const NAME: &str = "tödo list?.db";

pub(in crate::database) struct World {
    _folder: Option<TempDir>,
    pub(in crate::database) root: PathBuf,
    pub(in crate::database) busy: &'static str,
    /// The key `merge` of the component.
    pub(in crate::database) merge: serde_json::Value,
    /// The run that everything belongs to.
    pub(in crate::database) run: &'static str,
}

/// What a checkpoint and a plan hold, so that another process can go on with them.
#[derive(Clone, Serialize, Deserialize)]
pub(in crate::database) struct Plan {
    pub(in crate::database) saved: Option<State>,
    pub(in crate::database) data: Vec<DataPart>,
    pub(in crate::database) effect: serde_json::Value,
    pub(in crate::database) before: Seen,
    pub(in crate::database) after: Seen,
}

impl World {
    pub(in crate::database) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for name in ["estate", "scratch", "vault"] {
            fs::create_dir(root.join(name)).unwrap();
        }
        Self { _folder: Some(folder), root, busy: "5s", merge: serde_json::json!({}), run: "r1" }
    }

    /// Another process's world.
    pub(in crate::database) fn at(root: &Path) -> Self {
        let merge = fs::read(root.join("merge.json"));
        let merge =
            merge.map_or_else(|_| serde_json::json!({}), |merge| serde_json::from_slice(&merge).unwrap());
        Self { _folder: None, root: root.to_owned(), busy: "5s", merge, run: "r1" }
    }

    pub(in crate::database) fn estate(&self) -> PathBuf {
        self.root.join("estate")
    }

    pub(in crate::database) fn path(&self) -> PathBuf {
        self.estate().join(NAME)
    }

    pub(in crate::database) fn beside(&self, ending: &str) -> PathBuf {
        self.estate().join(format!("{NAME}{ending}"))
    }

    pub(in crate::database) fn open(&self) -> Connection {
        open(&self.path())
    }

    /// Runs statements on a connection of its own, which is closed again.
    pub(in crate::database) fn run(&self, sql: &str) {
        self.open().execute_batch(sql).unwrap();
    }

    pub(in crate::database) fn config(&self) -> Config {
        let path = format!("estate/{NAME}");
        let keys = serde_json::json!({ "path": path, "busy": self.busy, "merge": self.merge });
        serde_json::from_value(keys).unwrap()
    }

    pub(in crate::database) fn context(&self) -> Context {
        self.context_until(Stop::never())
    }

    pub(in crate::database) fn context_until(&self, stop: Stop) -> Context {
        Context {
            component: ComponentName::new("database").unwrap(),
            root: self.root.clone(),
            scratch: self.root.join("scratch"),
            run: Some(RunId::new(self.run).unwrap()),
            key: "r1-database.revert".into(),
            deadline: Duration::from_secs(120),
            stop,
            vault: Arc::new(Folder(self.root.join("vault"))),
            resolver: Arc::new(Literal),
            progress: backout_contract::Progress::default(),
            child_token: "token".into(),
        }
    }

    pub(in crate::database) async fn session(&self) -> DatabaseSession {
        Database::connect(self.config(), &self.context()).await.unwrap()
    }

    pub(in crate::database) async fn capture(&self, depth: Depth) -> Result<Captured<State>, DriverError> {
        self.session().await.capture(&self.context(), depth).await
    }

    /// The state of what is there.
    pub(in crate::database) async fn look(&self) -> Option<State> {
        self.capture(Depth::Look).await.unwrap().state
    }

    pub(in crate::database) async fn keep(&self) -> Captured<State> {
        self.capture(Depth::Keep).await.unwrap()
    }

    /// The plan from what is there to what was kept.
    pub(in crate::database) async fn plan(&self, kept: &Captured<State>) -> Plan {
        let looked = self.capture(Depth::Look).await;
        let before = match &looked {
            Ok(captured) => seen(captured.state.as_ref()),
            Err(error) => Seen::Unreadable { cause: error.chain() },
        };
        let live = looked.ok().and_then(|captured| captured.state);
        let mut steps = Database::steps(&self.config(), kept.state.as_ref(), live.as_ref()).unwrap();
        assert_eq!(steps.len(), 1);
        Plan {
            saved: kept.state.clone(),
            data: kept.data.clone(),
            effect: steps.remove(0).effect,
            before,
            after: seen(kept.state.as_ref()),
        }
    }

    pub(in crate::database) async fn revert(&self, plan: &Plan) -> Result<Effect, DriverError> {
        self.session().await.revert(&self.context(), &plan.order()).await
    }

    pub(in crate::database) async fn sight(&self, plan: &Plan) -> Option<Sighting> {
        self.session().await.sight(&self.context(), &plan.order()).await.unwrap()
    }

    pub(in crate::database) async fn examine(&self, exactness: Exactness) -> (Verdict, Vec<String>) {
        self.session().await.examine(&self.context(), exactness).await.unwrap()
    }

    /// The states of all databases that were displaced.
    pub(in crate::database) fn displaced(&self) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> = fs::read_dir(self.estate())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(".backout-displaced-"))
            .collect();
        found.sort();
        found
    }

    /// Names of everything in the estate that is not displaced.
    pub(in crate::database) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.estate())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.starts_with(".backout-displaced-"))
            .map(|name| name.replace(NAME, "db"))
            .collect();
        names.sort();
        names
    }

    /// Everything that a look could disturb: content and times, of the folder too.
    pub(in crate::database) fn traces(&self) -> BTreeMap<PathBuf, String> {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(self.estate()).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.push(self.estate());
        paths
            .into_iter()
            .map(|path| {
                let about = fs::metadata(&path).unwrap();
                let content = if about.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
                let content = Digest::of_bytes("traces", &content).short();
                let times = (about.mtime(), about.mtime_nsec(), about.ctime(), about.ctime_nsec());
                (path, format!("{} {:o} {times:?} {content}", about.ino(), about.mode()))
            })
            .collect()
    }
}

impl Plan {
    pub(in crate::database) fn order(&self) -> StepOrder<State> {
        StepOrder {
            effect: self.effect.clone(),
            saved: self.saved.clone(),
            data: self.data.clone(),
            before: Some(self.before.clone()),
            after: self.after.clone(),
        }
    }
}

pub(in crate::database) fn open(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.busy_timeout(Duration::from_secs(20)).unwrap();
    connection
}

pub(in crate::database) fn seen(state: Option<&State>) -> Seen {
    let Some(state) = state else { return Seen::Absent };
    let kind = KindName::new(Database::KIND).unwrap();
    let (shape, position) = (Database::shape(state), Database::position(state));
    let key = FingerprintKey::new([7; 32]);
    Seen::Present { fingerprint: Fingerprint::of(&key, &kind, &shape, position.as_ref()) }
}

/// Every kind of object and value that a database may hold.
pub(in crate::database) const FULL: &str = "
    PRAGMA user_version = 1;
    PRAGMA application_id = 1234;
    CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, secret BLOB);
    CREATE TABLE tasks (id INTEGER PRIMARY KEY, user INTEGER REFERENCES users, title TEXT, weight REAL,
        upper TEXT AS (upper(title)) VIRTUAL, length INTEGER AS (length(title)) STORED);
    CREATE INDEX tasks_by_title ON tasks (title COLLATE NOCASE) WHERE title IS NOT NULL;
    CREATE TABLE tags (task INTEGER, tag TEXT, PRIMARY KEY (task, tag)) WITHOUT ROWID;
    CREATE TABLE anything (value);
    CREATE TABLE \"odd \"\"name\"\" – ü\" (\"a \"\"b\"\"\" TEXT, [select] INTEGER);
    CREATE VIEW open_tasks AS SELECT title FROM tasks;
    CREATE TRIGGER renamed AFTER UPDATE ON users BEGIN SELECT 1; END;
    CREATE VIRTUAL TABLE search USING fts5(title);
    INSERT INTO users (name, secret) VALUES ('Zoë 🌍', x'00ff10'), (NULL, zeroblob(70000));
    INSERT INTO tasks (user, title, weight) VALUES (1, 'milk', 0.5), (2, 'π', -0.0), (NULL, '', 1e300);
    INSERT INTO tags VALUES (1, 'a'), (1, 'b'), (2, 'a');
    INSERT INTO anything VALUES (1), ('1'), (1.0), (x'31'), (NULL), (1);
    INSERT INTO \"odd \"\"name\"\" – ü\" VALUES ('x', 1);
    INSERT INTO search VALUES ('find me');
";

/// What a migration does to it.
pub(in crate::database) const MIGRATION: &str = "
    ALTER TABLE tasks RENAME TO old_tasks;
    CREATE TABLE tasks (id TEXT PRIMARY KEY, title TEXT) STRICT;
    INSERT INTO tasks SELECT 'u-' || id, title FROM old_tasks;
    DROP VIEW open_tasks;
    DROP TABLE old_tasks;
    DROP TABLE search;
    PRAGMA user_version = 2;
";

struct Literal;

impl Resolver for Literal {
    fn resolve(&self, reference: &Reference) -> Result<Secret, DriverError> {
        Ok(Secret::new(reference.as_literal().unwrap()))
    }
}

/// A vault that stores files by the digest of their content.
struct Folder(PathBuf);

#[async_trait]
impl Vault for Folder {
    async fn put(&self, bytes: &[u8]) -> Result<BlobId, VaultError> {
        let blob = Digest::of_bytes("blob", bytes);
        fs::write(self.0.join(blob.to_string()), bytes).unwrap();
        Ok(blob)
    }

    async fn put_file(&self, path: &Path) -> Result<(BlobId, u64), VaultError> {
        let bytes = fs::read(path).unwrap();
        Ok((self.put(&bytes).await?, bytes.len() as u64))
    }

    async fn get(&self, blob: &BlobId) -> Result<Vec<u8>, VaultError> {
        let bytes = fs::read(self.0.join(blob.to_string())).map_err(|_| VaultError::Missing(*blob))?;
        if Digest::of_bytes("blob", &bytes) == *blob { Ok(bytes) } else { Err(VaultError::Damaged(*blob)) }
    }

    async fn get_file(&self, blob: &BlobId, path: &Path) -> Result<u64, VaultError> {
        let bytes = self.get(blob).await?;
        assert!(!path.exists(), "the file must not exist");
        fs::write(path, &bytes).unwrap();
        Ok(bytes.len() as u64)
    }

    async fn check(&self, blob: &BlobId) -> Result<(), VaultError> {
        self.get(blob).await.map(drop)
    }
}
