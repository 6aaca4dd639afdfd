//! A migration file with its drivers and probes: every component configured, every lint done that needs no look.

use crate::codes::NOT_YET;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use backout_contract::erased::ConfiguredDyn;
use backout_contract::probe::ConfiguredProbe;
use backout_contract::{DriverDyn, Registry};
use backout_core::capability::Capabilities;
use backout_core::diagnostic::{Diagnostic, Place};
use backout_core::digest::Digest;
use backout_core::migration::{
    Action, Claim, Component, KindFacts, MANUAL, MigrationFile, Ratio, Writes, closest, lint, lint_probes,
    lint_with_kinds,
};
use backout_core::name::{ComponentName, KindName, MigrationName, PhaseName};
use backout_core::order::{Mode, Ordered};

/// One component, ready to be looked at.
pub struct Part {
    /// Its name.
    pub name: ComponentName,
    /// Its kind.
    pub kind: KindName,
    /// The phase it belongs to.
    pub phase: PhaseName,
    /// What it is, for people.
    pub target: String,
    /// Its driver with its keys; none when only a person can put it back.
    pub configured: Option<Arc<dyn ConfiguredDyn>>,
    /// The looks that the file declares, by probe.
    pub verify: Vec<(String, Arc<dyn ConfiguredProbe>)>,
    /// What the order needs to know.
    pub ordered: Ordered,
    /// What becomes of writes.
    pub writes: Option<Writes>,
    /// What a person is told to do.
    pub instructions: Option<String>,
    /// What is run once per run after it was put back.
    pub then: Vec<Action>,
    /// How long one of its steps may take.
    pub timeout: Option<Duration>,
}

impl Part {
    /// What its driver promises.
    pub fn capabilities(&self) -> Option<Capabilities> {
        self.configured.as_ref().map(|configured| configured.capabilities())
    }

    /// Whether what users write to it can be recorded.
    pub fn records_writes(&self) -> bool {
        self.capabilities().is_some_and(|capabilities| capabilities.records_writes)
    }
}

impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Part").field("name", &self.name).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// A migration file with its drivers and probes.
pub struct Assembled {
    /// The migration.
    pub name: MigrationName,
    /// Digest of the file's meaning.
    pub digest: Digest,
    /// Every component, in the order of the file.
    pub parts: Vec<Arc<Part>>,
    /// The phases, in the order of the file.
    pub phases: Vec<(PhaseName, Vec<ComponentName>)>,
    /// How many steps may go on side by side, where the file says so.
    pub limit: Option<usize>,
    /// How many of one kind, where the file says so.
    pub limit_per_kind: Option<usize>,
    /// How much more than was stated a run may lose, where the file says so.
    pub loss_tolerance: Option<Ratio>,
    /// Time for keeping the state before a run, where the file says so.
    pub present_time: Option<Duration>,
    /// Space for it in bytes, where the file says so.
    pub present_space: Option<u64>,
    /// What the lint found that does not hold it up.
    pub warnings: Vec<Diagnostic>,
}

/// Configures every component and lints the whole. Opens nothing and runs nothing.
///
/// # Errors
/// Every mistake that could be found, in the order of the file.
pub fn assemble(
    file: &MigrationFile,
    registry: &Registry,
    root: &Path,
) -> Result<Assembled, Vec<Diagnostic>> {
    let mut found = Vec::new();
    let mut facts = BTreeMap::new();
    let mut configured = BTreeMap::new();
    for component in &file.components {
        let name = component.name.value.clone();
        let kind = component.kind.value.as_str();
        let driver = if kind == MANUAL { None } else { registry.driver(kind) };
        let ready = match driver {
            Some(driver) => match driver.configure(&component.config, &file.source_of(component)) {
                Ok(ready) => Some(ready),
                Err(mistakes) => {
                    found.extend(mistakes);
                    None
                }
            },
            None => None,
        };
        // What cannot be configured promises nothing, and is reported once, as that.
        if ready.is_some() || driver.is_none() {
            facts.insert(name.clone(), kind_facts(component, driver, ready.as_ref(), registry, root));
        }
        if let Some(ready) = ready {
            configured.insert(name, ready);
        }
    }
    found.extend(lint(file));
    found.extend(lint_with_kinds(file, &facts));
    found.extend(lint_probes(file, &registry.probes().map(|probe| probe.kind().to_owned()).collect()));
    found.extend(not_used(file));
    let mut parts = Vec::with_capacity(file.components.len());
    for component in &file.components {
        let verify = looks(component, file, registry, &mut found);
        let ready = configured.remove(&component.name.value);
        parts.extend(part(component, file, ready, verify).map(Arc::new));
    }
    let (errors, warnings): (Vec<_>, Vec<_>) = found.into_iter().partition(Diagnostic::is_error);
    if !errors.is_empty() {
        let mut all = errors;
        all.extend(warnings);
        all.sort_by_key(|one| one.place.as_ref().map(|place| (place.line, place.column)));
        return Err(all);
    }
    Ok(Assembled {
        name: file.migration.value.clone(),
        digest: file.digest(),
        parts,
        phases: file
            .phases
            .iter()
            .map(|phase| {
                (
                    phase.name.value.clone(),
                    phase.components.iter().map(|member| member.value.clone()).collect(),
                )
            })
            .collect(),
        limit: file.limits.parallel.map(|limit| limit.get() as usize),
        limit_per_kind: file.limits.parallel_per_kind.map(|limit| limit.get() as usize),
        loss_tolerance: file.limits.loss_tolerance,
        present_time: file.limits.present_time.map(|time| time.0),
        present_space: file.limits.present_space.map(|space| space.bytes),
        warnings,
    })
}

