//! The programs that come with a server: `pg_dump` and `pg_restore` of its own major version.

use std::ffi::OsString;
use std::path::PathBuf;

use backout_contract::{DriverError, ErrorKind};

use super::{Address, Tls, Version};

/// Where a program of a major version is: in `BACKOUT_PG_BIN`, where distributions put it, or in `PATH`.
///
/// # Errors
/// When there is none. That one found in `PATH` has the right version is for the caller to see.
pub(crate) fn program(name: &str, version: Version) -> Result<PathBuf, DriverError> {
    let major = version.major();
    let given = std::env::var_os("BACKOUT_PG_BIN").map(PathBuf::from);
    let usual = [
        format!("/usr/lib/postgresql/{major}/bin"),
        format!("/usr/pgsql-{major}/bin"),
        format!("/opt/homebrew/opt/postgresql@{major}/bin"),
        format!("/usr/local/opt/postgresql@{major}/bin"),
    ];
    let in_path = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let folders =
        given.into_iter().chain(usual.into_iter().map(PathBuf::from)).chain(in_path.into_iter().flatten());
    folders.map(|folder| folder.join(name)).find(|path| path.is_file()).ok_or_else(|| {
        DriverError::new(ErrorKind::Config, format!("find {name} of PostgreSQL {major}"))
            .caused_by("it is not installed on this machine")
            .hint(format!(
                "install the client programs of PostgreSQL {major} (on Debian: postgresql-client-{major})"
            ))
            .nothing_happened()
    })
}

/// The variables by which those programs find a database. The password is among them: it never stands in an argument,
/// where everybody on the machine could read it.
pub(crate) fn variables(address: &Address) -> Vec<(OsString, OsString)> {
    let mode = match address.tls {
        Tls::Disable => "disable",
        Tls::Prefer => "prefer",
        Tls::Require => "require",
        Tls::VerifyCa => "verify-ca",
        Tls::VerifyFull => "verify-full",
    };
    let mut pairs = vec![
        ("PGHOST", address.host.clone()),
        ("PGPORT", address.port.to_string()),
        ("PGUSER", address.user.clone()),
        ("PGDATABASE", address.database.clone()),
        ("PGSSLMODE", mode.to_owned()),
        ("PGAPPNAME", "backout".to_owned()),
        // Neither a service file nor a password file of whoever runs us may lead elsewhere.
        ("PGSERVICEFILE", "/dev/null".to_owned()),
        ("PGPASSFILE", "/dev/null".to_owned()),
    ];
    if let Some(password) = &address.password {
        pairs.push(("PGPASSWORD", password.reveal().to_owned()));
    }
    if let Some(authorities) = &address.authorities {
        pairs.push(("PGSSLROOTCERT", authorities.clone()));
    }
    pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
}
