//! A process with its paths made absolute, and what the other files need of it.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use backout_contract::{Context, DriverError, ErrorKind};
use backout_core::migration::SecretReference;
use backout_core::secret::Secret;
use backout_kit::child::{ChildRequest, StartError};
use backout_kit::last_lines::{last_lines, without_secrets};
use backout_kit::{path_text, place};

use super::config::Config;
use super::identity::SERVICE;

/// A configured process: the session of this kind.
pub struct Supervised {
    pub(super) config: Config,
    pub(super) root: PathBuf,
    pub(super) directory: PathBuf,
    pub(super) pid_file: PathBuf,
    pub(super) log: Option<PathBuf>,
}

impl Supervised {
    pub(super) fn new(config: Config, context: &Context) -> Self {
        // Through whatever link the migration file is reached, the pid file has one name.
        let root = std::fs::canonicalize(&context.root).unwrap_or_else(|_| context.root.clone());
        let directory = config.directory.as_deref().unwrap_or(Path::new("."));
        Self {
            directory: place::absolute(&root, directory),
            pid_file: place::absolute(&root, &config.pid_file),
            log: config.log.as_deref().map(|log| place::absolute(&root, log)),
            config,
            root,
        }
    }

    /// The program, for messages.
    pub(super) fn name(&self) -> String {
        shown_program(&self.config.command)
    }

    pub(super) fn shown_pid_file(&self) -> String {
        path_text::encode(self.config.pid_file.as_os_str())
    }

    /// What tells this service from every other of the machine.
    pub(super) fn service_name(&self) -> String {
        path_text::encode(self.pid_file.as_os_str())
    }

    /// The file that would be executed.
    pub(super) fn program(&self) -> Result<PathBuf, StartError> {
        self.bare_request(&self.config.command).find()
    }

    /// A request without any value of the environment.
    pub(super) fn bare_request(&self, command: &[String]) -> ChildRequest {
        let (program, arguments) = command.split_first().map_or(("", command), |(first, rest)| (first, rest));
        let mut request = ChildRequest::new(program, arguments);
        request.working_directory = Some(self.directory.clone());
        request
    }

    /// A request with the declared environment. References are resolved here and nowhere earlier.
    pub(super) fn request(&self, context: &Context, command: &[String]) -> Result<ChildRequest, DriverError> {
        let mut request = self.bare_request(command);
        for (name, value) in &self.config.environment {
            let value = context.resolver.resolve(value.reveal())?;
            request.variables.push((OsString::from(name), OsString::from(value.reveal())));
        }
        Ok(request)
    }

    /// The last lines of what a program printed, without the values that references stand for.
    pub(super) fn last_lines(&self, context: &Context, printed: &str, count: usize) -> Vec<String> {
        let values = self.config.environment.values().map(SecretReference::reveal);
        let hidden = values.filter(|value| value.references().next().is_some());
        let secrets: Vec<_> = hidden.filter_map(|value| context.resolver.resolve(value).ok()).collect();
        last_lines(&without_secrets(printed, secrets.iter().map(Secret::reveal)), count)
    }

    /// The request for the service itself.
    pub(super) fn service(&self, context: &Context) -> Result<ChildRequest, DriverError> {
        let mut request = self.request(context, &self.config.command)?;
        request.variables.push((SERVICE.into(), self.service_name().into()));
        Ok(request)
    }

    /// What keeps these programs from being started, one sentence each.
    pub(super) fn not_startable<'a>(
        &self,
        commands: impl IntoIterator<Item = &'a Vec<String>>,
    ) -> Vec<String> {
        let reasons = commands.into_iter().filter_map(|command| {
            let error = self.bare_request(command).find().err()?;
            Some(format!("{} cannot be started: {}", shown_program(command), why_not(&error)))
        });
        reasons.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// A program in a few words: its name without its folder and without arguments.
pub(super) fn shown_program(command: &[String]) -> String {
    let program = command.first().map_or(Path::new(""), |program| Path::new(program));
    path_text::encode(program.file_name().unwrap_or(program.as_os_str()))
}

/// Nothing was started, so nothing happened.
pub(super) fn not_started(error: StartError) -> DriverError {
    let kind = match &error {
        StartError::NotFound { .. } | StartError::WorkingDirectory { .. } => ErrorKind::Config,
        StartError::NotExecutable { .. } => ErrorKind::Denied,
        StartError::System { .. } => ErrorKind::Other,
    };
    let hint = why_not(&error);
    DriverError::new(kind, error.to_string()).hint(hint).nothing_happened()
}

fn why_not(error: &StartError) -> String {
    match error {
        StartError::NotFound { program } => {
            format!("there is no program {}", path_text::encode(program.as_os_str()))
        }
        StartError::NotExecutable { program, .. } => {
            format!("{} is not an executable program", path_text::encode(program.as_os_str()))
        }
        StartError::WorkingDirectory { directory, source } => {
            format!("the folder {} cannot be entered: {source}", path_text::encode(directory.as_os_str()))
        }
        StartError::System { source, .. } => format!("the system refused: {source}"),
    }
}
