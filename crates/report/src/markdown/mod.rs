//! The page as GitHub Markdown: alerts, tables, task lists, and a timeline of letters in a block of code.

mod escape;
mod timeline;

use crate::page::{Block, Cell, Figure, Look, Page, Table, Tone};

use escape::{code, in_cell, text};
pub use timeline::letter;

/// Writes a page down. It ends with a line end.
pub fn write(page: &Page) -> String {
    let mut out = format!("# {}\n\n{}\n", text(&page.title), text(&page.subtitle));
    for section in &page.sections {
        out.push_str(&format!("\n## {}\n", section.heading));
        for one in &section.blocks {
            out.push('\n');
            block(&mut out, one);
        }
    }
    out
}

fn block(out: &mut String, block: &Block) {
    match block {
        Block::Outcome { tone, word, sentence } => {
            alert(out, *tone, &format!("**{}.** {}", text(word), text(sentence)));
        }
        Block::Notice(tone, notice) => alert(out, *tone, &text(notice)),
        Block::Figures(figures) => out.push_str(&self::figures(figures)),
        Block::Paragraph(paragraph) => out.push_str(&format!("{}\n", text(paragraph))),
        Block::Facts(facts) => {
            for (name, values) in facts {
                match values.as_slice() {
                    [one] => out.push_str(&format!("- **{}:** {}\n", text(name), text(one))),
                    many => {
                        out.push_str(&format!("- **{}:**\n", text(name)));
                        many.iter().for_each(|one| out.push_str(&format!("  - {}\n", text(one))));
                    }
                }
            }
        }
        Block::Table(table) => out.push_str(&self::table(table)),
        Block::Tasks(tasks) => {
            for task in tasks {
                let assign = if task.to_assign { " (owner: …, due: …)" } else { "" };
                out.push_str(&format!("- [ ] {}{assign}\n", text(&task.what)));
            }
        }
        Block::ToWrite(prompt) => out.push_str(&format!("**{}**\n\n*To be written.*\n", text(prompt))),
        Block::Timeline(axis) => out.push_str(&timeline::write(axis)),
    }
}

fn alert(out: &mut String, tone: Tone, body: &str) {
    let kind = match tone {
        Tone::Good => "TIP",
        Tone::Plain => "NOTE",
        Tone::Doubtful => "WARNING",
        Tone::Bad => "CAUTION",
    };
    out.push_str(&format!("> [!{kind}]\n> {body}\n"));
}

fn figures(figures: &[Figure]) -> String {
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let heads = figures.iter().map(|figure| in_cell(&figure.label)).collect();
    let rule = figures.iter().map(|_| "---".to_owned()).collect();
    let values = figures.iter().map(|figure| match figure.note.is_empty() {
        true => format!("**{}**", in_cell(&figure.value)),
        false => format!("**{}**<br>{}", in_cell(&figure.value), in_cell(&figure.note)),
    });
    [row(heads), row(rule), row(values.collect())].concat()
}

fn table(table: &Table) -> String {
    let mut out = format!("**{}**\n\n", text(&table.caption));
    out.push_str(&format!("| {} |\n", table.head.join(" | ")));
    out.push_str(&format!("|{}\n", " --- |".repeat(table.head.len())));
    for row in &table.rows {
        let cells: Vec<String> = row.iter().map(cell).collect();
        out.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    out
}

fn cell(cell: &Cell) -> String {
    let lines: Vec<String> = cell
        .lines
        .iter()
        .filter(|line| !line.is_empty())
        .map(|line| match cell.look {
            Look::Name => code(line),
            Look::State(Tone::Bad) => format!("**{}**", in_cell(line)),
            Look::Plain | Look::Time | Look::State(_) | Look::Group(_) => in_cell(line),
        })
        .collect();
    if lines.is_empty() { "–".to_owned() } else { lines.join("<br>") }
}
