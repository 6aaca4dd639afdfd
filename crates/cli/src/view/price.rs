//! What going back costs in data, as it was stated, and as it was paid.

use std::path::Path;

use backout_core::life::RunLife;
use backout_core::plan::{Count, DataPrice, Plan, Price};
use backout_core::writes::{Counted, LISTED, Recovered, TableWrites, Tally};

use super::words::{counted as number, lasting, writes};
use super::{Line, Output, Table};

/// How many tables of one component are named.
const TABLES: usize = 12;
/// How many rows that do not fit are named by their key.
const KEYS: usize = 3;
/// How many conflicts are named.
const CONFLICTS: usize = 8;

/// The rows of a stated price that are about data.
pub fn rows(plan: &Plan) -> Vec<(&'static str, String)> {
    let price = &plan.price;
    if price.data_components == 0 {
        return vec![("writes lost", writes(price.lost))];
    }
    let mut rows = Vec::new();
    if price.writes != price.lost {
        rows.push(("users wrote", format!("{} since the state that is put back", amount(price.writes))));
    }
    if price.rescued != Count::Exactly(0) {
        rows.push(("taken over", amount(price.rescued)));
    }
    if price.waiting != Count::Exactly(0) {
        rows.push((
            "for a person",
            format!("{}; they are kept, and nothing is put in", amount(price.waiting)),
        ));
    }
    rows.push(("writes lost", format!("{}{}", writes(price.lost), aside(price))));
    rows
}

fn aside(price: &Price) -> String {
    match (price.kept_aside, price.data_components) {
        (_, 0) => String::new(),
        (kept, all) if kept == all => {
            "; what stands there now is kept aside until `commit` or `close`".to_owned()
        }
        (0, _) => "; what stands there now is not kept".to_owned(),
        (kept, all) => format!("; {kept} of {all} components keep aside what stands there now"),
    }
}

fn amount(count: Count) -> String {
    match count {
        Count::Exactly(1) => "1 write".to_owned(),
        Count::Exactly(count) => format!("{count} writes"),
        Count::AtLeast(count) => format!("at least {count} writes"),
        Count::Unknown => "writes that cannot be counted".to_owned(),
    }
}

/// Where the writes of a component are counted.
pub fn details(output: Output, component: &str, price: &DataPrice) {
    let Some(counted) = &price.counted else {
        for detail in &price.details {
            output.line(Line::indented(4).dim(format!("{component}: {detail}")));
        }
        return;
    };
    // Where deletes are not taken over, the put-back state has those rows again.
    tables(output, component, counted, price.rescued == Count::Exactly(0));
    gaps(output, component, counted);
}

fn tables(output: Output, component: &str, counted: &Counted, come_back: bool) {
    for table in counted.tables.iter().take(TABLES) {
        output.line(Line::indented(4).dim(format!("{component}: {}", of_table(table, come_back))));
        for text in misfits(table) {
            output.line(Line::indented(4).plain(format!("{component}: ")).bad(text));
        }
    }
    if counted.tables.len() > TABLES {
        let more = number(counted.tables.len() - TABLES, "more table");
        output.line(Line::indented(4).dim(format!("{component}: and {more}")));
    }
}

fn gaps(output: Output, component: &str, counted: &Counted) {
    for gap in &counted.gaps {
        output.line(
            Line::indented(4)
                .plain(format!("{component}: "))
                .doubtful(format!("not recorded: {}", gap.table))
                .plain(format!(", {}", gap.why)),
        );
    }
    for note in &counted.notes {
        output.line(Line::indented(4).plain(format!("{component}: {note}")));
    }
}

/// What was written to one table.
fn of_table(table: &TableWrites, come_back: bool) -> String {
    let mut parts = Vec::new();
    if table.before_cutover.sum() > 0 {
        parts.push(format!("{} before cutover", tally(table.before_cutover)));
    }
    if table.since_cutover.sum() > 0 {
        parts.push(format!("{} since cutover", tally(table.since_cutover)));
    }
    if table.unmapped > 0 {
        parts.push(format!("{} with no place in the put-back state", table.unmapped));
    }
    if table.migration > 0 {
        parts.push(format!("{} by the migration itself, which count as nobody's", table.migration));
    }
    if table.taken_over > 0 {
        parts.push(format!("{} put in by a recovery, which count where users wrote them", table.taken_over));
    }
    if come_back && table.users().deleted > 0 {
        parts.push("what was deleted comes back".to_owned());
    }
    format!("{}: {}", table.table, parts.join("; "))
}

