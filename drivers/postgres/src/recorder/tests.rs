//! The recorder against real servers.

mod everything;
mod world;
