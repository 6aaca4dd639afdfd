//! Whole stories told as events, and what the report makes of them.

mod costs;
mod doors;
mod follow_ups;
mod outcomes;
mod properties;
mod story;
mod timelines;
