//! The version of a server.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A server's version as `server_version_num` says it: 150018 is 15.18.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Version(pub(crate) u32);

impl Version {
    /// The oldest major version that is supported.
    pub(crate) const OLDEST: u32 = 13;

    /// Its major version.
    pub(crate) fn major(self) -> u32 {
        self.0 / 10_000
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major(), self.0 % 10_000)
    }
}
