//! The programs that come with a server: `pg_dump` and `pg_restore` of its own major version.

use std::ffi::OsString;
use std::path::PathBuf;

use backout_contract::{DriverError, ErrorKind};

use super::{Address, Tls, Version};

/// Where a program of a major version may be, the likeliest first: in the folders of `BACKOUT_PG_BIN`, where distributions
/// put it, or in `PATH`.
///
/// # Errors
/// When there is none. That one has the right version is for the caller to see.
pub(crate) fn programs(name: &str, version: Version) -> Result<Vec<PathBuf>, DriverError> {
    let major = version.major();
    let folders_of = |variable: &str| {
        let list = std::env::var_os(variable);
        list.map(|list| std::env::split_paths(&list).collect::<Vec<_>>()).unwrap_or_default()
    };
    let usual = [
        format!("/usr/lib/postgresql/{major}/bin"),
        format!("/usr/pgsql-{major}/bin"),
        format!("/opt/homebrew/opt/postgresql@{major}/bin"),
        format!("/usr/local/opt/postgresql@{major}/bin"),
    ];
    let folders = folders_of("BACKOUT_PG_BIN")
        .into_iter()
        .chain(usual.into_iter().map(PathBuf::from))
        .chain(folders_of("PATH"));
    let found: Vec<PathBuf> = folders.map(|folder| folder.join(name)).filter(|path| path.is_file()).collect();
    if found.is_empty() {
        return Err(DriverError::new(ErrorKind::Config, format!("find {name} of PostgreSQL {major}"))
            .caused_by("it is not installed on this machine")
            .hint(format!(
                "install the client programs of PostgreSQL {major} (on Debian: postgresql-client-{major})"
            ))
            .nothing_happened());
    }
    Ok(found)
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
