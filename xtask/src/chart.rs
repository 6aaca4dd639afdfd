//! Pictures of what `benches/compare.sh` measured: bars for the tools, lines for how we grow.

mod bars;
mod lines;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use plotters::style::RGBColor;

/// A colour of its own for each tool, readable on white and on a dark page's white card.
const COLOURS: [RGBColor; 5] = [
    RGBColor(0x1f, 0x6f, 0xb2),
    RGBColor(0xa0, 0xa4, 0xa8),
    RGBColor(0xd1, 0x6b, 0x1d),
    RGBColor(0x8a, 0x4f, 0x9e),
    RGBColor(0x3d, 0x8b, 0x56),
];
const SIZE: (u32, u32) = (860, 420);

/// One line of the benchmark's output.
#[derive(Debug, Clone, PartialEq)]
struct Measured {
    label: String,
    rows: f64,
    differences: f64,
    seconds: f64,
    client_mib: f64,
    wire_mb: f64,
}

/// Draws all pictures of a file into a folder.
pub fn run(file: &str, folder: &str) -> Result<bool> {
    let text = fs::read_to_string(file).with_context(|| format!("read {file}"))?;
    let measured = read(&text)?;
    fs::create_dir_all(folder).with_context(|| format!("make {folder}"))?;
    let place = |name: &str| Path::new(folder).join(name);
    bars::draw(&place("compare-tools.svg"), &measured)?;
    let of = |label: &str| -> Vec<Measured> {
        measured.iter().filter(|one| one.label == label).cloned().collect()
    };
    let mut by_rows = of("slopes: rows");
    by_rows.extend(of("ours").into_iter().filter(|one| one.differences == 0.0));
    lines::draw(&place("compare-rows.svg"), "all rows alike", "rows", &by_rows, |one| one.rows)?;
    let mut by_differences = of("slopes: differences");
    by_differences.extend(of("ours").into_iter().filter(|one| one.differences <= 100.0));
    lines::draw(
        &place("compare-differences.svg"),
        "by rows that differ",
        "rows that differ",
        &by_differences,
        |one| one.differences,
    )?;
    println!("chart: three pictures of {} measurements in {folder}", measured.len());
    Ok(true)
}

fn read(text: &str) -> Result<Vec<Measured>> {
    let mut measured = Vec::new();
    for (number, line) in text.lines().enumerate().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [label, rows, differences, seconds, _, _, client_mib, wire_mb, ..] = fields.as_slice() else {
            bail!("line {}: there are too few fields", number + 1);
        };
        let read =
            |field: &str| field.parse::<f64>().with_context(|| format!("line {}: `{field}`", number + 1));
        measured.push(Measured {
            label: (*label).to_owned(),
            rows: read(rows)?,
            differences: read(differences)?,
            seconds: read(seconds)?,
            client_mib: read(client_mib)?,
            wire_mb: read(wire_mb)?,
        });
    }
    if measured.is_empty() {
        bail!("nothing was measured");
    }
    Ok(measured)
}

/// A number of rows, short.
fn short(number: f64) -> String {
    match number {
        million if million >= 1e6 => format!("{} M", (million / 1e5).round() / 10.0),
        thousand if thousand >= 1e3 => format!("{} k", (thousand / 1e2).round() / 10.0),
        few => format!("{few:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
label\trows\tdifferences\tseconds\tclient_cpu\tserver_cpu\tclient_mib\twire_mb\tfound
limit: block pass\t5000000\t0\t4.3\t0.04\t8.3\t9\t0.02\t
ours\t5000000\t0\t4.5\t0.1\t8.4\t20\t0.7\t0
ours\t5000000\t100\t4.6\t0.1\t8.5\t21\t0.9\t100
rivals: reladiff -j2\t5000000\t0\t19.6\t0.6\t34.4\t32\t0.1\t0
slopes: rows\t1000000\t0\t1.0\t0.1\t1.7\t20\t0.2\t0
slopes: differences\t5000000\t50000\t12.0\t3\t18\t60\t300\t50000
";

    #[test]
    fn the_output_becomes_pictures_that_name_what_was_measured() {
        let folder = std::env::temp_dir().join(format!("backout-chart-{}", std::process::id()));
        let file = folder.with_extension("tsv");
        fs::write(&file, OUTPUT).unwrap();
        assert!(run(file.to_str().unwrap(), folder.to_str().unwrap()).unwrap());
        let tools = fs::read_to_string(folder.join("compare-tools.svg")).unwrap();
        for word in ["ours", "reladiff -j2", "4.5 s", "19.6 s"] {
            assert!(tools.contains(word), "{word}");
        }
        assert!(fs::read_to_string(folder.join("compare-differences.svg")).unwrap().contains("40 k"));
        fs::remove_dir_all(&folder).unwrap();
        fs::remove_file(&file).unwrap();
    }

    #[test]
    fn what_is_no_output_is_refused_with_its_line() {
        assert!(read("label\n").is_err());
        assert!(
            format!("{:#}", read("head\nours\t1\t2\tx\t0\t0\t0\t0\t0").unwrap_err()).contains("line 2: `x`")
        );
    }

    #[test]
    fn numbers_are_short() {
        let shorts: Vec<String> = [0.0, 100.0, 50_000.0, 1_250_000.0].into_iter().map(short).collect();
        assert_eq!(shorts, ["0", "100", "50 k", "1.3 M"]);
    }
}
