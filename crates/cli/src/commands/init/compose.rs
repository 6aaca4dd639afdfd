//! A compose file: its services by hand, with what they mount and read. A container has no kind of its own yet.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use backout_core::migration::{Kind, Tree, hidden};
use backout_kit::place;

use super::compose_service::{self, Mount, MountSource, Service};
use super::folder::propose_any;
use super::kinds::Ground;
use super::look::{self, Thing};
use super::proposal::{Proposal, Proposed, Relation, Subject, Use, What};
use super::settings;
use super::trouble::Trouble;
use super::values;

/// Names by which `docker compose` finds its file.
pub const NAMES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];

/// Most services, and most things of one sort that a service has: nobody reads a proposal of more.
const MOST: usize = 1_000;
/// Most names that one remark tells.
const MOST_TOLD: usize = 10;

/// What is the same for all services of a file.
struct File<'a> {
    ground: &'a Ground<'a>,
    path: &'a Path,
    folder: &'a Path,
    /// For comments.
    shown: String,
    /// The file beside it from which variables are taken, where it was proposed.
    variables: Option<Subject>,
    /// The values in it that are put back by name.
    named: BTreeSet<String>,
}

/// Whether a YAML document is a compose file.
pub fn is_compose(tree: &Tree) -> bool {
    tree.get("services").is_some_and(|services| matches!(services.kind, Kind::Map(_)))
}

/// Proposes what the services of a compose file use, and the services themselves.
///
/// # Errors
/// There is no service in it.
pub fn propose(
    ground: &Ground<'_>,
    path: &Path,
    tree: &Tree,
    proposal: &mut Proposal,
) -> Result<(), Trouble> {
    let services = tree.get("services").map(Tree::entries).unwrap_or_default();
    if services.is_empty() {
        return Err(Trouble::broken("no service is named in it"));
    }
    let longest = |tree: &Tree| tree.entries().iter().map(|(_, value)| compose_service::length(value)).max();
    let lists = services.iter().filter_map(|(_, service)| longest(service));
    if services.len().max(lists.max().unwrap_or_default()) > MOST {
        return Err(Trouble::broken(format!("it names more than {MOST} services, or things of one service")));
    }
    let folder = path.parent().unwrap_or(ground.root);
    let mut file =
        File { ground, path, folder, shown: ground.shown(path), variables: None, named: BTreeSet::new() };
    let (fine, odd): (Vec<_>, Vec<_>) = services.iter().partition(|(name, _)| is_name(&name.value));
    for (odd, _) in odd {
        proposal.remark(format!("{}: {} is no name of a service", file.at(odd.span.line), name(&odd.value)));
    }
    let read: Vec<Service> =
        fine.iter().map(|(name, tree)| compose_service::read(&name.value, tree, name.span.line)).collect();
    if read.iter().any(|service| service.has_variables) {
        file.variables = file.beside(proposal);
    }
    file.named = file.values(&read);
    if !file.named.is_empty() {
        let why = "the images and variables that are written in it for the services";
        let what = What::Values(file.named.iter().cloned().collect());
        proposal.add(Proposed::at(path, what, false, why));
    }
    for service in &read {
        file.service(service, &read, proposal);
    }
    for key in ["include", "configs", "secrets"] {
        if tree.get(key).is_some() {
            proposal.remark(format!("`{key}` of {} is not followed by this version", file.shown));
        }
    }
    Ok(())
}

