//! Probe `sqlite`: one query on a database file, and what its answer should be.

mod config;
mod expected;
mod look;
mod query;
mod quiet;

use async_trait::async_trait;
use backout_contract::{Context, DriverError, KindPage, Probe, ProbeLook};

pub use config::Config;

/// One query on an SQLite database, and what its answer should be.
pub struct Sqlite;

#[async_trait]
impl Probe for Sqlite {
    const KIND: &'static str = "sqlite";
    type Config = Config;

    fn page() -> KindPage {
        KindPage {
            summary: "one query on an SQLite database: the value that it gives",
            page: include_str!("../README.md"),
        }
    }

    fn describe(config: &Config) -> String {
        format!("{} in {}", look::short(config.query.trim()), look::short(config.path.as_written()))
    }

    async fn look(config: &Config, context: &Context) -> Result<ProbeLook, DriverError> {
        look::look(config, context).await
    }
}
