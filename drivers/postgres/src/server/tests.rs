//! Ways to real servers: through poolers, and as roles that are given settings.

mod poolers;
mod settings;
