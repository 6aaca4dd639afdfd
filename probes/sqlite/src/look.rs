//! One query, and a judgement of its answer.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use backout_contract::{Context, DriverError, ErrorKind, ProbeLook};
use backout_kit::path_text::encode;
use rusqlite::{Connection, ErrorCode, InterruptHandle};

use crate::config::Config;
use crate::expected::shown;
use crate::query::{Answer, ask};
use crate::quiet::{Quiet, Trouble};

/// The longest text that is repeated, in characters.
const LONGEST_SHOWN: usize = 80;
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// See [`Probe::look`](backout_contract::Probe::look).
pub(crate) async fn look(config: &Config, context: &Context) -> Result<ProbeLook, DriverError> {
    let path = context.root.join(context.resolver.resolve(&config.path)?.reveal());
    let (scratch, text) = (context.scratch.clone(), config.query.clone());
    let limit = config.timeout.0.min(context.deadline).min(Duration::from_secs(3600));
    let running = Running::default();
    let mine = running.clone();
    let work = tokio::task::spawn_blocking(move || answer(&path, &scratch, &text, limit, &mine));
    let end = async {
        tokio::time::sleep(limit).await;
        // Again and again: an interrupt between two statements of SQLite's is lost.
        loop {
            running.interrupt();
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
    };
    let answer = tokio::select! {
        done = work => done.map_err(|ended| attempt(config).caused_by(ended))?,
        () = end => return Err(attempt(config)),
    };
    judge(config, answer)
}

/// The connection that is asked at this moment.
#[derive(Clone, Default)]
struct Running(Arc<Mutex<Option<InterruptHandle>>>);

impl Running {
    fn on(&self, connection: &Connection) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection.get_interrupt_handle());
    }

    fn interrupt(&self) {
        if let Some(handle) = self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            handle.interrupt();
        }
    }
}

/// Asks until the answer is of one moment, or the time is over.
fn answer(
    path: &Path,
    scratch: &Path,
    text: &str,
    limit: Duration,
    running: &Running,
) -> Result<Option<Answer>, Trouble> {
    let until = Instant::now() + limit;
    loop {
        let is_last = Instant::now() >= until;
        let asked = Quiet::open(path, scratch, limit).and_then(|quiet| {
            running.on(&quiet.connection);
            let answer = ask(&quiet.connection, text);
            if quiet.counts() { Ok(Some(answer?)) } else { Ok(None) }
        });
        match asked {
            Ok(None) if !is_last => {}
            Err(Trouble::Sqlite(error)) if is_busy(&error) && !is_last => {}
            settled => return settled,
        }
        std::thread::sleep(BETWEEN_TRIES);
    }
}

fn judge(config: &Config, answer: Result<Option<Answer>, Trouble>) -> Result<ProbeLook, DriverError> {
    let bad = |found: &str| Ok(ProbeLook::Bad { found: short(found) });
    let expected = config.expected.shown();
    match answer {
        Ok(Some(Answer::Value(value))) if config.expected.is_met_by(&value) => {
            Ok(ProbeLook::Ok { found: short(&shown(&value)) })
        }
        Ok(Some(Answer::Value(value))) => {
            Ok(ProbeLook::Bad { found: format!("{}, expected {}", short(&shown(&value)), short(&expected)) })
        }
        Ok(Some(Answer::Unfit(found))) => bad(&format!("{found}, expected {expected}")),
        Ok(Some(Answer::Refused(why))) => Err(attempt(config).caused_by(why).nothing_happened()),
        Ok(None) => Ok(ProbeLook::Unknown { why: "it changed all the time while it was read".into() }),
        Err(Trouble::Absent) => bad("no database is there"),
        Err(Trouble::File(error)) => Ok(ProbeLook::Unknown { why: format!("it cannot be read: {error}") }),
        Err(Trouble::Sqlite(error)) => match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => bad(&format!("no answer within {}", config.timeout)),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Ok(ProbeLook::Unknown { why: "another connection holds it".into() })
            }
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
                Ok(ProbeLook::Unknown { why: short(&format!("it cannot be opened: {error}")) })
            }
            _ => bad(&error.to_string()),
        },
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn attempt(config: &Config) -> DriverError {
    let attempted = format!("ask {} in {}", short(config.query.trim()), short(config.path.as_written()));
    DriverError::new(ErrorKind::Config, attempted)
}

/// A text for people: on one line, cut, and harmless.
pub(crate) fn short(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST_SHOWN) {
        Some((end, _)) => format!("{}…", encode(OsStr::new(line.get(..end).unwrap_or_default()))),
        None => encode(OsStr::new(&line)),
    }
}
