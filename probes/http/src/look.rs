//! One request, and a judgement of its answer.

use backout_contract::{Context, DriverError, ErrorKind, ProbeLook};
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Client, Method, RequestBuilder, Response, redirect};
use serde_json::Value;

use crate::config::{Config, Method as Asked, Redirects};
use crate::shown::short;
use crate::trouble;

/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: usize = 1024 * 1024;

/// The longest text of a person's own that is repeated, in characters.
const LONGEST_SHOWN: usize = 60;

/// See [`Probe::look`](backout_contract::Probe::look).
pub async fn look(config: &Config, context: &Context) -> Result<ProbeLook, DriverError> {
    let resolved = context.resolver.resolve(&config.url)?;
    let url = resolved.reveal();
    if !url.starts_with("http://") && !url.starts_with("https://") {
        let attempted = format!("ask {}", crate::shown::url(config.url.as_written()));
        return Err(DriverError::new(ErrorKind::Config, attempted)
            .caused_by("its address begins neither with http:// nor with https://")
            .nothing_happened());
    }
    let exchange = async {
        let request = request(config, context, client(config, context, url)?, url)?;
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let body = if config.contains.is_some() || !config.json.is_empty() {
            read(answer).await?
        } else {
            Body::default()
        };
        Ok((status, body))
    };
    match exchange.await {
        Ok((status, body)) => Ok(judge(config, status, &body)),
        Err(Trouble::Declared(error)) => Err(error),
        Err(Trouble::Request(error)) => trouble::told(error, config.timeout),
    }
}

enum Trouble {
    Declared(DriverError),
    Request(reqwest::Error),
}

impl From<reqwest::Error> for Trouble {
    fn from(error: reqwest::Error) -> Self {
        Self::Request(error)
    }
}

impl From<DriverError> for Trouble {
    fn from(error: DriverError) -> Self {
        Self::Declared(error)
    }
}

/// A client for this look alone: nothing of it is shared or kept, and each look connects anew.
fn client(config: &Config, context: &Context, url: &str) -> Result<Client, reqwest::Error> {
    let follow = config.redirects == Redirects::Follow;
    let mut client = Client::builder()
        .timeout(config.timeout.0.min(context.deadline))
        .redirect(if follow { redirect::Policy::limited(10) } else { redirect::Policy::none() })
        .user_agent("backout")
        // A proxy of the environment would be looked at in the host's place.
        .no_proxy();
    if url.starts_with("http://") && !follow {
        // Reading the system's certificates takes time, and fails where there are none.
        client = client.tls_certs_only([]);
    }
    client.build()
}

fn request(config: &Config, context: &Context, client: Client, url: &str) -> Result<RequestBuilder, Trouble> {
    let method = match config.method {
        Asked::Get => Method::GET,
        Asked::Head => Method::HEAD,
        Asked::Post => Method::POST,
    };
    let mut request = client.request(method, url);
    let mut has_type = false;
    for (name, value) in &config.headers {
        let refused = || {
            let attempted = format!("send the header {}", short(name, LONGEST_SHOWN));
            DriverError::new(ErrorKind::Config, attempted).caused_by("it is no header").nothing_happened()
        };
        let name = HeaderName::try_from(name.as_str()).map_err(|_| refused())?;
        let resolved = context.resolver.resolve(value.reveal())?;
        let mut value = HeaderValue::try_from(resolved.reveal()).map_err(|_| refused())?;
        value.set_sensitive(true);
        has_type |= name == CONTENT_TYPE;
        request = request.header(name, value);
    }
    if let Some(body) = &config.body {
        let body = context.resolver.resolve(body.reveal())?.reveal().to_owned();
        if !has_type && body.trim_start().starts_with(['{', '[']) {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        request = request.body(body);
    }
    Ok(request)
}

#[derive(Default)]
struct Body {
    bytes: Vec<u8>,
    is_cut: bool,
}

async fn read(mut answer: Response) -> Result<Body, reqwest::Error> {
    let mut body = Body::default();
    while let Some(chunk) = answer.chunk().await? {
        let room = LONGEST_ANSWER - body.bytes.len();
        body.bytes.extend(chunk.iter().take(room));
        if chunk.len() > room {
            body.is_cut = true;
            break;
        }
    }
    Ok(body)
}

fn judge(config: &Config, status: u16, body: &Body) -> ProbeLook {
    let mut wrong = Vec::new();
    if !config.status.contain(status) {
        let is_redirect = (300..400).contains(&status) && config.redirects == Redirects::Refuse;
        let why = if is_redirect { ", a redirect: `redirects: follow` follows" } else { "" };
        wrong.push(format!("answers {status} instead of {}{why}", config.status));
    }
    if let Some(text) = &config.contains
        && !String::from_utf8_lossy(&body.bytes).contains(text)
    {
        wrong.push(match body.is_cut {
            true => "its answer is longer than 1 MiB and was not searched to its end".to_owned(),
            false => format!("its answer does not contain `{}`", short(text, LONGEST_SHOWN)),
        });
    }
    if !config.json.is_empty() {
        match serde_json::from_slice::<Value>(&body.bytes) {
            Ok(answer) => {
                wrong.extend(
                    config.json.iter().filter_map(|(place, expected)| place.judge(&answer, expected)),
                );
            }
            Err(_) if body.is_cut => wrong.push("its answer is longer than 1 MiB".to_owned()),
            Err(_) => wrong.push("its answer is no JSON".to_owned()),
        }
    }
    match wrong.is_empty() {
        true => ProbeLook::Ok { found: format!("answers {status}") },
        false => ProbeLook::Bad { found: wrong.join("; ") },
    }
}
