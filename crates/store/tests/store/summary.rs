//! What a journal adds up to, in words that stay the same from version to version, so that two of them can be
//! compared. A new fact of the state is no concern of it; one that it tells must not change for old journals.

use std::collections::BTreeMap;

use backout_core::checkpoint::Saved;
use backout_core::life::{Before, CheckpointLife, Life, RunLife, StepState};
use serde_json::{Value, json};

/// The summary of a state.
pub fn summary(life: &Life) -> Value {
    json!({
        "migration": life.migration,
        "nonce": life.nonce,
        "generation": life.generation,
        "claimed": life.claimed,
        "armed": life.armed,
        "checkpoints": each(&life.checkpoints, checkpoint),
        "sealed": life.sealed,
        "cutovers": each(&life.cutovers, |cutover| json!({ "at": cutover.at, "late": cutover.late })),
        "landed": life.landed,
        "put_back": each(&life.put_back, |put_back| json!(put_back.run)),
        "judged": each(&life.judged, |judged| {
            json!({ "verdict": judged.verdict, "looked": judged.looked, "at": judged.at })
        }),
        "runs": life.runs.iter().map(run).collect::<Vec<_>>(),
        "end": life.end.map(|end| format!("{end:?}")),
        "requests": life.requests,
        "durations": life.durations,
        "sequence": life.sequence,
        "last": life.last,
    })
}

fn checkpoint(life: &CheckpointLife) -> Value {
    json!({
        "opened": life.opened,
        "file": life.file,
        "by": life.by,
        "components": each(&life.components, |saved: &Saved| json!(saved)),
        "failed": life.failed,
        "sealed": life.sealed,
    })
}

fn run(life: &RunLife) -> Value {
    json!({
        "id": life.id,
        "plan": life.plan,
        "shape": life.shape,
        "checkpoint": life.checkpoint,
        "by": life.by,
        "opened": life.opened,
        "ended": life.ended,
        "outcome": life.outcome,
        "order": life.order,
        "steps": each(&life.steps, |state| json!([state.word(), detail(state)])),
        "attempts": life.attempts,
        "intended_on": life.intended_on,
        "pause_before": life.pause_before,
        "before": each(&life.before, |before: &Before| {
            json!({
                "seen": before.seen,
                "state": before.state,
                "data": before.data,
                "displaced": before.displaced,
            })
        }),
        "stop": life.stop.is_some(),
        "at_rest": life.at_rest,
        "reopening": life.reopening,
        "stuck": life.stuck,
        "released": life.released,
        "verdicts": life.verdicts,
    })
}

fn detail(state: &StepState) -> &str {
    match state {
        StepState::Failed { cause, .. } | StepState::InDoubt { cause, .. } => cause,
        StepState::Blocked { found, .. } => found,
        StepState::Asked { question, .. } => question,
        StepState::Skipped { reason, .. } => reason,
        _ => "",
    }
}

fn each<Key: ToString, Of>(map: &BTreeMap<Key, Of>, tell: impl Fn(&Of) -> Value) -> Value {
    map.iter().map(|(key, value)| (key.to_string(), tell(value))).collect()
}
