//! Puts the program together: finds the migration file, opens its state, and hands the engine its tools.

mod claimant;
mod clock;
mod leftovers;
mod no_vault;
mod programs;
mod resolver;

use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use backout_contract::{Clock, Journal, Registry, Vault};
use backout_core::diagnostic::Diagnostic;
use backout_core::digest::FingerprintKey;
use backout_core::journal::{Actor, Event};
use backout_core::life::Life;
use backout_core::migration::{LARGEST, MigrationFile, Source, lint, parse};
use backout_engine::{Assembled, Book, Tools, assemble, manifest_of};
use backout_kit::{path_text, quietly, scratch_folder};
use backout_store::{FileInbox, Holder, Keys, Layout, Lock, Writer, manifest_path, put_manifest};
use backout_vault::FileVault;

use crate::codes;
use crate::failure::Failure;

pub use clock::SystemClock;
pub use no_vault::NoVault;
pub use resolver::FromWorld;

/// The migration file, unless `--file` names another.
pub const FILE: &str = "backout.yaml";
/// How many looks or steps go on side by side, unless the file says so.
const SIDE_BY_SIDE: usize = 8;
/// How long one call to a driver may take, unless the component says so.
const DEADLINE: Duration = Duration::from_secs(600);

/// Where a migration file is.
#[derive(Debug, Clone)]
pub struct Place {
    /// As messages name it.
    pub named: String,
    /// Its path.
    pub path: PathBuf,
    /// Its folder, absolute and without symbolic links; relative paths in it begin there.
    pub root: PathBuf,
}

/// A migration file that can be worked with.
pub struct Migration {
    /// The file.
    pub file: MigrationFile,
    /// With its drivers and probes.
    pub assembled: Assembled,
    /// Where its state is.
    pub layout: Layout,
    /// Where it is.
    pub place: Place,
}

/// The one writer's things: the book, and what the engine works with.
pub struct Writing {
    /// The journal and what it adds up to.
    pub book: Book,
    /// What the engine works with.
    pub tools: Tools,
    writer: Arc<Writer>,
}

impl Place {
    /// The migration file of a folder, or the file named.
    ///
    /// # Errors
    /// The folder that holds it is not there.
    pub fn find(directory: Option<&Path>, file: Option<&Path>) -> Result<Self, Failure> {
        let directory = directory.unwrap_or(Path::new(""));
        let path = directory.join(file.unwrap_or(Path::new(FILE)));
        let named = path_text::encode(path.as_os_str());
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let root = folder.canonicalize().map_err(|error| absent(&named, &error))?;
        Ok(Self { named, path, root })
    }

    /// The text of the file.
    ///
    /// # Errors
    /// It is not there, cannot be read, or is no text.
    pub fn source(&self) -> Result<Source, Failure> {
        let unreadable = |error: &std::io::Error| absent(&self.named, error);
        let there = fs::metadata(&self.path).map_err(|error| unreadable(&error))?;
        if !there.is_file() {
            // A pipe would be waited for without end.
            return Err(unreadable(&std::io::Error::other("it is not a file")));
        }
        let length = there.len();
        // A hostile file is not read into memory first to find out that it is too large.
        let bytes = if length > LARGEST as u64 {
            vec![b' '; LARGEST + 1]
        } else {
            let mut bytes = Vec::with_capacity(LARGEST.min(usize::try_from(length).unwrap_or(LARGEST)));
            let read = quietly::open(&self.path).and_then(|mut file| file.read_to_end(&mut bytes));
            read.map_err(|error| unreadable(&error))?;
            bytes
        };
        Source::from_bytes(&self.named, &bytes).map_err(Failure::from)
    }

    /// Where the state is.
    pub fn layout(&self) -> Layout {
        Layout::at(self.root.join(backout_store::FOLDER))
    }

    /// Reads, lints and configures the file. Runs no program and opens no connection.
    ///
    /// # Errors
    /// Every mistake that was found.
    pub fn load(&self) -> Result<Migration, Failure> {
        let source = self.source()?;
        let in_source = |found: Vec<Diagnostic>| Failure::of(found).in_source(source.clone());
        let file = parse(&source).map_err(in_source)?;
        let mut found = lint(&file);
        let assembled = assemble(&file, &registry(), &self.root);
        match assembled {
            Ok(mut assembled) if found.iter().all(|one| !one.is_error()) => {
                assembled.warnings.append(&mut found);
                Ok(Migration { file, assembled, layout: self.layout(), place: self.clone() })
            }
            Ok(assembled) => {
                found.extend(assembled.warnings);
                Err(in_source(found))
            }
            Err(more) => {
                found.extend(more);
                Err(in_source(sorted(found)))
            }
        }
    }
}

impl Migration {
    /// Opens the state for changing it. `verb` is what others are told who find the migration busy.
    ///
    /// # Errors
    /// Another process has it, or the state cannot be used.
    pub async fn write(&self, verb: &str, take_over: bool) -> Result<Writing, Failure> {
        self.layout.prepare()?;
        let holder = this_process(&format!("backout {verb}"))?;
        let lock = if take_over {
            Lock::take_over(&self.layout, holder)?
        } else {
            Lock::acquire(&self.layout, holder)?
        };
        scratch_folder::sweep(&self.layout.scratch());
        let keys = Keys::load_or_draw(&self.layout)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let (writer, life) = Writer::open(&self.layout, lock, Arc::clone(&clock))?;
        let writer = Arc::new(writer);
        let mut book = Book::new(Arc::clone(&writer) as Arc<dyn Journal>, life);
        if book.life().migration.is_none() {
            let opened =
                Event::MigrationOpened { migration: self.assembled.name.clone(), nonce: keys.nonce.clone() };
            book.append(vec![opened]).await?;
        }
        self.refuse_foreign(book.life(), Some(&keys))?;
        self.heal_manifest(book.life())?;
        let tools = self.tools(&keys, keys.nonce.clone(), true)?;
        Ok(Writing { book, tools, writer })
    }

