//! The suite tested: good drivers pass it, and each bad one is caught by exactly the cases meant for it.

#![allow(clippy::unwrap_used, reason = "test code: what cannot be prepared is a failed test")]

mod caught;
mod estate;
mod flaw;
mod memory;
mod memory_world;
mod recording;
mod text_file;

mod good {
    mod opening_restarts {
        backout_conformance::conformance!(crate::memory_world::MemoryWorld<{ crate::flaw::NONE }, true>);
    }
    mod restarting_apart {
        backout_conformance::conformance!(crate::memory_world::MemoryWorld<{ crate::flaw::NONE }, false>);
    }
    mod text_file {
        backout_conformance::conformance!(crate::text_file::FileWorld<false>);
    }
}
