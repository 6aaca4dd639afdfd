//! Values of references, read as late as possible and masked from then on.

use backout_kit::quietly;
use std::io::Read;
use std::path::{Path, PathBuf};

use backout_contract::{DriverError, ErrorKind, Resolver};
use backout_core::migration::{Part, Reference};
use backout_core::secret::Secret;

/// A secret is not longer.
const LONGEST: u64 = 1024 * 1024;

/// Reads the environment and the files of this machine.
#[derive(Debug)]
pub struct FromWorld {
    root: PathBuf,
}

impl FromWorld {
    /// Relative paths begin in this folder.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    fn file(&self, path: &str) -> Result<String, String> {
        let mut text = String::new();
        let file = quietly::open(&self.root.join(path)).map_err(|error| error.to_string())?;
        if !file.metadata().map_err(|error| error.to_string())?.is_file() {
            return Err("it is no regular file".to_owned());
        }
        file.take(LONGEST + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
        if text.len() as u64 > LONGEST {
            return Err("it is longer than any secret".to_owned());
        }
        // Editors end a file with a line end that is no part of what it holds.
        let text =
            text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
        Ok(text.to_owned())
    }
}

impl Resolver for FromWorld {
    fn resolve(&self, reference: &Reference) -> Result<Secret, DriverError> {
        let mut text = String::new();
        for part in reference.parts() {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Environment(name) => match std::env::var(name) {
                    Ok(value) => text.push_str(&value),
                    Err(std::env::VarError::NotPresent) => {
                        return Err(unresolved(&format!("${{env:{name}}}"), "the variable is not set")
                            .hint(format!("set {name} in the environment of backout")));
                    }
                    Err(std::env::VarError::NotUnicode(_)) => {
                        return Err(unresolved(&format!("${{env:{name}}}"), "its value is not UTF-8 text"));
                    }
                },
                Part::File(path) => match self.file(path) {
                    Ok(value) => text.push_str(&value),
                    Err(cause) => return Err(unresolved(&format!("${{file:{path}}}"), &cause)),
                },
            }
        }
        Ok(Secret::new(text))
    }
}

/// Names the reference, never a value.
fn unresolved(reference: &str, cause: &str) -> DriverError {
    DriverError::new(ErrorKind::Config, format!("read {reference}")).caused_by(cause).nothing_happened()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(root: &Path, text: &str) -> Result<String, String> {
        let reference = Reference::parse(text).unwrap();
        let found = FromWorld::new(root).resolve(&reference);
        found.map(|secret| secret.reveal().to_owned()).map_err(|error| error.chain())
    }

    #[test]
    fn references_are_read_and_errors_name_them() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("password"), "s3cret\n").unwrap();
        std::fs::write(folder.path().join("windows"), "s3cret\r\n").unwrap();
        std::fs::write(folder.path().join("binary"), [0xff]).unwrap();
        let root = folder.path();
        for (text, expected) in [
            ("plain", Ok("plain")),
            ("a-${file:password}-b", Ok("a-s3cret-b")),
            ("${file:windows}", Ok("s3cret")),
            ("${file:absent}", Err("read ${file:absent}: No such file or directory (os error 2)")),
            ("${file:.}", Err("read ${file:.}: it is no regular file")),
            ("${file:binary}", Err("read ${file:binary}: stream did not contain valid UTF-8")),
            (
                "${env:BACKOUT_TEST_NEVER_SET}",
                Err("read ${env:BACKOUT_TEST_NEVER_SET}: the variable is not set"),
            ),
        ] {
            assert_eq!(resolve(root, text), expected.map(str::to_owned).map_err(str::to_owned), "{text}");
        }
    }

    #[test]
    fn what_was_read_is_masked() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("password"), "s3cret").unwrap();
        let reference = Reference::parse("${file:password}").unwrap();
        let secret = FromWorld::new(folder.path()).resolve(&reference).unwrap();
        assert!(!format!("{secret:?} {secret}").contains("s3cret"));
    }
}
