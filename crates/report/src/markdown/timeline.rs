//! The timeline in letters: one line a step, each bar in the letter of its group.

use backout_core::order::Group;
use backout_core::report::BarKind;

use crate::axis::{Axis, Row};
use crate::words::{lasting, offset};

/// How many letters long the axis is.
const WIDTH: usize = 60;

/// Writes it as a block of code.
pub fn write(axis: &Axis) -> String {
    let names = axis.rows.iter().map(|row| row.step.chars().count());
    let doors = axis.doors.iter().map(|door| door.component.chars().count() + " door".len());
    let widest = names.chain(doors).max().unwrap_or(0);
    let mut out = String::from("```text\n");
    out.push_str(&format!("{:widest$}  {}\n", "", marks(axis)));
    for door in &axis.doors {
        let name = format!("{} door", door.component);
        let mut letters = vec![' '; WIDTH];
        for shut in &door.shut {
            fill(&mut letters, shut.from, shut.to, '▪');
        }
        let letters: String = letters.into_iter().collect();
        out.push_str(&format!("{name:widest$} │{letters}│ {}\n", lasting(door.millis)));
    }
    for row in &axis.rows {
        let line = format!("{:widest$} │{}│ {}", row.step, bars(axis, row), row.took);
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out.push_str("```\n\n");
    out.push_str(
        "▪ door shut; S stage, Q quiesce, R revert, C recover, P prove, O reopen, V verify; ? in doubt, w waits for a person, ░ nothing was \
         done, / the same, drawn shorter than it was.\n",
    );
    if !axis.pauses.is_empty() {
        out.push('\n');
        for pause in &axis.pauses {
            let length = if pause.goes_on { "goes on".to_owned() } else { pause.lasted.clone() };
            let cut = if pause.cut { "// " } else { "" };
            out.push_str(&format!("- {cut}{} since {}: {length}\n", pause.kind.word(), offset(pause.since)));
        }
    }
    out
}

/// The letter of a group.
pub fn letter(group: Option<Group>) -> char {
    match group {
        Some(Group::Stage) => 'S',
        Some(Group::Quiesce) => 'Q',
        Some(Group::Revert) => 'R',
        Some(Group::Recover) => 'C',
        Some(Group::Prove) => 'P',
        Some(Group::Reopen) => 'O',
        Some(Group::Verify) => 'V',
        None => '#',
    }
}

fn bars(axis: &Axis, row: &Row) -> String {
    let mut letters = vec![' '; WIDTH];
    for pause in &axis.pauses {
        fill(&mut letters, pause.from, pause.to, if pause.cut { '/' } else { '░' });
    }
    for kind in [BarKind::Wait, BarKind::Doubt, BarKind::Work] {
        for bar in row.bars.iter().filter(|bar| bar.kind == kind) {
            let letter = match kind {
                BarKind::Work => letter(row.group),
                BarKind::Doubt => '?',
                BarKind::Wait => 'w',
            };
            fill(&mut letters, bar.from, bar.to, letter);
        }
    }
    letters.into_iter().collect()
}

fn fill(letters: &mut [char], from: f64, to: f64, letter: char) {
    let (first, last) = span(from, to);
    letters.iter_mut().take(last).skip(first).for_each(|one| *one = letter);
}

/// The letters that a stretch covers; at least one, and none beyond the axis.
fn span(from: f64, to: f64) -> (usize, usize) {
    let place = |part: f64| (part.clamp(0.0, 1.0) * WIDTH as f64) as usize;
    let first = place(from).min(WIDTH - 1);
    (first, place(to).clamp(first + 1, WIDTH))
}

fn marks(axis: &Axis) -> String {
    let mut line = String::new();
    for mark in &axis.marks {
        let (place, _) = span(mark.at, mark.at);
        let long = line.chars().count();
        if long == 0 && place == 0 || long < place {
            line.push_str(&" ".repeat(place.saturating_sub(long)));
            line.push_str(&mark.since);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_has_a_letter_and_stays_on_the_axis() {
        for (from, to) in [(0.0, 0.0), (1.0, 1.0), (0.999, 1.0), (0.5, 0.5), (-1.0, 2.0), (0.3, 0.2)] {
            let (first, last) = span(from, to);
            assert!(first < last && last <= WIDTH, "{from} {to}: {first} {last}");
        }
    }
}
