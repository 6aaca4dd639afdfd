//! The hard cases, on real files and with real other processes.

mod errand;
mod killed;
mod looking;
mod reading;
mod recording;
mod recovering;
mod reverting;
mod sharing;
mod sharing_recorder;
pub(super) mod world;
