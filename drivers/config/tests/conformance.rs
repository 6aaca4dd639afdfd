//! The suite that every driver passes, and the hard cases of this kind.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

mod cases;
mod worlds;

mod env {
    backout_conformance::conformance!(crate::worlds::EnvWorld);
}

mod json {
    backout_conformance::conformance!(crate::worlds::JsonWorld);
}

mod yaml {
    backout_conformance::conformance!(crate::worlds::YamlWorld);
}

mod toml {
    backout_conformance::conformance!(crate::worlds::TomlWorld);
}

mod ini {
    backout_conformance::conformance!(crate::worlds::IniWorld);
}
