//! The suite that every driver passes, and the hard cases of these kinds.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

mod cases;
mod worlds;

mod tree {
    backout_conformance::conformance!(crate::worlds::TreeWorld);
}

mod single_file {
    backout_conformance::conformance!(crate::worlds::FileWorld);
}

mod link {
    backout_conformance::conformance!(crate::worlds::LinkWorld);
}
