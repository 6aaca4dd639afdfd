//! Somebody who answers in the place of a program that cannot be found: its pid file was lost, or it was started by
//! other hands. Starting a second one beside it could only fail, and its door could not be closed.

use backout_contract::{Context, DriverError, ErrorKind};
use backout_kit::processes::ProcessIdentity;

use super::health;
use super::supervised::Supervised;

impl Supervised {
    /// The process, if it runs; nobody answers in its place where it does not.
    ///
    /// # Errors
    /// When it cannot be told who is there.
    pub(super) async fn find_or_nobody(
        &self,
        context: &Context,
    ) -> Result<Option<ProcessIdentity>, DriverError> {
        if let Some(process) = self.find()? {
            return Ok(Some(process));
        }
        let Ok(Some(target)) = self.health(context) else { return Ok(None) };
        // Behind an address of another machine a balancer may answer for others.
        if !health::is_local(&target) || health::look(&target).await.is_err() {
            return Ok(None);
        }
        // It may have been started at this very moment.
        if let Some(process) = self.find()? {
            return Ok(Some(process));
        }
        let pid_file = self.shown_pid_file();
        Err(DriverError::new(ErrorKind::Unreadable, format!("tell who answers in the place of {}", self.name()))
            .caused_by(format!("{pid_file} names no process that runs, and its health is answered"))
            .hint(format!(
                "find it, such as with `ss -ltnp`; write its number into {pid_file} if it is the program, else end it"
            ))
            .nothing_happened())
    }
}
