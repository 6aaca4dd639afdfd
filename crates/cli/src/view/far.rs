//! Draws how far long calls are: bytes done and the time that is left. Only on a terminal.

use std::collections::BTreeMap;
use std::sync::Mutex;

use backout_contract::{Far, Progress};
use backout_core::name::ComponentName;
use indicatif::ProgressBar;

use super::Output;
use super::progress::{drawn, style};

/// One bar for each long call that says how far it is.
pub fn reader(output: Output) -> Progress {
    if !output.is_live() {
        return Progress::default();
    }
    let bars: Mutex<BTreeMap<(ComponentName, &'static str), ProgressBar>> = Mutex::default();
    Progress::to(move |far| {
        if let Ok(mut bars) = bars.lock() {
            let key = (far.component.clone(), far.work);
            let bar = bars.entry(key.clone()).or_insert_with(|| begin(&far));
            if let Some(of) = far.of {
                bar.set_length(of.max(far.done));
            }
            bar.set_position(far.done);
            if far.of.is_some_and(|of| far.done >= of) {
                bar.finish_and_clear();
                bars.remove(&key);
            }
        }
    })
}

fn begin(far: &Far) -> ProgressBar {
    let bar = drawn().add(ProgressBar::new(far.of.unwrap_or(0)));
    bar.set_style(style("  {msg}  {binary_bytes} of about {binary_total_bytes}, {eta} left"));
    bar.set_message(format!("{}: {}", far.component, far.work));
    bar
}
