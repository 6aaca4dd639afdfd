//! The lock that makes one process the only writer.
//!
//! The operating system holds it and lets go of it when its holder ends, however that was. The file's body says
//! who holds it, since when, and with which epoch; the epoch grows with every holder and stands in every record.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use backout_kit::atomic_put::sync_folder_of;
use backout_kit::file_error::{FileError, OnFile};
use backout_kit::{path_text, quietly};
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use crate::error::StateError;
use crate::layout::Layout;

mod holder;

pub use holder::{Holder, Standing};

const FORMAT: u16 = 1;

/// A body is a few fields; what is longer was not written by us.
const LONGEST_BODY: u64 = 64 * 1024;

/// How long the lock of a holder that has ended may outlive it.
const LAST_BREATH: Duration = Duration::from_secs(1);

/// What the lock file says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Body {
    format: u16,
    epoch: u64,
    /// Whether its holder let go by itself.
    released: bool,
    #[serde(flatten)]
    holder: Holder,
}

/// Somebody else holds the lock, or it cannot be told that nobody does.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{}", self.line())]
pub struct Busy {
    /// Who, where the lock says so.
    pub holder: Option<Holder>,
    /// What could be told about the holder from here.
    pub standing: Option<Standing>,
    /// What to do next.
    pub hints: Vec<String>,
}

/// Why the lock was not given.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else holds it.
    #[error(transparent)]
    Busy(Box<Busy>),
    /// The lock file could not be used.
    #[error(transparent)]
    State(#[from] StateError),
}

/// Held until dropped. Child processes do not inherit it.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
    body: Body,
}

impl Lock {
    /// Takes the lock where it is free. A holder that ended without letting go, killed for instance, is in
    /// nobody's way.
    ///
    /// # Errors
    /// Somebody holds it, or last held it on a machine of which nothing can be told from here.
    pub fn acquire(layout: &Layout, claimant: Holder) -> Result<Self, LockError> {
        Self::claim(layout, claimant, false)
    }

    /// Takes the lock also where the system still counts it as held, when its holder is proven to have ended.
    ///
    /// # Errors
    /// The holder runs, or nothing can be proven from here; the error says which.
    pub fn take_over(layout: &Layout, claimant: Holder) -> Result<Self, LockError> {
        Self::claim(layout, claimant, true)
    }

    /// Grows with every holder.
    pub fn epoch(&self) -> u64 {
        self.body.epoch
    }

    /// What the lock file says about us.
    pub fn holder(&self) -> &Holder {
        &self.body.holder
    }

    /// Takes an epoch above this one, which stands in the journal: the lock file may have been lost.
    pub(crate) fn outgrow(&mut self, epoch: u64) -> Result<(), StateError> {
        if self.body.epoch <= epoch {
            self.body.epoch = epoch.saturating_add(1);
            write(&self.file, &self.body).on_file("write the lock", &self.path)?;
        }
        Ok(())
    }

    fn claim(layout: &Layout, claimant: Holder, proven_is_enough: bool) -> Result<Self, LockError> {
        let path = layout.lock();
        let _turn = take_turn(layout)?;
        let file = open(&path).on_file("open the lock", &path).map_err(StateError::from)?;
        let mut held = is_held(&file, &path)?;
        let last = read(&file).on_file("read the lock", &path).map_err(StateError::from)?;
        let standing = last.as_ref().map(|body| body.holder.standing(&claimant));
        // A child that a killed holder had just forked holds the lock until its exec closes it.
        let asked = Instant::now();
        while held && standing == Some(Standing::Ended) && asked.elapsed() < LAST_BREATH {
            std::thread::sleep(Duration::from_millis(10));
            held = is_held(&file, &path)?;
        }
        let epoch = last.as_ref().map_or(0, |body| body.epoch).saturating_add(1);
        let file = match held {
            false if last.as_ref().is_none_or(|body| body.released) => file,
            false if standing != Some(Standing::Elsewhere) => file,
            true if proven_is_enough && standing == Some(Standing::Ended) => {
                replace(&path).on_file("replace the lock", &path).map_err(StateError::from)?
            }
            _ => return Err(LockError::Busy(Box::new(Busy::new(last, standing, held, &path)))),
        };
        let body = Body { format: FORMAT, epoch, released: false, holder: claimant };
        write(&file, &body).on_file("write the lock", &path).map_err(StateError::from)?;
        sync_folder_of(&path).map_err(StateError::from)?;
        Ok(Self { file, path, body })
    }
}

