//! Files for people: private, whole or not there at all, written row by row.

use std::fs::{DirBuilder, File, OpenOptions, rename};
use std::io::{BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use backout_contract::DriverError;
use backout_core::digest::Digest;
use backout_kit::atomic_put::sync_folder_of;
use backout_kit::file_error::FileError;
use backout_kit::path_text::encode;
use backout_kit::reserved::sibling;

/// A failure of a file; in doubt.
pub(super) fn of_io(attempted: &str, path: &Path, source: std::io::Error) -> DriverError {
    DriverError::io(format!("{attempted} {}", shown(path)), source)
}

fn of_file(error: FileError) -> DriverError {
    DriverError::io(error.to_string(), error.source)
}

fn shown(path: &Path) -> String {
    encode(path.as_os_str())
}

/// Longer names of tables are cut in names of files.
const LONGEST_NAME: usize = 100;

/// A file that is being written.
pub(super) struct Paper {
    path: PathBuf,
    scratch: PathBuf,
    file: BufWriter<File>,
}

/// Makes the folder that files go to, for its owner only.
pub(super) fn make_folder(folder: &Path) -> Result<(), DriverError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| of_io("make the folder", folder, error).nothing_happened())
}

impl Paper {
    pub(super) fn new(folder: &Path, name: &str) -> Result<Self, DriverError> {
        let path = folder.join(name);
        let scratch = sibling(&path, "build").map_err(of_file)?;
        // Of an earlier try that did not come to its end.
        let _ = std::fs::remove_file(&scratch);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&scratch)
            .map_err(|error| of_io("write", &path, error).nothing_happened())?;
        Ok(Self { path, scratch, file: BufWriter::new(file) })
    }

    /// Takes over what another one holds so far, and takes that away.
    pub(super) fn swallow(&mut self, mut other: Self) -> Result<(), DriverError> {
        let failed = |error| of_io("write", &self.path, error).nothing_happened();
        other.file.flush().map_err(failed)?;
        let mut written = File::open(&other.scratch).map_err(failed)?;
        std::io::copy(&mut written, &mut self.file).map_err(failed)?;
        std::fs::remove_file(&other.scratch).map_err(failed)
    }

    pub(super) fn write(&mut self, text: &str) -> Result<(), DriverError> {
        self.file
            .write_all(text.as_bytes())
            .map_err(|error| of_io("write", &self.path, error).nothing_happened())
    }

    /// Puts it in its place, durably; where it is, for people.
    pub(super) fn finish(mut self) -> Result<String, DriverError> {
        let failed = |error| of_io("write", &self.path, error).nothing_happened();
        self.file.flush().map_err(failed)?;
        self.file.get_ref().sync_all().map_err(failed)?;
        rename(&self.scratch, &self.path).map_err(failed)?;
        sync_folder_of(&self.path).map_err(of_file)?;
        Ok(shown(&self.path))
    }
}

/// The name of a table as a part of a file's name.
pub(super) fn file_name(table: &str) -> String {
    let mut name = String::new();
    for byte in table.bytes() {
        match byte {
            b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => name.push(char::from(byte)),
            other => name.push_str(&format!("%{other:02X}")),
        }
    }
    if name.len() > LONGEST_NAME {
        let digest = Digest::of_bytes("backout/postgres/table", table.as_bytes()).short();
        name.truncate(LONGEST_NAME);
        name.push('~');
        name.push_str(&digest);
    }
    name
}

/// One line of a table in CSV. A spreadsheet takes what begins like a formula for one, so it is given a quote before.
pub(super) fn csv_line<S: AsRef<str>>(cells: impl IntoIterator<Item = S>) -> String {
    let cells: Vec<String> = cells.into_iter().map(|cell| csv_cell(cell.as_ref())).collect();
    cells.join(",") + "\r\n"
}

fn csv_cell(text: &str) -> String {
    let begins_a_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text.parse::<f64>().is_err();
    let text = if begins_a_formula { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\n', '\r', '\'']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn no_cell_is_a_formula() {
        for (cell, expected) in [
            ("plain", "plain"),
            ("-5", "-5"),
            ("+1.5e3", "+1.5e3"),
            ("=1+1", "\"'=1+1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("-1+cmd|' /C calc'!A0", "\"'-1+cmd|' /C calc'!A0\""),
            ("+x", "\"'+x\""),
            ("a,b", "\"a,b\""),
            ("say \"hi\"\n", "\"say \"\"hi\"\"\n\""),
        ] {
            assert_eq!(csv_cell(cell), expected, "{cell}");
        }
        assert_eq!(csv_line(["a", "b,c"]), "a,\"b,c\"\r\n");
    }

    #[test]
    fn any_table_has_a_file() {
        assert_eq!(file_name("tasks"), "tasks");
        assert_eq!(file_name("../ü"), "%2E%2E%2F%C3%BC");
        assert!(file_name(&"x".repeat(3000)).len() < 200);
        assert_ne!(file_name(&"x".repeat(3000)), file_name(&"x".repeat(3001)));
    }

    #[test]
    fn a_paper_is_private_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b");
        make_folder(&inner).unwrap();
        let mut paper = Paper::new(&inner, "x.csv").unwrap();
        paper.write("one").unwrap();
        assert!(!inner.join("x.csv").exists());
        paper.finish().unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(
            (mode(&inner.join("x.csv")), mode(&inner), mode(&folder.path().join("a"))),
            (0o600, 0o700, 0o700)
        );
        assert_eq!(std::fs::read_dir(&inner).unwrap().count(), 1);
    }
}
