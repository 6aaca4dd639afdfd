//! Where one database lies, and the names that belong to a run beside it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::ErrorKind as Io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use backout_contract::{Context, DriverError, ErrorKind};
use backout_core::name::RunId;
use backout_kit::beside::{beside_path, displaced_path};
use backout_kit::place::absolute;
use backout_kit::reserved::{PREFIX, sibling};

use super::config::{Config, SIDECARS};
use super::state::Access;
use crate::fault::{of_file, of_io, shown};

/// Where a copy of the database as it stands is put together, until it is whole and gets a name for keeps.
const BUILD: &str = "build";
const LEFT_BY_RUNS: [&str; 3] = [BUILD, "beside", "displaced"];

/// One database, as one call sees it.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The file itself: SQLite follows links and keeps its journals beside what they lead to, and so do we.
    pub(super) live: PathBuf,
    /// The path as a person wrote it.
    pub(super) shown: String,
    /// How long to wait for others.
    pub(super) busy: Duration,
    /// Where private copies are made.
    pub(super) scratch: PathBuf,
    /// The folder of the migration file, which may be moved with everything in it.
    root: PathBuf,
    /// Names what belongs to this run; without a dash, so that names can be taken apart again.
    tag: String,
}

impl Place {
    pub(super) fn of(config: &Config, context: &Context) -> Result<Self, DriverError> {
        let path = context.resolver.resolve(&config.path)?;
        let shown = config.shown();
        if path.reveal().is_empty() {
            return Err(DriverError::new(ErrorKind::Config, format!("find the file that {shown} names"))
                .hint("the reference resolves to nothing")
                .nothing_happened());
        }
        let live = follow(absolute(&context.root, Path::new(path.reveal())))?;
        let tag = context.run.as_ref().map_or_else(|| "r0".to_owned(), tag_of);
        let root = fs::canonicalize(&context.root).unwrap_or_else(|_| context.root.clone());
        Ok(Self { live, shown, busy: config.patience(), scratch: context.scratch.clone(), root, tag })
    }

    /// A database that a person names and that is no component.
    pub(super) fn named(path: &Path, busy: Duration, context: &Context) -> Result<Self, DriverError> {
        let live = follow(absolute(&context.root, path))?;
        let root = fs::canonicalize(&context.root).unwrap_or_else(|_| context.root.clone());
        Ok(Self {
            live,
            shown: shown(path),
            busy,
            scratch: context.scratch.clone(),
            root,
            tag: "r0".to_owned(),
        })
    }

    /// Another file with the database, to be looked at like this one.
    pub(super) fn at(&self, path: PathBuf) -> Self {
        Self { live: path, ..self.clone() }
    }

    /// The same place, as another run names what it put beside.
    pub(super) fn of_run(&self, run: &RunId) -> Self {
        Self { tag: tag_of(run), ..self.clone() }
    }

    /// What tells this database from another with the same name: in the folder of the migration file, where it is
    /// from there, so that the folder can be moved; elsewhere its place on this machine. The folder's device, for the
    /// file itself may be absent, and some file systems tell another one for it.
    pub(super) fn identity(&self) -> Option<String> {
        if let Ok(inside) = self.live.strip_prefix(&self.root) {
            return Some(shown(&Path::new(".").join(inside)));
        }
        let folder = fs::metadata(self.folder()).ok()?;
        Some(format!("{}:{}", folder.dev(), shown(&self.live)))
    }

    /// Names what belongs to this run.
    pub(super) fn tag(&self) -> &str {
        &self.tag
    }

    pub(super) fn folder(&self) -> &Path {
        self.live.parent().unwrap_or(Path::new("/"))
    }

    /// A file that SQLite keeps beside the database.
    pub(super) fn sidecar(&self, ending: &str) -> PathBuf {
        with_ending(&self.live, ending)
    }

    /// Where the saved database is put together and proven.
    pub(super) fn staged(&self) -> Result<PathBuf, DriverError> {
        beside_path(&self.live, &self.tag).map_err(|error| of_file(error).nothing_happened())
    }

    /// Where the copy that is displaced is put together.
    pub(super) fn build(&self) -> Result<PathBuf, DriverError> {
        sibling(&self.live, &format!("{BUILD}-{}", self.tag))
            .map_err(|error| of_file(error).nothing_happened())
    }

