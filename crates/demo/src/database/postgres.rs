//! A database on a server of PostgreSQL's.
//!
//! Whoever asks it waits on the thread that asks; a thread that answers others must not.

use super::{Row, Value};
use crate::identifier;
use anyhow::{Context, Result};
use postgres::config::Host;
use postgres::types::private::BytesMut;
use postgres::types::{Format, FromSql, IsNull, ToSql, Type};
use postgres::{Client, Config, NoTls};
use std::error::Error;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(5);

pub fn open(url: &str) -> Result<Client> {
    Ok(config(url)?.connect(NoTls)?)
}

pub fn config(url: &str) -> Result<Config> {
    // The cause would repeat pieces of the address, and it holds a password.
    let mut config: Config = url.parse().ok().context("understand the address of a database")?;
    config.connect_timeout(PATIENCE).application_name("todo");
    Ok(config)
}

/// An address without who one is there, and without a password.
pub fn shown(url: &str) -> String {
    let Ok(config) = config(url) else { return "of an address that nobody understands".to_owned() };
    let name = config.get_dbname().or(config.get_user()).unwrap_or_default();
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        Some(Host::Unix(folder)) => folder.display().to_string(),
        None => "localhost".to_owned(),
    };
    format!("{name} on {host}:{}", config.get_ports().first().copied().unwrap_or(5432))
}

pub fn parameters(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

pub fn rows(client: &mut Client, sql: &str, values: &[Value]) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for row in client.query(sql, &parameters(values))? {
        rows.push((0..row.len()).map(|column| row.try_get(column)).collect::<Result<Row, _>>()?);
    }
    Ok(rows)
}

/// As text, whatever the type: the server reads a UUID, a number, a date from it.
impl ToSql for Value {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => return Ok(IsNull::Yes),
            Self::Integer(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Self::Text(text) => out.extend_from_slice(text.as_bytes()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    postgres::types::to_sql_checked!();
}

impl FromSql<'_> for Value {
    fn from_sql(kind: &Type, raw: &[u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(match *kind {
            Type::BOOL => Self::Integer(bool::from_sql(kind, raw)?.into()),
            Type::INT2 => Self::Integer(i16::from_sql(kind, raw)?.into()),
            Type::INT4 => Self::Integer(i32::from_sql(kind, raw)?.into()),
            Type::INT8 => Self::Integer(i64::from_sql(kind, raw)?),
            Type::UUID => Self::Text(identifier::uuid(raw.try_into()?)),
            _ => Self::Text(String::from_sql(kind, raw)?),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::BOOL | Type::INT2 | Type::INT4 | Type::INT8 | Type::UUID)
            || <String as FromSql>::accepts(kind)
    }
}
