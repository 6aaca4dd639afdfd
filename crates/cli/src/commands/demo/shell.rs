//! Runs the very commands that the demo tells: this executable, found by its name, in the folder of the estate.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};

use super::interrupts::Interrupts;

/// Where commands are run, and by which name this executable goes there.
#[derive(Debug)]
pub struct Shell {
    executable: PathBuf,
    name: String,
    path: OsString,
    folder: PathBuf,
    colours: bool,
    interrupts: Interrupts,
}

impl Shell {
    /// A shell in a folder, in which this executable goes by its own name.
    ///
    /// # Errors
    /// The executable cannot be found, or its name is no text.
    pub fn in_folder(folder: &Path, colours: bool, interrupts: Interrupts) -> Result<Self> {
        let executable = std::env::current_exe().context("find this program")?;
        let name = executable.file_name().and_then(OsStr::to_str).context("name this program")?.to_owned();
        let home = executable.parent().context("find the folder of this program")?;
        let others = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(home.to_owned()).chain(std::env::split_paths(&others));
        let path = std::env::join_paths(folders).context("add this program's folder to PATH")?;
        Ok(Self { executable, name, path, folder: folder.to_owned(), colours, interrupts })
    }

    /// What this executable is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// This executable.
    pub fn executable(&self) -> &Path {
        &self.executable
    }

    /// The folder to add to PATH, if typing this executable's name would start another one, or none.
    pub fn missing_in_path(&self) -> Option<&Path> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let first =
            std::env::split_paths(&path).map(|folder| folder.join(&self.name)).find(|file| file.is_file());
        let is_this = first.and_then(|file| file.canonicalize().ok()) == self.executable.canonicalize().ok();
        self.executable.parent().filter(|_| !is_this)
    }

    /// A command line as a person types it.
    pub fn line(&self, arguments: &[&str]) -> String {
        let words = std::iter::once(self.name.as_str()).chain(arguments.iter().copied());
        words.map(quoted).collect::<Vec<_>>().join(" ")
    }

    /// Runs this executable with these arguments and hands over every line that it prints, on either output. A
    /// request to end is passed on, and its end awaited all the same.
    ///
    /// Returns its exit code; none when a signal ended it.
    ///
    /// # Errors
    /// It cannot be started, or what it prints cannot be read.
    pub async fn run(&self, arguments: &[&str], mut printed: impl FnMut(&str)) -> Result<Option<i32>> {
        let (reader, mut child) =
            self.start(arguments).with_context(|| format!("run {}", self.line(arguments)))?;
        let mut lines = BufReader::new(reader).lines();
        let mut interrupts = self.interrupts.clone();
        loop {
            tokio::select! {
                line = lines.next_line() => match line.context("read what it prints")? {
                    Some(line) => printed(&line),
                    None => break,
                },
                () = interrupts.next() => interrupt(&child),
            }
        }
        loop {
            tokio::select! {
                ended = child.wait() => return Ok(ended.context("wait for its end")?.code()),
                () = interrupts.next() => interrupt(&child),
            }
        }
    }

    /// Both outputs end in one pipe, so that lines keep their order. The child leads a group of its own: a terminal's
    /// `^C` reaches it once, through us.
    fn start(&self, arguments: &[&str]) -> Result<(pipe::Receiver, Child)> {
        let (reader, writer) = std::io::pipe()?;
        let mut command = Command::new(&self.executable);
        command.args(arguments).current_dir(&self.folder).env("PATH", &self.path).process_group(0);
        if self.colours {
            command.env("CLICOLOR_FORCE", "1").env_remove("NO_COLOR");
        } else {
            command.env("NO_COLOR", "1").env_remove("CLICOLOR_FORCE");
        }
        command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
        let child = command.spawn()?;
        let reader = pipe::Receiver::from_owned_fd(reader.into())?;
        Ok((reader, child))
    }
}

fn interrupt(child: &Child) {
    let number = child.id().and_then(|number| i32::try_from(number).ok());
    if let Some(pid) = number.and_then(Pid::from_raw) {
        // It may just have ended, and is not reaped before we have waited for it.
        let _ = kill_process(pid, Signal::INT);
    }
}

/// A path as a person types it.
pub fn quoted_path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn words_are_quoted_where_a_shell_would_read_more_into_them() {
        for (word, typed) in
            [("--dir", "--dir"), ("a b", "'a b'"), ("it's", r"'it'\''s'"), ("", "''"), ("$HOME", "'$HOME'")]
        {
            assert_eq!(quoted(word), typed);
        }
    }
}
