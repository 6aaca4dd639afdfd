//! Kind `command`: whatever has no driver of its own takes part through a person's own programs.

mod command;

pub use command::Command;
