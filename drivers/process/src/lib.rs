//! Kind `process`: a program that runs for a long time and is supervised by a pid file.

mod process;

pub use process::Process;
