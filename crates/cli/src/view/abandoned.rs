//! What giving a run up left how.

use backout_core::life::RunLife;
use backout_engine::Left;

use super::run::steps;
use super::{Line, Output};

/// Shows it.
pub fn show(output: Output, run: &RunLife, left: &Left) {
    if output.json {
        output.document(&backout_api::Abandoned {
            run: Some(run.id.to_string()),
            opened: left.opened.iter().map(ToString::to_string).collect(),
            shut: left
                .shut
                .iter()
                .map(|(component, why)| backout_api::Kept {
                    component: component.to_string(),
                    places: vec![why.clone()],
                })
                .collect(),
            steps: run.order.iter().map(|step| backout_api::RunStep::of(run, step)).collect(),
        });
        return;
    }
    output.line(Line::new().bold(format!("Run {} is given up.", run.id)));
    for component in &left.opened {
        output.line(Line::indented(2).good(component.as_str()).plain(" was opened"));
    }
    for (component, why) in &left.shut {
        output.line(Line::indented(2).bad(component.as_str()).plain(format!(" stays shut: {why}")));
    }
    output.blank();
    output.line(Line::new().bold("Where every step stands"));
    steps(output, run, 2);
    output.blank();
    output.line(Line::of("next: backout status, backout plan"));
}
