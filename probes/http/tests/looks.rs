//! Looks at small servers that the tests are.

#![allow(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use backout_conformance::{FolderVault, MapResolver};
use backout_contract::probe::{ConfiguredProbe, ErasedProbe};
use backout_contract::{Context, DriverError, ErrorKind, ProbeDyn, ProbeLook, Stop};
use backout_core::diagnostic::Diagnostic;
use backout_core::migration::{Source, parse};
use backout_core::name::ComponentName;
use backout_probe_http::Http;

const SECRET: &str = "hunter2-of-the-probe";

fn configure(keys: &str) -> Result<Arc<dyn ConfiguredProbe>, Vec<Diagnostic>> {
    let lines: String = keys.lines().map(|line| format!("      {line}\n")).collect();
    let text =
        format!("migration: m\ncomponents:\n  a:\n    kind: k\n    verify:\n    - probe: http\n{lines}");
    let file = parse(&Source::new("backout.yaml", &text))?;
    let verification = &file.components[0].verify[0];
    ErasedProbe::<Http>::default().configure(&verification.config, &file.source).map_err(|found| vec![found])
}

fn context() -> Context {
    let environment = BTreeMap::from([("SECRET".to_owned(), SECRET.to_owned())]);
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

async fn look(keys: &str) -> Result<ProbeLook, DriverError> {
    configure(keys).unwrap().look(&context()).await
}

fn ok(found: &str) -> ProbeLook {
    ProbeLook::Ok { found: found.to_owned() }
}

fn bad(found: &str) -> ProbeLook {
    ProbeLook::Bad { found: found.to_owned() }
}

/// Answers every connection with these bytes, and hands out what it was asked.
fn server(answer: &'static [u8]) -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { break };
            if sender.send(serve(stream, answer)).is_err() {
                break;
            }
        }
    });
    (port, receiver)
}

fn serve(mut stream: TcpStream, answer: &[u8]) -> String {
    let mut asked = Vec::new();
    let mut byte = [0];
    while !asked.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
        asked.extend(byte);
    }
    let head = String::from_utf8_lossy(&asked).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    let _ = stream.read_exact(&mut body);
    let _ = stream.write_all(answer);
    String::from_utf8_lossy(&asked).into_owned() + &String::from_utf8_lossy(&body)
}

