//! What is proposed, as data: components with the reasons for each of their lines, and what nobody can propose.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// What a component is about, by which two sources that speak of one thing are known to do so.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A file, a folder or a link, absolute and without `..`.
    Path(PathBuf),
    /// A service of a compose file.
    Service {
        /// The compose file.
        file: PathBuf,
        /// As it is called there.
        name: String,
    },
    /// A database on a server, by its place; settings name it.
    Server {
        /// Host, port and name; never written.
        place: String,
        /// The variable that holds its address.
        variable: String,
    },
}

/// What is proposed for it, with what only this sort of component says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A folder or a file as a whole. Patterns of what is left alone, each with the reason.
    Tree(BTreeMap<String, String>),
    /// A symbolic link.
    Link,
    /// Values of a settings file, by name.
    Values(Vec<String>),
    /// A SQLite database.
    Database,
    /// A PostgreSQL database, whose address is in this variable.
    Server(String),
    /// Something that a person puts back, and how.
    ByHand(String),
}

/// How one component depends on another, as the migration file calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// Uses it while running.
    Needs,
    /// Takes its values at the start.
    Reads,
    /// Lives in it.
    Inside,
}

/// A dependency with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// In which way.
    pub relation: Relation,
    /// On what.
    pub on: Subject,
    /// What led to it.
    pub why: String,
}

/// One proposed component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposed {
    /// What it is about.
    pub subject: Subject,
    /// What is proposed for it.
    pub what: What,
    /// Whether it belongs to the phase that is cut over first.
    pub is_data: bool,
    /// What led to it, one sentence each.
    pub why: Vec<String>,
    /// What it depends on.
    pub uses: Vec<Use>,
}

/// Everything that the sources came up with.
#[derive(Debug, Default)]
pub struct Proposal {
    /// In the order in which they were found.
    pub components: Vec<Proposed>,
    /// What was found and is not covered, and why, one sentence each.
    pub remarks: Vec<String>,
    /// Settings that name a thing: whoever reads them uses it.
    pub mentions: Vec<Mention>,
    /// Where each component is.
    places: BTreeMap<Subject, usize>,
    told: BTreeSet<String>,
}

/// A value in a settings file that names something else which is proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// The settings file.
    pub by: Subject,
    /// What is named.
    pub of: Subject,
    /// In which words.
    pub why: String,
}

impl Subject {
    /// The path, where it is one.
    pub fn path(&self) -> Option<&PathBuf> {
        match self {
            Self::Path(path) => Some(path),
            Self::Service { .. } | Self::Server { .. } => None,
        }
    }
}

impl Proposed {
    /// Something at a path, that depends on nothing.
    pub fn at(path: impl Into<PathBuf>, what: What, is_data: bool, why: impl Into<String>) -> Self {
        Self { subject: Subject::Path(path.into()), what, is_data, why: vec![why.into()], uses: Vec::new() }
    }
}

impl Proposal {
    /// Adds a component; where another source proposed the same thing, what both know is put together.
    pub fn add(&mut self, new: Proposed) {
        let place = self.places.get(&new.subject);
        let Some(old) = place.and_then(|place| self.components.get_mut(*place)) else {
            self.places.insert(new.subject.clone(), self.components.len());
            self.components.push(new);
            return;
        };
        match (&mut old.what, new.what) {
            (What::Tree(ours), What::Tree(theirs)) => ours.extend(theirs),
            (What::Values(ours), What::Values(theirs)) => {
                let more: Vec<String> = theirs.into_iter().filter(|key| !ours.contains(key)).collect();
                ours.extend(more);
            }
            // What says more about a file wins over the file as a whole.
            (ours @ What::Tree(_), theirs) => *ours = theirs,
            _ => {}
        }
        old.is_data |= new.is_data;
        for why in new.why {
            if !old.why.contains(&why) {
                old.why.push(why);
            }
        }
        for one in new.uses {
            old.depend(one);
        }
    }

    /// Whether this was proposed, and as data.
    pub fn is_data(&self, subject: &Subject) -> bool {
        let place = self.places.get(subject);
        place.and_then(|place| self.components.get(*place)).is_some_and(|one| one.is_data)
    }

    /// Notes what is not covered.
    pub fn remark(&mut self, text: impl Into<String>) {
        let text = text.into();
        if self.told.insert(text.clone()) {
            self.remarks.push(text);
        }
    }
}

impl Proposed {
    /// Adds a dependency, once.
    pub fn depend(&mut self, new: Use) {
        let known = self.uses.iter().any(|old| old.on == new.on && old.relation == new.relation);
        if !known && new.on != self.subject {
            self.uses.push(new);
        }
    }
}
