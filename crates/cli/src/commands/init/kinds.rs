//! The kinds that are proposed, and what their drivers say about a proposal.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use backout_contract::erased::ConfiguredDyn;
use backout_contract::{Context, Depth, DriverError, Registry, Stop};
use backout_core::diagnostic::Diagnostic;
use backout_core::migration::{Kind, Source, Spanned, Tree};
use backout_core::name::ComponentName;
use tokio::runtime::{Builder, Runtime};

use super::look;
use super::walk::{Walked, walk};
use crate::codes;
use crate::failure::Failure;
use crate::wiring::{FromWorld, NoVault};

/// How long a driver may look at one file.
const DEADLINE: Duration = Duration::from_secs(60);

/// A folder or a file as a whole.
pub const TREE: &str = "file.tree";
/// A symbolic link.
pub const LINK: &str = "file.link";
/// Values of a settings file.
pub const VALUES: &str = "config.values";
/// A SQLite database.
pub const DATABASE: &str = "sqlite.database";
/// A PostgreSQL database.
pub const SERVER: &str = "postgres.database";

/// What every source is given.
pub struct Ground<'a> {
    /// Every kind.
    pub registry: &'a Registry,
    /// The folder of the migration file, absolute and without symbolic links.
    pub root: &'a Path,
    /// For looks of drivers.
    context: Context,
    runtime: Runtime,
    /// Folders that were looked through; many services mount one.
    walked: RefCell<BTreeMap<PathBuf, Rc<Walked>>>,
}

impl<'a> Ground<'a> {
    /// The ground that a migration file will stand on.
    ///
    /// # Errors
    /// No thread can be had.
    pub fn new(registry: &'a Registry, root: &'a Path) -> Result<Self, Failure> {
        let machine = |what: &str| Diagnostic::error(codes::MACHINE, what.to_owned());
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| {
            Failure::from(machine("start a thread to look with").because(error.to_string()))
        })?;
        let component = ComponentName::new("proposed")
            .map_err(|error| Failure::from(machine("name what is looked at").because(error.to_string())))?;
        let context = Context {
            component,
            root: root.to_owned(),
            scratch: root.join(backout_store::FOLDER).join("scratch"),
            run: None,
            key: "init".to_owned(),
            deadline: DEADLINE,
            stop: Stop::never(),
            vault: Arc::new(NoVault),
            resolver: Arc::new(FromWorld::new(root)),
            progress: backout_contract::Progress::default(),
            child_token: format!("init-{}", std::process::id()),
        };
        Ok(Self { registry, root, context, runtime, walked: RefCell::default() })
    }

    /// A path as comments name it: from the migration file on, where it lies there.
    pub fn shown(&self, path: &Path) -> String {
        match path.strip_prefix(self.root) {
            Ok(inner) if inner.as_os_str().is_empty() => "this folder".into(),
            Ok(inner) => look::shown(inner),
            Err(_) => look::shown(path),
        }
    }

    /// What a look through a whole folder finds.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn walked(&self, folder: &Path) -> io::Result<Rc<Walked>> {
        if let Some(found) = self.walked.borrow().get(folder) {
            return Ok(Rc::clone(found));
        }
        let found = Rc::new(walk(folder, &[])?);
        self.walked.borrow_mut().insert(folder.to_owned(), Rc::clone(&found));
        Ok(found)
    }

    /// Whether the driver for settings knows from its name how a file is written.
    pub fn knows_settings(&self, path: &Path) -> bool {
        self.settings(path, &["a".into()]).is_some()
    }

    /// Whether the driver for settings takes these names of values for a file.
    pub fn takes_keys(&self, path: &Path, keys: &[String]) -> bool {
        self.settings(path, keys).is_some()
    }

    /// Whether the driver for settings finds its way through a file by these names: what it refuses (a name that
    /// is set twice, a place that an alias shares) is better known before it is proposed.
    pub fn finds_keys(&self, path: &Path, keys: &[String]) -> bool {
        let Some(settings) = self.settings(path, keys) else { return false };
        let looked = self.runtime.block_on(async {
            let session = settings.connect(&self.context).await?;
            let found = session.capture(&self.context, Depth::Look).await?;
            let missing = session.ready(&self.context, None, &[]).await?;
            Ok::<bool, DriverError>(found.state.is_some() && missing.is_empty())
        });
        looked.is_ok_and(|finds| finds)
    }

    fn settings(&self, path: &Path, keys: &[String]) -> Option<Arc<dyn ConfiguredDyn>> {
        let path = path.to_str()?.replace("${", "$${");
        let keys = Kind::List(keys.iter().map(Tree::text).collect());
        let fields = [("file", Tree::text(path)), ("keys", Tree::nowhere(keys))];
        let entries = fields.into_iter().map(|(key, value)| (Spanned::nowhere(key.to_owned()), value));
        let tree = Tree::nowhere(Kind::Map(entries.collect()));
        self.registry.driver(VALUES)?.configure(&tree, &Source::new("", "")).ok()
    }
}
