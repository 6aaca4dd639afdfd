//! The estate: one folder with everything that the application is made of.

mod content;
mod flags;
mod frontend;
mod release;
mod settings;

use crate::database::Database;
use crate::server::Server;
use crate::{envfile, files, port};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

pub(crate) use flags::Flags;
pub(crate) use release::Release;
pub use release::Version;

/// The folder of one to-do application. Any number of them live side by side, each with its own port.
///
/// All that the application reads is in files, so that hands and other programs can change it: nothing is
/// remembered here but the path.
#[derive(Debug, Clone)]
pub struct Estate {
    root: PathBuf,
}

impl Estate {
    /// Lays out an estate at release 1.4.0 on a port that is free now, with its data in SQLite.
    ///
    /// # Errors
    /// The folder exists and is not empty, or cannot be written.
    pub fn create(root: impl Into<PathBuf>) -> Result<Self> {
        Self::create_on(root, free_port()?)
    }

    /// Lays out an estate at release 1.4.0 for a port of the caller's choice; two estates made with the same
    /// port have the same content.
    ///
    /// # Errors
    /// The folder exists and is not empty, or cannot be written.
    pub fn create_on(root: impl Into<PathBuf>, port: u16) -> Result<Self> {
        let estate = Self::in_empty_folder(root)?;
        estate.lay_out(port, "data/todo.db")
    }

    /// The same with its data on a server of PostgreSQL's, in a database that is made for it.
    ///
    /// # Errors
    /// The same, nobody answers at the address, or databases may not be made there.
    pub fn create_on_server(root: impl Into<PathBuf>, url: &str) -> Result<Self> {
        let estate = Self::in_empty_folder(root)?;
        let server = Server::make(url)?;
        let lay_out = || {
            let made = serde_json::to_string_pretty(&server)? + "\n";
            files::put_with_mode(&estate.server(), &made, 0o600)?;
            files::put_with_mode(&estate.owners_address(), &server.owner, 0o600)?;
            estate.clone().lay_out(free_port()?, &server.application)
        };
        lay_out().inspect_err(|_| {
            // Whoever gets no estate gets no database either; why there is none is what matters.
            let _ = server.take_away();
        })
    }

    fn in_empty_folder(root: impl Into<PathBuf>) -> Result<Self> {
        let estate = Self { root: root.into() };
        files::make_folder(&estate.root)?;
        let mut entries = std::fs::read_dir(&estate.root).context("look into the folder of the estate")?;
        anyhow::ensure!(entries.next().is_none(), "create an estate in {}: not empty", estate.root.display());
        Ok(estate)
    }

    fn lay_out(self, port: u16, database_url: &str) -> Result<Self> {
        for folder in ["data", "releases", "run"] {
            files::make_folder(&self.root.join(folder))?;
        }
        settings::create(&self.settings(), port, database_url)?;
        content::fill(&mut self.database()?.create()?)?;
        self.deploy(Version::V1)?;
        self.make_current(Version::V1)?;
        flags::create(&self.flags())?;
        files::put(&self.maintenance(), "MAINTENANCE=off\n")?;
        self.build_frontend()?;
        Ok(self)
    }

    /// The estate that is already in a folder.
    ///
    /// # Errors
    /// The folder holds no settings file, so it is no estate.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self> {
        let estate = Self { root: root.into() };
        files::read(&estate.settings()).context("open the estate")?;
        Ok(estate)
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The data, with all rights over them: `data/todo.db`, or the database on a server as its owner sees it.
    ///
    /// # Errors
    /// The settings cannot be read or name none.
    pub fn database(&self) -> Result<Database> {
        let owner = self.owners_address();
        match owner.exists() {
            true => Ok(Database::Postgres(files::read(&owner)?)),
            false => self.service_database(),
        }
    }

    /// Whether the data are in a database that was made on a server for this estate, and is not dropped yet.
    pub fn is_on_server(&self) -> bool {
        self.server().exists()
    }

    /// The data as the service gets at them: it follows DATABASE_URL in the settings, with the rights it has there.
    ///
    /// # Errors
    /// The settings cannot be read or name none.
    pub fn service_database(&self) -> Result<Database> {
        Ok(Database::named(&self.setting("DATABASE_URL")?, &self.root))
    }

