//! Taking over, on a real server.

mod eight;
mod world;
