//! What people do to things in memory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use backout_conformance::{Change, HOSTILE_NAMES, World, quoted};
use backout_contract::Door;
use backout_core::migration::shown;
use backout_core::writes::Tally;

use crate::estate::{Slot, Thing, with};
use crate::flaw;
use crate::memory::Memory;
use crate::recording::Kind;

pub struct MemoryWorld<const FLAW: u8, const OPENING_RESTARTS: bool> {
    name: Mutex<String>,
    root: PathBuf,
}

const SECRET: &str = "hunter2-before";

pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

impl<const FLAW: u8, const OPENING_RESTARTS: bool> MemoryWorld<FLAW, OPENING_RESTARTS> {
    fn slot<T>(&self, work: impl FnOnce(&mut Slot) -> T) -> T {
        with(&self.name.lock().unwrap(), work)
    }

    fn thing(&self, work: impl FnOnce(&mut Thing)) {
        self.slot(|slot| work(slot.thing.as_mut().unwrap()));
    }
}

#[async_trait]
impl<const FLAW: u8, const OPENING_RESTARTS: bool> World for MemoryWorld<FLAW, OPENING_RESTARTS> {
    type Driver = Memory<FLAW, OPENING_RESTARTS>;
    const LIVES_OUTSIDE: bool = false;
    const WITHOUT_STEPS: Option<&'static str> =
        if FLAW == flaw::DENIES_ITS_STEPS { Some("they are denied") } else { None };
    const START_GRAIN: Duration = Duration::from_millis(2);

    async fn new() -> Self {
        static WORLDS: AtomicU64 = AtomicU64::new(0);
        let name = format!("value-{}", WORLDS.fetch_add(1, Ordering::Relaxed));
        Self { name: Mutex::new(name), root: PathBuf::from("/nonexistent") }
    }

    fn root(&self) -> &Path {
        &self.root
    }

    fn config(&self) -> String {
        format!("name: {}", quoted(&self.name.lock().unwrap()))
    }

    async fn set_up(&self) {
        let rows = vec!["one".into(), "two".into()];
        let thing = Thing { value: "before".into(), secret: SECRET.into(), rows, ..Thing::default() };
        self.slot(|slot| {
            slot.thing = Some(thing);
            slot.is_open = true;
            slot.starts += 1;
            slot.started = now();
        });
    }

    async fn migrate(&self) {
        self.thing(|thing| {
            thing.value = "after".into();
            thing.secret = "hunter2-after".into();
            thing.rows.retain(|row| row != "one");
        });
    }

    async fn drift(&self) {
        self.thing(|thing| thing.value = "drifted".into());
    }

    async fn write(&self) -> Change {
        self.thing(|thing| thing.rows.push("three".into()));
        Change::Made
    }

    async fn write_as_user(&self) -> Option<Tally> {
        self.thing(|thing| thing.rows.push("four".into()));
        self.slot(|slot| {
            slot.record(Kind::Insert, Some("four"), false);
            for kind in [Kind::Insert, Kind::Change, Kind::Delete] {
                slot.record(kind, None, false);
            }
        });
        Some(Tally { inserted: 2, changed: 1, deleted: 1 })
    }

    async fn write_as_migration(&self) -> Option<u64> {
        self.thing(|thing| thing.rows.push("filled in".into()));
        self.slot(|slot| slot.record(Kind::Insert, Some("filled in"), true));
        Some(1)
    }

    async fn rebuild(&self) -> Change {
        self.drop_recorder().await
    }

    async fn drop_recorder(&self) -> Change {
        self.thing(|thing| thing.recorder.iter_mut().for_each(|recorder| recorder.is_lost = true));
        Change::Made
    }

    async fn recorders(&self) -> Vec<String> {
        let recorder = self.slot(|slot| slot.thing.as_ref().and_then(|thing| thing.recorder.clone()));
        recorder.iter().map(|recorder| format!("{recorder:?}")).collect()
    }

    async fn remove(&self) -> Change {
        self.slot(|slot| slot.thing = None);
        Change::Made
    }

    async fn corrupt(&self) -> Change {
        self.thing(|thing| thing.is_corrupt = true);
        Change::Made
    }

    async fn become_hostile(&self) -> Change {
        self.name.lock().unwrap().push_str(&HOSTILE_NAMES.concat());
        Change::Made
    }

    fn secrets(&self) -> Vec<String> {
        vec![SECRET.into(), "hunter2-after".into()]
    }

    async fn contents(&self) -> BTreeMap<String, String> {
        let thing = self.slot(|slot| slot.thing.clone());
        let text = |thing: Thing| format!("{:?}", Thing { recorder: None, ..thing });
        thing.map(|thing| ("thing".to_owned(), text(thing))).into_iter().collect()
    }

    async fn traces(&self) -> BTreeMap<String, String> {
        let slot = self.slot(|slot| slot.clone());
        let mut traces = BTreeMap::from([("slot".to_owned(), format!("{slot:?}"))]);
        for (index, thing) in slot.displaced.iter().chain(&slot.beside).chain(&slot.staged).enumerate() {
            traces.insert(format!(".backout-{index}"), format!("{thing:?}"));
        }
        traces
    }

    async fn let_read_only(&self) -> Change {
        self.slot(|slot| slot.is_read_only = true);
        Change::Made
    }

    async fn let_write(&self) {
        self.slot(|slot| slot.is_read_only = false);
    }

    async fn is_kept(&self, place: &str) -> bool {
        let displaced = self.slot(|slot| slot.displaced.clone());
        place
            .parse()
            .is_ok_and(|index: usize| displaced.get(index).is_some_and(|thing| thing.value == "after"))
    }

    async fn door(&self) -> Option<Door> {
        Some(if self.slot(|slot| slot.is_open) { Door::Open } else { Door::Shut })
    }

    async fn started(&self) -> Option<String> {
        Some(self.slot(|slot| slot.starts).to_string())
    }
}

#[test]
fn hostile_names_are_hidden_when_shown() {
    assert!(HOSTILE_NAMES.iter().any(|name| shown(name) != **name));
}