/// What the file may say and this version does not do yet. Where that could mislead about where data lie, it is an
/// error.
fn not_used(file: &MigrationFile) -> Vec<Diagnostic> {
    let error = |field: &str, at: Place| {
        Diagnostic::error(NOT_YET, format!("`{field}` is not supported by this version"))
            .at(at)
            .hint("remove it")
    };
    let warning = |field: &str| {
        Diagnostic::warning(NOT_YET, format!("`{field}` is read and has no effect in this version"))
    };
    let mut found = Vec::new();
    found.extend(file.store.as_ref().map(|store| error("store", file.source.place(store.span))));
    found.extend(file.vault.at.as_ref().map(|at| error("vault", file.source.place(at.span))));
    found.extend(file.vault.key.as_ref().map(|key| error("vault.key", file.source.place(key.span))));
    found.extend(
        file.environment.as_ref().map(|label| warning("environment").at(file.source.place(label.span))),
    );
    found
}

fn kind_facts(
    component: &Component,
    driver: Option<&Arc<dyn DriverDyn>>,
    ready: Option<&Arc<dyn ConfiguredDyn>>,
    registry: &Registry,
    root: &Path,
) -> KindFacts {
    let kind = component.kind.value.as_str();
    let manual = kind == MANUAL;
    let capabilities = ready.map(|ready| ready.capabilities());
    let claims = ready.map(|ready| ready.claims(root)).unwrap_or_default();
    KindFacts {
        known: manual || driver.is_some(),
        suggestions: closest(kind, registry.drivers().map(|driver| driver.kind()))
            .into_iter()
            .map(String::from)
            .collect(),
        holds_data: capabilities.is_some_and(|capabilities| capabilities.holds_data),
        records_writes: capabilities.is_some_and(|capabilities| capabilities.records_writes),
        // What cannot be configured is reported once, as that; what only a person puts back is at rest.
        can_quiesce: capabilities.is_none_or(|capabilities| capabilities.can_quiesce()),
        switched: capabilities.is_some_and(|capabilities| capabilities.mode == Mode::Switched),
        paths: claims.iter().filter_map(|claim| path_of(claim, root)).collect(),
        claims,
    }
}

/// The path that a claim is on, as a person would write it in the file.
fn path_of(claim: &Claim, root: &Path) -> Option<String> {
    if claim.space != "file" {
        return None;
    }
    let whole = claim.path.iter().fold(std::path::PathBuf::from("/"), |path, piece| path.join(piece));
    Some(whole.strip_prefix(root).unwrap_or(&whole).display().to_string())
}

fn looks(
    component: &Component,
    file: &MigrationFile,
    registry: &Registry,
    found: &mut Vec<Diagnostic>,
) -> Vec<(String, Arc<dyn ConfiguredProbe>)> {
    let mut looks = Vec::new();
    for look in &component.verify {
        let name = &look.probe.value;
        // One that does not exist is reported by `lint_probes`.
        if let Some(probe) = registry.probe(name) {
            match probe.configure(&look.config, &file.source_of(component)) {
                Ok(ready) => looks.push((name.clone(), ready)),
                Err(mistake) => found.push(mistake),
            }
        }
    }
    looks
}

fn part(
    component: &Component,
    file: &MigrationFile,
    configured: Option<Arc<dyn ConfiguredDyn>>,
    verify: Vec<(String, Arc<dyn ConfiguredProbe>)>,
) -> Option<Part> {
    let name = component.name.value.clone();
    let capabilities = configured.as_ref().map(|ready| ready.capabilities());
    let ordered = Ordered {
        name: name.clone(),
        // What a person puts back is repointed, as far as the order can tell.
        mode: capabilities.map_or(Mode::Switched, |capabilities| capabilities.mode),
        can_quiesce: capabilities.is_none_or(|capabilities| capabilities.can_quiesce()),
        live_accepted: component.live_accepted,
        merges: component.writes.as_ref().is_some_and(|writes| writes.value == Writes::Merge),
        edge: component.edge.is_some(),
        dependencies: component.dependencies.iter().map(|dependency| dependency.for_order()).collect(),
        extra: component.extra_edges.iter().map(|edge| edge.milestones(&component.name.value)).collect(),
    };
    // The lint has made sure that every component is in a phase.
    let phase = file.phase_of(&name).or(file.phases.first()).map(|phase| phase.name.value.clone());
    let phase = phase?;
    Some(Part {
        target: configured.as_ref().map_or_else(|| "by hand".to_owned(), |ready| ready.target()),
        kind: component.kind.value.clone(),
        phase,
        configured,
        verify,
        ordered,
        writes: component.writes.as_ref().map(|writes| writes.value),
        instructions: component.manual.as_ref().map(|manual| manual.instructions.clone()),
        then: component.then.clone(),
        timeout: component.timeout.as_ref().map(|timeout| timeout.0),
        name,
    })
}
