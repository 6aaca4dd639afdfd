//! How time, memory and wire grow, each on a scale of its own.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use super::{COLOURS, Measured, SIZE, short};

/// Draws three small pictures side by side.
pub(super) fn draw(
    file: &Path,
    title: &str,
    across: &str,
    measured: &[Measured],
    x: impl Fn(&Measured) -> f64,
) -> Result<()> {
    let failed = |error: &dyn std::fmt::Display| anyhow!("draw {}: {error}", file.display());
    let mut measured: Vec<&Measured> = measured.iter().collect();
    measured.sort_by(|one, other| x(one).total_cmp(&x(other)));
    let root = SVGBackend::new(file, SIZE).into_drawing_area();
    root.fill(&WHITE).map_err(|error| failed(&error))?;
    let root = root
        .titled(&format!("backout compare: {title}"), ("sans-serif", 18))
        .map_err(|error| failed(&error))?;
    let widest = measured.iter().map(|one| x(one)).fold(1.0, f64::max);
    type Value = fn(&Measured) -> f64;
    let pictures: [(&str, Value); 3] = [
        ("seconds", |one| one.seconds),
        ("memory, MiB", |one| one.client_mib),
        ("wire, MB", |one| one.wire_mb),
    ];
    for (at, (area, (name, value))) in root.split_evenly((1, 3)).iter().zip(pictures).enumerate() {
        let most = measured.iter().map(|one| value(one)).fold(1.0, f64::max);
        let mut chart = ChartBuilder::on(area)
            .margin(10)
            .caption(name, ("sans-serif", 14))
            .x_label_area_size(36)
            .y_label_area_size(40)
            .build_cartesian_2d(0.0..widest * 1.05, 0.0..most * 1.1)
            .map_err(|error| failed(&error))?;
        chart
            .configure_mesh()
            .x_labels(4)
            .y_labels(6)
            .x_label_formatter(&|number| short(*number))
            .x_desc(across)
            .light_line_style(WHITE)
            .draw()
            .map_err(|error| failed(&error))?;
        let colour = COLOURS[at % COLOURS.len()];
        let points: Vec<(f64, f64)> = measured.iter().map(|one| (x(one), value(one))).collect();
        chart
            .draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)).point_size(3))
            .map_err(|error| failed(&error))?;
    }
    root.present().map_err(|error| failed(&error))
}
