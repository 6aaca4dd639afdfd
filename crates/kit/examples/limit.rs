//! The physical limit of a durable step, for `benches/steps.sh`: the programs that a step runs, looks included,
//! plus two durable writes, and nothing else.
//!
//! `limit STEPS SIDE_BY_SIDE FOLDER WRITES PROGRAM...`: each PROGRAM is a line of words, run in order for each step;
//! `{}` stands for the number of the step. WRITES is how many lines are written and synced for each step.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a measurement ends by panicking"
)]

use std::fs::OpenOptions;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let steps: usize = arguments[0].parse().expect("a number of steps");
    let side_by_side: usize = arguments[1].parse().expect("a number of steps side by side");
    let folder = &arguments[2];
    let writes: usize = arguments[3].parse().expect("a number of writes");
    let programs = &arguments[4..];
    let next = AtomicUsize::new(0);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for worker in 0..side_by_side {
            let next = &next;
            scope.spawn(move || {
                let path = format!("{folder}/limit-journal-{worker}");
                let mut journal = OpenOptions::new().create(true).append(true).open(path).unwrap();
                loop {
                    let step = next.fetch_add(1, Ordering::SeqCst);
                    if step >= steps {
                        return;
                    }
                    for index in 0..writes.max(1) {
                        if index < writes {
                            writeln!(journal, "{{\"step\":{step},\"pad\":\"{:0>400}\"}}", index).unwrap();
                            journal.sync_data().unwrap();
                        }
                        if index == 0 {
                            run_all(programs, step, folder);
                        }
                    }
                }
            });
        }
    });
    println!("{:.4}", began.elapsed().as_secs_f64());
}

fn run_all(programs: &[String], step: usize, folder: &str) {
    for program in programs {
        let words: Vec<String> =
            program.split_whitespace().map(|word| word.replace("{}", &step.to_string())).collect();
        let output = Command::new(&words[0])
            .args(&words[1..])
            .current_dir(folder)
            .stdin(Stdio::null())
            .output()
            .expect("the program starts");
        assert!(output.status.success(), "{program} failed");
    }
}
