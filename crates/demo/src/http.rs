//! The smallest client that the users of the demo need: one request a connection, no TLS, no redirects.

use crate::people::Person;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(5);

/// What the service answered.
pub struct Answer {
    pub status: u16,
    /// Null where the body is not JSON.
    pub body: Value,
}

impl Answer {
    pub fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// A running service, and where its API begins.
pub struct Service {
    address: SocketAddr,
    api: String,
}

impl Service {
    /// Finds the API by asking `/health`; a service that does not answer is supposed to have the first one.
    pub fn find(base_url: &str) -> Result<Self> {
        let mut service = Self::without_api(base_url)?;
        let health = service.send("GET", "/health", None, None);
        let announced = health.ok().and_then(|answer| Some(answer.body.get("api")?.as_str()?.to_owned()));
        service.api = announced.unwrap_or_else(|| "/api/v1".to_owned());
        Ok(service)
    }

    /// What a service says of itself.
    pub fn health(base_url: &str) -> Result<Answer> {
        Self::without_api(base_url)?.send("GET", "/health", None, None)
    }

    fn without_api(base_url: &str) -> Result<Self> {
        let host = base_url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
        let address = host.and_then(|host| host.to_socket_addrs().ok()?.next());
        let address = address.with_context(|| format!("understand the address {base_url}"))?;
        Ok(Self { address, api: String::new() })
    }

    /// Asks for a token with the user's password.
    pub fn log_in(&self, person: Person) -> Result<Answer> {
        let body = json!({ "email": person.email, "password": person.password() });
        self.send("POST", "/login", None, Some(&body))
    }

    /// Sends one request; `path` follows the prefix of the API.
    ///
    /// # Errors
    /// Nobody answered in time, or what came back is no HTTP.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Answer> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let path = format!("{}{path}", self.api);
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n",
            self.address,
            body.len()
        );
        if !body.is_empty() {
            head += "content-type: application/json\r\n";
        }
        if let Some(token) = token {
            head += &format!("authorization: Bearer {token}\r\n");
        }
        exchange(self.address, format!("{head}\r\n{body}").as_bytes())
            .with_context(|| format!("send {method} {path} to {}", self.address))
    }
}

fn exchange(address: SocketAddr, request: &[u8]) -> Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(request)?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    understand(&bytes).context("understand the answer")
}

fn understand(bytes: &[u8]) -> Option<Answer> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some(Answer { status, body: serde_json::from_str(body).unwrap_or(Value::Null) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_a_status_and_perhaps_json() {
        let answer = understand(b"HTTP/1.1 201 Created\r\ncontent-length: 8\r\n\r\n{\"a\": 1}").unwrap();
        assert_eq!((answer.status, answer.is_good()), (201, true));
        assert_eq!(answer.body["a"], 1);
        assert!(understand(b"HTTP/1.1 503 Busy\r\n\r\nplain").unwrap().body.is_null());
        assert!(understand(b"SSH-2.0-OpenSSH").is_none());
    }
}
