//! Checkpoints.

use std::path::Path;

use backout_api::{Checkpoint, Checkpoints, Export, Health, Pruning, Stays};
use backout_core::diagnostic::Diagnostic;
use backout_core::life::Life;
use backout_core::name::CheckpointId;
use backout_core::retention::Retention;
use backout_kit::path_text;
use backout_vault::Exported;

use super::words::{bytes, counted, moment};
use super::{Line, Output, Table};
use crate::commands::checkpoint::Restored;
use crate::diagnostics::render;

/// How many components of a checkpoint are shown; `--json` has all of them.
const COMPONENTS: usize = 60;

/// Shows all of them.
pub fn list(output: Output, life: &Life) {
    let current = life.checkpoint().map(|(id, ..)| id.to_string());
    let mut all: Vec<_> = life.checkpoints.iter().collect();
    all.sort_by_key(|(_, checkpoint)| checkpoint.opened);
    let checkpoints: Vec<Checkpoint> = all.into_iter().map(|(id, life)| Checkpoint::of(id, life)).collect();
    if output.json {
        output.document(&Checkpoints { current, checkpoints });
        return;
    }
    if checkpoints.is_empty() {
        output.line(Line::of("Nothing was captured yet: backout capture"));
        return;
    }
    let mut table =
        Table::default().headed(&["checkpoint", "sealed", "components", "data", "restorable", "by"]);
    for checkpoint in &checkpoints {
        let here = current.as_deref() == Some(&checkpoint.id);
        let id = Line::new().bold(&checkpoint.id).plain(if here { " (current)" } else { "" });
        let sealed = match checkpoint.sealed {
            Some(at) if checkpoint.pruned.is_some() => Line::of(moment(at)).doubtful(", pruned"),
            Some(at) => Line::of(moment(at)),
            None => Line::new().doubtful("incomplete"),
        };
        let size: u64 = checkpoint.components.iter().map(|saved| saved.bytes).fold(0, u64::saturating_add);
        table.row([
            id,
            sealed,
            Line::of(checkpoint.components.len().to_string()),
            Line::of(bytes(size)),
            Line::of(restorable(checkpoint)),
            Line::of(&checkpoint.by),
        ]);
    }
    table.print(&output, 0);
}

/// When all of it that can be put back into scratch copies last was.
fn restorable(checkpoint: &Checkpoint) -> String {
    let proven: Vec<_> = checkpoint.components.iter().filter_map(|saved| saved.proven).collect();
    match proven.iter().min() {
        Some(at) => format!("proven {} for {}", moment(*at), counted(proven.len(), "component")),
        None => "not proven".to_owned(),
    }
}

/// Shows one.
pub fn one(output: Output, checkpoint: &Checkpoint) {
    if output.json {
        output.document(checkpoint);
        return;
    }
    let state = match checkpoint.sealed {
        Some(at) => Line::of(format!(", sealed {}", moment(at))),
        None => Line::new().doubtful(", incomplete: its capture never ended"),
    };
    output.line(Line::new().bold(format!("Checkpoint {}", checkpoint.id)).then(state));
    if let Some(at) = checkpoint.pruned {
        output.line(Line::new().doubtful(format!("its data was removed {}", moment(at))));
    }
    output.line(Line::new().dim(format!("opened {} by {}", moment(checkpoint.opened), checkpoint.by)));
    if let Some(seal) = &checkpoint.seal {
        output.line(Line::new().dim(format!("seal {seal}")));
    }
    output.blank();
    let mut table = Table::default().headed(&["component", "kind", "seen", "pieces", "data", "restorable"]);
    for saved in checkpoint.components.iter().take(COMPONENTS) {
        table.row([
            Line::new().bold(&saved.name),
            Line::of(&saved.kind),
            Line::of(saved.seen),
            Line::of(saved.pieces.to_string()),
            Line::of(bytes(saved.bytes)),
            Line::of(saved.proven.map_or_else(String::new, |at| format!("proven {}", moment(at)))),
        ]);
    }
    table.print(&output, 2);
    if checkpoint.components.len() > COMPONENTS {
        output
            .line(Line::indented(2).dim(format!("… and {} more", checkpoint.components.len() - COMPONENTS)));
    }
}

