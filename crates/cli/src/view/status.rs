//! Where a migration stands and what is legal next.

use backout_api::{
    Checkpoint, Cutover, Holder as HolderShape, Journal, Next, Phase, Recorder, Recovered, Status,
};
use backout_core::life::{Legal, Life, PhaseState};
use backout_core::name::{ComponentName, PhaseName};
use backout_store::{Holder, Standing};

use super::run::{outcome, steps};
use super::verdicts::{Looked, list};
use super::words::{counted, moment};
use super::{Line, Output, Table};

/// How many components of a phase are named; `--json` has all of them.
const NAMES: usize = 12;

/// Everything that is known about where a migration stands.
pub struct Situation<'a> {
    /// Its name.
    pub migration: Option<String>,
    /// What the journal adds up to.
    pub life: &'a Life,
    /// The phases of the file with their components and states.
    pub phases: Vec<(PhaseName, Vec<ComponentName>, PhaseState)>,
    /// Who holds the lock.
    pub holder: Option<(Holder, Standing)>,
    /// What is legal next.
    pub next: Vec<Legal>,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// Why the journal could not be followed further.
    pub problem: Option<String>,
}

impl Situation<'_> {
    /// The state of the migration: that of its phases where they agree, else the one that matters most.
    pub fn state(&self) -> String {
        let states: Vec<PhaseState> = self.phases.iter().map(|(_, _, state)| *state).collect();
        let any = |wanted: PhaseState| states.contains(&wanted);
        match states.first() {
            None => "unknown".to_owned(),
            Some(first) if states.iter().all(|state| state == first) => first.word().to_owned(),
            Some(_) if any(PhaseState::Stuck) => PhaseState::Stuck.word().to_owned(),
            Some(_) if any(PhaseState::Held) => PhaseState::Held.word().to_owned(),
            Some(_) if any(PhaseState::RollingBack) || any(PhaseState::Verifying) => {
                PhaseState::RollingBack.word().to_owned()
            }
            Some(_) if any(PhaseState::RolledBack) => "rolled back in part".to_owned(),
            Some(_) if any(PhaseState::CutOver) => "cut over in part".to_owned(),
            Some(_) => "mixed".to_owned(),
        }
    }
}

/// Shows it.
pub fn show(output: Output, situation: &Situation<'_>) {
    if output.json {
        output.document(&shape(situation));
        return;
    }
    let life = situation.life;
    let state = situation.state();
    let name = situation.migration.as_deref().unwrap_or("migration");
    output.line(Line::new().bold(name).plain(": ").then(state_line(&state)));
    if let Some(problem) = &situation.problem {
        output.line(Line::new().bad("The journal is broken").plain(format!(": {problem}.")));
        output.line(
            Line::indented(2)
                .plain("What follows is what it says before that place; nothing can be written behind it."),
        );
    }
    phases(output, situation);
    checkpoint(output, life);
    recorders(output, life);
    holder(output, situation);
    if let Some(run) = life.open_run() {
        output.blank();
        output.line(Line::new().bold(format!("Run {}", run.id)).plain(", ").then(outcome(run)).dim(format!(
            ", opened {} by {}",
            moment(run.opened),
            run.by
        )));
        steps(output, run, 2);
    } else if !life.judged.is_empty() {
        output.blank();
        output.line(Line::new().bold("Last verdicts"));
        list(output, &verdicts(situation));
    }
    for warning in &situation.warnings {
        output.line(Line::new().doubtful("warning").plain(format!(": {warning}")));
    }
    if !situation.next.is_empty() {
        output.blank();
        output.line(Line::new().bold("Next"));
        let mut table = Table::default();
        for legal in &situation.next {
            table.row([Line::of(format!("backout {}", legal.command)), Line::new().dim(legal.does)]);
        }
        table.print(&output, 2);
    }
}

fn state_line(state: &str) -> Line {
    match state {
        "rolled back" | "committed" | "closed" => Line::new().good(state),
        "stuck" | "not verified" => Line::new().bad(state),
        "held" | "rolling back" | "verifying" | "rolled back in part" => Line::new().doubtful(state),
        _ => Line::new().plain(state),
    }
}

fn phases(output: Output, situation: &Situation<'_>) {
    let mut table = Table::default();
    for (name, components, state) in &situation.phases {
        let live = situation.life.cutovers.get(name).filter(|_| *state == PhaseState::CutOver);
        let cut = live.map_or_else(String::new, |cutover| {
            let late = if cutover.late { " (marked late)" } else { "" };
            format!("live since {}{late}", moment(cutover.at))
        });
        table.row([
            Line::new().dim("phase ").bold(name.as_str()),
            state_line(state.word()),
            Line::of(some_of(components)),
            Line::new().dim(cut),
        ]);
    }
    table.print(&output, 2);
}

/// The first names, and how many more there are.
fn some_of(components: &[ComponentName]) -> String {
    let mut names: Vec<&str> = components.iter().take(NAMES).map(|name| name.as_str()).collect();
    let more = format!("and {} more", components.len().saturating_sub(NAMES));
    if components.len() > NAMES {
        names.push(&more);
    }
    names.join(", ")
}

