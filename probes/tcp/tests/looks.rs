//! Looks at ports that the tests open.

#![allow(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use backout_conformance::{FolderVault, MapResolver};
use backout_contract::{Context, ErrorKind, Probe, ProbeLook, Stop};
use backout_core::migration::{DurationText, Reference};
use backout_core::name::ComponentName;
use backout_probe_tcp::{Config, Tcp};
use tokio::net::{TcpSocket, TcpStream};

fn config(address: &str) -> Config {
    Config { address: Reference::parse(address).unwrap(), timeout: DurationText(Duration::from_secs(5)) }
}

fn context() -> Context {
    let environment = BTreeMap::from([("HOST".to_owned(), "127.0.0.1".to_owned())]);
    Context {
        component: ComponentName::new("a").unwrap(),
        root: "/".into(),
        scratch: "/".into(),
        run: None,
        key: "a".to_owned(),
        deadline: Duration::from_secs(60),
        stop: Stop::never(),
        vault: Arc::new(FolderVault::new("/")),
        resolver: Arc::new(MapResolver::new(environment, "/")),
        progress: backout_contract::Progress::default(),
        child_token: "none".to_owned(),
    }
}

#[tokio::test]
async fn a_port_that_takes_connections_is_fine_and_one_that_does_not_is_bad() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let open = config(&format!("${{env:HOST}}:{port}"));
    assert_eq!(Tcp::describe(&open), format!("connect to ${{env:HOST}}:{port}"));
    let found = Tcp::look(&open, &context()).await.unwrap();
    assert_eq!(found, ProbeLook::Ok { found: "takes connections".to_owned() });
    drop(listener);
    let found = Tcp::look(&open, &context()).await.unwrap();
    assert_eq!(found, ProbeLook::Bad { found: "takes no connections: connection refused".to_owned() });
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_unknown() {
    let found = Tcp::look(&config("no-such-host.invalid:80"), &context()).await.unwrap();
    assert_eq!(found, ProbeLook::Unknown { why: "the name of its host cannot be resolved".to_owned() });
}

#[tokio::test]
async fn silence_is_bad() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let full = socket.listen(0).unwrap();
    let address = full.local_addr().unwrap().to_string();
    // The first one waits to be taken, and the kernel has no room for a second.
    let _first = TcpStream::connect(&address).await.unwrap();
    let patience = Config { timeout: DurationText(Duration::from_millis(100)), ..config(&address) };
    let found = Tcp::look(&patience, &context()).await.unwrap();
    assert_eq!(found, ProbeLook::Bad { found: "no answer within 100ms".to_owned() });
}

#[tokio::test]
async fn what_is_no_address_is_an_error() {
    for address in
        ["localhost", "localhost:", ":80", "localhost:0", "http://localhost:80", "${env:ABSENT}:80"]
    {
        let error = Tcp::look(&config(address), &context()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Config, "{address}");
    }
}
