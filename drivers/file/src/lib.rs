//! Driver for what lies in a file system: whole trees, and the link that names the current release.

pub mod link;
pub mod tree;

mod displaced;
mod judge;
mod pace;
mod trouble;

pub use link::FileLink;
pub use tree::FileTree;
