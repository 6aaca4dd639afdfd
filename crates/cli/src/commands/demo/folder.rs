//! Where an estate of the demo lives, and what is laid out in it.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use backout_demo::{Engine, Estate, people};
use serde_json::{Value, json};

use super::portrait::blocking;

/// The name of the migration file.
const DECLARATION: &str = "backout.yaml";

/// What a probe sends to log in.
const LOG_IN: &str = "log-in.json";

/// The folder of an estate.
#[derive(Debug)]
pub struct Folder {
    /// Absolute, without links.
    pub path: PathBuf,
    /// Nobody asked for this place; it is removed when nothing is left to look at.
    pub is_temporary: bool,
}

impl Folder {
    /// The folder that was asked for, or one of our own among the temporary files.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn make(asked: Option<&Path>) -> Result<Self> {
        let (made, is_temporary) = match asked {
            Some(path) => {
                fs::create_dir_all(path).with_context(|| format!("make the folder {}", path.display()))?;
                (path.to_owned(), false)
            }
            None => (make_temporary(&std::env::temp_dir())?, true),
        };
        let path = fs::canonicalize(&made).with_context(|| format!("find the folder {}", made.display()))?;
        Ok(Self { path, is_temporary })
    }

    /// Lays out the estate with its migration file; its data on a server, where one is given.
    ///
    /// # Errors
    /// The folder is not empty or cannot be written, or the server does not let us.
    pub async fn lay_out(&self, executable: &Path, server: Option<&str>) -> Result<Estate> {
        let (path, server) = (self.path.clone(), server.map(str::to_owned));
        let estate = blocking(move || match server {
            Some(url) => Estate::create_on_server(path, &url),
            None => Estate::create(path),
        });
        let estate = estate.await?;
        let declaration = declaration(executable, estate.port()?, estate.database()?.engine())?;
        fs::write(self.path.join(DECLARATION), declaration).context("write the migration file")?;
        let log_in = File::options().write(true).create_new(true).mode(0o600).open(self.path.join(LOG_IN));
        log_in
            .and_then(|mut file| write!(file, "{}", credentials()))
            .context("write a log-in for a probe")?;
        Ok(estate)
    }
}

/// Whether something is there already.
///
/// # Errors
/// It cannot be looked at.
pub fn is_taken(path: &Path) -> Result<bool> {
    match fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).with_context(|| format!("look into the folder {}", path.display())),
    }
}

/// The estate in a folder, with the folder's one true path.
///
/// # Errors
/// The folder holds no estate of the demo.
pub fn open(path: &Path) -> Result<Estate> {
    let path = fs::canonicalize(path).with_context(|| format!("find the folder {}", path.display()))?;
    let declaration = path.join(DECLARATION);
    anyhow::ensure!(declaration.is_file(), "find {}", declaration.display());
    Estate::open(path)
}

/// A folder that was not there before and is ours alone.
fn make_temporary(parent: &Path) -> Result<PathBuf> {
    let mut number = std::process::id();
    loop {
        let path = parent.join(format!("backout-demo-{number}"));
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number = number.wrapping_add(1),
            made => {
                return made
                    .map(|()| path.clone())
                    .with_context(|| format!("make the folder {}", path.display()));
            }
        }
    }
}

fn credentials() -> Value {
    let person = people::everybody().next();
    person.map_or(Value::Null, |person| json!({ "email": person.email, "password": person.password() }))
}

fn declaration(executable: &Path, port: u16, engine: Engine) -> Result<String> {
    let executable = executable.to_str().context("write the path of this program, which is no text")?;
    // A text of JSON is one of YAML as well.
    let quoted = serde_json::to_string(executable)?;
    let (kind, database, secrets) = match engine {
        Engine::Sqlite => ("sqlite.database", include_str!("declaration/sqlite.yaml"), "SESSION_SECRET"),
        Engine::Postgres => {
            ("postgres.database", include_str!("declaration/postgres.yaml"), "SESSION_SECRET, DATABASE_URL")
        }
    };
    let text = include_str!("declaration.yaml").replace("{{database}}\n", database);
    let text = text.replace("{{kind}}", kind).replace("{{secrets}}", secrets);
    Ok(text.replace("{{port}}", &port.to_string()).replace("{{executable}}", &quoted))
}
