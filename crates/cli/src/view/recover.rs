//! What taking users' writes over will be about, and what it did.

use backout_core::life::Life;
use backout_engine::{Recoverable, Recovery};

use super::words::counted;
use super::{Line, Output, price};

/// Says what is known before anything is taken over.
pub fn before(output: Output, found: &[Recoverable], life: &Life) {
    if output.json {
        return;
    }
    output.line(Line::new().bold("What users wrote and the put-back state lacks is taken over:"));
    for one in found {
        let runs: Vec<&str> = one.runs.iter().map(|run| run.as_str()).collect();
        let line = Line::indented(2)
            .bold(one.part.name.as_str())
            .plain(format!("  from what {} displaced", runs.join(", ")));
        let waiting =
            life.recovered.get(&one.part.name).map(|last| last.waiting.saturating_add(last.open_conflicts));
        output.line(match waiting {
            Some(waiting) if waiting > 0 => line.plain(format!("; {waiting} waited for a person")),
            Some(_) => line.plain("; nothing waited after the last time"),
            None => line,
        });
    }
}

/// Says what was done.
pub fn after(output: Output, done: &[Recovery]) {
    if output.json {
        let components =
            done.iter().map(|one| backout_api::Recovered::of(one.component.as_str(), &one.recovered));
        output.document(&backout_api::Recovery { components: components.collect() });
        return;
    }
    for one in done {
        let recovered = &one.recovered;
        let writes = |count: u64| counted(usize::try_from(count).unwrap_or(usize::MAX), "write");
        let line = Line::new().bold(one.component.as_str()).plain(": ");
        output.line(match recovered.applied {
            0 => line.good("nothing to take over").plain(match recovered.already {
                0 => String::new(),
                already => format!("; {} stood there already", writes(already)),
            }),
            applied => line.good(format!("{} taken over", writes(applied))),
        });
        price::account(output, one.component.as_str(), recovered);
    }
    if done.iter().any(|one| one.recovered.open_conflicts > 0) {
        output.line(Line::of(
            "next: read both versions, then: backout recover --conflicts recorded | restored",
        ));
    }
}