/// Shows what a look at a checkpoint's data found.
pub fn health(output: Output, id: &str, pieces: usize, restored: Option<&Restored>, problems: &[Diagnostic]) {
    if output.json {
        output.document(&Health {
            checkpoint: id.to_owned(),
            intact: problems.is_empty(),
            pieces,
            restored: restored.map(|done| backout_api::Restored {
                pieces: done.pieces,
                states: done.states,
                bytes: done.bytes,
                proven: done.proven.iter().map(ToString::to_string).collect(),
            }),
            diagnostics: problems.iter().map(backout_api::Diagnostic::from).collect(),
        });
        return;
    }
    if problems.is_empty() {
        let read = counted(pieces, "piece");
        output.line(
            Line::new()
                .good(format!("Checkpoint {id} is intact"))
                .plain(format!(": {read} read from first to last byte.")),
        );
        if let Some(restored) = restored {
            let (pieces, states) = (counted(restored.pieces, "piece"), counted(restored.states, "state"));
            let text = format!(
                "{pieces} of data ({}) and {states} were restored into a scratch folder and are what was sealed.",
                bytes(restored.bytes)
            );
            output.line(Line::of(text));
            for name in &restored.proven {
                let text = "was put back into a scratch copy of its own, which is what was sealed:";
                let proven = Line::of(format!("{name} {text} ")).good("restorable, proven now");
                output.line(proven.plain("."));
            }
        }
    } else {
        output.rendered(&render(problems, None, output.colours()));
        output.blank();
        output.line(
            Line::new()
                .bad(format!("Checkpoint {id} is not intact: {}.", counted(problems.len(), "problem"))),
        );
    }
}

/// Lists what pruning takes and what it leaves.
pub fn going(output: Output, life: &Life, going: &[CheckpointId], retention: &Retention, removed: usize) {
    if output.json {
        return;
    }
    if removed == 0 {
        output.line(Line::of("Nothing to remove: all that lies in the vault is needed or kept by the rule."));
        return;
    }
    output.line(Line::new().bold("What is removed for good"));
    for id in going {
        let opened =
            life.checkpoints.get(id).map_or(String::new(), |one| format!(", {}", moment(one.opened)));
        output.line(Line::indented(2).bold(format!("checkpoint {id}")).plain(opened));
    }
    output.line(Line::indented(2).dim(format!("{} of data in all", counted(removed, "piece"))));
    output.line(Line::new().bold("What stays"));
    for (id, because) in &retention.stays {
        output
            .line(Line::indented(2).bold(format!("checkpoint {id}")).plain(format!(": {}", because.words())));
    }
}

/// Says what pruning did; `freed` is none where there was nothing to do.
pub fn pruned(output: Output, going: &[CheckpointId], retention: &Retention, freed: Option<u64>) {
    if output.json {
        let stays = retention
            .stays
            .iter()
            .map(|(id, because)| Stays { checkpoint: id.to_string(), because: because.words() });
        output.document(&Pruning {
            pruned: freed.is_some(),
            goes: going.iter().map(ToString::to_string).collect(),
            stays: stays.collect(),
            freed,
        });
    } else if let Some(freed) = freed {
        output.line(Line::new().good("Removed").plain(format!(": {} are free again.", bytes(freed))));
    }
}

/// Says where an exported checkpoint is.
pub fn exported(output: Output, id: &str, file: &Path, key: &Path, exported: &Exported) {
    let (file, key) = (path_text::encode(file.as_os_str()), path_text::encode(key.as_os_str()));
    if output.json {
        output.document(&Export {
            checkpoint: id.to_owned(),
            file,
            key,
            pieces: exported.blobs,
            bytes: exported.bytes,
        });
        return;
    }
    output.line(
        Line::new()
            .good(format!("Checkpoint {id} is exported"))
            .plain(format!(": {file}, {}, encrypted.", bytes(exported.bytes))),
    );
    output.line(Line::of(format!("Its key is in {key}. Carry the two by different ways.")));
    output.line(Line::of(format!("Verify it anywhere: backout checkpoint verify --exported {file}")));
}
