//! Which process is ours: the one that the pid file names and that can be recognised, or else the one that carries
//! the pid file's path in its environment (a program started a moment before we were killed). A number that was
//! given to somebody else since is never taken for ours.

use std::fs;
use std::io::{self, ErrorKind as Io, Read};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use backout_contract::{DriverError, ErrorKind};
use backout_kit::processes::{ProcessIdentity, find_by_environment, identity_of, is_alive};
use backout_kit::{path_text, quietly};
use rustix::process::{Pid, getpgid};
use rustix::time::{ClockId, clock_gettime};

use super::supervised::Supervised;

/// The variable by which a program that we started is found: the absolute path of its pid file, as path text.
pub const SERVICE: &str = "BACKOUT_SERVICE";

/// How far the clocks of processes and of files may differ.
const CLOCKS_DIFFER: Duration = Duration::from_secs(2);

/// How often, and how many times, a process that is between two programs or just ending is looked at.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(1);
const MOST_LOOKS: usize = 100;

/// Whose a process is.
enum Claim {
    Ours,
    Theirs,
    /// It may be ours by its age, and does not look like it.
    Unclear,
    /// It has no command now: it is between two programs, or ending.
    Passing,
}

/// What a pid file says: a number, and since when.
struct Named {
    pid: u32,
    since: SystemTime,
}

impl Supervised {
    /// The process, if it runs. Changes nothing.
    ///
    /// # Errors
    /// When it cannot be told whether the process that the pid file names is ours.
    pub fn find(&self) -> Result<Option<ProcessIdentity>, DriverError> {
        let looked = |source| {
            DriverError::io(format!("look for the process of {}", self.shown_pid_file()), source)
                .nothing_happened()
        };
        if let Some(named) = self.named().map_err(looked)?
            && let Some(process) = self.recognise(&named)?
        {
            return Ok(Some(process));
        }
        let family = self.family().map_err(looked)?;
        // What we start leads a group of its own; what it starts does not and is not the program itself.
        Ok(family
            .into_iter()
            .filter(leads_its_group)
            .min_by_key(|process| (process.start_ticks, process.pid)))
    }

