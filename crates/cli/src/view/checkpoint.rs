//! Checkpoints.

use backout_api::{Checkpoint, Checkpoints, Health};
use backout_core::diagnostic::Diagnostic;
use backout_core::life::Life;
use backout_core::name::CheckpointId;

use super::words::{bytes, counted, moment};
use super::{Line, Output, Table};
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
    let mut table = Table::default().headed(&["checkpoint", "sealed", "components", "data", "by"]);
    for checkpoint in &checkpoints {
        let here = current.as_deref() == Some(&checkpoint.id);
        let id = Line::new().bold(&checkpoint.id).plain(if here { " (current)" } else { "" });
        let sealed = match checkpoint.sealed {
            Some(at) => Line::of(moment(at)),
            None => Line::new().doubtful("incomplete"),
        };
        let size: u64 = checkpoint.components.iter().map(|saved| saved.bytes).sum();
        table.row([
            id,
            sealed,
            Line::of(checkpoint.components.len().to_string()),
            Line::of(bytes(size)),
            Line::of(&checkpoint.by),
        ]);
    }
    table.print(&output, 0);
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
    output.line(Line::new().dim(format!("opened {} by {}", moment(checkpoint.opened), checkpoint.by)));
    if let Some(seal) = &checkpoint.seal {
        output.line(Line::new().dim(format!("seal {seal}")));
    }
    output.blank();
    let mut table = Table::default().headed(&["component", "kind", "seen", "pieces", "data"]);
    for saved in checkpoint.components.iter().take(COMPONENTS) {
        table.row([
            Line::new().bold(&saved.name),
            Line::of(&saved.kind),
            Line::of(saved.seen),
            Line::of(saved.pieces.to_string()),
            Line::of(bytes(saved.bytes)),
        ]);
    }
    table.print(&output, 2);
    if checkpoint.components.len() > COMPONENTS {
        output
            .line(Line::indented(2).dim(format!("… and {} more", checkpoint.components.len() - COMPONENTS)));
    }
}

/// Shows what a look at a checkpoint's data found.
pub fn health(output: Output, id: &CheckpointId, pieces: usize, problems: &[Diagnostic]) {
    if output.json {
        output.document(&Health {
            checkpoint: id.to_string(),
            intact: problems.is_empty(),
            pieces,
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
    } else {
        output.rendered(&render(problems, None, output.colours()));
        output.blank();
        output.line(
            Line::new()
                .bad(format!("Checkpoint {id} is not intact: {}.", counted(problems.len(), "problem"))),
        );
    }
}