fn checkpoint(output: Output, life: &Life) {
    let label = Line::indented(2).dim("checkpoint ");
    match life.checkpoint() {
        Some((id, checkpoint, seal)) => {
            let sealed =
                checkpoint.sealed.map_or_else(String::new, |(_, at)| format!(", sealed {}", moment(at)));
            let count = counted(checkpoint.components.len(), "component");
            output.line(
                label
                    .bold(id.as_str())
                    .plain(format!("{sealed}, {count}"))
                    .dim(format!(", seal {}", seal.short())),
            );
        }
        None if life.armed => output.line(label.plain("none yet; armed")),
        None => output.line(label.plain("none yet")),
    }
}

fn recorders(output: Output, life: &Life) {
    for (component, (_, coverage)) in &life.recorders {
        let line = Line::indented(2)
            .dim("recorded   ")
            .bold(component.as_str())
            .plain(format!(", {}", counted(coverage.covered.len(), "table")));
        output.line(match coverage.uncovered.len() {
            0 => line,
            more => line.doubtful(format!(", {} not", counted(more, "table"))),
        });
    }
    for (component, run) in &life.owed {
        output.line(
            Line::indented(2)
                .dim("owed       ")
                .bold(component.as_str())
                .doubtful(format!(", what users wrote was set aside by run {run} and not taken over"))
                .plain(": backout recover"),
        );
    }
    let asked = life
        .recovered
        .iter()
        .filter(|(component, recovered)| recovered.wants_a_person() && !life.owed.contains_key(*component));
    for (component, recovered) in asked {
        let waiting = recovered.waiting.saturating_add(recovered.open_conflicts);
        output.line(
            Line::indented(2)
                .dim("waits      ")
                .bold(component.as_str())
                .doubtful(format!(", {waiting} writes for a person"))
                .plain(": backout recover"),
        );
    }
}

fn holder(output: Output, situation: &Situation<'_>) {
    let Some((holder, standing)) = &situation.holder else { return };
    let line = Line::indented(2);
    output.line(match standing {
        Standing::Running => line.doubtful("held").plain(format!(" by {holder}")),
        Standing::Hidden => line.doubtful("held").plain(format!(" in another container, by {holder}")),
        Standing::Elsewhere => line.doubtful("held").plain(format!(" on another machine, by {holder}")),
        Standing::Ended | Standing::Restarted => line.dim(format!("last held by {holder}, which has ended")),
    });
}

/// The last verdicts, in the order of the phases; what is no longer in the file comes last.
fn verdicts<'a>(situation: &'a Situation<'_>) -> Vec<Looked<'a>> {
    let ordered: Vec<&ComponentName> =
        situation.phases.iter().flat_map(|(_, components, _)| components).collect();
    let mut judged: Vec<_> = situation.life.judged.iter().collect();
    judged.sort_by_key(|(name, _)| ordered.iter().position(|one| one == name).unwrap_or(usize::MAX));
    let looked = judged.into_iter().map(|(component, judged)| Looked {
        component: component.as_str(),
        verdict: &judged.verdict,
        looked: &judged.looked,
        at: judged.at,
    });
    looked.collect()
}

fn shape(situation: &Situation<'_>) -> Status {
    let life = situation.life;
    let phases = situation.phases.iter().map(|(name, components, state)| Phase {
        name: name.to_string(),
        state: state.word(),
        components: components.iter().map(ToString::to_string).collect(),
        cutover: life.cutovers.get(name).map(|cutover| Cutover { at: cutover.at, late: cutover.late }),
    });
    Status {
        migration: situation.migration.clone(),
        state: situation.state(),
        phases: phases.collect(),
        armed: life.armed,
        recorders: life
            .recorders
            .iter()
            .map(|(component, (occasion, coverage))| Recorder {
                component: component.to_string(),
                since: *occasion,
                coverage: coverage.clone(),
            })
            .collect(),
        recovered: life
            .recovered
            .iter()
            .map(|(component, recovered)| Recovered::of(component.as_str(), recovered))
            .collect(),
        checkpoint: life.checkpoint().map(|(id, checkpoint, _)| Checkpoint::of(id, checkpoint)),
        run: life.open_run().map(backout_api::Run::from),
        holder: situation.holder.as_ref().map(|(holder, standing)| HolderShape {
            by: holder.by.to_string(),
            pid: holder.process.pid,
            since: holder.since,
            doing: holder.command.clone(),
            alive: matches!(standing, Standing::Running),
        }),
        verdicts: verdicts(situation).iter().map(Looked::shape).collect(),
        next: situation
            .next
            .iter()
            .map(|legal| Next { command: format!("backout {}", legal.command), does: legal.does.to_owned() })
            .collect(),
        warnings: situation.warnings.clone(),
        journal: Journal { records: life.sequence, last: life.last, problem: situation.problem.clone() },
    }
}
