//! Probe `tcp`: whether somebody takes connections.

use std::ffi::OsStr;
use std::io;
use std::time::Duration;

use async_trait::async_trait;
use backout_contract::{Context, DriverError, ErrorKind, KindPage, Probe, ProbeLook};
use backout_core::migration::{DurationText, Reference};
use backout_kit::path_text;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

/// Whether somebody takes connections at an address.
pub struct Tcp;

/// The keys of a probe `tcp`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `HOST:PORT`.
    pub address: Reference,
    /// How long everything may take.
    #[serde(default = "five_seconds")]
    pub timeout: DurationText,
}

fn five_seconds() -> DurationText {
    DurationText(Duration::from_secs(5))
}

#[async_trait]
impl Probe for Tcp {
    const KIND: &'static str = "tcp";
    type Config = Config;

    fn page() -> KindPage {
        KindPage { summary: "whether somebody takes connections", page: include_str!("../README.md") }
    }

    fn describe(config: &Config) -> String {
        format!("connect to {}", shown(config))
    }

    async fn look(config: &Config, context: &Context) -> Result<ProbeLook, DriverError> {
        let address = context.resolver.resolve(&config.address)?;
        if !is_address(address.reveal()) {
            return Err(DriverError::new(ErrorKind::Config, format!("connect to {}", shown(config)))
                .caused_by("an address is HOST:PORT")
                .nothing_happened());
        }
        let look = timeout(config.timeout.0.min(context.deadline), look(address.reveal()));
        Ok(look.await.unwrap_or_else(|_| bad(&format!("no answer within {}", config.timeout))))
    }
}

/// A host with several addresses takes connections when one of them does.
async fn look(address: &str) -> ProbeLook {
    let Ok(addresses) = lookup_host(address).await else {
        return ProbeLook::Unknown { why: "the name of its host cannot be resolved".to_owned() };
    };
    let mut last: Option<io::Error> = None;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(_) => return ProbeLook::Ok { found: "takes connections".to_owned() },
            Err(error) => last = Some(error),
        }
    }
    match last {
        Some(error) => bad(&format!("takes no connections: {}", error.kind())),
        None => ProbeLook::Unknown { why: "the name of its host has no address".to_owned() },
    }
}

fn bad(found: &str) -> ProbeLook {
    ProbeLook::Bad { found: found.to_owned() }
}

fn is_address(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && !host.contains('/') && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}

fn shown(config: &Config) -> String {
    path_text::encode(OsStr::new(config.address.as_written()))
}
