//! The service of an estate: who starts and stops it when Backout is not at work, as a small team would.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use anyhow::{Context, Result};
use backout_demo::{Estate, checks};
use backout_kit::atomic_put::{self, Attributes};
use backout_kit::child::ChildRequest;
use backout_kit::processes::{self, ProcessIdentity, identity_of, is_alive};
use tokio::time::{Instant, sleep};

/// The hidden subcommand that is the service.
pub const SUBCOMMAND: &str = "demo-service";

/// How long a service may take until it is well, and how long until it has ended.
const STARTS_WITHIN: Duration = Duration::from_secs(20);
const ENDS_WITHIN: Duration = Duration::from_secs(5);

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The service of one estate, told from all others by the folder that it runs in.
pub struct Service<'a> {
    estate: &'a Estate,
}

impl<'a> Service<'a> {
    /// The service of this estate, running or not.
    pub fn of(estate: &'a Estate) -> Self {
        Self { estate }
    }

    /// The arguments of this executable that make it the service; it is to run in the folder of the estate.
    ///
    /// # Errors
    /// The settings name no port.
    pub fn arguments(&self) -> Result<[String; 5]> {
        let port = self.estate.port()?.to_string();
        Ok([SUBCOMMAND.to_owned(), "--dir".to_owned(), ".".to_owned(), "--port".to_owned(), port])
    }

    /// Starts the service, writes its pid file and waits until it answers; tells which release does.
    ///
    /// # Errors
    /// It cannot be started, ends at once or is not well in time.
    pub async fn start(&self, executable: &Path) -> Result<String> {
        let folder = self.estate.run_folder();
        fs::create_dir_all(&folder).with_context(|| format!("make the folder {}", folder.display()))?;
        let log = folder.join("api.log");
        let log =
            File::options().create(true).append(true).open(&log).context("open the log of the service")?;
        let mut request = ChildRequest::new(executable, self.arguments()?);
        request.working_directory = Some(self.estate.root().to_owned());
        let process = request.start_service(Some(&log)).context("start the service")?;
        let number = format!("{}\n", process.pid);
        let attributes = Attributes { mode: Some(0o644), owner: None };
        atomic_put::put(&self.pid_file(), number.as_bytes(), attributes).context("write the pid file")?;
        self.until_well(&process).await
    }

    /// Ends whatever serves this estate; the numbers of those that were ended.
    ///
    /// # Errors
    /// One of them cannot be ended.
    pub async fn stop(&self) -> Result<Vec<u32>> {
        let mut ended = Vec::new();
        for process in self.processes()? {
            processes::end(&process, ENDS_WITHIN).await.context("stop the service")?;
            ended.push(process.pid);
        }
        match fs::remove_file(self.pid_file()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).context("remove the pid file of the service")
            }
            _ => Ok(ended),
        }
    }

    /// Every process that serves this estate. The pid file is not asked: it may be missing or outdated.
    ///
    /// # Errors
    /// The processes of this machine cannot be listed.
    pub fn processes(&self) -> Result<Vec<ProcessIdentity>> {
        let folder = self.estate.root();
        let entries = fs::read_dir("/proc").context("list the processes")?;
        let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let mut found: Vec<_> = numbers.filter_map(|number| identity_of(number).ok()).collect();
        // Looked at after the identity was taken: a number that changes hands in between names a stranger.
        found.retain(|process| serves(process.pid, folder) && is_alive(process));
        Ok(found)
    }

    fn pid_file(&self) -> PathBuf {
        self.estate.run_folder().join("api.pid")
    }

    async fn until_well(&self, process: &ProcessIdentity) -> Result<String> {
        let address = self.estate.base_url()?;
        let limit = Instant::now() + STARTS_WITHIN;
        loop {
            if let Ok(Some(release)) = checks::release_in_service(&address) {
                return Ok(release);
            }
            anyhow::ensure!(is_alive(process), "keep the service running: it ended, see run/api.log");
            anyhow::ensure!(Instant::now() < limit, "wait until the service is well, see run/api.log");
            sleep(LOOK_EVERY).await;
        }
    }
}

/// Whether a process is a service that runs in this folder.
fn serves(number: u32, folder: &Path) -> bool {
    let words = fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
    let is_service = words.split(|byte| *byte == 0).nth(1) == Some(SUBCOMMAND.as_bytes());
    is_service && fs::read_link(format!("/proc/{number}/cwd")).is_ok_and(|there| there == folder)
}
