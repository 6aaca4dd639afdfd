//! The timeline as a drawing, for wide screens and paper, and as a list of bars for narrow screens.

use askama::Template;
use backout_core::order::Group;
use backout_core::report::BarKind;

use super::filters;
use crate::axis::{Axis, Row};
use crate::markdown::letter;
use crate::words::{lasting, offset};

/// Everything below is in the units of the drawing, about a pixel each.
const WIDTH: f64 = 1000.0;
const ROW: f64 = 22.0;
const BAR: f64 = 12.0;
/// The least width of a bar, so that a short step is seen at all.
const LEAST: f64 = 2.5;
/// Of one letter of a name.
const LETTER: f64 = 7.3;
/// The longest name that is shown whole; a pointer or a screen reader is told the rest.
const LONGEST_NAME: usize = 34;
const TOOK: f64 = 74.0;
/// The least width of a pause for a word inside it.
const ROOM: f64 = 15.0;

#[derive(Template)]
#[template(path = "timeline.html")]
pub struct Drawing {
    width: f64,
    height: f64,
    /// Where the rows begin and end.
    top: f64,
    bottom: f64,
    marks: Vec<Mark>,
    pauses: Vec<Pause>,
    doors: Vec<Line>,
    rows: Vec<Line>,
    whole: Vec<(f64, f64, bool)>,
    legend: Vec<(&'static str, char)>,
}

struct Mark {
    x: f64,
    since: String,
    clock: String,
}

struct Pause {
    x: f64,
    width: f64,
    middle: f64,
    /// The same in thousandths of the axis, for the list.
    from: f64,
    long: f64,
    label: String,
    /// Whether the label has room in it.
    fits: bool,
}

struct Line {
    y: f64,
    /// Where letters stand.
    base: f64,
    name: String,
    short: String,
    class: &'static str,
    letter: char,
    state: &'static str,
    took: String,
    bars: Vec<Piece>,
}

struct Piece {
    x: f64,
    width: f64,
    /// The same in thousandths of the axis, for the list.
    from: f64,
    long: f64,
    kind: &'static str,
    label: String,
}

impl Drawing {
    pub fn of(axis: &Axis) -> Self {
        let names = axis.rows.iter().map(|row| row.step.chars().count());
        let doors = axis.doors.iter().map(|door| door.component.chars().count() + 5);
        let longest = names.chain(doors).max().unwrap_or(0).min(LONGEST_NAME);
        let left = longest as f64 * LETTER + 40.0;
        let right = WIDTH - TOOK;
        let whole = whole(axis, left, right);
        let top = if whole.is_empty() { 40.0 } else { 66.0 };
        let place = |part: f64| left + part * (right - left);
        let piece = |from: f64, to: f64, kind, label| {
            let (from, to) = (from.clamp(0.0, 1.0), to.clamp(0.0, 1.0));
            let width = ((to - from) * (right - left)).max(LEAST);
            let long = ((to - from) * 1000.0).max(6.0);
            Piece {
                x: place(from).min(right - width),
                width,
                from: (from * 1000.0).min(1000.0 - long),
                long,
                kind,
                label,
            }
        };
        let mut y = top;
        let mut next = || {
            y += ROW;
            (y - ROW + (ROW - BAR) / 2.0, y - ROW + ROW / 2.0 + 4.0)
        };
        let doors: Vec<Line> = axis
            .doors
            .iter()
            .map(|door| {
                let (y, base) = next();
                let name = format!("{} door", door.component);
                let bars = door.shut.iter().map(|shut| piece(shut.from, shut.to, "shut", "shut".to_owned()));
                Line {
                    y,
                    base,
                    short: shorten(&name),
                    name,
                    class: "door",
                    letter: '▪',
                    state: if door.is_open { "open again" } else { "not known to be open" },
                    took: lasting(door.millis),
                    bars: bars.collect(),
                }
            })
            .collect();
        let rows: Vec<Line> = axis
            .rows
            .iter()
            .map(|row| {
                let (y, base) = next();
                let bars = row.bars.iter().map(|bar| {
                    let (kind, word) = match bar.kind {
                        BarKind::Work => ("work", "under way"),
                        BarKind::Doubt => ("doubt", "in doubt"),
                        BarKind::Wait => ("wait", "waits for a person"),
                    };
                    let label = format!("{word} since {}, for {}", offset(bar.since), lasting(bar.millis));
                    piece(bar.from, bar.to, kind, label)
                });
                line(row, y, base, bars.collect())
            })
            .collect();
        let bottom = y;
        let marks = axis.marks.iter().map(|mark| Mark {
            x: place(mark.at),
            since: mark.since.clone(),
            clock: mark.clock.clone(),
        });
        let pauses = axis.pauses.iter().map(|pause| {
            let (x, width) = (place(pause.from), (pause.to - pause.from) * (right - left));
            let cut = if pause.cut { "// " } else { "" };
            let length = if pause.goes_on { "goes on".to_owned() } else { pause.lasted.clone() };
            let label = format!("{cut}{}, {length}", pause.kind.word());
            let fits = width >= ROOM && bottom - top > label.chars().count() as f64 * 6.2;
            let (from, long) = (pause.from * 1000.0, (pause.to - pause.from) * 1000.0);
            Pause { x, width, middle: x + width / 2.0 + 4.0, from, long, label, fits }
        });
        Self {
            width: WIDTH,
            height: bottom + 26.0,
            top,
            bottom,
            marks: marks.collect(),
            pauses: pauses.collect(),
            doors,
            rows,
            whole,
            legend: std::iter::once(&Group::Stage)
                .chain(&Group::ALL)
                .map(|group| (group.as_str(), letter(Some(*group))))
                .collect(),
        }
    }
}

fn line(row: &Row, y: f64, base: f64, bars: Vec<Piece>) -> Line {
    Line {
        y,
        base,
        name: row.step.clone(),
        short: shorten(&row.step),
        class: row.group.map_or("other", Group::as_str),
        letter: letter(row.group),
        state: row.state,
        took: row.took.clone(),
        bars,
    }
}

fn shorten(name: &str) -> String {
    if name.chars().count() <= LONGEST_NAME {
        return name.to_owned();
    }
    let kept: String = name.chars().take(LONGEST_NAME - 1).collect();
    format!("{kept}…")
}

/// The whole run to one scale, work and pauses, where the axis below is not.
fn whole(axis: &Axis, left: f64, right: f64) -> Vec<(f64, f64, bool)> {
    if !axis.pauses.iter().any(|pause| pause.cut) {
        return Vec::new();
    }
    let scale = (right - left) / axis.millis.max(1) as f64;
    let mut pieces = Vec::new();
    let mut reached = 0;
    let mut add = |from: u64, to: u64, still: bool| {
        let width = (to.saturating_sub(from) as f64 * scale).max(1.0);
        pieces.push(((left + from as f64 * scale).min(right - width), width, still));
    };
    for pause in &axis.pauses {
        add(reached, pause.since, false);
        add(pause.since, pause.since + pause.millis, true);
        reached = pause.since + pause.millis;
    }
    add(reached, axis.millis, false);
    pieces
}
