//! The two releases of the application, and their folders.

use crate::database::Engine;
use crate::files;
use crate::identifier::IdType;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A release that this crate knows how to build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// 1.4.0: integer keys, works.
    V1,
    /// 2.0.0: UUIDs, has a defect.
    V2,
}

impl Version {
    /// The number, which is also the name of the folder.
    pub fn number(self) -> &'static str {
        match self {
            Self::V1 => "1.4.0",
            Self::V2 => "2.0.0",
        }
    }

    /// The complete schema that this release expects.
    pub(crate) fn schema(self, engine: Engine) -> &'static str {
        match (self, engine) {
            (Self::V1, Engine::Sqlite) => include_str!("../schema/sqlite/1.sql"),
            (Self::V2, Engine::Sqlite) => include_str!("../schema/sqlite/2.sql"),
            (Self::V1, Engine::Postgres) => include_str!("../schema/postgres/1.sql"),
            (Self::V2, Engine::Postgres) => include_str!("../schema/postgres/2.sql"),
        }
    }

    fn release(self) -> Release {
        let (ids, api) = match self {
            Self::V1 => (IdType::Integer, "/api/v1"),
            Self::V2 => (IdType::Uuid, "/api/v2"),
        };
        Release { version: self.number().to_owned(), ids, api: api.to_owned() }
    }

    fn notes(self) -> &'static str {
        match self {
            Self::V1 => "To-do 1.4.0\n\n- Tasks can recur in any time zone.\n- Log-in is faster.\n",
            Self::V2 => {
                "To-do 2.0.0\n\n- Every identifier is a UUID now.\n- The API moved to /api/v2; /api/v1 still \
                 answers.\n- Links with the integer identifiers of 1.x are still recognised.\n"
            }
        }
    }
}

/// What `release.json` says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Release {
    /// The number of the release.
    pub version: String,
    /// The type of identifier that its code is written for.
    pub ids: IdType,
    /// Where its API begins.
    pub api: String,
}

impl Release {
    /// Reads the release in a folder, or behind a link to one.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join("release.json");
        serde_json::from_str(&files::read(&path)?).with_context(|| format!("understand {}", path.display()))
    }
}

/// Builds the folder of a release.
pub fn deploy(folder: &Path, version: Version, engine: Engine) -> Result<()> {
    files::put_folder(folder, |folder| {
        let description = serde_json::to_string_pretty(&version.release())? + "\n";
        files::put(&folder.join("release.json"), &description)?;
        files::put(&folder.join("schema.sql"), version.schema(engine))?;
        files::put(&folder.join("NOTES.txt"), version.notes())?;
        files::make_folder(&folder.join("bin"))?;
        let program = format!("#!/bin/sh\necho 'to-do {}'\n", version.number());
        files::put_with_mode(&folder.join("bin/todo"), &program, 0o755)
    })
}
