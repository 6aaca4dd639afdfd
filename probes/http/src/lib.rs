//! Probe `http`: one request and what its answer should be.

mod config;
mod json;
mod look;
mod shown;
mod status;
mod trouble;

use async_trait::async_trait;
use backout_contract::{Context, DriverError, KindPage, Probe, ProbeLook};

use config::Config;

/// One request over HTTP, and what its answer should be.
pub struct Http;

#[async_trait]
impl Probe for Http {
    const KIND: &'static str = "http";
    type Config = Config;

    fn page() -> KindPage {
        KindPage { summary: "one request over HTTP: status, body, JSON", page: include_str!("../README.md") }
    }

    fn describe(config: &Config) -> String {
        format!("{} {}", config.method.name(), shown::url(config.url.as_written()))
    }

    async fn look(config: &Config, context: &Context) -> Result<ProbeLook, DriverError> {
        look::look(config, context).await
    }
}