    /// The names under which this run displaces a file: an earlier attempt may have taken the first ones.
    pub(super) fn displaced(&self, path: &Path) -> impl Iterator<Item = Result<PathBuf, DriverError>> {
        let tags =
            std::iter::once(self.tag.clone()).chain((2..).map(|number| format!("{}.{number}", self.tag)));
        let path = path.to_owned();
        tags.map(move |tag| displaced_path(&path, &tag).map_err(|error| of_file(error).nothing_happened()))
    }

    /// Everything that runs left beside the database, in the order of the names.
    pub(super) fn left_beside(&self) -> Result<Vec<PathBuf>, DriverError> {
        self.left(&LEFT_BY_RUNS)
    }

    /// The databases that runs displaced, without what SQLite kept beside them.
    pub(super) fn displaced_by_any(&self) -> Result<Vec<PathBuf>, DriverError> {
        let is_sidecar = |path: &PathBuf| {
            SIDECARS.iter().any(|ending| path.as_os_str().as_bytes().ends_with(ending.as_bytes()))
        };
        Ok(self.left(&["displaced"])?.into_iter().filter(|path| !is_sidecar(path)).collect())
    }

    fn left(&self, roles: &[&str]) -> Result<Vec<PathBuf>, DriverError> {
        let listing = match fs::read_dir(self.folder()) {
            Ok(listing) => listing,
            Err(error) if error.kind() == Io::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(of_io("list", self.folder(), error).nothing_happened()),
        };
        let mut found = Vec::new();
        for entry in listing {
            let entry = entry.map_err(|error| of_io("list", self.folder(), error).nothing_happened())?;
            if self.is_left_by_a_run(&entry.file_name(), roles) {
                found.push(self.folder().join(entry.file_name()));
            }
        }
        found.sort();
        Ok(found)
    }

    fn is_left_by_a_run(&self, name: &OsStr, roles: &[&str]) -> bool {
        let Some(rest) = name.as_bytes().strip_prefix(PREFIX.as_bytes()) else { return false };
        let mut pieces = rest.splitn(3, |byte| *byte == b'-').map(std::str::from_utf8);
        match (pieces.next(), pieces.next()) {
            (Some(Ok(role)), Some(Ok(tag))) => roles.contains(&role) && self.bears(name, role, tag),
            _ => false,
        }
    }

    fn bears(&self, name: &OsStr, role: &str, tag: &str) -> bool {
        std::iter::once("").chain(SIDECARS).any(|ending| {
            sibling(&self.sidecar(ending), &format!("{role}-{tag}"))
                .is_ok_and(|path| path.file_name() == Some(name))
        })
    }
}

fn tag_of(run: &RunId) -> String {
    run.as_str().replace('-', "_")
}

/// A path with something put behind its last name.
pub(super) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut whole = OsString::from(path);
    whole.push(ending);
    whole.into()
}

/// Mode and owner of a file.
pub(super) fn access_of(metadata: &fs::Metadata) -> Access {
    Access { mode: metadata.mode() & 0o7777, user: metadata.uid(), group: metadata.gid() }
}

/// What stands at a path; none when nothing does.
pub(super) fn stat(path: &Path) -> Result<Option<fs::Metadata>, DriverError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == Io::NotFound => Ok(None),
        Err(error) => Err(of_io("look at", path, error).nothing_happened()),
    }
}

/// The path with every link followed, the last one also when it leads to nothing yet.
fn follow(path: PathBuf) -> Result<PathBuf, DriverError> {
    const MOST_LINKS: usize = 40;
    let mut path = path;
    for _ in 0..MOST_LINKS {
        match fs::canonicalize(&path) {
            Ok(real) => return Ok(real),
            Err(error) if error.kind() != Io::NotFound => {
                return Err(of_io("follow the links of", &path, error).nothing_happened());
            }
            Err(_) => {}
        }
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Ok(path) };
        // A folder that is not there cannot be followed either; then the database is not there.
        let Ok(folder) = fs::canonicalize(folder) else { return Ok(path) };
        let last = folder.join(name);
        match fs::read_link(&last) {
            Ok(target) => path = folder.join(target),
            Err(_) => return Ok(last),
        }
    }
    Err(of_io("follow the links of", &path, rustix::io::Errno::LOOP).nothing_happened())
}
