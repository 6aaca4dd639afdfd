//! Taking over, on a real server.

mod bench;
mod eight;
mod random;
mod same;
mod table;
mod world;
