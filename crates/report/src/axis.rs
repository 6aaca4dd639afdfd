//! The timeline as it is drawn: time becomes a place on an axis of a given length.
//!
//! Work is drawn to one scale. A pause is drawn to that scale too, up to [`LONGEST_PAUSE`] of the time worked; a
//! longer one is cut to that length and says so, for a night at rest would leave nothing to be seen of the work.

use backout_core::order::Group;
use backout_core::report::{BarKind, PauseKind, RunReport, Timeline};
use jiff::{SignedDuration, Timestamp};

use crate::words::{clock, lasting};

/// The longest pause that is drawn to scale, in parts of the time worked.
const LONGEST_PAUSE: f64 = 0.25;
/// About how many marks stand on the axis.
const MARKS: u64 = 6;

/// The drawn timeline. Places are parts of the axis, from 0 to 1.
#[derive(Debug, Clone)]
pub struct Axis {
    /// How long the run was, in milliseconds.
    pub millis: u64,
    /// The marks.
    pub marks: Vec<Mark>,
    /// The pauses.
    pub pauses: Vec<Pause>,
    /// The doors.
    pub doors: Vec<Door>,
    /// The rows.
    pub rows: Vec<Row>,
}

/// One component's door.
#[derive(Debug, Clone)]
pub struct Door {
    /// Of which component.
    pub component: String,
    /// When it was shut.
    pub shut: Vec<Span>,
    /// How long in all, in milliseconds.
    pub millis: u64,
    /// Whether it is known to be open again.
    pub is_open: bool,
}

/// From one place to another.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// From where.
    pub from: f64,
    /// To where.
    pub to: f64,
}

/// A moment on the axis.
#[derive(Debug, Clone)]
pub struct Mark {
    /// Where.
    pub at: f64,
    /// Seconds since the run began.
    pub since: String,
    /// The time of the day.
    pub clock: String,
}

/// A time in which nothing was done.
#[derive(Debug, Clone)]
pub struct Pause {
    /// From where.
    pub from: f64,
    /// To where.
    pub to: f64,
    /// What kind of pause.
    pub kind: PauseKind,
    /// How long it was.
    pub lasted: String,
    /// The same in milliseconds.
    pub millis: u64,
    /// Since when, in milliseconds since the run began.
    pub since: u64,
    /// Whether it is drawn shorter than it was.
    pub cut: bool,
    /// Whether it goes on.
    pub goes_on: bool,
}

/// One step.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its name.
    pub step: String,
    /// Its group.
    pub group: Option<Group>,
    /// Its state in a word.
    pub state: &'static str,
    /// Its bars.
    pub bars: Vec<Bar>,
    /// How long its tries took, or nothing.
    pub took: String,
}

/// One bar.
#[derive(Debug, Clone)]
pub struct Bar {
    /// From where.
    pub from: f64,
    /// To where.
    pub to: f64,
    /// What.
    pub kind: BarKind,
    /// Since when, in milliseconds since the run began.
    pub since: u64,
    /// How long, in milliseconds.
    pub millis: u64,
}

impl Axis {
    /// Draws a run.
    pub fn of(run: &RunReport) -> Self {
        let scale = Scale::of(&run.timeline);
        let rows = run.timeline.rows.iter().zip(&run.steps).map(|(row, account)| Row {
            step: row.step.to_string(),
            group: row.group,
            state: account.state,
            took: account.millis().map(lasting).unwrap_or_default(),
            bars: row
                .bars
                .iter()
                .map(|bar| Bar {
                    from: scale.place(bar.from),
                    to: scale.place(bar.to),
                    kind: bar.kind,
                    since: bar.from,
                    millis: bar.to.saturating_sub(bar.from),
                })
                .collect(),
        });
        let pauses = run.timeline.pauses.iter().map(|pause| {
            let millis = pause.to.saturating_sub(pause.from);
            Pause {
                from: scale.place(pause.from),
                to: scale.place(pause.to),
                kind: pause.kind,
                lasted: lasting(millis),
                millis,
                since: pause.from,
                cut: scale.longest.is_some_and(|longest| millis as f64 > longest),
                goes_on: pause.goes_on,
            }
        });
        let since = |at: Timestamp| {
            u64::try_from(at.as_millisecond().saturating_sub(run.began.as_millisecond())).unwrap_or(0)
        };
        let doors = run.closed.doors.iter().map(|door| Door {
            component: door.component.to_string(),
            shut: door
                .shut
                .iter()
                .map(|shut| Span {
                    from: scale.place(since(shut.from)),
                    to: scale.place(since(shut.to.unwrap_or(run.until))),
                })
                .collect(),
            millis: door.millis,
            is_open: !door.still_shut && !door.unclear,
        });
        Self {
            millis: run.timeline.millis,
            marks: marks(run, &scale),
            pauses: pauses.collect(),
            doors: doors.collect(),
            rows: rows.collect(),
        }
    }
}

