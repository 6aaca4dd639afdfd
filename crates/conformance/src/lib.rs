//! The suite that every driver passes, chosen by its declared capabilities.
//!
//! A driver's `tests/conformance.rs` describes a small real thing as a [`World`] and asks for the tests:
//!
//! ```ignore
//! mod tree {
//!     struct TreeWorld { /* a temporary folder */ }
//!     #[async_trait]
//!     impl World for TreeWorld { /* what people do to it */ }
//!     backout_conformance::conformance!(TreeWorld);
//! }
//! ```
//!
//! There is one test for each case ([`cases`]), named after the duty that it checks. A case that does not apply
//! says so on standard error, with the reason, and passes.

pub mod cases;
pub mod listing;

mod bench;
mod calls;
mod child;
mod component;
mod diary;
mod liar;
mod outcome;
mod readable;
mod resolver;
mod resume;
mod scene;
mod strace;
mod vault;
mod world;

use std::io::Write;
use std::time::Duration;

pub use bench::{Bench, Looked};
pub use cases::saying::HOSTILE_NAMES;
pub use component::{configure, quoted};
pub use liar::Liar;
pub use outcome::{Failure, Outcome, Ran};
pub use resolver::MapResolver;
pub use vault::FolderVault;
pub use world::{Change, World};

/// One test for each case, for the given [`World`]. For several worlds in one file, put each into a module.
#[macro_export]
macro_rules! conformance {
    ($world:ty) => {
        $crate::each_case!(test_for_each_case($world));
    };
}

/// What a case may take before it counts as hanging.
const LONGEST: Duration = Duration::from_secs(300);

/// Runs one case as a test. `module` is the path of the module in which the test stands, for starting the test
/// again in a child process.
///
/// # Panics
/// When the case fails.
#[allow(clippy::panic, reason = "a test fails by panicking")]
pub fn run<W: World>(name: &str, module: &str) {
    child::serve::<W::Driver>();
    let test = match module.split_once("::") {
        Some((_, within)) => format!("{within}::{name}"),
        None => name.to_owned(),
    };
    let Some(case) = cases::all::<W>().into_iter().find(|case| case.name == name) else {
        panic!("there is no case {name}");
    };
    let outcome = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime.block_on(async { tokio::time::timeout(LONGEST, case.run(&test)).await }),
        Err(error) => panic!("no runtime for the test: {error}"),
    };
    match outcome {
        Ok(Ok(Ran::Passed)) => {}
        // Past the capture of the test harness: a case that tested nothing must be seen.
        Ok(Ok(Ran::NotApplicable(reason))) => {
            let _ = writeln!(std::io::stderr(), "NOT APPLICABLE: {test}: {reason}");
        }
        // No backtrace: it would lead into the suite, and bury the message.
        Ok(Err(failure)) => {
            eprintln!("{failure}");
            std::panic::resume_unwind(Box::new(failure.to_string()));
        }
        Err(_) => panic!("the case did not end within {LONGEST:?}"),
    }
}

/// Runs every case, one after the other, and says how each ended.
pub async fn survey<W: World>() -> Vec<(&'static str, Outcome)> {
    let mut outcomes = Vec::new();
    for case in cases::all::<W>() {
        outcomes.push((case.name, case.run(case.name).await));
    }
    outcomes
}