/// The rows with a value that the put-back state has no room for: column by column, with why and the first of their keys.
fn misfits(table: &TableWrites) -> Vec<String> {
    let mut columns: Vec<(&str, &str, Vec<&str>)> = Vec::new();
    for misfit in &table.misfits {
        match columns.iter_mut().find(|(column, why, _)| *column == misfit.column && *why == misfit.why) {
            Some((.., keys)) => keys.push(&misfit.key),
            None => columns.push((&misfit.column, &misfit.why, vec![&misfit.key])),
        }
    }
    let told = columns.into_iter().map(|(column, why, keys)| {
        let rows = number(keys.len(), "row");
        // Further ones may be among the unmapped that are not listed.
        let at_least = if table.misfits.len() >= LISTED { "at least " } else { "" };
        let more = if keys.len() > KEYS { ", …" } else { "" };
        let keys = keys.get(..KEYS).unwrap_or(&keys).join(", ");
        format!(
            "irreversible without loss: {at_least}{rows} ({}, {keys}{more}): {column}: {why}",
            table.table
        )
    });
    told.collect()
}

fn tally(tally: Tally) -> String {
    let parts = [(tally.inserted, "inserted"), (tally.changed, "changed"), (tally.deleted, "deleted")];
    let told: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    told.join(", ")
}

/// What a run cost in the end, beside what was stated.
pub fn paid(output: Output, run: &RunLife) {
    let Some(stated) = &run.price else { return };
    let took = run.ended.map(|ended| ended.duration_since(run.opened).unsigned_abs());
    if run.counted.is_empty() && run.recovered.is_empty() && took.is_none() {
        return;
    }
    let mut table = Table::default().headed(&["price", "stated", "paid"]);
    if stated.data_components > 0 {
        let sum = |part: fn(&Recovered) -> u64| run.recovered.values().map(part).fold(0, u64::saturating_add);
        let over = over(run);
        let mut row = |name: &str, stated: Count, paid: u64| {
            if stated != Count::Exactly(0) || paid > 0 {
                table.row([Line::new().dim(name), Line::of(writes(stated)), Line::of(paid.to_string())]);
            }
        };
        row("writes taken over", stated.rescued, over);
        row("writes for a person", stated.waiting, sum(|one| one.waiting.saturating_add(one.open_conflicts)));
        let lost = lost(run);
        table.row([Line::new().dim("writes lost"), Line::of(writes(stated.lost)), Line::of(writes(lost))]);
    }
    if let Some(took) = took {
        let expected = stated.duration.as_ref().map(|one| std::time::Duration::from_millis(one.millis));
        table.row([
            Line::new().dim("time"),
            Line::of(expected.map_or_else(|| "not known".to_owned(), lasting)),
            Line::of(lasting(took)),
        ]);
    }
    table.print(&output, 2);
    for (component, recovered) in &run.recovered {
        account(output, component.as_str(), recovered);
    }
    for (component, counted) in run.counted.iter().filter(|(name, _)| !run.recovered.contains_key(*name)) {
        if counted.users().sum() > 0 || !counted.gaps.is_empty() {
            output.line(Line::indented(2).bold(component.as_str()).plain("  was lost:"));
            tables(output, component.as_str(), counted, true);
            gaps(output, component.as_str(), counted);
        }
    }
}

/// How many of the writes that were counted stand in the put-back state now. A call that went on after a kill finds
/// some there already; what the target had before anybody counted is none of them.
fn over(run: &RunLife) -> u64 {
    let each = run.recovered.iter().map(|(component, done)| {
        let found = done.applied.saturating_add(done.already);
        run.counted.get(component).map_or(found, |counted| found.min(counted.users().sum()))
    });
    each.fold(0, u64::saturating_add)
}

/// What is given up for good, as counted behind the shut door.
fn lost(run: &RunLife) -> Count {
    run.counted.iter().fold(Count::Exactly(0), |sum, (component, counted)| {
        sum.plus(match run.recovered.get(component) {
            Some(recovered) if counted.gaps.is_empty() => Count::Exactly(recovered.unmapped),
            Some(recovered) => Count::AtLeast(recovered.unmapped),
            None => counted.writes(),
        })
    })
}