    /// Takes away what was made for this estate on a server, and forgets it: the names of the databases. Of an estate
    /// with a file there is nothing to take away.
    ///
    /// # Errors
    /// The server does not answer or refuses.
    pub fn drop_databases(&self) -> Result<Vec<String>> {
        let path = self.server();
        if !path.exists() {
            return Ok(Vec::new());
        }
        let server: Server = serde_json::from_str(&files::read(&path)?)
            .with_context(|| format!("understand {}", path.display()))?;
        let gone = server.take_away()?;
        for path in [path, self.owners_address()] {
            std::fs::remove_file(&path).with_context(|| format!("remove {}", path.display()))?;
        }
        Ok(gone)
    }

    /// `server.json`, what was made on a server; only there where the data are on one.
    fn server(&self) -> PathBuf {
        self.root.join("server.json")
    }

    /// `database.url`, the address by which the database's owner gets in; only there where the data are on a server.
    fn owners_address(&self) -> PathBuf {
        self.root.join("database.url")
    }

    /// `releases`, with a folder for each deployed release.
    pub fn releases(&self) -> PathBuf {
        self.root.join("releases")
    }

    /// `current`, the link to the release that the service starts from.
    pub fn current(&self) -> PathBuf {
        self.root.join("current")
    }

    /// `frontend`, the built front end.
    pub fn frontend(&self) -> PathBuf {
        self.root.join("frontend")
    }

    /// `app.env`, read by the service at start.
    pub fn settings(&self) -> PathBuf {
        self.root.join("app.env")
    }

    /// `flags.json`, read by the service at start.
    pub fn flags(&self) -> PathBuf {
        self.root.join("flags.json")
    }

    /// `maintenance.env`, read by the service at every request.
    pub fn maintenance(&self) -> PathBuf {
        self.root.join("maintenance.env")
    }

    /// `run`, where whoever supervises the service keeps its pid file and log.
    pub fn run_folder(&self) -> PathBuf {
        self.root.join("run")
    }

    /// The port that the settings name.
    ///
    /// # Errors
    /// The settings cannot be read or name no port.
    pub fn port(&self) -> Result<u16> {
        self.setting("PORT")?.parse().context("read PORT from the settings")
    }

    /// `http://127.0.0.1:PORT`, without a path.
    ///
    /// # Errors
    /// As [`Estate::port`].
    pub fn base_url(&self) -> Result<String> {
        Ok(format!("http://127.0.0.1:{}", self.port()?))
    }

    /// Closes or opens the application to users; takes effect with the next request.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn set_maintenance(&self, on: bool) -> Result<()> {
        files::put(&self.maintenance(), if on { "MAINTENANCE=on\n" } else { "MAINTENANCE=off\n" })
    }

    /// Whether the application is closed to users. A file that is missing closes nothing.
    pub fn in_maintenance(&self) -> bool {
        files::read(&self.maintenance())
            .is_ok_and(|text| envfile::value(&text, "MAINTENANCE").is_some_and(|value| value == "on"))
    }

    /// One value of the settings file.
    pub(crate) fn setting(&self, key: &str) -> Result<String> {
        let text = files::read(&self.settings())?;
        envfile::value(&text, key).map(str::to_owned).with_context(|| format!("find {key} in the settings"))
    }

    /// Puts the folder of a release in place; what `current` names does not change.
    pub(crate) fn deploy(&self, version: Version) -> Result<()> {
        release::deploy(&self.releases().join(version.number()), version, self.database()?.engine())
    }

    /// Makes a deployed release the one that the service starts from next time.
    pub(crate) fn make_current(&self, version: Version) -> Result<()> {
        files::point(&self.current(), &Path::new("releases").join(version.number()))
    }

    /// Turns the settings into those of release 2.0.0.
    pub(crate) fn upgrade_settings(&self) -> Result<()> {
        settings::upgrade(&self.settings())
    }

    /// Switches a feature on.
    pub(crate) fn switch_on(&self, flag: &str) -> Result<()> {
        flags::switch_on(&self.flags(), flag)
    }

    /// Builds the front end for the address that the settings name now.
    pub(crate) fn build_frontend(&self) -> Result<()> {
        frontend::build(&self.frontend(), &self.setting("API_URL")?)
    }
}

fn free_port() -> Result<u16> {
    port::free_port().context("find a free port")
}
