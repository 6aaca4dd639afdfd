//! One file a command.

pub mod abandon;
pub mod arm;
pub mod capture;
pub mod check;
pub mod checkpoint;
pub mod compare;
pub mod completions;
pub mod cutover;
pub mod demo;
pub mod drivers;
pub mod explain;
pub mod init;
pub mod list;
pub mod log;
pub mod plan;
pub mod recover;
pub mod release;
pub mod report;
pub mod resume;
pub mod rollback;
pub mod runs;
pub mod schema;
pub mod show;
pub mod status;
pub mod step;
pub mod stop;
pub mod verify;
pub mod wait;

mod choices;
mod confirm;
mod require;
