//! Where a database is and who we are there: an address as programs of PostgreSQL take it, with its references resolved.

use std::fmt;

use backout_contract::{Context, DriverError, ErrorKind};
use backout_core::migration::SecretReference;
use backout_core::secret::Secret;
use tokio_postgres::config::Host;

/// How a connection is protected, as `sslmode` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tls {
    /// Never.
    Disable,
    /// Where the server offers it; nobody checks who it is.
    Prefer,
    /// Always; nobody checks who it is.
    Require,
    /// Always, and the server's certificate is from an authority that we trust.
    VerifyCa,
    /// The same, and it bears the server's name.
    VerifyFull,
}

/// A resolved address. Prints without its password.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) password: Option<Secret>,
    pub(crate) database: String,
    pub(crate) tls: Tls,
    /// A file with the authorities that are trusted, in PEM; the system's unless given.
    pub(crate) authorities: Option<String>,
    config: tokio_postgres::Config,
}

impl Address {
    /// Resolves an address of the migration file.
    ///
    /// # Errors
    /// When a reference cannot be resolved, or what it gives is no address of one server and one database.
    pub(crate) fn resolve(url: &SecretReference, context: &Context) -> Result<Self, DriverError> {
        let text = context.resolver.resolve(url.reveal())?;
        Self::parse(text.reveal())
    }

    /// Reads an address: `postgresql://user:password@host:port/database?sslmode=…`, or `key=value` pairs.
    ///
    /// # Errors
    /// When it is no address; what it says is not repeated, for it may hold a password.
    pub(crate) fn parse(text: &str) -> Result<Self, DriverError> {
        let refuse = |why: &str| {
            DriverError::new(ErrorKind::Config, "read the address of a database")
                .caused_by(why.to_owned())
                .hint("write postgresql://USER:PASSWORD@HOST:PORT/DATABASE")
                .nothing_happened()
        };
        let (rest, mode, authorities) = without_tls(text.trim());
        let tls = match mode.as_deref() {
            None | Some("prefer" | "allow") => Tls::Prefer,
            Some("disable") => Tls::Disable,
            Some("require") => Tls::Require,
            Some("verify-ca") => Tls::VerifyCa,
            Some("verify-full") => Tls::VerifyFull,
            Some(_) => return Err(refuse("its `sslmode` is none that PostgreSQL knows")),
        };
        // The cause would repeat pieces of the address.
        let config: tokio_postgres::Config = rest.parse().map_err(|_| refuse("it is no address"))?;
        let host = match config.get_hosts() {
            [Host::Tcp(name)] => name.clone(),
            [Host::Unix(path)] => path.to_string_lossy().into_owned(),
            [] => return Err(refuse("it names no host")),
            _ => return Err(refuse("it names several hosts, and a rollback must know which one it changes")),
        };
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let user = config.get_user().ok_or_else(|| refuse("it names no user"))?.to_owned();
        let database = config.get_dbname().ok_or_else(|| refuse("it names no database"))?.to_owned();
        let password = match config.get_password() {
            Some(bytes) => {
                let text = std::str::from_utf8(bytes).map_err(|_| refuse("its password is no UTF-8"))?;
                Some(Secret::new(text))
            }
            None => None,
        };
        Ok(Self { host, port, user, password, database, tls, authorities, config })
    }

    /// The same server, another database.
    pub(crate) fn of_database(&self, name: &str) -> Self {
        let mut config = self.config.clone();
        config.dbname(name);
        Self { database: name.to_owned(), config, ..self.clone() }
    }

    /// What a connection is made from.
    pub(crate) fn config(&self) -> tokio_postgres::Config {
        self.config.clone()
    }

    /// The server as others name it too: one host has several names on its own machine.
    pub(crate) fn place(&self) -> String {
        let host = match self.host.as_str() {
            "localhost" | "::1" => "127.0.0.1",
            other => other,
        };
        format!("{host}:{}", self.port)
    }

    /// Server and database, for people: `todo on 127.0.0.1:5432`.
    pub(crate) fn shown(&self) -> String {
        let safe = |text: &str| backout_kit::path_text::encode(std::ffi::OsStr::new(text));
        format!("{} on {}:{}", safe(&self.database), safe(&self.host), self.port)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

/// Takes `sslmode` and `sslrootcert` out of an address: the client library knows fewer modes than people write.
fn without_tls(text: &str) -> (String, Option<String>, Option<String>) {
    let (mut mode, mut authorities) = (None, None);
    let mut keep = |pair: &str| match pair.split_once('=') {
        Some(("sslmode", value)) => {
            mode = Some(value.to_owned());
            false
        }
        Some(("sslrootcert", value)) => {
            authorities = Some(value.to_owned());
            false
        }
        _ => true,
    };
    let is_url = text.starts_with("postgres://") || text.starts_with("postgresql://");
    let rest = match text.split_once('?') {
        Some((before, pairs)) if is_url => {
            let kept: Vec<&str> = pairs.split('&').filter(|pair| keep(pair)).collect();
            if kept.is_empty() { before.to_owned() } else { format!("{before}?{}", kept.join("&")) }
        }
        None if is_url => text.to_owned(),
        _ => text.split_whitespace().filter(|pair| keep(pair)).collect::<Vec<_>>().join(" "),
    };
    (rest, mode, authorities)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_never_repeated() {
        let read = Address::parse(
            "postgresql://todo:hunter2@db.example:6432/todo_db?sslmode=verify-full&sslrootcert=/ca.pem",
        )
        .expect("an address");
        assert_eq!((read.host.as_str(), read.port, read.tls), ("db.example", 6432, Tls::VerifyFull));
        assert_eq!(read.authorities.as_deref(), Some("/ca.pem"));
        assert_eq!(read.password.as_ref().map(Secret::reveal), Some("hunter2"));
        assert!(!format!("{read:?}").contains("hunter2"));
        let read = Address::parse("host=127.0.0.1 user=a dbname=b sslmode=disable").expect("an address");
        assert_eq!((read.port, read.tls), (5432, Tls::Disable));
        for bad in [
            "",
            "hunter2",
            "postgresql://u:hunter2@h1,h2/d",
            "postgresql://u:hunter2@h",
            "postgresql://h/d?sslmode=hunter2",
        ] {
            let error = Address::parse(bad).expect_err(bad);
            assert!(!error.chain().contains("hunter2"), "{}", error.chain());
        }
    }
}
