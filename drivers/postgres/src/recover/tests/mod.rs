//! Taking over, on a real server.

mod bench;
mod eight;
mod multiset;
mod random;
mod same;
mod table;
mod world;