/// What became of the writes of one component: conflicts and files.
pub fn account(output: Output, component: &str, recovered: &Recovered) {
    let indented = || Line::indented(2).bold(component).plain("  ");
    if recovered.conflicts() > 0 {
        let open = match recovered.open_conflicts {
            0 => String::new(),
            open => format!(", {open} wait for a person"),
        };
        let count = number(usize::try_from(recovered.conflicts()).unwrap_or(usize::MAX), "row");
        output.line(indented().doubtful(format!("{count} changed on both sides")).plain(open));
        for conflict in recovered.conflicts.iter().take(CONFLICTS) {
            let columns = match conflict.columns.is_empty() {
                true => String::new(),
                false => format!(" ({})", conflict.columns.join(", ")),
            };
            let stands = match conflict.winner {
                Some(backout_core::writes::Winner::Recorded) => "what users wrote stands",
                Some(backout_core::writes::Winner::Restored) => "the put-back version stands",
                None => "the put-back version stands until somebody chooses",
            };
            let why = conflict.cause.because();
            let text = format!("{} {}{columns}: {why}; {stands}", conflict.table, conflict.key);
            output.line(Line::indented(4).plain(text));
        }
    }
    if recovered.unmapped > 0 {
        output.line(
            indented()
                .bad(format!("{} writes", recovered.unmapped))
                .plain(" had no place in the put-back state"),
        );
    }
    files(output, component, &recovered.files);
}

/// Where files for people lie: the folder once, and its files by name.
fn files(output: Output, component: &str, files: &[String]) {
    let paths = files.iter().map(Path::new);
    let Some(folder) = paths.clone().next().and_then(Path::parent) else { return };
    let here = std::env::current_dir().unwrap_or_default();
    let shown = folder.strip_prefix(&here).unwrap_or(folder).display();
    let names: Vec<String> =
        paths.filter_map(Path::file_name).map(|name| name.to_string_lossy().into_owned()).collect();
    output.line(
        Line::indented(2)
            .bold(component)
            .plain(format!("  see {shown}/"))
            .dim(format!(": {}", names.join(", "))),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use backout_core::writes::Misfit;

    #[test]
    fn what_a_recovery_wrote_is_not_told_as_the_migrations() {
        let table = TableWrites {
            table: "orders".into(),
            before_cutover: Tally::default(),
            since_cutover: Tally { inserted: 2, changed: 0, deleted: 0 },
            unmapped: 0,
            migration: 0,
            taken_over: 7,
            misfits: Vec::new(),
        };
        let told = of_table(&table, true);
        assert!(told.contains("7 put in by a recovery") && !told.contains("migration"), "{told}");
        assert!(!of_table(&TableWrites { taken_over: 0, ..table }, true).contains("recovery"));
    }

    #[test]
    fn rows_that_do_not_fit_are_told_by_column_and_reason() {
        let misfit = |key: &str, column: &str, why: &str| Misfit {
            key: key.into(),
            column: column.into(),
            why: why.into(),
        };
        let long = "character varying(20) holds no 31 characters";
        let mut table = TableWrites {
            table: "orders".into(),
            before_cutover: Tally::default(),
            since_cutover: Tally { inserted: 6, changed: 0, deleted: 0 },
            unmapped: 6,
            migration: 0,
            taken_over: 0,
            misfits: vec![misfit("id 42", "total", "integer holds no 3000000000")],
        };
        let one = "irreversible without loss: 1 row (orders, id 42): total: integer holds no 3000000000";
        assert_eq!(misfits(&table), [one]);
        table.misfits.extend((1..=4).map(|number| misfit(&format!("id {number}"), "note", long)));
        let four = format!("irreversible without loss: 4 rows (orders, id 1, id 2, id 3, …): note: {long}");
        assert_eq!(misfits(&table), [one.to_owned(), four]);
        table.misfits = (0..LISTED).map(|number| misfit(&number.to_string(), "note", long)).collect();
        assert!(misfits(&table)[0].contains("at least 20 rows (orders, 0, 1, 2, …)"));
        table.misfits.clear();
        assert!(misfits(&table).is_empty());
    }
}
