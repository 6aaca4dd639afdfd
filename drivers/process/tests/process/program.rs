//! The program that the tests supervise: this very test program, started with this test.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

/// The variable that makes this test a service: its port.
pub const PORT: &str = "SERVICE_PORT";

/// Answers HTTP as the files in its folder say: `broken`, `sick`, `sick_when_open`, `in_flight`, `app.env`.
#[test]
#[ignore = "started by other tests"]
fn serve() {
    let Ok(port) = std::env::var(PORT) else { return };
    if fs::exists("broken").unwrap() {
        for line in 1..=9 {
            println!("complaint {line}\u{1b}[31m");
        }
        println!("token {}", std::env::var("TOKEN").unwrap_or_default());
        std::process::exit(3);
    }
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).unwrap();
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { continue };
        let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
        let request = lines.next().unwrap_or_default();
        lines.take_while(|line| !line.is_empty()).for_each(drop);
        let is_health = request.starts_with("GET /health ");
        let down = fs::read_to_string("app.env").is_ok_and(|settings| settings.contains("DOWN='on'"));
        let sick = fs::exists("sick").unwrap() || !down && fs::exists("sick_when_open").unwrap();
        let status = match (is_health, down, sick) {
            (true, _, true) => "500 Sick",
            (false, true, _) => "503 Closed",
            _ => "200 Fine",
        };
        let in_flight = fs::read_to_string("in_flight").unwrap_or_else(|_| "0".to_owned());
        let body = format!("{{\"in_flight\": {}}}", in_flight.trim());
        let length = body.len();
        let answer =
            format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
        let _ = stream.write_all(answer.as_bytes());
    }
}
