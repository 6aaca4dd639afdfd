//! Hard cases of single kinds, on the worlds of the suite.

mod endpoint;
mod replication;
