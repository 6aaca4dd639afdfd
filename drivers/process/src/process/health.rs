//! Whether the program is well, and other questions that it answers.

use std::error::Error;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long one question may take.
const ONE_LOOK: Duration = Duration::from_secs(3);

/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: usize = 256 * 1024;

/// Whether this can be asked at all.
pub fn check(target: &str) -> Result<(), &'static str> {
    let is_url = |rest: &str| !rest.is_empty() && !rest.starts_with('/');
    let is_address = |target: &str| {
        target.rsplit_once(':').is_some_and(|(host, port)| {
            !host.is_empty() && !host.contains('/') && port.parse::<u16>().is_ok_and(|port| port > 0)
        })
    };
    match target.strip_prefix("http://").or_else(|| target.strip_prefix("https://")) {
        Some(rest) if is_url(rest) => Ok(()),
        None if is_address(target) => Ok(()),
        _ => Err("`health` is an address such as `http://127.0.0.1:8080/health` or `127.0.0.1:8080`"),
    }
}

/// Whether the answer comes from this machine, by the spelling of the address.
pub fn is_local(target: &str) -> bool {
    let rest = target.split_once("://").map_or(target, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    ["127.", "localhost", "[::1]"].iter().any(|local| host.starts_with(local))
}

/// Looks once; says what was seen, whether it is well or not. Never repeats the address, which may be secret.
pub async fn look(target: &str) -> Result<String, String> {
    check(target).map_err(str::to_owned)?;
    if target.starts_with("http") {
        let (status, _) = fetch(target).await?;
        return match status {
            200..=299 => Ok(format!("health answers {status}")),
            _ => Err(format!("health answers {status}")),
        };
    }
    match timeout(ONE_LOOK, TcpStream::connect(target)).await {
        Ok(Ok(_)) => Ok("its port takes connections".to_owned()),
        Ok(Err(error)) => Err(format!("its port takes no connections: {}", error.kind())),
        Err(_) => Err("its port does not answer".to_owned()),
    }
}

/// The status and the body of an answer.
pub async fn fetch(url: &str) -> Result<(u16, Vec<u8>), String> {
    let mut client = reqwest::Client::builder()
        .timeout(ONE_LOOK)
        .redirect(reqwest::redirect::Policy::none())
        // A proxy of the environment would answer in the program's place.
        .no_proxy();
    if url.starts_with("http://") {
        // Reading the system's certificates takes time, and fails where there are none.
        client = client.tls_certs_only([]);
    }
    let exchange = async {
        let mut answer = client.build()?.get(url).send().await?;
        let mut body = Vec::new();
        while body.len() < LONGEST_ANSWER
            && let Some(chunk) = answer.chunk().await?
        {
            body.extend_from_slice(&chunk);
        }
        Ok((answer.status().as_u16(), body))
    };
    exchange.await.map_err(|error: reqwest::Error| in_words(&error))
}

fn in_words(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "health does not answer".to_owned();
    }
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(error) = inner.downcast_ref::<std::io::Error>() {
            return format!("health does not answer: {}", error.kind());
        }
        cause = inner.source();
    }
    "health gives no answer that is HTTP".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_this_machine_is_known_by_its_spelling() {
        for local in ["http://127.0.0.1:80/health", "https://a:b@localhost/", "127.0.0.1:80", "[::1]:80"] {
            assert!(is_local(local), "{local}");
        }
        for other in ["http://10.0.0.1/?x=127.0.0.1", "api.example:80", "https://example.org/localhost"] {
            assert!(!is_local(other), "{other}");
        }
    }

    #[test]
    fn what_can_be_asked() {
        for (target, fine) in [
            ("http://127.0.0.1:80/health", true),
            ("https://a", true),
            ("127.0.0.1:80", true),
            ("[::1]:80", true),
            ("localhost:80", true),
            ("http://", false),
            ("http:///x", false),
            ("localhost", false),
            ("localhost:http", false),
            (":80", false),
            ("a/b:80", false),
            ("a:0", false),
            ("ftp://a", false),
        ] {
            assert_eq!(check(target).is_ok(), fine, "{target}");
        }
    }
}
