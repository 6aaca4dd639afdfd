//! Starting the program, and waiting until it is well.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use backout_contract::{Context, DriverError, ErrorKind, StopLevel};
use backout_kit::atomic_put::{self, Attributes};
use backout_kit::processes::ProcessIdentity;
use backout_kit::{failpoint, quietly};
use tokio::time::{Instant, sleep};

use super::health;
use super::identity::started_at;
use super::supervised::{Supervised, not_started};

/// How often a program that is not well yet is looked at.
pub const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A program without `health` counts as well once it has run this long: one that cannot work ends at once.
const SETTLES_IN: Duration = Duration::from_millis(250);

/// How much of the end of the log is read for a message, in bytes.
const LOG_END: u64 = 8 * 1024;

impl Supervised {
    /// Sees to it that the program runs and is well. Tells whether it was started.
    pub(super) async fn bring_up(&self, context: &Context) -> Result<(ProcessIdentity, bool), DriverError> {
        let printed = self.log_length();
        let running = self.find()?;
        let was_started = running.is_none();
        match running {
            Some(process) => self.write_pid_file(&process)?,
            None => {
                // Children of a program that died may still hold its port.
                self.stop(context).await?;
                self.start(context)?;
            }
        }
        let process = self.until_well(context, printed).await?;
        Ok((process, was_started))
    }

    fn start(&self, context: &Context) -> Result<(), DriverError> {
        let service = self.service(context)?;
        let prepared = |attempted: &str, source| {
            DriverError::io(format!("{attempted} of {}", self.name()), source).nothing_happened()
        };
        let folders =
            [Some(&self.pid_file), self.log.as_ref()].into_iter().flatten().filter_map(|file| file.parent());
        for folder in folders {
            fs::create_dir_all(folder).map_err(|source| prepared("make the folder", source))?;
        }
        let log = self
            .log
            .as_deref()
            .map(append_to)
            .transpose()
            .map_err(|source| prepared("open the log", source))?;
        let process = service.start_service(log.as_ref()).map_err(not_started)?;
        failpoint!("process.started");
        self.write_pid_file(&process)
    }

    /// Another program may have written the file itself meanwhile; then it stays.
    fn write_pid_file(&self, process: &ProcessIdentity) -> Result<(), DriverError> {
        if self.is_named(process) {
            return Ok(());
        }
        let attributes = Attributes { mode: Some(0o644), owner: None };
        // An adopted program may have lost the folder too; where it cannot be made, writing says why.
        let _ = self.pid_file.parent().map(fs::create_dir_all);
        atomic_put::put(&self.pid_file, format!("{}\n", process.pid).as_bytes(), attributes).map_err(
            |error| {
                DriverError::io(format!("write the pid file {}", self.shown_pid_file()), error.source).hint(
                    format!("process {} runs; it will be found again without its pid file", process.pid),
                )
            },
        )
    }

    /// Waits until the running program is well.
    async fn until_well(&self, context: &Context, printed: u64) -> Result<ProcessIdentity, DriverError> {
        let health = self.health(context)?;
        let attempted = || format!("wait until {} is well", self.name());
        let limit = Instant::now() + self.config.healthy_within.0;
        loop {
            let process = self.find()?;
            if process.is_none() && self.others()?.is_empty() {
                let error = DriverError::new(ErrorKind::Other, format!("keep {} running", self.name()))
                    .caused_by("it ended by itself");
                return Err(self.with_log(context, error, printed));
            }
            let found = match (&process, &health) {
                (None, _) => Err("it went on as a child that its pid file does not name".to_owned()),
                (Some(_), Some(target)) => health::look(target).await,
                (Some(process), None) if age(process) >= SETTLES_IN => Ok(String::new()),
                (Some(_), None) => Err("it has only just been started".to_owned()),
            };
            match (found, process) {
                // An answer may have come from somebody who holds the port in its place.
                (Ok(_), Some(process)) if self.find()?.as_ref() == Some(&process) => return Ok(process),
                (Ok(_), _) => {}
                (Err(why), _) if Instant::now() >= limit => {
                    let error = DriverError::new(ErrorKind::TimedOut, attempted()).caused_by(why).hint(
                        format!("it had {}; `healthy_within` says how long", self.config.healthy_within),
                    );
                    return Err(self.with_log(context, error, printed));
                }
                (Err(_), _) => {}
            }
            if context.stop.level() >= StopLevel::Abandon {
                return Err(DriverError::new(ErrorKind::Other, attempted()).caused_by("the run stops"));
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// The address of `health`, its references resolved.
    pub(super) fn health(&self, context: &Context) -> Result<Option<String>, DriverError> {
        let resolve = |target| context.resolver.resolve(target).map(|address| address.reveal().to_owned());
        self.config.health.as_ref().map(resolve).transpose()
    }

    /// Looks at a running program's health, patiently while it is young.
    pub(super) async fn examine_health(
        &self,
        context: &Context,
        process: &ProcessIdentity,
    ) -> Result<Option<Result<String, String>>, DriverError> {
        let Some(target) = self.health(context)? else { return Ok(None) };
        loop {
            let found = health::look(&target).await;
            let is_young = age(process) < self.config.healthy_within.0;
            if found.is_ok()
                || !is_young
                || context.stop.level() >= StopLevel::Abandon
                || self.find()?.is_none()
            {
                return Ok(Some(found));
            }
            sleep(LOOK_EVERY).await;
        }
    }

    pub(super) fn log_length(&self) -> u64 {
        self.log.as_deref().and_then(|log| fs::metadata(log).ok()).map_or(0, |log| log.len())
    }

    /// With what the program printed since, at most five lines.
    fn with_log(&self, context: &Context, error: DriverError, printed: u64) -> DriverError {
        let Some(log) = &self.log else {
            return error.hint("set `log:` to see what the program says");
        };
        let lines = end_of(log, printed).map(|text| self.last_lines(context, &text, 5)).unwrap_or_default();
        if lines.is_empty() {
            return error.hint("it printed nothing to its log");
        }
        lines.into_iter().fold(error, |error, line| error.hint(format!("its log: {line}")))
    }
}

fn age(process: &ProcessIdentity) -> Duration {
    let started = UNIX_EPOCH + Duration::from_millis(started_at(process).unsigned_abs());
    SystemTime::now().duration_since(started).unwrap_or_default()
}

fn append_to(log: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o640).open(log)
}

fn end_of(log: &Path, since: u64) -> io::Result<String> {
    let mut file = quietly::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(since.min(length).max(length.saturating_sub(LOG_END))))?;
    let mut bytes = Vec::new();
    file.take(LOG_END).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
