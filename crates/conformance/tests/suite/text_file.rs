//! A driver of one text file, to be killed: the good one swaps, the bad one writes in place.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use backout_conformance::{Change, World};
use backout_contract::{
    Captured, Context, Depth, Driver, DriverError, Effect, ErrorKind, KindPage, Piece, Session, StepOrder,
};
use backout_core::capability::{Capabilities, Quiescence};
use backout_core::delta::{Delta, Shown};
use backout_core::migration::Claim;
use backout_core::observation::Seen;
use backout_core::order::Mode;
use backout_kit::{atomic_put, marker};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub struct TextFile<const IN_PLACE: bool>;

#[derive(Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    file: String,
}

const OPEN_TO_ALL: atomic_put::Attributes = atomic_put::Attributes { mode: Some(0o644), owner: None };

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct State(String);

pub struct Opened(PathBuf);

impl<const IN_PLACE: bool> Driver for TextFile<IN_PLACE> {
    const KIND: &'static str = "text.file";
    const STATE_VERSION: u16 = 1;
    type Config = Config;
    type State = State;
    type Session = Opened;

    fn page() -> KindPage {
        KindPage { summary: "a text file", page: "Nothing to see." }
    }

    fn capabilities(_: &Config) -> Capabilities {
        Capabilities {
            mode: Mode::InPlace,
            quiescence: Quiescence::Passive,
            holds_data: false,
            records_writes: false,
            marker: true,
            keeps_displaced: false,
            stages: false,
            compare_and_set: false,
            sees_exactly: true,
        }
    }

    fn target(config: &Config) -> String {
        config.file.clone()
    }

    fn claims(config: &Config, _: &Path) -> Vec<Claim> {
        vec![Claim { space: "file".into(), path: vec![config.file.clone()], parts: None }]
    }

    fn shape(state: &State) -> Value {
        json!(state.0)
    }

    fn diff(saved: Option<&State>, live: Option<&State>) -> Delta {
        let mut delta = Delta::default();
        let side = |state: Option<&State>| state.map_or(Shown::Absent, |state| Shown::text(&state.0));
        if saved != live {
            delta.push("text", side(live), side(saved));
        }
        delta
    }

    fn steps(_: &Config, _: Option<&State>, live: Option<&State>) -> Result<Vec<Piece<State>>, String> {
        let effect = json!({ "from": live });
        Ok(vec![Piece { title: "put the text back".into(), effect, leaves: None }])
    }

    async fn connect(config: Config, context: &Context) -> Result<Opened, DriverError> {
        Ok(Opened(context.path(config.file)))
    }
}

impl Opened {
    fn read(&self) -> Result<Option<String>, DriverError> {
        match fs::read_to_string(&self.0) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                Err(DriverError::new(ErrorKind::Unreadable, "read the file").caused_by(error))
            }
            Err(error) => Err(DriverError::io("read the file", error)),
        }
    }
}

#[async_trait]
impl<const IN_PLACE: bool> Session<TextFile<IN_PLACE>> for Opened {
    async fn capture(&self, _: &Context, _: Depth) -> Result<Captured<State>, DriverError> {
        Ok(Captured { state: self.read()?.map(State), identity: None, data: Vec::new() })
    }

    async fn revert(&self, _: &Context, step: &StepOrder<State>) -> Result<Effect, DriverError> {
        let live = self.read();
        if matches!(&live, Ok(live) if live.as_ref() == step.saved.as_ref().map(|saved| &saved.0)) {
            return Ok(Effect::AlreadyThere);
        }
        let is_before = match (&step.before, &live) {
            (Some(Seen::Present { .. }), Ok(Some(live))) => step.effect["from"] == json!(live),
            (Some(Seen::Absent), Ok(None)) => true,
            (Some(Seen::Unreadable { .. }), Err(_)) => true,
            _ => false,
        };
        if !is_before {
            return Ok(Effect::Blocked { found: "something else".into() });
        }
        let path = self.0.clone();
        let saved = step.saved.clone();
        let put = tokio::task::spawn_blocking(move || match saved {
            None => fs::remove_file(&path),
            Some(State(text)) if IN_PLACE => {
                let (one, two) = text.split_at(text.len() / 2);
                let mut file = fs::File::create(&path)?;
                file.write_all(one.as_bytes())?;
                file.write_all(two.as_bytes())
            }
            Some(State(text)) => {
                atomic_put::put(&path, text.as_bytes(), OPEN_TO_ALL).map_err(std::io::Error::other)
            }
        });
        match put.await {
            Ok(Ok(())) => Ok(Effect::Applied { evidence: "written".into() }),
            Ok(Err(error)) => Err(DriverError::io("write the file", error)),
            Err(error) => Err(DriverError::new(ErrorKind::Other, "write the file").caused_by(error)),
        }
    }

    async fn read_marker(&self, _: &Context) -> Result<Option<Value>, DriverError> {
        marker::read(&self.0)
            .map_err(|error| DriverError::new(ErrorKind::Other, "read the marker").caused_by(error))
    }

    async fn write_marker(&self, _: &Context, value: Option<&Value>) -> Result<(), DriverError> {
        let done = value.map_or_else(|| marker::remove(&self.0), |value| marker::write(&self.0, value));
        done.map_err(|error| DriverError::new(ErrorKind::Other, "write the marker").caused_by(error))
    }
}

pub struct FileWorld<const IN_PLACE: bool>(tempfile::TempDir);

impl<const IN_PLACE: bool> FileWorld<IN_PLACE> {
    fn put(&self, content: &[u8]) {
        fs::write(self.0.path().join("a.txt"), content).unwrap();
    }
}

#[async_trait]
impl<const IN_PLACE: bool> World for FileWorld<IN_PLACE> {
    type Driver = TextFile<IN_PLACE>;

    async fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn root(&self) -> &Path {
        self.0.path()
    }

    fn config(&self) -> String {
        "file: a.txt".into()
    }

    async fn set_up(&self) {
        self.put(b"as it was before");
    }

    async fn migrate(&self) {
        self.put(b"as it is after");
    }

    async fn drift(&self) {
        self.put(b"as nobody wanted it");
    }

    async fn write(&self) -> Change {
        Change::Impossible("a text is all shape")
    }

    async fn remove(&self) -> Change {
        fs::remove_file(self.0.path().join("a.txt")).unwrap();
        Change::Made
    }

    async fn corrupt(&self) -> Change {
        self.put(b"\xff\xfe");
        Change::Made
    }

    async fn become_hostile(&self) -> Change {
        Change::Impossible("its only name is fixed")
    }

    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }
}
