//! The engine in a simulated world, crashed at every record.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends by panicking")]

#[path = "simulation/crash.rs"]
mod crash;
#[path = "simulation/estate.rs"]
mod estate;
#[path = "simulation/journal.rs"]
mod journal;
#[path = "simulation/living.rs"]
mod living;
#[path = "simulation/living_estate.rs"]
mod living_estate;
#[path = "simulation/merging.rs"]
mod merging;
#[path = "simulation/recording.rs"]
mod recording;
#[path = "simulation/returning.rs"]
mod returning;
#[path = "simulation/returning_apart.rs"]
mod returning_apart;
#[path = "simulation/returning_killed.rs"]
mod returning_killed;
#[path = "simulation/rows.rs"]
mod rows;
#[path = "simulation/stories.rs"]
mod stories;
#[path = "simulation/world.rs"]
mod world;
