//! Requests from other terminals: one file each, put whole, taken by the one writer.

use std::cmp::Ordering;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{self, AtomicU64};

use async_trait::async_trait;
use backout_contract::{Inbox, JournalError, Posted};
use backout_core::journal::{Actor, Request};
use backout_kit::atomic_put::{Attributes, put, sync_folder_of};
use backout_kit::file_error::{FileError, OnFile};
use backout_kit::reserved;
use jiff::Timestamp;
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use crate::error::StateError;
use crate::layout::Layout;

const FORMAT: u16 = 1;

/// A request is a few fields; what is longer was not written by us.
const LONGEST: u64 = 64 * 1024;

/// The folder of requests.
#[derive(Debug, Clone)]
pub struct FileInbox {
    folder: PathBuf,
}

/// What lies in the folder.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Mail {
    /// The requests, oldest first.
    pub posted: Vec<Posted>,
    /// What is no request, with the reason.
    pub skipped: Vec<(String, String)>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Letter {
    format: u16,
    asks: Request,
    by: Actor,
}

impl FileInbox {
    /// The inbox of a state folder.
    pub fn of(layout: &Layout) -> Self {
        Self { folder: layout.inbox() }
    }

    /// Leaves a request; durable when it returns. Gives its identifier.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn post(&self, asks: Request, by: Actor, now: Timestamp) -> Result<String, StateError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, atomic::Ordering::Relaxed);
        let nanos = now.as_nanosecond();
        let id = format!("{nanos}-{}-{count}", std::process::id());
        let path = self.path_of(&id);
        let letter = serde_json::to_vec(&Letter { format: FORMAT, asks, by }).on_file("write", &path)?;
        put(&path, &letter, Attributes::default())?;
        Ok(id)
    }

    /// Everything in the folder. What cannot be read is no obstacle for the rest.
    ///
    /// # Errors
    /// When the folder itself cannot be read.
    pub fn look(&self) -> Result<Mail, StateError> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Mail::default()),
            result => result.on_file("read the folder", &self.folder)?,
        };
        let mut mail = Mail::default();
        for entry in entries {
            let name = entry.on_file("read the folder", &self.folder)?.file_name();
            if reserved::is_reserved(&name) {
                continue;
            }
            let shown = name.to_string_lossy().into_owned();
            let Some(id) = shown.strip_suffix(".json").filter(|id| age_of(id).is_some()) else {
                mail.skipped.push((shown, "its name is not one of ours".to_owned()));
                continue;
            };
            match read(&self.folder.join(&name)) {
                Ok(Letter { asks, by, .. }) => mail.posted.push(Posted { id: id.to_owned(), asks, by }),
                // Taken between the two looks.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => mail.skipped.push((shown, error.to_string())),
            }
        }
        mail.posted.sort_by(|one, other| by_age(&one.id, &other.id));
        mail.skipped.sort();
        Ok(mail)
    }

    /// Removes a request; fine when it is gone already.
    ///
    /// # Errors
    /// When it cannot be removed, or no request can have this identifier.
    pub fn discard(&self, id: &str) -> Result<(), StateError> {
        let path = self.path_of(id);
        if age_of(id).is_none() {
            let why = "no request has such an identifier";
            return Err(FileError::refuse("remove the request", &path, ErrorKind::InvalidInput, why).into());
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            result => {
                result.on_file("remove the request", &path)?;
                Ok(sync_folder_of(&path)?)
            }
        }
    }

    fn path_of(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }

    async fn blocking<T: Send + 'static>(
        &self,
        attempted: &str,
        work: impl FnOnce(&Self) -> Result<T, StateError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let inbox = self.clone();
        let failed = |source| JournalError::Io { attempted: attempted.to_owned(), source };
        match tokio::task::spawn_blocking(move || work(&inbox)).await {
            Ok(result) => result.map_err(|error| failed(Box::new(error))),
            Err(error) => Err(failed(Box::new(error))),
        }
    }
}

#[async_trait]
impl Inbox for FileInbox {
    async fn waiting(&self) -> Result<Vec<Posted>, JournalError> {
        self.blocking("look into the inbox", |inbox| Ok(inbox.look()?.posted)).await
    }

    async fn remove(&self, id: &str) -> Result<(), JournalError> {
        let id = id.to_owned();
        self.blocking("take a request out of the inbox", move |inbox| inbox.discard(&id)).await
    }
}

/// The time, process and count in an identifier.
fn age_of(id: &str) -> Option<[u128; 3]> {
    let mut parts = id.split('-').map(|part| {
        let digits = part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse().ok().filter(|_| digits)
    });
    let age = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(age)
}

fn by_age(one: &str, other: &str) -> Ordering {
    age_of(one).cmp(&age_of(other)).then_with(|| one.cmp(other))
}

fn read(path: &Path) -> io::Result<Letter> {
    let wrong = |why: &str| io::Error::new(ErrorKind::InvalidData, why);
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(wrong("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(wrong("it is longer than any request"));
    }
    let letter: Letter = serde_json::from_slice(&bytes)?;
    if letter.format > FORMAT {
        return Err(wrong("a newer program wrote it"));
    }
    Ok(letter)
}

#[cfg(test)]
mod tests;
