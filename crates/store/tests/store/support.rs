//! A state folder, somebody who holds its lock, and something to record.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use backout_contract::{Clock, Journal};
use backout_core::journal::{Actor, Event, Record};
use backout_core::name::MigrationName;
use backout_store::{Holder, Layout, Lock, Writer};
use jiff::Timestamp;
use tempfile::TempDir;

/// Always the same moment.
pub struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn monotonic_millis(&self) -> u64 {
        0
    }
}

pub fn state() -> (TempDir, Layout) {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::at(folder.path().join(".backout"));
    layout.prepare().unwrap();
    (folder, layout)
}

pub fn ada() -> Actor {
    Actor { user: "ada".into(), host: "db1".into() }
}

pub fn us() -> Holder {
    Holder::this_process(ada(), "backout rollback", Timestamp::UNIX_EPOCH).unwrap()
}

pub fn open(layout: &Layout) -> Writer {
    let lock = Lock::acquire(layout, us()).unwrap();
    Writer::open(layout, lock, Arc::new(Still)).unwrap().0
}

pub fn opened() -> Event {
    Event::MigrationOpened { migration: MigrationName::new("todo").unwrap(), nonce: "0123".into() }
}

pub fn armed() -> Event {
    Event::Armed { by: ada() }
}

/// A closed journal of so many records.
pub async fn journal_of(records: usize) -> (TempDir, Layout) {
    let (folder, layout) = state();
    let writer = open(&layout);
    let events = std::iter::once(opened()).chain(std::iter::repeat_with(armed)).take(records);
    writer.append(None, events.collect()).await.unwrap();
    writer.close().await.unwrap();
    (folder, layout)
}

/// The records that can be read, and how reading ended.
pub fn read(layout: &Layout) -> (Vec<Record>, Result<(), backout_contract::JournalError>) {
    let mut records = Vec::new();
    let end = backout_store::read_all(&layout.journal(), |record, _| {
        records.push(record);
        Ok(())
    });
    (records, end)
}

/// Name, content, mode and times of everything in a folder.
pub fn picture(folder: &Path) -> BTreeMap<String, (Vec<u8>, u32, i64, i64)> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            let about = entry.metadata().unwrap();
            let content = if about.is_file() { fs::read(entry.path()).unwrap() } else { Vec::new() };
            let name = entry.file_name().into_string().unwrap();
            (name, (content, about.mode(), about.mtime(), about.mtime_nsec()))
        })
        .collect()
}

/// What a process that was killed at this moment would leave behind, in a folder of its own.
pub fn as_if_killed(layout: &Layout) -> (TempDir, Layout) {
    let folder = tempfile::tempdir().unwrap();
    let copy = Layout::at(folder.path().join(".backout"));
    copy.prepare().unwrap();
    for entry in fs::read_dir(layout.folder()).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), copy.folder().join(entry.file_name())).unwrap();
        }
    }
    (folder, copy)
}
