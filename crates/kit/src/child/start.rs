//! From a request to a running child.

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::Duration;

use rustix::io::Errno;

use super::pipes::Pipes;
use super::program::{Lookup, look_up};
use super::{ChildRequest, RunningChild, environment};
use crate::path_text;

/// How long, and how often, a program that is still held open for writing is tried again.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(2);
const MOST_TRIES: usize = 50;

/// A child that was not started: the program did nothing at all.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No file has that name.
    #[error("find the program {}", path_text::encode(.program.as_os_str()))]
    NotFound {
        /// As asked for.
        program: PathBuf,
    },
    /// The file has no right to be executed, is no program, or names an interpreter that is not there.
    #[error("execute {}", path_text::encode(.program.as_os_str()))]
    NotExecutable {
        /// The file that was found.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The working directory is not there, is no directory, or may not be entered.
    #[error("enter the working directory {}", path_text::encode(.directory.as_os_str()))]
    WorkingDirectory {
        /// As asked for.
        directory: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system could not start any program now, or not with these arguments.
    #[error("start {}", path_text::encode(.program.as_os_str()))]
    System {
        /// The file that was found.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

pub(super) fn start(request: &ChildRequest) -> Result<RunningChild, StartError> {
    let (program, mut command) = prepare(request)?;
    let (pipes, [input, output, errors]) = Pipes::new(request.input.as_deref(), request.keep_bytes)
        .map_err(|source| StartError::System { program: program.clone(), source })?;
    command.stdin(input).stdout(output).stderr(errors);
    match spawn(&mut command) {
        Ok(process) => Ok(RunningChild::new(process, pipes, request)),
        Err(source) => Err(explain(source, program, request.working_directory.as_deref())),
    }
}

/// Starts a command. A program that was written a moment ago may still be held open for writing by another child
/// of ours that is not yet its own program; that passes.
pub(super) fn spawn(command: &mut Command) -> io::Result<Child> {
    for _ in 0..MOST_TRIES {
        match command.spawn() {
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => sleep(TRY_AGAIN_AFTER),
            result => return result,
        }
    }
    command.spawn()
}

/// The program that was found, and the command that starts it; its streams are not set.
pub(super) fn prepare(request: &ChildRequest) -> Result<(PathBuf, Command), StartError> {
    let environment = environment::of_child(request, std::env::vars_os());
    let search_path = environment.get(OsStr::new("PATH")).map(|value| value.as_os_str());
    let directory = request.working_directory.as_deref();
    let program = match look_up(&request.program, search_path, directory) {
        Lookup::Found(program) => program,
        Lookup::NotExecutable(program) => {
            let source = ErrorKind::PermissionDenied.into();
            return Err(StartError::NotExecutable { program, source });
        }
        Lookup::NotFound => {
            check_directory(directory)?;
            return Err(StartError::NotFound { program: PathBuf::from(&request.program) });
        }
    };
    let mut command = Command::new(&program);
    command.arg0(&request.program).args(&request.arguments).env_clear().envs(environment).process_group(0);
    if let Some(directory) = directory {
        command.current_dir(directory);
    }
    Ok((program, command))
}

/// The system gives one code for a missing working directory and a missing interpreter.
pub(super) fn explain(source: io::Error, program: PathBuf, directory: Option<&Path>) -> StartError {
    if let Err(error) = check_directory(directory) {
        return error;
    }
    let no_program = [Errno::NOEXEC, Errno::LIBBAD, Errno::ISDIR].map(|errno| Some(errno.raw_os_error()));
    match source.kind() {
        ErrorKind::NotFound | ErrorKind::PermissionDenied => StartError::NotExecutable { program, source },
        _ if no_program.contains(&source.raw_os_error()) => StartError::NotExecutable { program, source },
        _ => StartError::System { program, source },
    }
}

fn check_directory(directory: Option<&Path>) -> Result<(), StartError> {
    let Some(directory) = directory else { return Ok(()) };
    // Looking at the entry "." needs the very right that entering needs.
    std::fs::metadata(directory.join("."))
        .map(drop)
        .map_err(|source| StartError::WorkingDirectory { directory: directory.to_owned(), source })
}