impl File<'_> {
    fn subject(&self, name: &str) -> Subject {
        Subject::Service { file: self.path.to_owned(), name: name.to_owned() }
    }

    fn at(&self, line: u32) -> String {
        format!("{}, line {line}", self.shown)
    }

    fn find(&self, written: &str) -> PathBuf {
        place::absolute(self.folder, Path::new(written))
    }

    /// The values of the services that can be named in the file.
    fn values(&self, services: &[Service]) -> BTreeSet<String> {
        let images: Vec<String> = services.iter().filter(|one| one.image.is_some()).map(image_key).collect();
        let variables =
            services.iter().flat_map(|one| one.environment.iter().map(|value| variable_key(one, value)));
        let mut all: Vec<String> = images.iter().cloned().chain(variables).collect();
        if all.len() > settings::MOST_KEYS {
            all = images;
        }
        if all.is_empty() || all.len() > settings::MOST_KEYS || !self.ground.knows_settings(self.path) {
            return BTreeSet::new();
        }
        settings::choice(self.ground, self.path, all).into_iter().collect()
    }

    /// The `.env` beside the file, from which `docker compose` takes what is written as `$NAME`.
    fn beside(&self, proposal: &mut Proposal) -> Option<Subject> {
        let path = self.folder.join(".env");
        if look::at(&path).ok()? != Thing::File {
            return None;
        }
        let why = format!("docker compose takes the variables in {} from it", self.shown);
        propose_any(self.ground, &path, &why, proposal).pop()
    }

    fn service(&self, service: &Service, all: &[Service], proposal: &mut Proposal) {
        let mut uses = Vec::new();
        let mut targets = BTreeMap::new();
        for mount in &service.mounts {
            self.mount(service, mount, &mut uses, &mut targets, proposal);
        }
        for (written, line) in &service.env_files {
            self.env_file(service, written, *line, &targets, &mut uses, proposal);
        }
        if let Some(variables) = self.variables.as_ref().filter(|_| service.has_variables) {
            let why = format!("{}: it is written with variables", self.at(service.line));
            uses.push(Use { relation: Relation::Reads, on: variables.clone(), why });
        }
        let by = format!("`environment` of {}", name(&service.name));
        self.databases(&service.environment, &by, &targets, &mut uses, proposal);
        if self.named.iter().any(|key| key.starts_with(&format!("{}.", service_key(service)))) {
            let why = format!("{}: its image or its variables stand there", self.at(service.line));
            uses.push(Use { relation: Relation::Reads, on: Subject::Path(self.path.to_owned()), why });
        }
        for (on, line) in &service.depends_on {
            if all.iter().any(|other| other.name == *on) {
                let why = format!("{}: depends_on", self.at(*line));
                uses.push(Use { relation: Relation::Needs, on: self.subject(on), why });
            } else {
                proposal.remark(format!(
                    "{}: {} depends on {}, which is no service in it",
                    self.at(*line),
                    name(&service.name),
                    name(on)
                ));
            }
        }
        self.remarks(service, proposal);
        let mut why = vec![format!(
            "{}: the service {}, {}; a container has no kind of its own in this version, so a person puts it back",
            self.at(service.line),
            name(&service.name),
            ran(service)
        )];
        if uses.iter().any(|one| one.relation == Relation::Needs) {
            why.push(format!(
                "nobody stops it while what it needs goes back; before a rollback: docker compose -f {} stop {}",
                quoted(&self.shown),
                quoted(&service.name)
            ));
        }
        proposal.add(Proposed {
            subject: self.subject(&service.name),
            what: What::ByHand(self.instructions(service)),
            is_data: false,
            why,
            uses,
        });
    }

    fn mount(
        &self,
        service: &Service,
        mount: &Mount,
        uses: &mut Vec<Use>,
        targets: &mut BTreeMap<String, PathBuf>,
        proposal: &mut Proposal,
    ) {
        let (at, who) = (self.at(mount.line), name(&service.name));
        let written = match &mount.source {
            MountSource::Host(written) => written,
            MountSource::Volume(volume) => {
                return proposal
                    .remark(format!("{at}: the named volume {} of {who} is not covered", name(volume)));
            }
            MountSource::Nameless => {
                return proposal.remark(format!("{at}: a volume without a name of {who} is not covered"));
            }
            MountSource::Variable => {
                return proposal.remark(format!(
                    "{at}: a mount of {who} is written with a variable or a home folder, so what it means is not \
                     known here"
                ));
            }
        };
        let host = self.find(written);
        let why = format!("{at}: {who} mounts it at {}", look::shown(Path::new(&mount.target)));
        targets.insert(mount.target.clone(), host.clone());
        let is_file = look::at(&host).is_ok_and(|thing| thing == Thing::File);
        for on in propose_any(self.ground, &host, &why, proposal) {
            // A file that is mounted by itself and is no data is read at the start, as far as one can tell.
            let is_data = proposal.is_data(&on);
            let relation = if is_file && !is_data { Relation::Reads } else { Relation::Needs };
            uses.push(Use { relation, on, why: why.clone() });
        }
    }

    fn env_file(
        &self,
        service: &Service,
        written: &str,
        line: u32,
        targets: &BTreeMap<String, PathBuf>,
        uses: &mut Vec<Use>,
        proposal: &mut Proposal,
    ) {
        let at = self.at(line);
        if written.contains('$') {
            return proposal
                .remark(format!("{at}: `env_file` of {} is written with a variable", name(&service.name)));
        }
        let path = self.find(written);
        let why = format!("{at}: `env_file` of {}", name(&service.name));
        for on in propose_any(self.ground, &path, &why, proposal) {
            uses.push(Use { relation: Relation::Reads, on, why: why.clone() });
        }
        let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if let Ok(Some(found)) = look::text(&path).map(|text| values::read(&file, &text).unwrap_or_default())
        {
            self.databases(&found, &self.ground.shown(&path), targets, uses, proposal);
        }
    }

    /// The databases that a container finds by its variables: files through its mounts, and those on servers.
    fn databases(
        &self,
        found: &[values::Value],
        by: &str,
        targets: &BTreeMap<String, PathBuf>,
        uses: &mut Vec<Use>,
        proposal: &mut Proposal,
    ) {
        for (key, path) in settings::named(found, |seen| Service::on_host(seen, targets)) {
            let why = format!("`{}` in {by} names it", settings::shown_key(&key));
            settings::add_database(&path, &why, proposal);
            uses.push(Use { relation: Relation::Needs, on: Subject::Path(path), why });
        }
        for (on, why) in settings::add_servers(found, by, proposal) {
            uses.push(Use { relation: Relation::Needs, on, why });
        }
    }

    fn remarks(&self, service: &Service, proposal: &mut Proposal) {
        let (at, who) = (self.at(service.line), name(&service.name));
        if !service.ports.is_empty() {
            proposal
                .remark(format!("{at}: the ports of {who} ({}) are not covered", service.ports.join(", ")));
        }
        let unnamed: Vec<String> = service
            .environment
            .iter()
            .filter(|value| !self.named.contains(&variable_key(service, value)))
            .map(|value| name(&value.key))
            .collect();
        if let Some(some) = unnamed.get(..unnamed.len().min(MOST_TOLD)).filter(|some| !some.is_empty()) {
            let more = if unnamed.len() > MOST_TOLD { ", .." } else { "" };
            proposal.remark(format!(
                "{at}: of `environment` of {who}, {}{more} go back by hand: no key leads to where they stand",
                some.join(", ")
            ));
        }
        if let Some(image) = service.image.as_ref().filter(|image| !compose_service::is_fixed(image)) {
            proposal.remark(format!(
                "{at}: {who} runs {image}, which names no fixed image; note which one runs now, or nobody can go back \
                 to it: docker compose images"
            ));
        }
        for key in &service.not_followed {
            proposal.remark(format!("{at}: `{key}` of {who} is not followed"));
        }
    }

    fn instructions(&self, service: &Service) -> String {
        let file = quoted(&self.shown);
        let before = match (&service.image, service.is_built) {
            (Some(image), false) if self.named.contains(&image_key(service)) => {
                format!("{} names the old image of {} again: {image}", self.shown, name(&service.name))
            }
            (Some(image), false) => {
                format!("Write the old image of {} into {} again: {image}", name(&service.name), self.shown)
            }
            (Some(image), true) => format!(
                "Bring the old sources of {} back; it is built from them as {image}",
                name(&service.name)
            ),
            (None, true) => {
                format!("Bring the old sources of {} back; it is built from them", name(&service.name))
            }
            (None, false) => format!("Bring the old definition of {} back", name(&service.name)),
        };
        let build = if service.is_built { " --build" } else { "" };
        format!("{before}. Then run: docker compose -f {file} up -d{build} {}", quoted(&service.name))
    }
}

fn service_key(service: &Service) -> String {
    format!("services.{}", values::quoted(&service.name))
}

fn image_key(service: &Service) -> String {
    format!("{}.image", service_key(service))
}

fn variable_key(service: &Service, value: &values::Value) -> String {
    format!("{}.environment.{}", service_key(service), values::quoted(&value.key))
}

/// What a service ran, for a comment.
fn ran(service: &Service) -> String {
    match (&service.image, service.is_built) {
        (Some(image), true) => format!("built here as {image}"),
        (Some(image), false) => format!("image {image}"),
        (None, true) => "built here".into(),
        (None, false) => "of an image that cannot be shown".into(),
    }
}

/// Whether docker takes this as the name of a service.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

/// A name from the file between backquotes, harmless.
fn name(written: &str) -> String {
    format!("`{}`", backout_core::migration::shown(written))
}

/// A word for a shell, harmless on a terminal.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._/-".contains(c);
    if !word.is_empty() && !word.starts_with('-') && word.chars().all(is_plain) {
        return word.to_owned();
    }
    let harmless: String = word.chars().filter(|c| !hidden(*c)).collect();
    format!("'{}'", harmless.replace('\'', "'\\''"))
}