    /// Whether the program or something that it started and left behind still runs.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub fn is_anybody_there(&self) -> Result<bool, DriverError> {
        Ok(self.find()?.is_some() || !self.others()?.is_empty())
    }

    /// As [`family`](Self::family), with an error for people.
    pub fn others(&self) -> Result<Vec<ProcessIdentity>, DriverError> {
        self.family()
            .map_err(|source| DriverError::io(format!("look for the children of {}", self.name()), source))
    }

    /// The program and whatever it started, as far as it carries our variable.
    pub fn family(&self) -> io::Result<Vec<ProcessIdentity>> {
        let own = std::process::id();
        let mut family = find_by_environment(SERVICE, &self.service_name())?;
        family.retain(|process| process.pid != own);
        Ok(family)
    }

    /// Whether the pid file names this process.
    pub fn is_named(&self, process: &ProcessIdentity) -> bool {
        self.named().is_ok_and(|named| named.is_some_and(|named| named.pid == process.pid))
    }

    /// A file without a number names nobody: whoever wrote it may have been killed while writing.
    fn named(&self) -> io::Result<Option<Named>> {
        let mut file = match quietly::open(&self.pid_file) {
            Ok(file) => file,
            Err(error) if error.kind() == Io::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let since = file.metadata()?.modified()?;
        let mut text = String::new();
        match file.by_ref().take(64).read_to_string(&mut text) {
            Err(error) if error.kind() != Io::InvalidData => return Err(error),
            _ => {}
        }
        let number = text.split_whitespace().next().and_then(|number| number.parse().ok());
        Ok(number.filter(|pid| *pid > 0).map(|pid| Named { pid, since }))
    }

    fn recognise(&self, named: &Named) -> Result<Option<ProcessIdentity>, DriverError> {
        for _ in 0..MOST_LOOKS {
            let process = match identity_of(named.pid) {
                Ok(process) if is_alive(&process) => process,
                Ok(_) => return Ok(None),
                Err(error) if error.kind() == Io::NotFound => return Ok(None),
                Err(error) => return Err(self.cannot_tell(named.pid).caused_by(error)),
            };
            match self.judge(named, &process) {
                Claim::Ours => return Ok(Some(process)),
                Claim::Theirs => return Ok(None),
                Claim::Unclear => break,
                Claim::Passing => std::thread::sleep(LOOK_AGAIN_AFTER),
            }
        }
        Err(self.cannot_tell(named.pid))
    }

    fn judge(&self, named: &Named, process: &ProcessIdentity) -> Claim {
        match service_of(process.pid) {
            Some(service) if service == self.service_name() => return Claim::Ours,
            // Somebody else's by its own words, unless the folder that it was started in was moved to here.
            Some(service) if path_text::decode(&service).is_ok_and(|path| Path::new(&path).exists()) => {
                return Claim::Theirs;
            }
            _ => {}
        }
        let started = UNIX_EPOCH + Duration::from_millis(started_at(process).unsigned_abs());
        if started > named.since + CLOCKS_DIFFER {
            return Claim::Theirs;
        }
        let words = fs::read(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
        match words.is_empty() {
            true => Claim::Passing,
            false if self.is_our_command(process.pid, &words) => Claim::Ours,
            false => Claim::Unclear,
        }
    }

    /// Whether the process runs what is configured, the same words or the very same program file, in the same folder.
    fn is_our_command(&self, pid: u32, words: &[u8]) -> bool {
        let folder = fs::read_link(format!("/proc/{pid}/cwd"));
        let is_absolute = self.config.command.first().is_some_and(|program| program.starts_with('/'));
        let in_folder = match &folder {
            // Another user's process does not tell its folder; we could not signal it either.
            Err(_) => true,
            // Many services leave their folder for the root; a relative program would not be found from there.
            Ok(folder) if is_absolute && folder == Path::new("/") => true,
            // What runs elsewhere serves a folder that this one was copied from.
            Ok(folder) => fs::canonicalize(&self.directory).is_ok_and(|ours| ours == *folder),
        };
        let words: Vec<&[u8]> = words.strip_suffix(b"\0").unwrap_or(words).split(|byte| *byte == 0).collect();
        let wanted: Vec<&[u8]> = self.config.command.iter().map(String::as_bytes).collect();
        let program = self.program().ok().and_then(|program| fs::canonicalize(program).ok());
        // The words may stand behind an interpreter's.
        let is_it = words.ends_with(&wanted)
            || program.is_some() && fs::read_link(format!("/proc/{pid}/exe")).ok() == program;
        in_folder && is_it
    }

    fn cannot_tell(&self, pid: u32) -> DriverError {
        let attempted = format!("tell whose process {pid} is, which {} names", self.shown_pid_file());
        DriverError::new(ErrorKind::Unreadable, attempted)
            .hint(format!("look at it with `ps -f -p {pid}`; if it is a stranger, remove the pid file"))
            .nothing_happened()
    }
}

/// When a process started, in Unix milliseconds; never later than it did, and at most some 10 ms earlier.
pub fn started_at(process: &ProcessIdentity) -> i64 {
    let since_boot = clock_gettime(ClockId::Boottime);
    let up = i128::from(since_boot.tv_sec) * 1000 + i128::from(since_boot.tv_nsec) / 1_000_000;
    let ticks_a_second = i128::from(rustix::param::clock_ticks_per_second()).max(1);
    let started = i128::from(process.start_ticks) * 1000 / ticks_a_second;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    i64::try_from(i128::try_from(now).unwrap_or_default() - up + started).unwrap_or_default()
}

fn leads_its_group(process: &ProcessIdentity) -> bool {
    let pid = i32::try_from(process.pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| getpgid(Some(pid)) == Ok(pid))
}

fn service_of(pid: u32) -> Option<String> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let value = |variable: &[u8]| {
        let value = variable.strip_prefix(SERVICE.as_bytes())?.strip_prefix(b"=")?;
        String::from_utf8(value.to_vec()).ok()
    };
    environment.split(|byte| *byte == 0).find_map(value)
}
