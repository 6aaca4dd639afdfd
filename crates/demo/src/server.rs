//! A database on somebody's server: made with roles of its own, and taken away again with all that was made of it.

use crate::database::{Connection, Database, values};
use crate::{digest, identifier};
use anyhow::{Context, Result};
use postgres::Config;
use postgres::config::Host;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// What was made on a server, and how to get there. It holds passwords, so it cannot be printed.
#[derive(Serialize, Deserialize)]
pub struct Server {
    /// The server as it was named: whoever that is made the rest, and takes it away.
    url: String,
    /// The name of the database; whatever else was made of it has a name that begins with this one.
    database: String,
    /// Who owns the database: migrates it, saves it, puts it back.
    pub owner: String,
    /// Who reads and writes its rows: the application.
    pub application: String,
    /// The roles that were made for it; none where the server does not let us.
    roles: Vec<String>,
}

/// What the role that was given may do.
struct Rights {
    all: bool,
    databases: bool,
    roles: bool,
}

impl Server {
    /// Makes a database with a name of its own, and two roles: its owner, and the application, which may read and write
    /// rows and nothing else. Where no roles may be made, the one that was given is both.
    ///
    /// # Errors
    /// Nobody answers at the address, or databases may not be made there.
    pub fn make(url: &str) -> Result<Self> {
        let address = address(url)?;
        let mut server = Database::Postgres(url.to_owned()).open()?;
        let rights = rights(&mut server)?;
        anyhow::ensure!(
            rights.all || rights.databases,
            "make a database on the server: the role has no right to (ALTER ROLE … CREATEDB)"
        );
        let id: String = identifier::fresh_uuid().chars().take(8).collect();
        let database = format!("todo_{id}");
        let mut made = Self {
            owner: with(&address, None, &database)?,
            application: with(&address, None, &database)?,
            url: url.to_owned(),
            roles: Vec::new(),
            database: database.clone(),
        };
        if !(rights.all || rights.roles) {
            server.batch(&format!("CREATE DATABASE {database}"))?;
            return Ok(made);
        }
        let (owner, application) = (format!("{database}_owner"), format!("{database}_app"));
        let password = |role: &str| {
            let secret = digest::hexadecimal(format!("{role}/{}", identifier::fresh_uuid()));
            secret.chars().take(32).collect::<String>()
        };
        for (role, may, place) in [
            // With `REPLICATION` the database's log can be read for what users write.
            (&owner, if rights.all { "CREATEDB REPLICATION" } else { "CREATEDB" }, &mut made.owner),
            (&application, "", &mut made.application),
        ] {
            let password = password(role);
            server.batch(&format!("CREATE ROLE {role} LOGIN {may} PASSWORD '{password}'"))?;
            made.roles.push(role.clone());
            *place = with(&address, Some((role, &password)), &database)?;
        }
        let hand_over = || -> Result<()> {
            if !rights.all {
                server.batch(&format!("GRANT {owner} TO CURRENT_USER"))?;
            }
            // So that the owner can end what the application leaves open.
            server.batch(&format!("GRANT {application} TO {owner}"))?;
            server.batch(&format!("CREATE DATABASE {database} OWNER {owner}"))?;
            server.batch(&format!("REVOKE ALL ON DATABASE {database} FROM PUBLIC"))?;
            server.batch(&format!("GRANT CONNECT ON DATABASE {database} TO {application}"))?;
            // Whatever table a release makes, its rows are the application's to work with.
            let mut inside = Database::Postgres(made.owner.clone()).open()?;
            inside.batch(&format!(
                "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {application};
                 ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO {application}"
            ))
        };
        let handed_over = { hand_over }();
        match handed_over {
            Ok(()) => Ok(made),
            Err(error) => {
                // Half of it helps nobody; what cannot be taken away either is told by the error.
                let _ = made.take_away();
                Err(error)
            }
        }
    }

    /// Takes away the database, everything that was made of it, and the roles; whoever is inside is sent out. The names
    /// of the databases that are gone.
    ///
    /// # Errors
    /// Nobody answers, or the server refuses.
    pub fn take_away(&self) -> Result<Vec<String>> {
        let mut server = Database::Postgres(self.url.clone()).open()?;
        // Names that begin with this one are ours: nobody guesses it.
        let sql = "SELECT datname::text FROM pg_database WHERE left(datname, length($1)) = $1 ORDER BY 1";
        let mut gone = Vec::new();
        for mut row in server.rows(sql, values![&self.database])? {
            let name: String = row.take(0)?;
            server
                .batch(&format!("DROP DATABASE IF EXISTS \"{}\" WITH (FORCE)", name.replace('"', "\"\"")))
                .with_context(|| format!("drop the database {name}"))?;
            gone.push(name);
        }
        for role in self.roles.iter().rev() {
            server
                .batch(&format!("DROP ROLE IF EXISTS {role}"))
                .with_context(|| format!("drop the role {role}"))?;
        }
        Ok(gone)
    }
}

fn rights(server: &mut Connection) -> Result<Rights> {
    let sql = "SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user";
    let mut row = server.row(sql, &[])?.context("find our own role")?;
    let mut may = |column| row.take::<i64>(column).map(|may| may == 1);
    Ok(Rights { all: may(0)?, databases: may(1)?, roles: may(2)? })
}

/// Reads an address; what it says is not repeated, for it holds a password. One that stands in PGPASSWORD is taken.
fn address(url: &str) -> Result<Config> {
    let mut config: Config = url.parse().ok().context("understand the address of the server")?;
    if let (None, Ok(password)) = (config.get_password(), std::env::var("PGPASSWORD")) {
        config.password(password);
    }
    Ok(config)
}

/// The address of a database on the same server, for somebody else or for the same.
fn with(address: &Config, role: Option<(&str, &str)>, database: &str) -> Result<String> {
    let host = match address.get_hosts() {
        [Host::Tcp(name)] => name.clone(),
        [Host::Unix(path)] => path.to_string_lossy().into_owned(),
        _ => anyhow::bail!("understand the address of the server: it has to name one host"),
    };
    let port = address.get_ports().first().copied().unwrap_or(5432);
    let own = (address.get_user().unwrap_or_default(), address.get_password().unwrap_or_default());
    let (user, password) = role.map_or(own, |(user, password)| (user, password.as_bytes()));
    let mut url = format!("postgresql://{}", encoded(user.as_bytes()));
    if !password.is_empty() {
        url += &format!(":{}", encoded(password));
    }
    Ok(format!("{url}@{}:{port}/{}", encoded(host.as_bytes()), encoded(database.as_bytes())))
}

fn encoded(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => text.push(char::from(*byte)),
            // Writing to a String cannot fail.
            other => drop(write!(text, "%{other:02X}")),
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_for_another_role_and_database() {
        let given: Config = "postgresql://ada:p%40ss@db.example:5433/postgres".parse().unwrap();
        assert_eq!(with(&given, None, "todo").unwrap(), "postgresql://ada:p%40ss@db.example:5433/todo");
        let other = with(&given, Some(("app", "s")), "todo").unwrap();
        assert_eq!(other, "postgresql://app:s@db.example:5433/todo");
        let socket: Config = "host=/run/postgresql user=ada".parse().unwrap();
        assert_eq!(with(&socket, None, "t").unwrap(), "postgresql://ada@%2Frun%2Fpostgresql:5432/t");
        let two: Config = "host=a,b user=ada".parse().unwrap();
        assert!(with(&two, None, "t").is_err());
    }
}
