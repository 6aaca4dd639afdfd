//! Runs the programs of `then:`.

use async_trait::async_trait;
use backout_contract::{Context, DriverError, ErrorKind, StopLevel};
use backout_core::secret::Secret;
use backout_engine::Programs;
use backout_kit::child::{ChildRequest, Ending, StartError};
use backout_kit::last_lines::{last_lines, without_secrets};

/// Runs them on this machine, in the folder of the migration file.
#[derive(Debug)]
pub struct OnThisMachine;

#[async_trait]
impl Programs for OnThisMachine {
    async fn run(&self, words: Vec<Secret>, context: &Context) -> Result<String, DriverError> {
        let mut all = words.iter().map(Secret::reveal);
        let Some(program) = all.next() else {
            return Err(DriverError::new(ErrorKind::Config, "run a program of `then:` that has no name")
                .nothing_happened());
        };
        let request = ChildRequest {
            working_directory: Some(context.root.clone()),
            token: Some(context.child_token.clone()),
            deadline: Some(context.deadline),
            ..ChildRequest::new(program, all)
        };
        let attempted = || format!("run a program of `then:` of `{}`", context.component);
        let report = request.run(context.stop.reached(StopLevel::Abandon)).await.map_err(|error| {
            let kind = match &error {
                StartError::NotFound { .. } | StartError::NotExecutable { .. } => ErrorKind::Config,
                StartError::WorkingDirectory { .. } | StartError::System { .. } => ErrorKind::Other,
            };
            DriverError::new(kind, attempted()).caused_by(error).nothing_happened()
        })?;
        if report.ending == Ending::Exited(0) {
            return Ok(report.ending.to_string());
        }
        let kind = if report.ending == Ending::TimedOut { ErrorKind::TimedOut } else { ErrorKind::Other };
        let said = without_secrets(&report.errors.text(), words.iter().skip(1).map(Secret::reveal));
        let error = DriverError::new(kind, attempted()).caused_by(format!("it {}", report.ending));
        Err(last_lines(&said, 3).into_iter().fold(error, DriverError::hint))
    }
}