const FINE: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-length: 35\r\n\r\n{\"status\":\"up\",\"tasks\":[{\"id\":7}]}\n";

#[tokio::test]
async fn answers_are_held_against_what_is_expected() {
    let (port, _asked) = server(FINE);
    for (keys, expected) in [
        ("", ok("answers 200")),
        ("method: HEAD", ok("answers 200")),
        ("status: 200", ok("answers 200")),
        ("status: [204, 200-202]", ok("answers 200")),
        ("status: 503", bad("answers 200 instead of 503")),
        ("contains: '\"up\"'", ok("answers 200")),
        ("contains: \"\\e[31mdown\"", bad("its answer does not contain `\\x1b[31mdown`")),
        ("json: {/status: up, '.tasks.0.id': 7}", ok("answers 200")),
        (
            "json: {/status: down, /tasks/1: 1}",
            bad("/status is \"up\" instead of \"down\"; /tasks/1 is not there"),
        ),
        (
            "status: 201\njson: {.status: 1}",
            bad("answers 200 instead of 201; .status is \"up\" instead of 1"),
        ),
    ] {
        let found = look(&format!("url: http://127.0.0.1:{port}/health\n{keys}")).await.unwrap();
        assert_eq!(found, expected, "{keys}");
    }
}

#[tokio::test]
async fn answers_that_cannot_be_judged_are_bad() {
    let long: &'static [u8] = Vec::leak([b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'x'; 2 << 20]].concat());
    for (answer, keys, expected) in [
        (&b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nnone"[..], "json: {/a: 1}", "its answer is no JSON"),
        (long, "json: {/a: 1}", "its answer is longer than 1 MiB"),
        (long, "contains: y", "its answer is longer than 1 MiB and was not searched to its end"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nnone", "contains: y", "the answer broke off"),
        (b"SSH-2.0-other\r\n", "", "no answer that is HTTP"),
        (b"", "", "no answer that is HTTP"),
        (
            b"HTTP/1.1 302 Found\r\nlocation: /login?token=hunter2\r\ncontent-length: 0\r\n\r\n",
            "",
            "answers 302 instead of 200-299, a redirect: `redirects: follow` follows",
        ),
        (
            b"HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            "redirects: follow",
            "redirects without end",
        ),
    ] {
        let (port, _asked) = server(answer);
        let found = look(&format!("url: http://127.0.0.1:{port}/\n{keys}")).await.unwrap();
        assert_eq!(found, bad(expected), "{keys}");
    }
}

#[tokio::test]
async fn a_host_that_does_not_answer_is_bad_and_one_nobody_knows_is_unknown() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    assert_eq!(
        look(&format!("url: http://127.0.0.1:{closed}/")).await.unwrap(),
        bad("no answer: connection refused")
    );

    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let found = look(&format!("url: http://127.0.0.1:{port}/\ntimeout: 100ms")).await.unwrap();
    assert_eq!(found, bad("no answer within 100ms"));

    let found = look("url: http://no-such-host.invalid/").await.unwrap();
    assert_eq!(found, ProbeLook::Unknown { why: "the name of its host cannot be resolved".to_owned() });

    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = plain.local_addr().unwrap().port();
    std::thread::spawn(move || plain.accept().unwrap().0.write_all(FINE));
    let found = look(&format!("url: https://127.0.0.1:{port}/")).await.unwrap();
    let ProbeLook::Bad { found } = found else { panic!("{found:?}") };
    assert!(found.starts_with("no secure connection: "), "{found}");
}

#[tokio::test]
async fn what_is_sent_is_what_was_declared_and_secrets_stay_secret() {
    let (port, asked) = server(FINE);
    let keys = format!(
        "url: http://127.0.0.1:{port}/login?key=${{env:SECRET}}\nmethod: POST\n\
         headers: {{X-Key: '${{env:SECRET}}'}}\nbody: '{{\"password\": \"${{env:SECRET}}\"}}'\nstatus: 500"
    );
    let probe = configure(&keys).unwrap();
    assert_eq!(probe.describe(), format!("POST http://127.0.0.1:{port}/login?***"));
    let found = probe.look(&context()).await.unwrap();
    assert!(!format!("{found:?}").contains(SECRET), "{found:?}");
    let asked = asked.recv().unwrap();
    for wanted in [
        format!("POST /login?key={SECRET} HTTP/1.1"),
        format!("x-key: {SECRET}"),
        "content-type: application/json".to_owned(),
        format!("{{\"password\": \"{SECRET}\"}}"),
    ] {
        assert!(asked.contains(&wanted), "{asked}");
    }
}

#[tokio::test]
async fn what_cannot_be_asked_is_an_error_without_secrets() {
    for keys in [
        "url: ftp://${env:SECRET}@host/",
        "url: http://${env:SECRET}:x y@/",
        "url: http://127.0.0.1:1/\nheaders: {'a b': x}",
        "url: http://127.0.0.1:1/\nheaders: {a: \"${env:SECRET}\\n\"}",
        "url: ${env:ABSENT}",
    ] {
        let error = look(keys).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Config, "{keys}");
        assert!(!format!("{error:?} {}", error.chain()).contains(SECRET), "{error:?}");
    }
}

#[test]
fn mistakes_are_found_before_anything_is_asked() {
    for keys in
        ["", "url: a\nmethod: DELETE", "url: a\nstatus: 700", "url: a\njson: {status: up}", "url: a\nurls: b"]
    {
        assert!(configure(keys).is_err(), "{keys}");
    }
}