/// Takes the lock if nobody has it; says whether somebody has.
fn is_held(file: &File, path: &Path) -> Result<bool, StateError> {
    match file.try_lock() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(StateError::from(file_error("lock", path, error))),
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.body.released = true;
        // The system lets go in any case; then the next holder sees that our process has ended.
        let _ = write(&self.file, &self.body);
    }
}

/// Who holds the lock by its own word, without touching it: none when nobody ever did or the last holder let go.
///
/// # Errors
/// The lock file cannot be read.
pub fn current_holder(layout: &Layout, from: &Holder) -> Result<Option<(Holder, Standing)>, StateError> {
    let path = layout.lock();
    let file = match quietly::open_regular(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        failed => failed.on_file("open the lock", &path)?,
    };
    let body = read(&file).on_file("read the lock", &path)?;
    Ok(body.filter(|body| !body.released).map(|body| {
        let standing = body.holder.standing(from);
        (body.holder, standing)
    }))
}

impl Busy {
    fn new(last: Option<Body>, standing: Option<Standing>, held: bool, path: &Path) -> Self {
        let shown = path_text::encode(path.as_os_str());
        let hint = match standing {
            Some(Standing::Running) => "wait for it, or ask it to end with `backout stop`".to_owned(),
            Some(Standing::Ended) if held => {
                "its process has ended and its lock is still held: `--take-over` takes it".to_owned()
            }
            Some(Standing::Ended | Standing::Restarted | Standing::Elsewhere) => format!(
                "it cannot be proven from here that it ended: run the command there, or see that it ended and \
                 remove {shown}"
            ),
            Some(Standing::Hidden) => {
                "it runs in another container of this machine, whose processes cannot be seen from here"
                    .to_owned()
            }
            None => format!("{shown} does not say who holds it; `fuser {shown}` may"),
        };
        Self { holder: last.map(|body| body.holder), standing, hints: vec![hint] }
    }

    fn line(&self) -> String {
        match &self.holder {
            Some(holder) => format!("the migration is held by {holder}"),
            None => "the migration is held by another process".to_owned(),
        }
    }
}

/// Keeps those apart who take the lock at the same moment, so that a take-over and a claim never both succeed.
fn take_turn(layout: &Layout) -> Result<File, StateError> {
    let path = layout.turn();
    let file = open(&path).on_file("open the lock", &path)?;
    file.lock().on_file("lock", &path)?;
    Ok(file)
}

fn open(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(flags)
        .open(path)?;
    // A pipe would be read without end.
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(ErrorKind::InvalidData, "it is not a regular file"))
    }
}

/// A new lock file in the place of one whose lock outlived its holder.
fn replace(path: &Path) -> io::Result<File> {
    let beside = path.with_file_name("lock.new");
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = open(&beside)?;
    file.lock()?;
    std::fs::rename(&beside, path)?;
    Ok(file)
}

/// The body; none where nothing readable was written yet. What a longer, older body left behind the first value
/// is passed over, for a body is written before the file is cut.
fn read(file: &File) -> io::Result<Option<Body>> {
    let mut bytes = Vec::new();
    file.take(LONGEST_BODY).read_to_end(&mut bytes)?;
    Ok(serde_json::Deserializer::from_slice(&bytes).into_iter().next().and_then(Result::ok))
}

fn write(file: &File, body: &Body) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(body)?;
    bytes.push(b'\n');
    file.write_all_at(&bytes, 0)?;
    file.set_len(bytes.len() as u64)?;
    file.sync_data()
}

fn file_error(operation: &'static str, path: &Path, source: io::Error) -> FileError {
    FileError { operation, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