    /// What the engine works with when it only looks. Where nothing was ever saved, nothing is there to compare
    /// with, and any key will do.
    ///
    /// # Errors
    /// The state is there and cannot be used.
    pub fn look(&self, life: &Life) -> Result<Tools, Failure> {
        let keys = if life.migration.is_some() {
            self.layout.check()?;
            Keys::load(&self.layout)?
        } else {
            Keys { fingerprint: FingerprintKey::new([0; 32]), nonce: "none".to_owned() }
        };
        self.refuse_foreign(life, (life.migration.is_some()).then_some(&keys))?;
        let token = format!("{}-look-{}", keys.nonce, std::process::id());
        self.tools(&keys, token, false)
    }

    fn tools(&self, keys: &Keys, child_token: String, writes: bool) -> Result<Tools, Failure> {
        Ok(Tools {
            inbox: Arc::new(FileInbox::of(&self.layout)),
            vault: self.vault(writes)?,
            clock: Arc::new(SystemClock::start()),
            resolver: Arc::new(resolver::FromWorld::new(&self.place.root)),
            leftovers: Arc::new(leftovers::ChildrenOf::new(child_token.clone())),
            elsewhere: Arc::new(claimant::OtherFolders::beside(&self.layout)),
            programs: Arc::new(programs::OnThisMachine),
            states: Arc::default(),
            key: keys.fingerprint.clone(),
            root: self.place.root.clone(),
            scratch: self.layout.scratch(),
            for_people: self.layout.for_people(),
            claimant: claimant::name_of(&self.layout),
            actor: actor(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            progress: backout_contract::Progress::default(),
            child_token,
            limit: SIDE_BY_SIDE,
            deadline: DEADLINE,
        })
    }

    /// Writes the manifest of the current checkpoint again where it is not there: a process that was killed right
    /// after sealing leaves none. The journal has all of it.
    fn heal_manifest(&self, life: &Life) -> Result<(), Failure> {
        match life.checkpoint() {
            Some((id, ..)) if !manifest_path(&self.layout, id).exists() => {
                Ok(put_manifest(&self.layout, &manifest_of(life, id)?)?)
            }
            _ => Ok(()),
        }
    }

    fn refuse_foreign(&self, life: &Life, keys: Option<&Keys>) -> Result<(), Failure> {
        let Some(journaled) = &life.migration else { return Ok(()) };
        let folder = path_text::encode(self.layout.folder().as_os_str());
        if *journaled != self.assembled.name {
            return Err(Diagnostic::error(
                codes::FOREIGN_STATE,
                "the state folder belongs to another migration",
            )
            .because(format!("{folder} is of `{journaled}`, and the file says `{}`", self.assembled.name))
            .hint("give the migration its old name back, or move the state folder away for a new one")
            .into());
        }
        if keys.is_some_and(|keys| keys.nonce != life.nonce) {
            return Err(Diagnostic::error(codes::FOREIGN_STATE, "the state folder is put together from two")
                .because(format!("the keys in {folder} are not those that its journal was begun with"))
                .hint("put the whole folder back from one backup")
                .into());
        }
        Ok(())
    }

    fn vault(&self, writes: bool) -> Result<Arc<dyn Vault>, Failure> {
        let folder = self.layout.vault();
        Ok(match writes {
            true => Arc::new(FileVault::prepare(&folder)?),
            false if folder.exists() => Arc::new(FileVault::open(&folder)?),
            false => Arc::new(no_vault::NoVault),
        })
    }
}

impl Writing {
    /// Makes everything durable and lets the migration go.
    ///
    /// # Errors
    /// The last records could not be made durable.
    pub async fn close(self) -> Result<(), Failure> {
        drop(self.book);
        match Arc::into_inner(self.writer) {
            Some(writer) => Ok(writer.close().await?),
            None => Ok(()),
        }
    }
}

/// Every kind and probe.
pub fn registry() -> Registry {
    backout_drivers::registry()
}

/// Who is at the keyboard.
pub fn actor() -> Actor {
    let user = ["USER", "LOGNAME"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|name| !name.is_empty())
        .unwrap_or_else(account);
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Actor { user, host }
}

/// The account by the system's list, where the environment does not say.
fn account() -> String {
    let uid = rustix::process::getuid().as_raw().to_string();
    let list = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = list.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| format!("uid {uid}"))
}

/// This process, as a lock names it.
///
/// # Errors
/// The system does not tell.
pub fn this_process(command: &str) -> Result<Holder, Failure> {
    Holder::this_process(actor(), command, SystemClock::start().now()).map_err(|error| {
        Diagnostic::error(codes::MACHINE, "find out which process this is").because(error.to_string()).into()
    })
}

fn absent(named: &str, error: &std::io::Error) -> Failure {
    let found = Diagnostic::error(codes::NO_FILE, format!("read the migration file {named}"));
    let found = match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => found
            .because("it is not there")
            .hint("write one: backout init")
            .hint("or name another place: -C DIR, --file FILE"),
        _ => found.because(error.to_string()),
    };
    found.into()
}

fn sorted(mut found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    found.sort_by_key(|one| one.place.as_ref().map(|place| (place.line, place.column)));
    found.dedup();
    found
}
