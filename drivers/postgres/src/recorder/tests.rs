//! The recorder against real servers.

mod crowd;
mod everything;
mod limits;
mod migration;
mod others;
mod speed;
mod world;