/// Time to place.
struct Scale {
    /// Stretches of time, in order and without gaps: since when, how long it is, how long it is drawn.
    stretches: Vec<(u64, u64, f64)>,
    drawn: f64,
    /// The longest pause that is not cut, in milliseconds; none where nothing was worked.
    longest: Option<f64>,
}

impl Scale {
    fn of(timeline: &Timeline) -> Self {
        let worked = timeline.working_millis();
        let longest = (worked > 0).then(|| (worked as f64 * LONGEST_PAUSE).max(1.0));
        let mut stretches = Vec::new();
        let mut reached = 0;
        for pause in &timeline.pauses {
            let (from, to) = (pause.from.max(reached), pause.to.max(reached));
            stretches.push((reached, from - reached, (from - reached) as f64));
            let long = (to - from) as f64;
            stretches.push((from, to - from, longest.map_or(long, |longest| long.min(longest))));
            reached = to;
        }
        let left = timeline.millis.saturating_sub(reached);
        stretches.push((reached, left, left as f64));
        let drawn = stretches.iter().map(|(_, _, drawn)| drawn).sum();
        Self { stretches, drawn, longest }
    }

    /// Where a moment stands, from 0 to 1.
    fn place(&self, millis: u64) -> f64 {
        if self.drawn <= 0.0 {
            return 0.0;
        }
        let mut place = 0.0;
        for &(since, long, drawn) in &self.stretches {
            if millis >= since + long {
                place += drawn;
            } else {
                place += drawn * (millis.saturating_sub(since) as f64 / long as f64);
                break;
            }
        }
        (place / self.drawn).clamp(0.0, 1.0)
    }
}

/// Round moments, and none inside a pause that is cut, where they would crowd.
fn marks(run: &RunReport, scale: &Scale) -> Vec<Mark> {
    let length = run.timeline.millis;
    let worked = run.timeline.working_millis().max(1);
    let step = round_step(worked.div_ceil(MARKS).max(1));
    let mark = |millis: u64| {
        let after = SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX));
        let at = run.began.checked_add(after).unwrap_or(run.began);
        let since = match step {
            0..100 => format!("+{millis} ms"),
            100..1000 => format!("+{}.{} s", millis / 1000, millis % 1000 / 100),
            _ => format!("+{}", lasting(millis)),
        };
        Mark { at: scale.place(millis), since, clock: clock(at) }
    };
    let mut found = vec![mark(0)];
    for (since, long, drawn) in &scale.stretches {
        let cut = *drawn < *long as f64;
        if cut {
            continue;
        }
        let mut next = since.div_ceil(step).saturating_mul(step).max(step);
        while next <= since + long && next <= length {
            found.push(mark(next));
            next += step;
        }
        // A stretch after a pause that was cut says when it began.
        if *since > 0 && *long > 0 {
            found.push(mark(*since));
        }
    }
    found.sort_by(|one, two| one.at.total_cmp(&two.at));
    let mut kept: Vec<Mark> = Vec::new();
    for one in found {
        if kept.last().is_none_or(|last| one.at - last.at > 0.09) {
            kept.push(one);
        }
    }
    kept
}

/// The next of 1, 2, 5 and their tens, in milliseconds; of minutes and hours beyond.
fn round_step(millis: u64) -> u64 {
    const STEPS: [u64; 27] = [
        1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000,
        300_000, 600_000, 900_000, 1_800_000, 3_600_000, 7_200_000, 14_400_000, 28_800_000, 43_200_000,
        86_400_000,
    ];
    let day = 86_400_000;
    STEPS.into_iter().find(|step| *step >= millis).unwrap_or_else(|| millis.div_ceil(day) * day)
}
