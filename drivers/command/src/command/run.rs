//! Running one of the programs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use backout_contract::{Context, DriverError, ErrorKind, StopLevel};
use backout_core::migration::Part;
use backout_kit::child::{ChildReport, ChildRequest, Ending, StartError};
use backout_kit::last_lines::{last_lines, without_secrets};
use backout_kit::path_text;

use super::config::{Arguments, Config};
use super::content::Content;

/// The programs of one component: the session of this kind.
pub struct Programs {
    pub(super) config: Config,
    directory: PathBuf,
}

/// A program that ended by itself.
pub struct Done<'a> {
    programs: &'a Programs,
    program: &'a Arguments,
    report: ChildReport,
    secrets: Vec<String>,
    /// Its exit code.
    pub code: i32,
}

impl Programs {
    pub(super) fn new(config: Config, context: &Context) -> Self {
        Self { directory: config.directory(&context.root), config }
    }

    /// Runs a program to its end, within its bounds of time and output.
    ///
    /// # Errors
    /// Nothing happened when it could not be started; in doubt when it did not end by itself.
    pub(super) async fn run<'a>(
        &'a self,
        context: &Context,
        program: &'a Arguments,
        variables: &[(&str, &str)],
        input: Option<Vec<u8>>,
    ) -> Result<Done<'a>, DriverError> {
        let mut request = self.request(program);
        let mut secrets = Vec::new();
        for (name, value) in &self.config.environment {
            let reference = value.reveal();
            let value = context.resolver.resolve(reference)?;
            request.variables.push((OsString::from(name), OsString::from(value.reveal())));
            if reference.references().any(|part| !matches!(part, Part::Literal(_))) {
                secrets.push(value.reveal().to_owned());
            }
        }
        let ours =
            [("BACKOUT_COMPONENT", context.component.as_str()), ("BACKOUT_STEP_KEY", context.key.as_str())];
        for (name, value) in ours.iter().chain(variables) {
            request.variables.push(((*name).into(), (*value).into()));
        }
        request.token = Some(context.child_token.clone());
        request.deadline = Some(context.deadline);
        request.input = input;
        let report = request.run(context.stop.reached(StopLevel::Abandon)).await.map_err(not_started)?;
        let ending = report.ending;
        let code = if let Ending::Exited(code) = ending { code } else { 0 };
        let done = Done { programs: self, program, report, secrets, code };
        match ending {
            Ending::Exited(_) => Ok(done),
            Ending::TimedOut => Err(done.failed(ErrorKind::TimedOut)),
            Ending::Signalled(_) | Ending::Stopped | Ending::Unknown => Err(done.failed(ErrorKind::Other)),
        }
    }

    /// What keeps the programs from being started, one sentence each.
    pub(super) fn not_startable(&self) -> Vec<String> {
        let reasons = self.config.programs().filter_map(|(key, program)| {
            let error = self.request(program).find().err()?;
            Some(format!("`{key}` cannot be run: {}", why_not(&error)))
        });
        reasons.collect()
    }

    fn request(&self, program: &Arguments) -> ChildRequest {
        let (first, rest) =
            program.split_first().map_or(("", [].as_slice()), |(first, rest)| (first.as_str(), rest));
        let mut request = ChildRequest::new(first, rest);
        request.working_directory = Some(self.directory.clone());
        // Kept are as many bytes of the end as of the beginning.
        request.keep_bytes = usize::try_from(self.config.output.bytes.div_ceil(2)).unwrap_or(usize::MAX / 2);
        request
    }
}

impl Done<'_> {
    /// An error about this program, with the last lines of its complaints.
    pub(super) fn error(&self, kind: ErrorKind, ending: &dyn std::fmt::Display) -> DriverError {
        let error =
            DriverError::new(kind, format!("run {}", name(self.program))).caused_by(format!("it {ending}"));
        if self.programs.config.secret {
            return error.hint("what it printed is not shown, because the component is `secret`");
        }
        let complaints = without_secrets(&self.report.errors.text(), self.secrets.iter().map(String::as_str));
        last_lines(&complaints, 3).into_iter().fold(error, DriverError::hint)
    }

    /// An error about an exit code that means trouble.
    pub(super) fn failed(&self, kind: ErrorKind) -> DriverError {
        self.error(kind, &self.report.ending)
    }

    /// What it printed, whole.
    ///
    /// # Errors
    /// When it is more than the bound, not UTF-8, or somebody may still be writing.
    pub(super) fn content(&self) -> Result<Content, DriverError> {
        let unusable = |why: String| Err(self.error(ErrorKind::Unreadable, &why));
        let bound = self.programs.config.output;
        if self.report.left_running {
            return unusable("left somebody behind who may still print".to_owned());
        }
        match self.report.output.whole() {
            Some(bytes) if bytes.len() as u64 <= bound.bytes => match String::from_utf8(bytes) {
                Ok(text) => Ok(Content::read(text)),
                Err(_) => unusable("printed something that is not UTF-8".to_owned()),
            },
            _ => {
                let total = self.report.output.total();
                unusable(format!("printed {total} bytes, more than the {bound} of `output`"))
            }
        }
    }

    /// How it ended, and the last line that it printed, if that may be shown.
    pub(super) fn said(&self) -> String {
        let printed = without_secrets(&self.report.output.text(), self.secrets.iter().map(String::as_str));
        let ending = format!("{} {}", name(self.program), self.report.ending);
        match last_lines(&printed, 1).pop() {
            Some(line) if !self.programs.config.secret => format!("{ending}: {line}"),
            _ => ending,
        }
    }
}

/// A program in a few words: its name without its folder and without arguments.
pub(super) fn name(program: &Arguments) -> String {
    let program = program.first().map_or(Path::new(""), |program| Path::new(program));
    path_text::encode(program.file_name().unwrap_or(program.as_os_str()))
}

fn not_started(error: StartError) -> DriverError {
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
