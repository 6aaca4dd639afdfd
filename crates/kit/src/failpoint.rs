//! Named places where a test build can be killed. Without the feature `failpoints` they are nothing at all, and the
//! release binary holds no trace of them.
//!
//! `BACKOUT_FAILPOINT=3` dies at the third failpoint that is reached, whichever it is, so that a harness finds
//! them all by counting up; `BACKOUT_FAILPOINT_TRACE=FILE` writes down the names of those reached, so that the
//! harness can tell that it got to the later ones.

/// Marks a place where a test build can be killed.
#[cfg(feature = "failpoints")]
#[macro_export]
macro_rules! failpoint {
    ($name:literal) => {
        $crate::failpoint::reached($name)
    };
}

/// Marks a place where a test build can be killed; in this build it is nothing.
#[cfg(not(feature = "failpoints"))]
#[macro_export]
macro_rules! failpoint {
    ($name:literal) => {};
}

/// Counts this failpoint, writes it down, and dies here if this is the one.
#[cfg(feature = "failpoints")]
pub fn reached(name: &str) {
    use std::io::Write as _;
    use std::sync::atomic::{AtomicU64, Ordering};

    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::SeqCst) + 1;
    if let Some(path) = std::env::var_os("BACKOUT_FAILPOINT_TRACE")
        && let Ok(mut file) = std::fs::OpenOptions::new().create(true).append(true).open(path)
    {
        let _ = writeln!(file, "{count} {name}");
    }
    let wanted = std::env::var("BACKOUT_FAILPOINT").ok().and_then(|text| text.parse::<u64>().ok());
    if wanted == Some(count) {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        loop {
            std::thread::park();
        }
    }
}
