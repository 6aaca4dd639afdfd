//! What runs kept, before and after it is let go.

use backout_core::life::Life;
use backout_engine::Kept;

use super::{Line, Output};

/// Lists what ending the migration lets go.
pub fn list(output: Output, kept: &[Kept]) {
    if output.json {
        return;
    }
    if kept.is_empty() {
        output.line(Line::of("Nothing is kept aside. What ends: the claims on the targets."));
        return;
    }
    output.line(Line::new().bold("What is dropped for good"));
    for one in kept {
        output.line(Line::indented(2).bold(one.component.as_str()));
        for place in &one.places {
            output.line(Line::indented(4).plain(place));
        }
    }
}

/// Names writes that wait for a person and cannot be taken over any more once this is done.
pub fn unread(output: Output, life: &Life) {
    if output.json {
        return;
    }
    for (component, run) in &life.owed {
        output.line(
            Line::new()
                .doubtful("warning")
                .plain(format!(
                    ": what users wrote to {component} was set aside by run {run} and never taken over; "
                ))
                .plain("afterwards it is gone. Take it over first: backout recover"),
        );
    }
    let asked = life
        .recovered
        .iter()
        .filter(|(component, recovered)| recovered.wants_a_person() && !life.owed.contains_key(*component));
    for (component, recovered) in asked {
        let waiting = recovered.waiting.saturating_add(recovered.open_conflicts);
        output.line(
            Line::new()
                .doubtful("warning")
                .plain(format!(": {waiting} writes to {component} still wait for a person; "))
                .plain("afterwards they stand in files only, and `backout recover` cannot take them over"),
        );
    }
}

/// Says that it was let go, or only listed.
pub fn done(output: Output, migration: &str, kept: &[Kept], word: &str) {
    if output.json {
        let kept = kept.iter().map(|one| backout_api::Kept {
            component: one.component.to_string(),
            places: one.places.clone(),
        });
        output.document(&backout_api::Release {
            migration: migration.to_owned(),
            released: true,
            kept: kept.collect(),
        });
        return;
    }
    output.line(Line::new().good(format!("{migration} is {word}.")));
}
