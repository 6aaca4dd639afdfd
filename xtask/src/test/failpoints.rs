//! A release holds no failpoints: whoever finds one could kill a run from outside.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::stage::Outcome;

/// What arms a failpoint.
const TRACE: &[u8] = b"BACKOUT_FAILPOINT";

/// Whether the release binary is free of them.
pub fn absent(target: &Path) -> Result<Outcome> {
    if holds_trace(&target.join("release/backout"))? {
        return Ok(Outcome::Failed("the release binary holds failpoints".into()));
    }
    Ok(Outcome::Held)
}

/// Whether the harness's binary has them; else the harness killed nothing, and the search above is blind.
pub fn present(target: &Path) -> Result<Outcome> {
    if !holds_trace(&target.join("debug/backout"))? {
        return Ok(Outcome::Failed("the harness ran a binary without failpoints".into()));
    }
    Ok(Outcome::Held)
}

fn holds_trace(binary: &Path) -> Result<bool> {
    let bytes = fs::read(binary).with_context(|| format!("read {}", binary.display()))?;
    Ok(contains(&bytes, TRACE))
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::{TRACE, contains};

    #[test]
    fn finds_a_trace_wherever_it_stands() {
        assert!(contains(b"\x7fELF..BACKOUT_FAILPOINT_TRACE..", TRACE));
        assert!(contains(b"BACKOUT_FAILPOINT", TRACE));
        assert!(!contains(b"BACKOUT_FAIL\0POINT", TRACE));
    }
}
