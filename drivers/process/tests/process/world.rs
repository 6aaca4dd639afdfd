//! A folder with a service in it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use backout_conformance::{Bench, Change, HOSTILE_NAMES, World, quoted};
use backout_contract::{Depth, Door};
use backout_driver_process::Process;
use backout_kit::processes::{ProcessIdentity, find_by_environment, identity_of, is_alive};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::PORT;

pub const SECRET: &str = "hunter2-of-the-service";
pub const DOOR: &str = "setting: {file: app.env, key: DOWN, closed: on, open: off}";
pub const PID_FILE: &str = "run/service.pid";

/// With `SETTING`, its door is a setting from the beginning.
pub struct ServiceWorld<const SETTING: bool = false> {
    folder: TempDir,
    pub port: u16,
    /// The program and its arguments, as YAML.
    pub command: String,
    /// Further keys, as YAML lines.
    pub keys: String,
    /// Whether `health` is asked for.
    pub has_health: bool,
    /// The pid file, where it bears another name.
    hostile: OnceLock<String>,
}

impl<const SETTING: bool> ServiceWorld<SETTING> {
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    pub fn write_file(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn read_file(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// A shell script in place of the service, without health.
    pub fn run_script(&mut self, script: &str) {
        self.write_file("program.sh", &format!("#!/bin/sh\n{script}\n"));
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(self.path("program.sh"), mode).unwrap();
        self.command = "[./program.sh]".to_owned();
        self.has_health = false;
    }

    fn pid_file(&self) -> &str {
        self.hostile.get().map_or(PID_FILE, String::as_str)
    }

    /// Whom the pid file names, dead or alive.
    pub fn named(&self) -> Option<ProcessIdentity> {
        identity_of(self.read_file(self.pid_file()).trim().parse().ok()?).ok()
    }

    pub fn carriers(&self) -> Vec<ProcessIdentity> {
        find_by_environment("BACKOUT_SERVICE", self.path(self.pid_file()).to_str().unwrap()).unwrap()
    }

    /// Starts the service as a person would who knows nothing of us, with a pid file or without.
    pub fn start_by_hand(&self, variables: &[(&str, &str)]) -> ProcessIdentity {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "program::serve", "--ignored", "--nocapture"]).process_group(0);
        command
            .current_dir(self.folder.path())
            .env(PORT, self.port.to_string())
            .envs(variables.iter().copied());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let identity = identity_of(child.id()).unwrap();
        std::thread::spawn(move || child.wait());
        wait_until(|| self.get("/health").is_some());
        identity
    }

    /// The status that a user gets.
    pub fn get(&self, path: &str) -> Option<u16> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.get(9..12)?.parse().ok()
    }
}

impl<const SETTING: bool> Drop for ServiceWorld<SETTING> {
    fn drop(&mut self) {
        for process in self.carriers().into_iter().chain(self.named()) {
            end(&process);
        }
    }
}

#[async_trait]
impl<const SETTING: bool> World for ServiceWorld<SETTING> {
    type Driver = Process;
    const WITHOUT_STEPS: Option<&'static str> = Some("a program is put back by closing and opening its door");

    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let program = std::env::current_exe().unwrap();
        let command =
            json!([program.to_str().unwrap(), "--exact", "program::serve", "--ignored", "--nocapture"]);
        let keys = if SETTING { format!("quiesce: {{{DOOR}}}\n") } else { String::new() };
        Self { folder, port, command: command.to_string(), keys, has_health: true, hostile: OnceLock::new() }
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn config(&self) -> String {
        let health = format!("health: http://127.0.0.1:{}/health\n", self.port);
        format!(
            "command: {}\nenvironment:\n  {PORT}: {}\n  TOKEN: ${{env:TOKEN}}\npid_file: {}\n\
             log: {}\n{}{}",
            self.command,
            self.port,
            quoted(self.pid_file()),
            quoted(&self.hostile.get().map_or("service.log".to_owned(), |name| format!("{name}.log"))),
            if self.has_health { health.as_str() } else { "" },
            self.keys
        )
    }

    fn environment(&self) -> BTreeMap<String, String> {
        BTreeMap::from([("TOKEN".to_owned(), SECRET.to_owned())])
    }

    async fn set_up(&self) {
        self.write_file("app.env", "# settings\nDOWN='off' # or on\nA=1\n");
        if self.named().is_none_or(|process| !is_alive(&process)) {
            let process = self.start_by_hand(&[("TOKEN", SECRET)]);
            self.write_file(self.pid_file(), &process.pid.to_string());
        }
    }

    async fn migrate(&self) {
        if let Some(process) = self.named() {
            end(&process);
        }
    }

    async fn drift(&self) {}

    async fn write(&self) -> Change {
        Change::Impossible("nothing is written into a process")
    }

    async fn remove(&self) -> Change {
        self.migrate().await;
        Change::Made
    }

    async fn corrupt(&self) -> Change {
        Change::Impossible("a process is never damaged, only sick")
    }

    async fn become_hostile(&self) -> Change {
        self.hostile.get_or_init(|| format!("run/{}", HOSTILE_NAMES.concat()));
        Change::Made
    }

    fn secrets(&self) -> Vec<String> {
        vec![SECRET.to_owned()]
    }

    /// Its number and its log are its own; what counts is what users get.
    async fn contents(&self) -> BTreeMap<String, String> {
        let answer = format!("{:?}", self.get("/"));
        BTreeMap::from([
            ("app.env".to_owned(), self.read_file("app.env")),
            ("what users get".to_owned(), answer),
        ])
    }

    async fn door(&self) -> Option<Door> {
        Some(if self.get("/") == Some(200) { Door::Open } else { Door::Shut })
    }

    async fn started(&self) -> Option<String> {
        self.named().filter(is_alive).map(|process| format!("{process:?}"))
    }
}

pub type ServiceBench = Bench<ServiceWorld>;

pub async fn bench() -> ServiceBench {
    Bench::new("").await
}

pub fn running() -> Value {
    json!({})
}

pub fn stopped() -> Value {
    Value::Null
}

pub async fn state(bench: &ServiceBench) -> Value {
    bench.look(Depth::Look).await.unwrap().state.unwrap_or_default()
}

pub fn end(process: &ProcessIdentity) {
    if is_alive(process) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(process.pid).unwrap()).unwrap();
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        wait_until(|| !is_alive(process));
    }
}

/// Looks again and again until something is so; gives up loudly.
pub fn wait_until(so: impl Fn() -> bool) {
    let started = Instant::now();
    while !so() {
        assert!(started.elapsed() < Duration::from_secs(60), "what was waited for did not come");
        std::thread::yield_now();
    }
}
