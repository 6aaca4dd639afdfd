//! Taking over, on a real server.

mod eight;
mod random;
mod same;
mod table;
mod world;
