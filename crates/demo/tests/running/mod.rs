//! A service that runs beside a test.

use backout_demo::{Estate, service};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

const FOLDER: &str = "TODO_FOLDER";

/// A service in a thread, at the port of its estate.
pub struct Running {
    pub base_url: String,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Running {
    /// Returns once the service has answered, so it has read all that it reads at start.
    pub fn start(estate: &Estate) -> Self {
        let (root, base_url) = (estate.root().to_owned(), estate.base_url().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let address = address(estate);
        let runtime = runtime();
        let listener = runtime.block_on(tokio::net::TcpListener::bind(address)).unwrap();
        let thread = std::thread::spawn(move || {
            let stopped = async move {
                let _ = stopped.await;
            };
            runtime.block_on(service::serve_until(&root, listener, stopped)).unwrap();
        });
        let running = Self { base_url, stop, thread };
        running.get("/health");
        running
    }

    pub fn get(&self, path: &str) -> (u16, Value) {
        self.ask("GET", path, None, "")
    }

    pub fn ask(&self, method: &str, path: &str, token: Option<&str>, body: &str) -> (u16, Value) {
        exchange(&self.base_url, method, path, token, body).unwrap()
    }

    pub fn stop(self) {
        self.stop.send(()).unwrap();
        self.thread.join().unwrap();
    }
}

/// The service of an estate in a process of its own: this test program, called with another test.
pub fn child(estate: &Estate) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_process", "--ignored", "--nocapture"])
        .env(FOLDER, estate.root())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// What the process does that [`child`] starts.
pub fn serve_as_child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let estate = Estate::open(folder).unwrap();
    runtime().block_on(service::serve(estate.root(), address(&estate))).unwrap();
}

/// Waits until the service is healthy.
pub fn wait_until_up(base_url: &str) {
    wait_until(|| exchange(base_url, "GET", "/health", None, "").is_some_and(|(status, _)| status == 200));
}

/// Looks again and again until something is so; gives up loudly.
pub fn wait_until(so: impl Fn() -> bool) {
    let started = Instant::now();
    while !so() {
        assert!(started.elapsed() < Duration::from_secs(60), "what was waited for did not come");
        std::thread::yield_now();
    }
}

fn address(estate: &Estate) -> SocketAddr {
    ([127, 0, 0, 1], estate.port().unwrap()).into()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn exchange(base: &str, method: &str, path: &str, token: Option<&str>, body: &str) -> Option<(u16, Value)> {
    let mut stream = TcpStream::connect(base.strip_prefix("http://")?).ok()?;
    let token = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: todo\r\nconnection: close\r\n{token}\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.get(9..12)?.parse().ok()?, serde_json::from_str(body).unwrap_or(Value::Null)))
}
