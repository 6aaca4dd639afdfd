//! Files for people: private, whole or not there at all, written row by row.

use std::fs::{DirBuilder, File, OpenOptions, rename};
use std::io::{BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::atomic_put::sync_folder_of;
use crate::file_error::{FileError, OnFile};
use crate::path_text::encode;
use crate::reserved::sibling;

/// Longer names of tables are cut in names of files.
const LONGEST_NAME: usize = 100;

/// A file that is being written; nobody sees it under its name before it is whole.
pub struct Paper {
    path: PathBuf,
    scratch: PathBuf,
    file: BufWriter<File>,
}

/// Makes the folder that files go to, for its owner only.
pub fn make_folder(folder: &Path) -> Result<(), FileError> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder).on_file("make the folder", folder)
}

impl Paper {
    /// Begins a file in a folder that is there. An earlier try that did not come to its end is thrown away.
    pub fn new(folder: &Path, name: &str) -> Result<Self, FileError> {
        let path = folder.join(name);
        let scratch = sibling(&path, "build")?;
        let _ = std::fs::remove_file(&scratch);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&scratch)
            .on_file("write", &path)?;
        Ok(Self { path, scratch, file: BufWriter::new(file) })
    }

    /// Takes over what another one holds so far, and takes that away.
    pub fn swallow(&mut self, mut other: Self) -> Result<(), FileError> {
        other.file.flush().on_file("write", &self.path)?;
        let mut written = File::open(&other.scratch).on_file("write", &self.path)?;
        std::io::copy(&mut written, &mut self.file).on_file("write", &self.path)?;
        std::fs::remove_file(&other.scratch).on_file("write", &self.path)
    }

    /// Goes on with it.
    pub fn write(&mut self, text: &str) -> Result<(), FileError> {
        self.file.write_all(text.as_bytes()).on_file("write", &self.path)
    }

    /// Puts it in its place, durably; where it is, for people.
    pub fn finish(mut self) -> Result<String, FileError> {
        self.file.flush().on_file("write", &self.path)?;
        self.file.get_ref().sync_all().on_file("write", &self.path)?;
        rename(&self.scratch, &self.path).on_file("write", &self.path)?;
        sync_folder_of(&self.path)?;
        Ok(encode(self.path.as_os_str()))
    }
}

/// The name of a table as a part of a file's name.
pub fn file_name(table: &str) -> String {
    let mut name = String::new();
    for byte in table.bytes() {
        match byte {
            b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => name.push(char::from(byte)),
            other => name.push_str(&format!("%{other:02X}")),
        }
    }
    if name.len() > LONGEST_NAME {
        let digest: String = Sha256::digest(table).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        name.truncate(LONGEST_NAME);
        name.push('~');
        name.push_str(&digest);
    }
    name
}

/// One line of a table in CSV. A spreadsheet takes what begins like a formula for one, so it is given a quote before.
pub fn csv_line<S: AsRef<str>>(cells: impl IntoIterator<Item = S>) -> String {
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
