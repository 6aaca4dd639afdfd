//! Lists: migrations below a folder, kinds and probes.

use backout_api::{Drivers, Kind, Listed, Migrations};
use backout_contract::Registry;

use super::words::moment;
use super::{Line, Output, Table};

/// Shows the migrations below a folder.
pub fn migrations(output: Output, migrations: Vec<Listed>) {
    if output.json {
        output.document(&Migrations { migrations });
        return;
    }
    if migrations.is_empty() {
        output.line(Line::of("There is no migration here: backout init"));
        return;
    }
    let mut table = Table::default().headed(&["migration", "state", "last change", "file"]);
    for one in migrations {
        table.row([
            Line::new().bold(one.migration.as_deref().unwrap_or("–")),
            Line::of(&one.state),
            Line::of(one.last.map_or_else(|| "–".to_owned(), moment)),
            Line::of(&one.file),
        ]);
    }
    table.print(&output, 0);
}

/// Shows every kind and probe.
pub fn drivers(output: Output, registry: &Registry) {
    let mut kinds: Vec<Kind> = registry
        .drivers()
        .map(|driver| Kind { name: driver.kind().to_owned(), summary: driver.page().summary })
        .collect();
    kinds.push(Kind {
        name: backout_core::migration::MANUAL.to_owned(),
        summary: "what a person puts back and answers for",
    });
    let probes: Vec<Kind> = registry
        .probes()
        .map(|probe| Kind { name: probe.kind().to_owned(), summary: probe.page().summary })
        .collect();
    if output.json {
        output.document(&Drivers { kinds, probes });
        return;
    }
    for (title, list) in [("Kinds of components", kinds), ("Probes", probes)] {
        output.line(Line::new().bold(title));
        let mut table = Table::default();
        for one in list {
            table.row([Line::of(one.name), Line::new().dim(one.summary)]);
        }
        table.print(&output, 2);
    }
    output.line(Line::new().dim("more: backout explain KIND"));
}
