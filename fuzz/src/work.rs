//! One target, input after input, in a process that may die of any of them.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::Effort;
use crate::corpus::Corpus;
use crate::mutate;
use crate::targets::Target;

/// One input may take so long, in a build that is not optimised.
const LONGEST: Duration = Duration::from_secs(10);

/// A process may map so much; an input of 64 KiB needs a thousandth.
const MOST_MEMORY: u64 = 1 << 30;

/// How many inputs were borne.
static DONE: AtomicU64 = AtomicU64::new(0);

/// Replays the corpus and goes on with new inputs until the time is over. Each input is in `current` before it is
/// tried, for whoever finds this process dead.
///
/// # Errors
/// The file cannot be written, or the limits not be set.
pub fn run(target: &Target, corpus: &Corpus, effort: Effort, current: &Path) -> Result<()> {
    let limit = Rlimit { current: Some(MOST_MEMORY), maximum: getrlimit(Resource::As).maximum };
    setrlimit(Resource::As, limit).context("limit the memory")?;
    std::thread::Builder::new().spawn(watch).context("start the watch")?;
    let current = File::create(current).with_context(|| format!("write {}", current.display()))?;
    let attempt = |input: &[u8]| -> Result<bool> {
        current.write_all_at(input, 0)?;
        current.set_len(input.len() as u64)?;
        let was_read = (target.check)(input);
        DONE.fetch_add(1, Ordering::Relaxed);
        Ok(was_read)
    };
    for (_, input) in corpus.entries() {
        attempt(input)?;
    }
    let begin = Instant::now();
    let (mut index, mut read) = (0, 0);
    while begin.elapsed() < effort.time {
        read += u64::from(attempt(&mutate::input(corpus, target.words, effort.seed, index))?);
        index += 1;
    }
    let seconds = begin.elapsed().as_secs_f64();
    let examples = corpus.entries().len();
    println!(
        "fuzzed {}: {examples} examples and {index} inputs held in {seconds:.1} s, {read} were read",
        target.name
    );
    Ok(())
}

/// Ends the process when an input takes too long.
fn watch() {
    let (mut seen, mut since) = (0, Instant::now());
    loop {
        std::thread::sleep(Duration::from_millis(500));
        let done = DONE.load(Ordering::Relaxed);
        if done != seen {
            (seen, since) = (done, Instant::now());
        } else if since.elapsed() > LONGEST {
            eprintln!("an input took longer than {} s", LONGEST.as_secs());
            std::process::abort();
        }
    }
}
