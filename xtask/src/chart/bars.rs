//! Seconds of each tool, in groups by the number of rows that differ.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use super::{COLOURS, Measured, SIZE, short};

/// Draws it.
pub(super) fn draw(file: &Path, measured: &[Measured]) -> Result<()> {
    let shown = |label: &str| {
        label == "ours" || label.starts_with("rivals: ") || label.starts_with("limit: block pass, binary")
    };
    let all: Vec<&Measured> =
        measured.iter().filter(|one| shown(&one.label) || one.label == "limit: block pass").collect();
    let labels: Vec<&str> = in_order(all.iter().map(|one| one.label.as_str()));
    let groups: BTreeSet<u64> = all.iter().map(|one| one.differences as u64).collect();
    let most = all.iter().map(|one| one.seconds).fold(1.0, f64::max);
    let root = SVGBackend::new(file, SIZE).into_drawing_area();
    let failed = |error: &dyn std::fmt::Display| anyhow!("draw {}: {error}", file.display());
    root.fill(&WHITE).map_err(|error| failed(&error))?;
    let width = labels.len() as f64 + 1.0;
    let mut chart = ChartBuilder::on(&root)
        .caption("seconds, by rows that differ", ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(28)
        .y_label_area_size(48)
        .build_cartesian_2d(0.0..groups.len() as f64 * width, 0.0..most * 1.12)
        .map_err(|error| failed(&error))?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .disable_x_axis()
        .y_desc("seconds")
        .draw()
        .map_err(|error| failed(&error))?;
    for (at, label) in labels.iter().enumerate() {
        let colour = COLOURS[at % COLOURS.len()];
        let bars: Vec<(f64, f64)> = groups
            .iter()
            .enumerate()
            .filter_map(|(group, differences)| {
                let one =
                    all.iter().find(|one| one.label == *label && one.differences as u64 == *differences)?;
                Some((group as f64 * width + at as f64 + 0.5, one.seconds))
            })
            .collect();
        chart
            .draw_series(
                bars.iter().map(|(x, y)| Rectangle::new([(*x, 0.0), (*x + 0.9, *y)], colour.filled())),
            )
            .map_err(|error| failed(&error))?
            .label(label.trim_start_matches("rivals: "))
            .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], colour.filled()));
        chart
            .draw_series(
                bars.iter()
                    .map(|(x, y)| Text::new(format!("{y:.1} s"), (*x, *y + most * 0.05), ("sans-serif", 12))),
            )
            .map_err(|error| failed(&error))?;
    }
    chart
        .draw_series(groups.iter().enumerate().map(|(group, differences)| {
            let text = format!("{} differ", short(*differences as f64));
            Text::new(text, (group as f64 * width + 0.5, -most * 0.01), ("sans-serif", 14))
        }))
        .map_err(|error| failed(&error))?;
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.9))
        .border_style(BLACK.mix(0.2))
        .draw()
        .map_err(|error| failed(&error))?;
    root.present().map_err(|error| failed(&error))
}

fn in_order<'a>(labels: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = Vec::new();
    for label in labels {
        if !seen.contains(&label) {
            seen.push(label);
        }
    }
    seen
}
